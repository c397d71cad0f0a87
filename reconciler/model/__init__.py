"""The nouns: what a manifest, a state, a vault and a plan are. Standard library only, no I/O."""
