"""Where a state is kept. One interface: `load`, and `save`, which refuses if somebody else saved."""
