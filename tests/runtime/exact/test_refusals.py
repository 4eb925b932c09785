"""What is refused is refused fast, in the words of Python, with a line; and nothing that compiles is refused by its name."""

# ruff: noqa: D103 - a program is named after the construct it shows

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from epochly._exact import (
    Compiled,
    Rejected,
    array_calls,
    numpy_calls,
    recipes,
    refusals,
    replace,
    scalar_ufuncs,
    specialise,
)
from epochly._exact.allocations import ALLOCATIONS
from epochly._exact.complaints import translated

JARGON = ("numba", "typing", "epochly_", "Literal", "array(", "Function(", "line=0", "\x1b")


def sorted_again(a):
    for _ in range(3):
        a = np.sort(a)
    return a


def inverses(a):
    for _ in range(3):
        x = np.linalg.inv(a)
    return x


def traced(a):
    for _ in range(3):
        x = a.trace()
    return x


def helped(a):
    for _ in range(3):
        x = sorted_again(a)
    return x


def drawn(a):
    for _ in range(3):
        a[0] = np.random.rand()  # noqa: NPY002 - as people write it
    return a


BY_NAME = [
    (sorted_again, "sort", 2),
    (inverses, "inv", 2),
    (traced, ".trace()", 2),
    (helped, "sort", None),
    (drawn, "rand", 2),
]


@pytest.mark.parametrize(("function", "said", "line"), BY_NAME)
def test_numpys_other_functions_are_refused_by_their_names(function, said, line):
    """Told from the bytecode, helpers included, with the line and a fix."""
    refusal = refusals.refused(function)
    assert said in refusal.reason
    assert refusal.fix
    if line is not None:
        assert refusal.line == function.__code__.co_firstlineno + line
    assert specialise(function, (np.ones((3, 3)),)) == Rejected(*refusal)


def test_refusing_by_name_loads_nothing():
    """Neither numba nor the compiler proper."""
    code = (
        "import sys, numpy as np\n"
        "from epochly._exact import specialise\n"
        "def f(a):\n    for i in range(3): a = np.sort(a)\n    return a\n"
        "print(specialise(f, (np.ones(3),)).reason, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "a call of `sort`, which is not on the exact list False\n"


def test_no_function_that_some_rule_covers_is_refused_by_its_name():
    """Every NumPy function in the compiler's tables passes."""
    known = {*ALLOCATIONS, *recipes.FUNCTIONS, *scalar_ufuncs.FUNCTIONS, *replace.REPLACED}
    known |= {
        each
        for each in vars(np).values()
        if callable(each) and id(each) in {*numpy_calls.NAMES, *array_calls.NAMES}
    }
    names = {
        each.__name__
        for each in known
        if getattr(each, "__module__", None) == "numpy" or isinstance(each, np.ufunc)
    }
    names -= {each.__name__ for each in known if isinstance(each, type)}
    assert names
    assert names <= refusals.MAYBE
    assert not {*numpy_calls.METHODS} & refusals.METHODS


def test_names_of_other_modules_and_unbound_names_pass():
    """Only NumPy's own functions are judged."""

    def other(a):
        for _ in range(3):
            a[0] = sys.getrecursionlimit() + not_there(a) + a.cumulative()  # noqa: F821 - that is the point
        return a

    assert refusals.refused(other) is None


def two_kinds(a):
    x = 0
    for _ in range(3):
        x = a
    return x


def along_an_axis(a):
    for _ in range(3):
        x = a.mean(axis=0)
    return x


def text_stored(a):
    for i in range(3):
        a[i] = "x"


def no_such_attribute(a):
    for i in range(3):
        x = a[i].foo
    return x


def masked(a):
    for _ in range(3):
        a[a > 1.0] = 0.0


def sorted_in_place(a):
    for _ in range(3):
        a.sort()


BY_TYPES = [
    (two_kinds, "`x` is an int on one path and an array of float64 in 2 dimensions on another", 3),
    (along_an_axis, "an axis", 2),
    (text_stored, "a store of text into an array of float64 in 2 dimensions", 2),
    (no_such_attribute, "`.foo` of an array of float64 in 1 dimension", 2),
    (masked, "no int", 2),
    (sorted_in_place, "`.sort` of an array", 2),
]


@pytest.mark.parametrize(("function", "said", "line"), BY_TYPES)
def test_what_types_rule_out_is_said_in_words_of_python(function, said, line):
    """The line is the one that is to be changed, and no word is numba's."""
    made = specialise(function, (np.ones((3, 3)),))
    assert isinstance(made, Rejected)
    assert said in made.reason
    assert made.line == function.__code__.co_firstlineno + line
    assert not any(word in made.reason for word in JARGON)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Internal error at <numba.core.typeinfer> in foo",
        "Use of unsupported NumPy function 'numpy.foo'",
        "\x1b[1mx\x1b[0m",
    ],
)
def test_what_is_not_understood_is_said_in_general(message):
    """Nothing of the message comes through."""
    complaint = translated(message)
    assert "exact list" in complaint.reason
    assert not any(word in complaint.reason for word in JARGON)


def test_a_compiled_function_is_not_refused():
    """The check that everything else goes through."""

    def fine(a):
        for i in range(a.shape[0]):
            a[i] = np.sqrt(a[i]) + np.float64(2.0)

    assert isinstance(specialise(fine, (np.ones(3),)), Compiled)
