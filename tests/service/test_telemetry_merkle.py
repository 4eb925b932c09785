"""The trees of a day: RFC 6962's, by the vectors of others, by its definition, and by paths that a stranger's code follows."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telemetry_made import VECTORS, leads_to

from epochly_service.telemetry.merkle import tree_of

LEAVES = st.lists(st.binary(max_size=40), max_size=70)


def defined(leaves):
    """MTH as RFC 6962, section 2.1, writes it down."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    at = 1
    while at * 2 < len(leaves):
        at *= 2
    return hashlib.sha256(b"\1" + defined(leaves[:at]) + defined(leaves[at:])).digest()


@pytest.mark.parametrize("vector", VECTORS["trees"], ids=lambda vector: str(len(vector["leaves"])))
def test_tree_has_the_head_of_the_vectors(vector):
    """The heads that Certificate Transparency's tests know, and that of no leaves."""
    assert tree_of(map(bytes.fromhex, vector["leaves"])).head.hex() == vector["root"]


@given(leaves=LEAVES)
def test_tree_has_the_head_that_the_rfc_defines(leaves):
    """For any leaves, the head is MTH of them."""
    assert tree_of(leaves).head == defined(leaves)


@given(leaves=LEAVES.filter(bool), data=st.data())
def test_path_leads_its_own_leaf_to_the_head_and_no_other(leaves, data):
    """By RFC 9162's algorithm each leaf's path leads to the head; with another leaf, index or size it does not."""
    tree, index = tree_of(leaves), data.draw(st.integers(0, len(leaves) - 1))
    path = tree.path(index)
    assert leads_to(leaves[index], index, len(leaves), path) == tree.head
    assert len(path) <= max(0, (len(leaves) - 1).bit_length())
    assert leads_to(leaves[index] + b"x", index, len(leaves), path) != tree.head
    other = data.draw(st.integers(0, len(leaves) - 1))
    if leaves[other] != leaves[index]:
        assert leads_to(leaves[other], index, len(leaves), path) != tree.head


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_for_a_leaf_that_is_not_there(index):
    """An index outside is an error, not another leaf's path."""
    with pytest.raises(IndexError):
        tree_of([b"a", b"b", b"c"]).path(index)


@pytest.mark.parametrize("vector", VECTORS["proofs"]["good"], ids=lambda one: f"{one['index']}-{one['size']}")
def test_a_good_proof_of_the_vectors_leads_to_its_root(vector):
    """The path in the vectors leads to the root in the vectors, by the algorithm that these tests judge by."""
    path = map(bytes.fromhex, vector["path"])
    found = leads_to(bytes.fromhex(vector["leaf"]), vector["index"], vector["size"], path)
    assert found is not None
    assert found.hex() == vector["root"]


@pytest.mark.parametrize("vector", VECTORS["proofs"]["bad"], ids=lambda one: one["reason"])
def test_a_bad_proof_of_the_vectors_leads_elsewhere(vector):
    """Each changed proof leads to another head, or nowhere."""
    path = map(bytes.fromhex, vector["path"])
    found = leads_to(bytes.fromhex(vector["leaf"]), vector["index"], vector["size"], path)
    assert found is None or found.hex() != vector["root"]
