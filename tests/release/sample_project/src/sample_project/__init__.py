"""A package with an extension in C, for the release tests."""
