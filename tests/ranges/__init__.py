"""The declared ranges, tried at both ends: `python -m tests.ranges`."""
