"""Hits: machine code of another process gives the same bits without compiling, or the function is compiled."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import config, event

from epochly._cache import Limits, Off, build, cached_specialise, open_store
from epochly._cache.native import LENGTH
from epochly._cache.shelf import CodeShelf
from epochly._exact import Deopt, Rejected
from epochly._exact.made import Made

KERNELS = Path(__file__).with_name("kernels.py")


@pytest.fixture(scope="module")
def kernels():
    """The module whose functions are compiled."""
    spec = importlib.util.spec_from_file_location("cache_kernels", KERNELS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return open_store(str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def build_forgotten():
    """Versions are read anew in each test."""
    build._fixed.cache_clear()
    yield
    build._fixed.cache_clear()


def told_by(path, folder, *names):
    """What a new process says of the functions."""
    done = subprocess.run(
        [sys.executable, str(path), str(folder), *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_a_new_process_compiles_nothing_and_gives_the_same_bits(tmp_path, kernels):
    """What one process compiled the next one loads: same results, same types, same arrays, same calls given up."""
    first, second = (told_by(KERNELS, tmp_path / "cache") for _ in range(2))
    assert [each["cached"] for each in first["told"].values()] == [False] * len(kernels.CALLS)
    assert [each["cached"] for each in second["told"].values()] == [True] * len(kernels.CALLS)
    assert first["compiles"] > 0
    assert second["compiles"] == 0
    assert first["trouble"] == second["trouble"] == ""
    for name, each in second["told"].items():
        assert each["machine"] == first["told"][name]["machine"], name
        for machine, python, args in zip(each["machine"], each["python"], kernels.CALLS[name], strict=True):
            if machine[0].startswith("Deopt"):
                assert machine[1] == kernels.bits(args)
            else:
                assert machine == python
    given_up = {name for name, each in second["told"].items() if "Deopt" in str(each["machine"])}
    assert {"in_place", "total"} <= given_up


def test_functions_of_one_name_from_two_processes_do_not_meet(tmp_path):
    """Numba numbers functions afresh in each process; equal symbols of two entries stay apart."""
    text = KERNELS.read_text("utf-8")
    other = tmp_path / "kernels.py"
    other.write_text(text.replace("return x * 3.0", "return x * 5.0"))
    one = told_by(KERNELS, tmp_path / "cache", "scaled")
    two = told_by(other, tmp_path / "cache", "scaled")
    assert one["told"]["scaled"]["machine"] != two["told"]["scaled"]["machine"]
    both = tmp_path / "both.py"
    both.write_text(
        f"{text.partition('CALLS = {')[0]}\n"
        "from epochly._cache import cached_specialise, open_store\n"
        "store, made = open_store(sys.argv[1]), []\n"
        "for factor in ('3.0', '5.0', '3.0'):\n"
        "    space = {'__name__': '__main__'}\n"
        '    exec(f\'def scaled(x):\\n    """One operation on what may be NumPy\\\'s."""\\n    return x * {factor}\', space)\n'
        "    made.append(cached_specialise(space['scaled'], (np.float64(1.0),), store))\n"
        "print(json.dumps([[each.cached, float(each.call(np.float64(2.0)))] for each in made]))\n"
    )
    assert told_by(both, tmp_path / "cache") == [[True, 6.0], [True, 10.0], [True, 6.0]]


def test_another_version_is_a_miss(kernels, store, monkeypatch):
    """Machine code of another numba, NumPy or setting is not used."""
    assert not cached_specialise(kernels.pair, (1, 2.0), store).cached
    assert cached_specialise(kernels.pair, (1, 2.0), store).cached
    with monkeypatch.context() as patch:
        patch.setattr(numba, "__version__", "0.68.99")
        build._fixed.cache_clear()
        assert not cached_specialise(kernels.pair, (1, 2.0), store).cached
    build._fixed.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(config, "LOOP_VECTORIZE", not config.LOOP_VECTORIZE)
        assert not cached_specialise(kernels.pair, (1, 2.0), store).cached
    assert cached_specialise(kernels.pair, (1, 2.0), store).cached


def test_decorated_functions_of_the_compiler_are_known_by_their_own_code():
    """A decorator whose code is in another file does not look like a changed compiler, which keeps nothing."""

    @contextmanager
    def inside():
        yield

    assert build._as_written(inside).__code__.co_filename == __file__
    assert len(build.compiler_digest()) == 64


def test_other_arguments_and_globals_are_a_miss(kernels, store, monkeypatch):
    """Types, layouts and what names mean are compiled for apart, and the old meaning is found again."""
    small, float_ = (np.zeros(3), 1.0), (np.zeros(3), np.float64(1.0))
    assert [cached_specialise(kernels.in_place, args, store).cached for args in (small, float_, small)] == [
        False,
        False,
        True,
    ]
    monkeypatch.setattr(kernels, "SCALE", 8)
    made = cached_specialise(kernels.in_place, small, store)
    assert not made.cached
    assert made.call(np.zeros(3), 1.0).tolist() == [8.0] * 3
    monkeypatch.setattr(kernels, "SCALE", 7)
    made = cached_specialise(kernels.in_place, small, store)
    assert made.cached
    assert made.call(np.zeros(3), 1.0).tolist() == [7.0] * 3


