"""`python -m reconciler` is `reconciler`, and this is all of it that is imported before Ctrl-C is cared for."""

import signal


def run() -> None:
    """Run the command line. Until it is imported Ctrl-C just ends the process: there is nothing to tell."""
    asked = signal.getsignal(signal.SIGINT)
    if asked is signal.default_int_handler:  # else our parent ignores it, and so do we
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from reconciler.cli import main

    signal.signal(signal.SIGINT, asked)
    main()


if __name__ == "__main__":
    run()
