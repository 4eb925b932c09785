"""What a function is, from its code object alone."""

from __future__ import annotations

import pytest

from epochly._facts import facts_of


def nested_loops(n):
    """Loops in loops, and a comprehension."""
    total = 0
    for i in range(n):
        while total < i:
            total += 1
    return [x + 1 for x in range(total)]


async def agen():
    """Waits and yields."""
    yield 1


def closing(k):
    """Makes a closure."""

    def inner(a, *, b):
        return a + b + k

    return inner


def test_facts_count_loops_with_comprehensions():
    """Jumps backwards are loops, whatever kind of loop made them."""
    assert facts_of(nested_loops).loops >= 3
    assert facts_of(lambda: 1).loops == 0


def test_facts_tell_closures_and_parameters():
    """Free variables and keyword-only parameters are seen, as the compiler takes positional arguments only."""
    facts = facts_of(closing(1))
    assert (facts.closes_over, facts.positional, facts.keyword_only) == (("k",), 1, 1)
    assert not facts.simple_parameters
    assert facts_of(nested_loops).simple_parameters


def countdown(n):
    """Calls itself."""
    return n and countdown(n - 1)


def test_facts_tell_recursion():
    """A function that names itself is told from one that does not, at module level and inside a function."""

    def local(n):
        return n and local(n - 1)

    assert facts_of(countdown).recursive
    assert facts_of(local).recursive
    assert not facts_of(nested_loops).recursive


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (nested_loops, "function"),
        (agen, "async generator"),
        (lambda: (yield), "generator"),
    ],
)
def test_facts_tell_the_kind(function, kind):
    """What suspends itself is told from what returns."""
    assert facts_of(function).kind == kind
