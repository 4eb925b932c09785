"""`python -m epochly`: the command line."""

import sys

from epochly.cli import main

if __name__ == "__main__":
    sys.exit(main())
