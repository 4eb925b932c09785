"""Every scalar type of NumPy, and Python's complex: operators, conversions and stores end as NumPy's, from machine code.

Programs are one operator on two types, inputs the edges of both; the sample is fixed, `fuzz/exact_jit.py` draws others.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections import Counter

import differ
import numpy as np
import pytest

INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS, COMPLEXES = ["float32", "float64"], ["complex64", "complex128"]
TYPES = [*INTS, *FLOATS, *COMPLEXES, "bool"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "<", "<=", "==", "!=", ">", ">="]
PYTHONS = {
    "python_int": [
        0,
        1,
        2,
        -1,
        7,
        8,
        31,
        64,
        127,
        128,
        255,
        256,
        2**24 + 1,
        2**31,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
    ],
    "python_float": [
        0.0,
        -0.0,
        1.5,
        -2.5,
        0.1,
        3.5e38,
        1e300,
        np.inf.real,
        float("nan"),
        1e-46,
        255.0,
        2.0**63,
    ],
    "python_bool": [True, False],
    "python_complex": [0j, 1 + 2j, -0.5j, complex("nan"), complex("inf"), 1e300 + 1e300j, 0.1 + 0.7j],
}
CALLS = 25


def edges(kind):
    """Values of one type, its extremes among them."""
    if kind in PYTHONS:
        return PYTHONS[kind]
    dtype = np.dtype(kind)
    if dtype.kind in "iu":
        least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
        return [dtype.type(value) for value in (0, 1, 2, 3, 7, least, most, most - 1, most // 3 + 1)]
    if dtype.kind == "f":
        values = (0.0, -0.0, 1.5, -2.5, 0.1, 3e38, np.inf, -np.inf, np.nan, 1e-40, 255.0, -1.0)
        return [dtype.type(value) for value in values]
    if dtype.kind == "b":
        return [np.True_, np.False_]
    return [
        dtype.type(value)
        for value in (0j, 1 + 2j, -0.5j, complex("nan"), complex("inf"), 1e30 + 1e30j, 0.1 + 0.7j)
    ]


def program(source):
    """The function `f` of a source text."""
    space = {"np": np}
    exec(compile(source, f"<{source}>", "exec"), space)
    return space["f"]


def differences(source, makers, chooser):
    """How calls were served, and those that ended differently."""
    function = program(source)
    exact, served, wrong = differ.Exact(function), Counter(), []
    for _ in range(CALLS):
        made = [maker(chooser) for maker in makers]

        def fresh(made=made):
            return tuple(each.copy() if isinstance(each, np.ndarray) else each for each in made)

        expected, found = differ.observed(function, fresh()), differ.observed(exact, fresh())
        served[exact.served] += 1
        if exact.served == "rejected":
            break
        if expected != found:
            wrong.append((source, made, expected, found))
    return served, wrong


POWERS = [("int64", "python_float"), ("python_float", "int64"), ("int32", "float32"), ("float32", "uint32"), ("uint8", "python_float"),
    ("python_float", "int16"), ("uint64", "float32"), ("int64", "float64"), ("float64", "int32"), ("python_int", "float64")]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), POWERS)
def test_powers_are_to_the_last_bit_what_this_processor_gives(left, right):
    """NumPy takes `np.power` for some pairs and libm for others, which differ where it has vector code of its own for it."""
    chooser, kinds = random.Random(5), {"python_float": float, "python_int": int}
    function = program("def f(a, b):\n    return a ** b\n")
    exact, of = differ.Exact(function), [kinds.get(kind) or np.dtype(kind).type for kind in (left, right)]
    exponents = [0.5, 2.0, 3.0, 1.0, 0.0, -1.0] + [chooser.uniform(-3, 7) for _ in range(400)]
    for exponent in exponents:
        values = of[0](chooser.uniform(2, 90)), of[1](abs(exponent) if right.startswith("u") else exponent)
        assert differ.observed(exact, values) == differ.observed(function, values), values
        assert exact.served != "rejected"


@pytest.mark.parametrize("literal", ["1.5", "0.5", "2.0", "-0.7"])
def test_powers_of_elements_are_to_the_last_bit_numpys(literal):
    """An element of an int array is NumPy's int."""
    function = program(
        f"def f(a):\n    s = 0.0\n    for i in range(len(a)):\n        s += a[i] ** {literal}\n    return s\n"
    )
    exact, rng = differ.Exact(function), np.random.default_rng(3)
    for _ in range(100):
        values = (rng.integers(1, 1000, 5),)
        assert differ.observed(exact, values) == differ.observed(function, values), values
        assert exact.served != "rejected"


def scalar(kind):
    """A maker of one number."""
    return lambda chooser: chooser.choice(edges(kind))


def array(kind):
    """A maker of a short array."""
    return lambda chooser: np.array([chooser.choice(edges(kind)) for _ in range(3)], dtype=kind)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_end_as_numpys(operator):
    """A sample of pairs of types for each operator: same value, type, exception and warnings."""
    chooser = random.Random(operator)
    pairs = list(itertools.product(TYPES, [*TYPES, *PYTHONS])) + list(itertools.product(PYTHONS, TYPES))
    served, wrong = Counter(), []
    for left, right in chooser.sample(pairs, 9):
        here, bad = differences(
            f"def f(a, b):\n    return a {operator} b\n", [scalar(left), scalar(right)], chooser
        )
        served += here
        wrong += bad
    assert wrong == []
    assert served["machine"] > 0


