"""Data that ships with the package: trust roots and the built-in policy."""
