"""Alembic's migrations, one file a step; `migrating.py` runs them."""
