"""Merkle trees of RFC 6962, section 2.1: a head over all leaves of a day, and the audit path that shows one of them to be in it.

Built level by level, where the last node of an odd level goes up as it is: that is the tree of the RFC, which splits at the
largest power of two. A leaf and a node are hashed under different first bytes, so that none passes for the other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree with all of its nodes, 64 bytes a leaf: `levels[0]` are the hashes of the leaves, the last one is the head."""

    levels: tuple[tuple[bytes, ...], ...]

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return len(self.levels[0])

    @property
    def head(self) -> bytes:
        """Its 32-byte head; that of no leaves is the hash of nothing."""
        return self.levels[-1][0] if self.size else hashlib.sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """The audit path of the leaf `index`, from its neighbour up.

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise IndexError(index)
        found = []
        for level in self.levels[:-1]:
            beside = index ^ 1
            if beside < len(level):
                found.append(level[beside])
            index >>= 1
        return found


def tree_of(leaves: Iterable[bytes]) -> Tree:
    """The tree over the data of leaves, in this order."""
    level = tuple(hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves)
    levels = [level]
    while len(level) > 1:
        pairs = [
            hashlib.sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)
        ]
        level = tuple(pairs + list(level[len(pairs) * 2 :]))
        levels.append(level)
    return Tree(tuple(levels))