@pytest.mark.parametrize("kind", [*INTS, *FLOATS, *COMPLEXES])
def test_arithmetic_of_one_type_is_compiled(kind):
    """Elements of an array of each type, and Python's number beside one: NumPy's type comes out, from machine code."""
    chooser = random.Random(kind)
    lines = "    x = a[0] + a[1]\n    y = x * a[2]\n    return y + 1, a[1] == x, +a[0]\n"
    served, wrong = differences("def f(a):\n" + lines, [array(kind)], chooser)
    assert wrong == []
    assert served["machine"] > 0
    assert not served["rejected"]


@pytest.mark.parametrize(
    "call",
    [
        "int",
        "float",
        "bool",
        "complex",
        "abs",
        "np.int8",
        "np.uint8",
        "np.int32",
        "np.uint64",
        "np.int64",
        "np.float32",
        "np.float64",
    ],
)
def test_types_as_functions(call):
    """`float(x)`, `numpy.uint8(x)` and their like, on a sample of types."""
    chooser = random.Random(call)
    served, wrong = Counter(), []
    for kind in chooser.sample([*TYPES, *PYTHONS], 6):
        here, bad = differences(f"def f(a):\n    return {call}(a)\n", [scalar(kind)], chooser)
        served += here
        wrong += bad
    assert wrong == []
    assert served["machine"] > 0


@pytest.mark.parametrize("kind", TYPES)
def test_stores_convert_as_numpys(kind):
    """A number of another type is stored as NumPy stores it, or by NumPy."""
    chooser = random.Random(f"store {kind}")
    served, wrong = Counter(), []
    for given in chooser.sample([*TYPES, *PYTHONS], 4):
        source = "def f(a, out):\n    out[1] = a\n    return out[0]\n"
        here, bad = differences(source, [scalar(given), array(kind)], chooser)
        served += here
        wrong += bad
    assert wrong == []
    assert served["machine"] > 0


def test_64_bit_scalars_of_numpy_are_told_from_pythons():
    """`int8 + 1` stays int8, `int8 + numpy.int64(1)` does not: the compiler finds out which it is, and infers again."""

    def weak(a, i):
        return a[i] + i

    def strong(a, b, i):
        return a[i] + b[i]

    small, large = np.arange(4, dtype=np.int8), np.arange(4)
    for function, args, kind in ((weak, (small, 2), np.int8), (strong, (small, large, 2), np.int64)):
        exact = differ.Exact(function)
        result = exact(*args)
        assert exact.served == "machine"
        assert type(result) is kind


def test_overflow_of_a_narrow_int_warns_once():
    """NumPy goes on with a warning; machine code gives up before, so the interpreter's warning is the only one."""

    def total(a):
        s = a[0]
        for i in range(1, len(a)):
            s += a[i]
        return s

    args = (np.full(3, 100, dtype=np.uint8),)
    exact = differ.Exact(total)
    assert exact(np.ones(3, dtype=np.uint8)) == 3
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert exact(*args) == np.uint8(44)
    assert exact.served == "deopt"
    assert [str(each.message) for each in caught] == ["overflow encountered in scalar add"]


ACCUMULATORS = {
    "sum of float32": ("    s = 0.0\n    for x in a:\n        s += x\n    return s\n", "float32"),
    "int start, float32": ("    s = 0\n    for x in a:\n        s += x\n    return s\n", "float32"),
    "product of int16": ("    s = 1\n    for x in a:\n        s = s * x\n    return s\n", "int16"),
    "complex, from zero": ("    s = 0\n    for x in a:\n        s += x * x\n    return s\n", "complex128"),
    "largest float32": (
        "    s = -1.0\n    for x in a:\n        if x > s:\n            s = x\n    return s\n",
        "float32",
    ),
    "complex literal stays Python's": (
        "    s = 0j\n    for x in a:\n        s = s + 0.5\n    return s\n",
        "uint8",
    ),
    "float64 added to Python's complex": (
        "    s = 0j\n    for x in a:\n        s = s + x\n    return s\n",
        "float64",
    ),
    "a literal meets a float": (
        "    s = 0\n    t = 0.0\n    for x in a:\n        s += x\n        t += 0.5\n    return s, s + t\n",
        "int32",
    ),
    "a literal is replaced": (
        "    s = 0j\n    for x in a:\n        if x < 3:\n            s = 0.5\n        s *= 0.5\n        s += 2\n    return s\n",
        "uint16",
    ),
}


@pytest.mark.parametrize("name", ACCUMULATORS)
def test_accumulators_that_start_as_literals(name):
    """Whatever a literal starts, the result has NumPy's type after one pass and the literal's own after none."""
    body, kind = ACCUMULATORS[name]
    function = program(f"def f(a):\n{body}")
    exact = differ.Exact(function)
    for length in (3, 0, 1):
        args = (np.arange(1, length + 1, dtype=kind),)
        assert differ.observed(function, args) == differ.observed(exact, args)
    assert exact.served == "machine" or name in {"a literal is replaced", "complex literal stays Python's"}
