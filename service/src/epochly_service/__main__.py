"""`python -m epochly_service`: the command line, also where nothing is installed and only the source is at hand."""

import sys

from epochly_service.cli import main

if __name__ == "__main__":
    sys.exit(main())
