"""Whoever looks at a decorated function sees the original, and calls of every form reach it."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from gc import collect
from types import FunctionType, SimpleNamespace
from weakref import ref

import pytest

import epochly
from epochly._facts import facts_of
from epochly._trampoline import trampoline
from epochly._wrap import install, site_of, wrap


def original(a, /, b: int, *rest: int, key: int = 4, **more: int) -> tuple[object, ...]:
    """The docstring."""
    return a, b, rest, key, more


@epochly.optimize
def decorated(a, b=2):
    """The docstring of a decorated function."""
    return a, b


class Shape:
    """Every kind of method."""

    def __init__(self, size):
        self.size = size

    @epochly.optimize
    def area(self, factor=1):
        """A method."""
        return self.size * factor

    @epochly.optimize
    @classmethod
    def of(cls, size):
        """A class method under the decorator."""
        return cls(size)

    @staticmethod
    @epochly.optimize
    def double(size):
        """A static method over the decorator."""
        return 2 * size

    @epochly.optimize
    @staticmethod
    def treble(size):
        """A static method under the decorator."""
        return 3 * size

    @epochly.optimize
    @property
    def half(self):
        """A property."""
        return self.size / 2


def test_wrapper_looks_like_the_original(world):
    """Signature, annotations, name, docstring, module and source are the original's."""
    made = wrap(original, world.session)
    assert isinstance(made, FunctionType)
    assert inspect.signature(made, follow_wrapped=False) == inspect.signature(original)
    assert inspect.getsource(made) == inspect.getsource(original)
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__kwdefaults__"):
        assert getattr(made, name) == getattr(original, name)
    assert inspect.unwrap(made) is original
    assert made.__code__.co_firstlineno == original.__code__.co_firstlineno


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1, 2), {}), ((1,), {"b": 3}), ((1, 2, 3, 4), {"key": 5, "a": 6}), ((1, 2), {"here": 7})],
)
def test_wrapper_passes_every_form_of_call(world, args, kwargs):
    """Positional, keyword, variable and defaulted arguments arrive as they would without the wrapper."""
    assert wrap(original, world.session)(*args, **kwargs) == original(*args, **kwargs)


def test_wrapper_refuses_wrong_calls_in_the_same_words(world):
    """A missing or superfluous argument raises the same `TypeError` as the original."""
    made = wrap(original, world.session)
    for call in (lambda f: f(), lambda f: f(1), lambda f: f(a=1)):
        with pytest.raises(TypeError) as mine:
            call(made)
        with pytest.raises(TypeError) as theirs:
            call(original)
        assert str(mine.value) == str(theirs.value)


def test_wrapper_serves_methods_of_every_kind():
    """Methods, class methods, static methods and properties work on either side of the decorator."""
    shape = Shape(3)
    assert (shape.area(2), Shape.area(shape), Shape.of(5).size) == (6, 3, 5)
    assert (shape.double(2), Shape.treble(2), shape.half) == (4, 6, 1.5)


def test_wrapper_takes_a_bound_method_lambda_and_closure(world):
    """What is made at run time can be watched too."""
    offset = 10
    assert wrap(Shape(3).size.__class__ and (lambda x: x + offset), world.session)(1) == 11
    assert wrap(Shape(4).area.__func__.__wrapped__.__get__(Shape(4)), world.session)(2) == 8


def test_wrapper_pickles_by_name():
    """A decorated function of a module travels between processes as its name, as every function does."""
    assert pickle.loads(pickle.dumps(decorated)) is decorated


def test_wrapper_leaves_coroutines_and_generators_alone(world):
    """What suspends itself comes back as it is."""

    async def coroutine():
        return 1

    def generator():
        yield 1

    async def both():
        yield 1

    assert all(wrap(each, world.session) is each for each in (coroutine, generator, both))
    assert asyncio.run(coroutine()) == 1


@pytest.mark.parametrize("target", [len, int, Shape, 3, "text"])
def test_wrapper_refuses_what_is_no_function(world, target):
    """A class, a builtin or a value raises `TypeError` with a hint."""
    with pytest.raises(TypeError, match="is no Python function; hint: "):
        wrap(target, world.session)


def test_wrapper_is_put_on_once(world):
    """Decorating twice is decorating once."""
    made = wrap(original, world.session)
    assert wrap(made, world.session) is made


def test_disabled_decorator_gives_the_function_back(public, world):
    """`EPOCHLY_DISABLE=1` leaves nothing of us behind."""
    world.session.change(enabled=False)
    assert public.optimize(original) is original
    assert public.optimize(level=2)(original) is original


def test_installing_keeps_the_function_object(world):
    """Code swapped in place is seen by everybody who holds the function, and its signature stays."""

    def local(a, b=5):
        return a + b

    held, before = [local], local.__code__
    signature = inspect.signature(local)
    site = install(local, world.session)
    assert held[0](1) == 6
    assert site.calls == 1
    assert inspect.signature(local) == signature
    site.on_refusal()
    assert local.__code__ is before


def test_installing_keeps_the_cells_of_a_closure(world):
    """Calls see what the cells hold then, writes to them are seen outside, and the code goes back as it came."""
    free = 1

    def closure(x):
        nonlocal free
        free += 1
        return x + free

    before, cells = closure.__code__, closure.__closure__
    site = install(closure, world.session)
    assert closure.__code__ is not before
    assert closure.__code__.co_freevars == before.co_freevars
    free = 10
    assert closure(1) == 12
    assert free == 11
    assert site.calls == 1
    assert closure.__closure__ is cells
    site.on_refusal()
    assert closure.__code__ is before
    assert closure(1) == 13


def test_installing_keeps_super_and_lets_go_of_what_a_closure_holds(world):
    """`super()` finds its class, and nothing is kept alive that the program let go of."""

    class Base:
        def work(self, x):
            return x

    class Derived(Base):
        def work(self, x):
            return super().work(x) + 1

    install(Derived.work, world.session)
    assert Derived().work(1) == 2

    class Held:
        pass

    def make():
        held = Held()
        return (lambda: held), ref(held)

    closure, seen = make()
    install(closure, world.session)
    assert seen() is closure()
    del closure
    collect()
    assert seen() is None


def test_installing_refuses_a_variable_of_the_wrappers(world):
    """Its one own variable would be taken for the closure's."""
    here = 1
    with pytest.raises(ValueError, match="closes over `here`; hint: "):
        install(lambda: here, world.session)


def test_trampoline_refuses_names_that_are_not_identifiers():
    """Hand-made code objects cannot smuggle text into ours."""
    code = original.__code__
    strange = code.replace(co_varnames=("a, *b", *code.co_varnames[1:]))
    with pytest.raises(ValueError, match="is no parameter name; hint: "):
        trampoline(strange, SimpleNamespace(counter=None))


def test_site_of_tells_watched_functions(world):
    """Only a wrapper has a site."""
    made = wrap(original, world.session)
    assert site_of(made).facts == facts_of(original)
    assert site_of(original) is None
