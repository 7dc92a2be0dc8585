"""`python -m loadtests`: see `--help`."""

import sys

from loadtests.load.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
