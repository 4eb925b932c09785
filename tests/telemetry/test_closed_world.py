"""A closed world: whatever a machine, its user and the functions of a program are called, an event holds words of the registry and numbers.

Machines are made with hostile names of people (Faker), of any letters, and with paths and the like in the place of names; events come from
the runtime's own decisions about functions that are called so, and go all the way to the bytes that wait to be sent.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import HALF, somebody, told
from personal import SHAPES

from epochly._config import Config
from epochly._decide import Decision
from epochly._machine import Machine
from epochly._session import Outside, Session
from epochly._versions import Version
from epochly._wrap import site_of, wrap
from epochly.telemetry import events, world
from epochly.telemetry.batch import parsed
from epochly.telemetry.collector import Collector, Process
from epochly.telemetry.files import SPOOL, Files
from epochly.telemetry.kinds import words_of

WORDS = words_of(events.EVENTS)
OUTSIDE = {*events.OS, *events.ARCH}  # of a batch's head
MEMBERS = {"v", "session", "install", "day", "seq", "epochly", "python", "os", "arch", "lost", "events", "full", "pii", "old"}  # fmt: skip
IDS = re.compile(r"[A-Za-z0-9_-]{16}|[0-9]{1,4}(\.[0-9]{1,4}){1,2}((a|b|rc|\.dev)[0-9]{1,4})?", re.ASCII)
CODES = sorted(events.DECISION)


@cache
def peoples_words():
    """Names, hosts, paths and addresses of people of many countries."""
    return sorted({text for locale in HALF for text in told(somebody(locale))})


hostile = st.one_of(
    st.deferred(lambda: st.sampled_from(peoples_words())),
    st.sampled_from([text for _, text in SHAPES]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30),
    st.text(st.sampled_from("/\\.~:@%-_ aZ9\u00e9\u200b\u202e\uff0f"), min_size=1, max_size=30),
)
contexts = st.fixed_dictionaries(
    {
        "HOME": hostile,
        "USER": hostile,
        "HOSTNAME": hostile,
        "cwd": hostile,
        "module": hostile,
        "function": hostile,
        "file": hostile,
        "constant": hostile,
    }
)


def function_of(context):
    """A function that is called like that, in a module and a file that are, and which says so wherever it can."""

    def template(x):
        raise ValueError(x)

    name, constant = context["function"], context["constant"]
    code = template.__code__.replace(
        co_name=name,
        co_qualname=f"{context['module']}.{name}",
        co_filename=context["file"],
        co_consts=(constant, *template.__code__.co_consts[1:]),
    )
    made = type(template)(code, {"__name__": context["module"], name: constant}, name)
    made.__module__, made.__qualname__, made.__doc__ = (
        context["module"],
        f"{constant}.<locals>.{name}",
        constant,
    )
    made.__dict__[name] = constant
    return made


def waiting(context, folder, environ):
    """The bytes that wait after a session which met such a function, on a machine that says such things of itself."""
    machine = Machine(
        4, (3, 11, 7), "cpython", free_threaded=False, numba=context["module"], numpy=context["constant"]
    )
    outside = Outside(
        clock=itertools.count().__next__,
        say=lambda _line: None,
        machine=lambda: machine,
        compiler=lambda: context["constant"],
        traced=lambda: False,
        monitored=lambda: False,
    )
    session = Session(outside, Config())
    files = Files(os.path.join(folder, "telemetry"))
    real = world._process(session, environ, files, os.urandom)
    given_to_it = {name: getattr(real, name) for name in Process.__match_args__}
    given_to_it |= {
        "platform": context["HOSTNAME"],
        "processor": context["USER"],
        "version": lambda: context["HOME"],
    }
    collector = Collector(session, Process(**given_to_it))
    for code in CODES:
        site = site_of(wrap(function_of(context), session))
        site.decision = Decision(2, context["constant"], final=True, code=code)
        for status in ("compiled", "rejected", "gave up", "differs", context["constant"]):
            version = site.versions[context["function"], status] = Version(context["function"], status)
            version.deopts = [context["constant"], context["file"]]
    watched = wrap(function_of(context), session)
    with pytest.raises(ValueError, match=r"(?s)\A."):
        watched(context["constant"])
    for stray in (("gpu", context["USER"], True), (context["function"],), ("fault", context["constant"])):
        collector.counters.add(stray)
    collector.gives_away = None  # the types hold by themselves
    collector.look()
    collector.collect(ending=True, cache_bytes=7)
    spool = files.inside(SPOOL)
    return [spool.read(name) for name in spool.sizes()]


def leaves(value):
    """Every text in a JSON value, names of members too."""
    if isinstance(value, dict):
        return [*value, *(text for each in value.values() for text in leaves(each))]
    if isinstance(value, list):
        return [text for each in value for text in leaves(each)]
    assert isinstance(value, str | int)
    return [value] if isinstance(value, str) else []


def checked(context):
    """Hold the promise for one machine."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        environ = {name: context[name] for name in ("HOME", "USER", "HOSTNAME")}
        here = Path(folder, re.sub(r"[/\0]", "_", context["cwd"])[:40] + "_")
        here.mkdir()
        os.chdir(here)
        try:
            bodies = waiting(context, folder, environ)
            wire = world.tripwire_in(environ | {"PWD": context["cwd"]})
        finally:
            os.chdir(before)
    assert len(bodies) >= 3
    for body in bodies:
        batch = parsed(body)
        for text in leaves(batch):
            assert text in WORDS | MEMBERS | OUTSIDE or IDS.fullmatch(text), text
        for event in batch["events"]:
            assert all(each in WORDS or isinstance(each, int) for each in event.values())
            assert wire.fires_at(event) == ""
        assert batch["os"] == batch["arch"] == "other" or context["HOSTNAME"] in {"linux", "darwin", "win32"}


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(contexts)
def test_events_hold_nothing_but_words_of_the_registry(context):
    """Parsed back by the grammar, every text is a word of the registry or an id of random bytes, and the machine's own tripwire is silent."""
    checked(context)


@pytest.mark.slow
def test_events_hold_nothing_but_words_of_the_registry_in_thousands():
    """The same for contexts that are others in each run."""
    settings(max_examples=3_000, deadline=None, database=None)(given(contexts)(checked))()


def test_a_function_says_so_wherever_it_can():
    """The control: the context reaches the names of the function, its file, its error and its decision."""
    context = dict.fromkeys(
        ("HOME", "USER", "HOSTNAME", "cwd", "module", "function", "file", "constant"), "zq7secret"
    )
    function = function_of(context)
    assert function.__name__ == function.__module__ == function.__code__.co_filename == "zq7secret"
    assert function.__qualname__ == "zq7secret.<locals>.zq7secret"
    with pytest.raises(ValueError, match="zq7secret") as raised:
        function("zq7secret")
    assert raised.traceback[-1].name == "zq7secret"
    assert sys.getsizeof(function.__code__.co_consts[0]) == sys.getsizeof("zq7secret")
