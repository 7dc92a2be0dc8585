"""`python -m loadtests.bench.workers`: as `python -m loadtests.bench workers`."""

import sys

from loadtests.bench.__main__ import main

sys.exit(main(["workers", *sys.argv[1:]]))
