"""`python -m loadtests`: see `--help`."""

import sys

if __name__ == "__main__":
    try:
        from loadtests.load.cli import main

        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # while modules are imported
        sys.exit(130)
