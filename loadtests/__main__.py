"""`python -m loadtests`: see `--help`."""

import os
import signal
import sys

if __name__ == "__main__":
    # While modules are imported nothing is there to clean up, and some would swallow a KeyboardInterrupt.
    usual = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from loadtests.load.cli import main

    signal.signal(signal.SIGINT, usual)
    sys.exit(main(sys.argv[1:]))
