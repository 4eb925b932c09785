"""Python's own tests of `math`, `float` and `int` judge the compiled primitives.

Every operator and numeric function in them is served by machine code where the exact compiler takes it, and by the
interpreter where it does not. It refuses to run tests that measure time, and to count a test that fails without us too.
"""

from __future__ import annotations

import importlib.util
import io
import math
import random
import sys
import unittest
import warnings

import pytest
import rewritten
import served

TIMED = ("test_denial_of_service_prevented_int_to_str", "test_denial_of_service_prevented_str_to_int")
# These call operators a hundred thousand times and more, each.
LONG = (
    "testFsum",
    "testFactorial",
    "testDist",
    "test_bit_length",
    "test_correctly_rounded_true_division",
    "test_sumprod_accuracy",  # from 3.12 on
    "test_sumprod_extended_precision_accuracy",
    "test_sumprod_stress",
)


def is_short(method):
    """Whether a test belongs to every run."""
    return method not in (*TIMED, *LONG)


def is_long(method):
    """Whether a test belongs to slow runs only."""
    return method in LONG


def suite_of(module, wanted):
    """The tests of a module whose method names are wanted."""
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    tests = [
        test
        for each in classes
        if issubclass(each, unittest.TestCase) and each.__module__ == module.__name__
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(each)
    ]
    return unittest.TestSuite(test for test in tests if wanted(test._testMethodName))


def failures(suite):
    """Which tests of a suite fail, with their tracebacks, and how many ran."""
    random.seed(20260101)
    with warnings.catch_warnings():
        result = unittest.TextTestRunner(io.StringIO(), verbosity=0, warnings="ignore").run(suite)
    return {test.id(): text for test, text in (*result.failures, *result.errors)}, result.testsRun


def judged(name, wanted, wrap=lambda function: served.Served(function, only_numbers=True)):
    """Which tests of a module fail only when served, and the served one-liners that they went through."""
    if importlib.util.find_spec("test") is None or importlib.util.find_spec(name) is None:
        pytest.skip(f"this interpreter comes without `{name}`")
    if sys.gettrace() is not None or sys.getprofile() is not None:
        pytest.skip("something watches the interpreter, so nothing would be compiled")
    operations = rewritten.Operations(wrap)
    found, ran = failures(suite_of(rewritten.served_module(name, operations), wanted))
    if found:
        plainly, _ = failures(suite_of(rewritten.plain_module(name), wanted))
        found = {test: text for test, text in found.items() if test not in plainly}
    return found, ran, operations.made.values()


def hold(name, wanted, compiled_calls, compiled_forms):
    """Assert that nothing fails, and that it was not bought by compiling nothing."""
    found, ran, made = judged(name, wanted)
    counts = served.counted(made)
    forms = sum(each.counts["machine"] > 0 for each in made)
    print(f"{name}: {ran} tests, {dict(counts)}, {forms} of {len(made)} forms compiled")  # noqa: T201 - for `-s`
    assert not found, "\n".join(found.values())
    assert counts["guard"] == 0
    assert counts["machine"] >= compiled_calls
    assert forms >= compiled_forms


@pytest.mark.parametrize(
    ("name", "compiled_calls", "compiled_forms"),
    [
        ("test.test_math", 80_000, 45),
        ("test.test_float", 50_000, 12),
        ("test.test_int", 60, 6),
        ("test.test_long", 1_000_000, 25),
    ],
)
def test_python_s_assertions_hold_for_compiled_primitives(name, compiled_calls, compiled_forms):
    """No assertion that holds in the interpreter fails when operators and functions are compiled."""
    hold(name, is_short, compiled_calls, compiled_forms)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test.test_math", "test.test_long"])
def test_python_s_long_tests_hold_for_compiled_primitives(name):
    """The same for the tests that go through many thousands of numbers."""
    hold(name, is_long, 1_000_000, 5)


def test_python_s_assertions_see_a_wrong_primitive():
    """A remainder with C's sign is caught by the tests that were rewritten, so they do judge what was served."""

    def planted(function):
        exact = served.Served(function, only_numbers=True)
        if function.__name__ == "op_Mod":
            exact.function = lambda a, b: math.fmod(a, b) if type(b) is float and b else a % b
            exact.key = lambda _: None
        return exact

    found, ran, _ = judged("test.test_float", lambda method: method == "test_float_mod", planted)
    assert ran == 1
    assert [name.rpartition(".")[2] for name in found] == ["test_float_mod"]
