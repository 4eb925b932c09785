"""A function told and made again is the same function to the compiler: the cache's key says so."""

from __future__ import annotations

import json
import math
import types
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly._builder.description import MOST_BYTES, Untold, constant, described, digest
from epochly._builder.messages import LENGTH, BrokenError, packed, unpacked
from epochly._builder.messages import MOST_BYTES as LONGEST
from epochly._builder.rebuilt import NotThereError, function_and_arguments
from epochly._cache.build import this_build
from epochly._cache.key import key_of

SCALE, OFFSET, TABLE = 2.5, -0.0, (1, 2.0, True, None, "text", b"bytes", 3j, (4, ()))
NUMBER = np.float64(0.1)
MINE = types.ModuleType("mine")
MINE.factor = 3
MINE.double = lambda x: 2 * x
THING = object()
TOO_BIG = "x" * MOST_BYTES


def helper(x):
    """A function that another one calls."""
    return sqrt(x) * SCALE + OFFSET


def uses_much(a, k=3, *, deep=(1, 2)):
    """Names of many kinds."""
    total = 0.0
    for i in range(len(a)):
        total += helper(a[i]) + MINE.double(MINE.factor) + math.sin(NUMBER) + np.sqrt(TABLE[1])
        if i in {1, 2, 3}:
            total -= abs(k) + deep[0]
    return total


def closing(n):
    """A closure."""

    def inner(x):
        return helper(x) * n

    return inner


def with_a_comprehension(n):
    """Code inside code."""
    return [i * i for i in range(n)]


def odd_eyes(n):
    """Recursion."""
    return odd_eyes(n - 1) if n else TABLE


FUNCTIONS = {
    "much": (uses_much, (np.ones(3), 2)),
    "closure": (closing(3), (2.0,)),
    "comprehension": (with_a_comprehension, (3,)),
    "recursion": (odd_eyes, (3,)),
    "lambda": (lambda x: x * 0x7FFFFFFFFFFFFFFF * 1e308 * -0.0, (1.0,)),
}


def through_json(told):
    """As another process gets it."""
    return json.loads(json.dumps(told))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_made_again_has_the_key_of_the_first(name):
    """Whatever the key of the cache depends on is told."""
    function, args = FUNCTIONS[name]
    made, given = function_and_arguments(through_json(described(function, args)))
    assert made is not function
    assert made.__code__.co_filename == __file__
    assert made.__code__.co_firstlineno == function.__code__.co_firstlineno
    assert key_of(made, given, this_build()).digest == key_of(function, args, this_build()).digest


@pytest.mark.parametrize(
    "value",
    [
        1,
        2**70,
        0.5,
        True,
        None,
        1j,
        (1, 0.5),
        [1, 2],
        [],
        [0.5, 1],
        np.float64(1),
        np.int8(3),
        np.ones(3),
        np.ones((3, 4)),
        np.ones((3, 4), order="F"),
        np.ones((4, 4))[::2, ::2],
        np.ones(9, "u2")[::3],
        np.ones((1, 5)),
        np.zeros(0, "c16"),
    ],
    ids=repr,
)
def test_argument_made_again_is_of_the_same_type_and_layout(value):
    """Types, dtypes, dimensions and flags come back; contents do not matter."""
    told = through_json(described(helper, (value,)))
    (made,) = function_and_arguments(told)[1]
    assert type(made) is type(value)
    assert described(helper, (made,))["arguments"] == told["arguments"]


def test_read_only_array_is_told_as_one():
    """Whether an array may be written to changes what is compiled."""
    array = np.ones(3)
    array.flags.writeable = False
    (made,) = function_and_arguments(through_json(described(helper, (array,))))[1]
    assert not made.flags.writeable


