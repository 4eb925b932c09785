"""`python -m epochly_verify`: the command line, for those who name the interpreter that is to judge."""

import sys

from epochly_verify.cli import main

if __name__ == "__main__":
    sys.exit(main())
