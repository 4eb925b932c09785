"""`python -m epochly_release`: the command line, also where nothing is installed and only the source is at hand."""

import sys

from epochly_release.cli import main

if __name__ == "__main__":
    sys.exit(main())