@pytest.mark.parametrize(
    ("function", "args", "why"),
    [
        (lambda: THING, (), "`THING` stands for a value of type `object`"),
        (lambda: iter(open), (), None),
        (lambda: TOO_BIG, (), "more than a megabyte"),
        (helper, ({},), "of type `dict`"),
        (helper, (np.ones(2, object),), "an array of object"),
        (helper, (np.array("2020", "M8[Y]"),), "an array of datetime64"),
    ],
)
def test_what_simple_values_cannot_tell_is_refused(function, args, why):
    """Instances of classes, tables and strange arrays stay where they are."""
    if why is None:
        described(function, args)
        return
    with pytest.raises(Untold, match=why):
        described(function, args)


def test_replaced_builtin_and_empty_cell_are_refused():
    """What the other process would take for Python's own is not told as that."""
    space = {"__builtins__": {"abs": max}}
    with pytest.raises(Untold, match="the builtin `abs` was replaced"):
        described(types.FunctionType(closing.__code__.replace(co_names=("abs",)), space), (1,))
    function = types.FunctionType((lambda: len).__code__, {"__builtins__": {"len": helper}})
    with pytest.raises(Untold, match="a value of type `function`"):
        described(function, ())
    inner = closing(1)
    empty = types.FunctionType(inner.__code__, globals(), "empty", None, (types.CellType(),))
    with pytest.raises(Untold, match="a closure cell is empty"):
        described(empty, (1.0,))


def test_other_process_imports_nothing():
    """A library that is not there already is not fetched."""
    told = described(lambda: math, ())
    told["functions"][0]["globals"] = [["math", ["library", "antigravity"]]]
    with pytest.raises(NotThereError, match="`antigravity`"):
        function_and_arguments(told)


def test_digest_is_of_meaning_and_machine_not_of_place():
    """A note is found again when a file was moved or lines were added, and not when anything else changed."""

    def make(text, *args, **names):
        space = {"__name__": "made", **names}
        exec(compile(text, "a file", "exec"), space)
        return digest(described(space["f"], args), "this machine")

    first = make("def f(x):\n    return x * K + 1\n", 1, K=2)
    assert make("\n\n# moved\ndef f(x):\n\n    return x * K + 1\n", 7, K=2) == first
    others = [
        make("def f(x):\n    return x * K + 2\n", 1, K=2),
        make("def f(x):\n    return x * K + 1\n", 1, K=3),
        make("def f(x):\n    return x * K + 1\n", 1, K=2.0),
        make("def f(x):\n    return x * K + 1\n", 1.0, K=2),
        make("def f(x):\n    return x * K + 1\n", 1, K=np.float64(2)),
        digest(described(helper, (1.0,)), "this machine"),
        digest(described(helper, (1.0,)), "that machine"),
    ]
    assert len({first, *others}) == 8


SIMPLE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
)
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


@given(VALUES)
def test_constants_come_back_to_the_last_bit(value):
    """Signs of zeros, kinds of NaN, bools and surrogates too."""
    function = types.FunctionType((lambda: K).__code__, {"K": value})  # noqa: F821
    made, _ = function_and_arguments(through_json(described(function, ())))
    again = made.__globals__["K"]
    assert type(again) is type(value)
    assert constant(again) == constant(value)


@given(st.lists(st.dictionaries(st.text(), st.integers(), max_size=3), max_size=4), st.data())
def test_messages_come_out_as_they_went_in(messages, data):
    """However the bytes are cut."""
    left, found, buffer = b"".join(map(packed, messages)), [], bytearray()
    while left:
        cut = data.draw(st.integers(1, len(left)))
        buffer += left[:cut]
        left = left[cut:]
        found += unpacked(buffer)
    assert found == messages
    assert not buffer


@pytest.mark.parametrize("data", [LENGTH.pack(LONGEST + 1), LENGTH.pack(2) + b"[]", LENGTH.pack(3) + b"{{{"])
def test_bytes_that_are_no_message_are_refused(data):
    """A peer that lost its way is told apart from one that has not said all."""
    with pytest.raises(BrokenError):
        unpacked(bytearray(data))
