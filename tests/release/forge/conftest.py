"""Puts this folder on the import path, so that tests can say `from wired import Wire`, and sets up a forge."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)


@pytest.fixture
def there():
    """The rehearsed forge, with nothing in it."""
    from wired import a_forge

    return a_forge()