def test_a_hit_guards_as_compiled_code_does(kernels, store, monkeypatch):
    """Guards are those of the process that loads: a rebound global, a helper's other code, other types."""
    args = (np.zeros(3), 1.0)
    fresh = cached_specialise(kernels.in_place, args, store)
    made = cached_specialise(kernels.in_place, args, store)
    assert (made.cached, made.guards) == (True, fresh.guards)
    with pytest.raises(Deopt, match="guard: "):
        made.call(np.zeros(3, "f4"), 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "SCALE", 9)
        with pytest.raises(Deopt, match="guard: `SCALE`"):
            made.call(*args)
    with monkeypatch.context() as patch:
        patch.setattr(kernels.shift, "__code__", kernels.scaled.__code__)
        with pytest.raises(Deopt, match="guard: a function has other code"):
            made.call(*args)
    assert made.call(*args) is args[0]


@pytest.mark.parametrize("change", ["byte", "cut", "symbol", "fields", "noise"])
def test_a_spoilt_entry_is_compiled_anew(kernels, store, change):
    """Damage, and payloads that do not fit this process, cost a compile and are replaced; nothing is linked."""
    args = kernels.CALLS["dot"][0]
    expected = cached_specialise(kernels.dot, args, store).call(*args)
    shelf = CodeShelf(store, kernels.dot, args)
    assert shelf.find() is not None
    payload = store.get(shelf.key.digest)
    (length,) = LENGTH.unpack_from(payload)
    path = Path(store.folder, f"{shelf.key.digest}.entry")
    match change:
        case "byte":
            path.write_bytes(path.read_bytes()[:-500] + b"\0" * 500)
        case "cut":
            path.write_bytes(path.read_bytes()[:-500])
        case "symbol":
            store.put(shelf.key.digest, payload.replace(b"epochly_c_sin", b"epochly_c_xxx"))
        case "fields":
            store.put(shelf.key.digest, LENGTH.pack(2) + b"{}" + payload[LENGTH.size + length :])
        case "noise":
            store.put(shelf.key.digest, bytes(2000))
    made = cached_specialise(kernels.dot, args, store)
    assert (made.cached, made.call(*args)) == (False, expected)
    made = cached_specialise(kernels.dot, args, store)
    assert (made.cached, made.call(*args)) == (True, expected)


class Rebinding:
    """A store that rebinds a global while it is asked."""

    def __init__(self, store, rebind):
        self.store, self.rebind = store, rebind

    def get(self, digest):
        """What the store has, a moment too late."""
        found = self.store.get(digest)
        self.rebind()
        return found


def test_a_name_rebound_while_loading_is_not_missed(kernels, store, monkeypatch):
    """Code for the old meaning never runs under guards of the new one."""
    assert not cached_specialise(kernels.total, (10,), store).cached
    late = Rebinding(store, lambda: monkeypatch.setattr(kernels, "SCALE", 11))
    made = cached_specialise(kernels.total, (10,), late)
    assert not made.cached
    assert made.call(10) == kernels.total(10)


def test_what_cannot_be_described_is_compiled_each_time(kernels, store):
    """A function whose key would be a guess is compiled as if there were no cache, and says why it is not kept."""
    space = {"scaled": object()}
    exec("def f(a, x):\n    if x > 1.0:\n        return x\n    return x * 2.0\n", space)
    space["f"].__code__ = space["f"].__code__.replace(co_names=("scaled",))
    shelf = CodeShelf(store, space["f"], (1.0, 2.0))
    assert shelf.find() is None
    assert "object" in shelf.reason
    assert shelf.settle(Made(kernels.pair, (), None, "int64", ()))
    made = [cached_specialise(space["f"], (1.0, 2.0), store) for _ in range(2)]
    assert [each.cached for each in made] == [False, False]


def test_without_a_store_functions_are_compiled(kernels, store):
    """A cache that is off, full or refused changes nothing but time, and a rejection stays one."""
    for place in (Off("for a test"), open_store(store.folder, Limits(entry_bytes=10))):
        made = [cached_specialise(kernels.pair, (1, 2.0), place) for _ in range(2)]
        assert [(each.cached, each.call(3, 0.5)) for each in made] == [(False, (6, 1.0))] * 2
        rejected = cached_specialise(kernels.pair, ("1", 2.0), place)
        assert isinstance(rejected, Rejected)
    assert isinstance(cached_specialise(len, ([],), store), Rejected)


def test_a_second_process_is_spared_while_this_one_compiles_anew(kernels, store):
    """A hit in the same process compiles nothing either."""
    assert not cached_specialise(kernels.nothing, (np.zeros(3, "i8"),), store).cached
    with event.install_recorder("numba:compile") as compiles:
        assert cached_specialise(kernels.nothing, (np.zeros(3, "i8"),), store).cached
    assert not compiles.buffer


def test_a_compiler_that_changed_since_it_was_loaded_is_not_described(monkeypatch):
    """An upgrade under a running process must not give old code a new key."""
    assert len(build.compiler_digest()) == 64
    build.compiler_digest.cache_clear()
    loader = type(sys.modules["epochly._exact.guards"].__spec__.loader)
    get_code = loader.get_code

    def changed(self, name):
        code = get_code(self, name)
        inside = [each for each in code.co_consts if getattr(each, "co_name", "") == "watched"]
        other = {each: each.replace(co_names=(*each.co_names, "more")) for each in inside}
        return code.replace(co_consts=tuple(other.get(each, each) for each in code.co_consts))

    with monkeypatch.context() as patch:
        patch.setattr(loader, "get_code", changed)
        with pytest.raises(build.Undescribed, match="changed since"):
            build.compiler_digest()
    with monkeypatch.context() as patch:
        patch.setattr(loader, "get_source", lambda *_: None)
        with pytest.raises(build.Undescribed, match="is not there"):
            build.compiler_digest()
    build.compiler_digest.cache_clear()
