"""A growing Merkle tree with inclusion and consistency proofs (RFC 6962, section 2.1), in memory."""

from __future__ import annotations

import hashlib
from functools import cache


def leaf_hash(data: bytes) -> bytes:
    """Hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


class Tree:
    """An append-only log's tree. What a proof was given for stays true as the tree grows."""

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        self._range_hash = cache(self._compute)  # ranges of an append-only list never change

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._leaves)

    def append(self, data: bytes) -> int:
        """Add an entry; its index."""
        self._leaves.append(leaf_hash(data))
        return len(self._leaves) - 1

    def root(self, size: int | None = None) -> bytes:
        """Root hash of the first `size` entries, of all by default."""
        size = self._known(self.size if size is None else size)
        return self._range_hash(0, size) if size else hashlib.sha256(b"").digest()

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Hashes that lead from an entry to the root of the first `size` entries, lowest first.

        Raises:
            ValueError: there is no such entry, or not that many.
        """
        size = self._known(self.size if size is None else size)
        if not 0 <= index < size:
            raise ValueError(f"entry {index} is not in a tree of {size}")
        return self._path(index, 0, size)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Hashes that show the tree of `second` entries to continue the tree of `first`.

        Raises:
            ValueError: `first` is zero or more than `second`, or `second` more than there are.
        """
        self._known(second)
        if not 0 < first <= second:
            raise ValueError(f"no consistency between trees of {first} and {second}")
        return self._subproof(first, 0, second, whole=True)

    def _known(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"the tree has {self.size} entries, not {size}")
        return size

    def _compute(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self._leaves[start]
        middle = start + _split(end - start)
        return _node_hash(self._range_hash(start, middle), self._range_hash(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._range_hash(middle, end)]
        return [*self._path(index, middle, end), self._range_hash(start, middle)]

    def _subproof(self, first: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if first == end:
            return [] if whole else [self._range_hash(start, end)]
        middle = start + _split(end - start)
        if first <= middle:
            return [
                *self._subproof(first, start, middle, whole=whole),
                self._range_hash(middle, end),
            ]
        return [*self._subproof(first, middle, end, whole=False), self._range_hash(start, middle)]
