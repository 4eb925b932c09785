"""Lens: what an account's own processes say of themselves, because it asked for that; hosts by a hash of their name, no more."""
