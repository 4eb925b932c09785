"""Bytes to values, or `InputError`, or findings: strict and bounded. Nothing here decides or prints."""
