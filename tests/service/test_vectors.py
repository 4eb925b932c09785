"""The shared vectors of epochly-pop v1, which other code made: the service agrees with each."""

from __future__ import annotations

import json
from pathlib import Path

from epochly_service.encoding import is_small_order, unb64u

FILE = Path(__file__).parents[2] / "docs" / "spec" / "vectors" / "epochly-pop-v1.json"
VECTORS = json.loads(FILE.read_text("utf-8"))


def test_keys_of_small_order_are_told_from_all_others():
    """Each of the 14 encodings is one; the keys of the vectors, and whatever has a `y` nearby, are none."""
    weak = {unb64u(key["pub"]) for key in VECTORS["small_order"]}
    near = {
        ((int.from_bytes(key, "little") + step) % 2**256).to_bytes(32, "little")
        for key in weak
        for step in (-3, -2, -1, 1, 2, 3)
    }
    assert len(weak) == 14
    assert all(map(is_small_order, weak))
    assert not any(is_small_order(unb64u(key["pub"])) for key in VECTORS["keys"].values())
    assert not any(map(is_small_order, near - weak))
