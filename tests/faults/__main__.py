"""Run the whole matrix: `python -m tests.faults [--row C1,H2] [--only TEXT] [--workers N] [--write FILE]`."""

import sys

from tests.faults.runner import main

if __name__ == "__main__":
    sys.exit(main())
