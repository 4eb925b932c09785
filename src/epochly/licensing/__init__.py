"""Licences: a device that proves possession of its key, and what the service signed for it.

Written against `docs/spec/epochly-pop-v1.md`. Importing this imports nothing; each module says what it needs.
"""
