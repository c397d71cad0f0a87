"""The order of I/O and nothing else: what is decided is decided in the pure core, what is done at the edges."""
