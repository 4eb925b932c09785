"""The tree's proofs, checked by a verifier of this file alone (RFC 9162, sections 2.1.3.2 and 2.1.4.2)."""

from __future__ import annotations

import hashlib

import pytest

from epochly_release.rehearsal.merkle import Tree, leaf_hash


def node(left, right):
    """Hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def included(index, size, leaf, proof):
    """The root that an inclusion proof leads to."""
    inner, last, found = index, size - 1, leaf
    for sibling in proof:
        assert last
        if inner & 1 or inner == last:
            found = node(sibling, found)
            while not inner & 1 and inner:
                inner, last = inner >> 1, last >> 1
        else:
            found = node(found, sibling)
        inner, last = inner >> 1, last >> 1
    assert last == 0
    return found


def consistent(first, second, first_root, proof):
    """The two roots that a consistency proof leads to."""
    if first == second:
        return first_root, first_root
    if first & (first - 1) == 0:
        proof = [first_root, *proof]
    inner, last = first - 1, second - 1
    while inner & 1:
        inner, last = inner >> 1, last >> 1
    old = new = proof[0]
    for sibling in proof[1:]:
        if inner & 1 or inner == last:
            old, new = node(sibling, old), node(sibling, new)
            while inner and not inner & 1:
                inner, last = inner >> 1, last >> 1
        else:
            new = node(new, sibling)
        inner, last = inner >> 1, last >> 1
    return old, new


@pytest.fixture(scope="module")
def grown():
    """A tree of 20 entries and its root at every size."""
    tree, roots = Tree(), []
    for number in range(20):
        tree.append(b"%d" % number)
        roots.append(tree.root())
    return tree, roots


def test_tree_proves_every_entry_at_every_size(grown):
    """Any entry's proof leads to the root of any later size, and that root does not change as the tree grows."""
    tree, roots = grown
    for size in range(1, 21):
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert included(index, size, leaf_hash(b"%d" % index), proof) == roots[size - 1]


def test_tree_proves_that_it_only_grew(grown):
    """A consistency proof between any two sizes leads to both roots."""
    tree, roots = grown
    for second in range(1, 21):
        for first in range(1, second + 1):
            proof = tree.consistency_proof(first, second)
            pair = consistent(first, second, roots[first - 1], proof)
            assert pair == (roots[first - 1], roots[second - 1])


def test_tree_refuses_what_it_does_not_hold(grown):
    """There is no proof for an entry or a size that the tree has not reached."""
    tree, _ = grown
    for ask in (
        lambda: tree.inclusion_proof(20),
        lambda: tree.inclusion_proof(5, 5),
        lambda: tree.root(21),
        lambda: tree.consistency_proof(0, 3),
        lambda: tree.consistency_proof(4, 3),
    ):
        with pytest.raises(ValueError, match="tree"):
            ask()


def test_tree_without_entries_has_the_root_of_nothing():
    """The empty tree's root is the hash of no bytes (RFC 6962, 2.1)."""
    assert Tree().root() == hashlib.sha256(b"").digest()
