"""`python -m reconciler` is `reconciler`."""

from reconciler.cli import main

main()
