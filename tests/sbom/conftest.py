"""Puts this folder on the import path, and gives the sample wheels as one fixture."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)


@pytest.fixture(scope="session")
def sample():
    """The builders of `sample_wheels.py`."""
    import sample_wheels

    return sample_wheels
