"""Loops over calls marked `@epochly.io` overlap at level 1, and give what the loop gives: values, order, exceptions, bindings."""

from __future__ import annotations

import importlib.util
import sys
import threading
from textwrap import dedent

import pytest

from epochly._levels.loops import Hook, overlapping
from epochly._levels.threading import marked

HEAD = '''
"""A program."""
import threading
import epochly

gate = threading.Barrier(3, timeout=60)
seen = []

@epochly.io
def meet(x, k=0):
    gate.wait()
    return x, k

@epochly.io
def invert(x):
    seen.append(x)
    return 1 / x

@epochly.io
def stops(x):
    raise StopIteration(x)

def plain(x):
    seen.append(threading.current_thread() is threading.main_thread())
    return x

@epochly.io
def where(x):
    return threading.current_thread() is threading.main_thread()

class Client:
    base = "a"
    def __init__(self, k):
        self.k = k
    @epochly.io
    def get(self, x):
        gate.wait()
        return self.k, x
    @property
    def made(self):
        seen.append("made")
        return where
    def all(self, names):
        return [self.get(name) for name in names]

class Strange:
    def __radd__(self, other):
        seen.append(threading.active_count())
        return other
'''


@pytest.fixture
def program(tmp_path, request):
    """Make a module of `HEAD` and some more text, and give it."""
    made = []

    def make(text):
        path = tmp_path / f"program{len(made)}.py"
        path.write_text(HEAD + dedent(text), "utf-8")
        spec = importlib.util.spec_from_file_location(f"{request.node.name}{len(made)}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        made.append(spec.name)
        spec.loader.exec_module(module)
        return module

    yield make
    for name in made:
        del sys.modules[name]


def overlapped(function, workers=3):
    """The function with its loops rewritten; fails where there is nothing to rewrite."""
    made = overlapping(function, Hook(lambda: workers))
    assert made is not None, function
    return made


MEETING = {
    "comprehension": "return [meet(x) for x in (1, 2, 3)]",
    "assigned": "found = [meet(x) for x in (1, 2, 3)]\nreturn found",
    "arguments": "k = 5\nreturn [meet(x, k=-k + 1) for x in (1, 2, 3)]",
    "text": "return [meet(f'{x}!{given}') for x in (1, 2, 3)]",
    "tuples": "return [meet(y, x) for x, y in ((1, 2), (3, 4), (5, 6))]",
    "append": "found = []\nfor x in (1, 2, 3):\n    found.append(meet(x))\nreturn found",
    "by a name": "found = []\nfor x in (1, 2, 3):\n    one = meet(x)\n    found.append(one)\nreturn found",
    "in a block": "with gate._cond:\n    pass\nif given:\n    return [meet(x) for x in range(3)]",
    "in a try": "try:\n    return [meet(x) for x in range(3)]\nfinally:\n    seen.clear()",
    "method": "return [client.get(x) for x in 'abc']",
    "callees": "return [f(1) for f in (meet, meet, meet)]",
    "generator": "return [meet(x) for x in (y * 2 for y in range(3))]",
    "many": "found = [meet(x) for x in range(3)]\nmore = [meet(x) for x in range(3)]\nreturn found + more",
}


@pytest.mark.parametrize("name", MEETING)
def test_marked_calls_of_a_loop_overlap(program, name):
    """Three calls that wait for each other can only return if they overlap; results are in order."""
    body = MEETING[name].replace("\n", "\n    ")
    module = program(f"client = Client(7)\ndef f(given=1, client=client):\n    {body}\n")
    expected = {"method": [(7, "a"), (7, "b"), (7, "c")], "callees": [(1, 0)] * 3}
    found = overlapped(module.f)()
    assert len(found) == (6 if name == "many" else 3)
    module.gate = threading.Barrier(1)
    assert found == module.f()
    assert found == expected.get(name, found)


def test_method_of_self_overlaps(program):
    """`self.get` is looked up on the class, without running anything."""
    module = program("")
    assert overlapped(module.Client.all)(module.Client(1), "abc") == [(1, "a"), (1, "b"), (1, "c")]


LEFT = {
    "condition": "return [meet(x) for x in given if x]",
    "two loops": "return [meet(x) for y in given for x in y]",
    "more than the call": "return [meet(x)[0] for x in given]",
    "call in the arguments": "return [meet(len(x)) for x in given]",
    "subscript in the arguments": "return [meet(x[0]) for x in given]",
    "attribute in the arguments": "return [meet(x.y) for x in given]",
    "star": "return [meet(*x) for x in given]",
    "two stars": "return [meet(**x) for x in given]",
    "set": "return {meet(x) for x in given}",
    "else": "found = []\nfor x in given:\n    found.append(meet(x))\nelse:\n    pass\nreturn found",
    "more in the body": "found = []\nfor x in given:\n    found.append(meet(x))\n    seen.append(x)\nreturn found",
    "list from elsewhere": "found = given\nfor x in given:\n    found.append(meet(x))\nreturn found",
    "not just made": "found = []\nseen.append(found)\nfor x in given:\n    found.append(meet(x))\nreturn found",
    "list in the arguments": "found = []\nfor x in given:\n    found.append(meet(found))\nreturn found",
    "loops over the list": "found = []\nfor x in found:\n    found.append(meet(x))\nreturn found",
    "variable used later": "found = []\nfor x in given:\n    found.append(meet(x))\nreturn found, x",
    "variable in a closure": "found = []\nfor x in given:\n    found.append(meet(x))\nreturn found, lambda: x",
    "list in a closure": "found = []\nlater = lambda: found\nfound = []\nfor x in given:\n    found.append(meet(x))\nreturn later",
    "global variable": "global x\nfound = []\nfor x in given:\n    found.append(meet(x))\nreturn found",
    "maybe not bound": "if given:\n    k = 1\nreturn [meet(x, k) for x in (1,)]",
    "deleted": "k = 1\ndel k\nreturn [meet(x, k) for x in (1,)]",
    "bound by except": "k = 1\ntry:\n    1 / 0\nexcept ZeroDivisionError as k:\n    pass\nreturn [meet(x, k) for x in (1,)]",
    "looks at its names": "found = [meet(x) for x in given]\nreturn locals()",
    "attribute target": "return [meet(given) for given.x in given]",
    "private name": "return [given.__get(x) for x in given]",
    "nested function": "def inner():\n        return [meet(x) for x in given]\nreturn inner",
}


@pytest.mark.parametrize("name", LEFT)
def test_anything_more_is_left_alone(program, name):
    """What could be told from the loop as it is written is not touched."""
    body = LEFT[name].replace("\n", "\n    ")
    module = program(f"def f(given):\n    {body}\n")
    assert overlapping(module.f, Hook(lambda: 3)) is None


def test_source_that_is_not_the_functions_is_not_used(program, tmp_path):
    """A file that changed since, and a function that never had one, are left alone."""
    module = program("def f():\n    return [meet(x) for x in (1, 2, 3)]\n")
    (tmp_path / "program0.py").write_text(HEAD + "def f():\n    return [meet(x) for x in (3, 2, 1)]\n")
    assert overlapping(module.f, Hook(lambda: 3)) is None
    space = {}
    exec("def f(meet):\n    return [meet(x) for x in (1, 2, 3)]\n", space)
    assert overlapping(space["f"], Hook(lambda: 3)) is None


def outcome(function, *args):
    """What a call comes to."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001 - whatever it raises
        return type(error), str(error), error.__cause__, error.__context__


class Breaks:
    """An iterable that gives some items and then fails."""

    def __init__(self, items):
        self.items = items

    def __iter__(self):
        yield from self.items
        raise KeyError("broken")


EXCEPTIONS = {
    "first of two": "return [invert(x) for x in (2, 0, 'text')]",
    "in a list": "found = []\ntry:\n    found = []\n    for x in (2, 4, 0, 5):\n        found.append(invert(x))\nexcept ZeroDivisionError:\n    return found",
    "iterable breaks": "return [invert(x) for x in given([1, 2])]",
    "call before the iterable breaks": "return [invert(x) for x in given([1, 0])]",
    "not iterable": "return [invert(x) for x in 5]",
    "arguments break": "return [invert(x + 1) for x in (1, 2, 'text', 3)]",
    "call before the arguments break": "return [invert(x + 1) for x in (1, -1, 'text')]",
    "no such name": "return [nobody(x) for x in (1, 2)]",
    "no such method": "return [client.nothing(x) for x in (1, 2)]",
    "wrong arguments": "return [invert(x, 1) for x in (1, 2)]",
    "stop": "found = []\nfor x in (1, 2):\n    found.append(stops(x))\nreturn found",
    "unpacking": "return [meet(x) for x, y in (1, 2)]",
    "empty": "return [invert(x) for x in ()]",
}


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_those_of_the_loop(program, name, workers):
    """Type, message and chain; what was in the list before stays in it."""
    body = EXCEPTIONS[name].replace("\n", "\n    ")
    module = program(f"client = Client(7)\ndef f(given):\n    {body}\n")
    assert outcome(overlapped(module.f, workers), Breaks) == outcome(module.f, Breaks)


def test_unmarked_calls_and_strange_operands_wait_for_the_others(program):
    """Marks are looked at when the loop runs; what may run somebody's code runs as in the loop, in the main thread."""
    module = program(
        "client = Client(7)\n"
        "def f(callees):\n    return [g(x) for g, x in callees]\n"
        "def added(k):\n    return [where(1 + k) for x in (1, 2)]\n"
        "def by_property():\n    return [client.made(x) for x in (1, 2)]\n"
    )
    again = overlapped(module.f)
    plain, where = module.plain, module.where
    assert again([(where, 1), (plain, 2), (where, 3), (len, "abc")]) == [False, 2, False, 3]
    assert module.seen == [True]
    assert overlapped(module.added)(1) == [False, False]
    assert overlapped(module.added)(module.Strange()) == [True, True]
    module.seen.clear()
    assert overlapped(module.by_property)() == [True, True]
    assert module.seen == ["made", "made"]


def test_endless_iterable_ends_as_in_the_loop(program):
    """Only some items are drawn ahead of the oldest call."""
    module = program(
        "from itertools import count\nnumbers = count(-20)\n"
        "def f():\n    return [invert(x) for x in numbers]\n"
    )
    assert outcome(overlapped(module.f))[0] is ZeroDivisionError
    assert next(module.numbers) < 20


def test_level_1_overlaps_and_the_others_run_the_loop(program, public, world):
    """`optimize(level=1)` does so, level 2 and a switched-off epochly do not; `EPOCHLY_MAX_WORKERS` bounds it."""
    text = "def f():\n    return [where(x) for x in (1, 2)]\n"
    assert public.optimize(level=1)(program(text).f)() == [False, False]
    assert public.optimize(level=0)(program(text).f)() == [True, True]
    assert public.optimize(level=2)(program(text).f)() == [True, True]
    watched = public.optimize(level=1)(program(text).f)
    world.session.change(max_workers=1)
    assert watched() == [True, True]
    world.session.change(max_workers=2)
    assert watched() == [False, False]
    world.traced = True
    assert watched() == [True, True]
    world.traced = False
    world.session.change(enabled=False)
    assert watched() == [True, True]


def test_mark_of_a_watched_function_holds(program, public):
    """A function may be marked and watched, in either order."""
    module = program("")
    assert marked(public.optimize(module.where))
    assert marked(public.io(public.optimize(module.plain)))
    assert marked(module.Client(1).get)
    assert not marked(len)
