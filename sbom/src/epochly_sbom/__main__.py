"""`python -m epochly_sbom` is `epochly-sbom`."""

import sys

from epochly_sbom.cli import main

if __name__ == "__main__":
    sys.exit(main())
