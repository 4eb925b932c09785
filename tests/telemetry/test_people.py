"""People of many countries: whatever they, their machines and folders are called, the tripwire that knows it fires, however it is written."""

from __future__ import annotations

import random
from itertools import product

import pytest
from people import HALF, LOCALES, somebody, strangers, told
from personal import ENCODERS, WITHOUT_CASE, any_event

from epochly.telemetry import events
from epochly.telemetry.kinds import words_of
from epochly.telemetry.tripwire import SHORT, Known, Tripwire

WORDS = words_of(events.EVENTS)
WRITINGS = {"plain": str, **WITHOUT_CASE, "title": str.title, **ENCODERS}
TWICE = list(product(ENCODERS, ENCODERS))


def missed(locale, seed, writings):
    """What of somebody's gets through: which text, written how. `writings` gives names of writings for one text."""
    known = somebody(locale, seed)
    wire = Tripwire(known, WORDS)
    for text in dict.fromkeys(told(known)):
        for names in writings():
            written = text
            if len(text) < SHORT and text.isascii() and names != ("plain",):
                continue  # three letters are found as a word, and no word once they are written otherwise
            for name in names:
                written = WRITINGS[name](written)
            event = {"e": "routing_decision", "v": 1, "n": 3, "level": "jit", "why": written}
            if not wire.fires_at(event):
                yield text, names, written


def test_these_are_people_of_many_countries():
    """At least forty locales in the quick tests, each with names of its own; a third of them are not written in Latin letters."""
    names = {somebody(locale).users[1] for locale in HALF}
    assert len(HALF) == len(names) >= 40
    assert sum(not name.isascii() for name in names) > len(HALF) // 3


@pytest.mark.parametrize("locale", HALF)
def test_whatever_they_are_called_it_is_found(locale):
    """User, name and each word of it, homes, hosts, folders, e-mail, addresses: plain, and each in some other writings, and in two at once."""
    rng = random.Random(locale)
    one, two = [(name,) for name in WRITINGS], TWICE
    assert list(missed(locale, 0, lambda: [("plain",), *rng.sample(one, 4), rng.choice(two)])) == []


@pytest.mark.slow
@pytest.mark.parametrize("locale", LOCALES)
def test_whatever_anybody_is_called_it_is_found(locale):
    """The same in all locales, in every writing, and in forty of two at once, for three people each."""
    rng = random.Random(locale)
    one = [(name,) for name in WRITINGS]
    for seed in range(3):
        assert list(missed(locale, seed, lambda: [*one, *rng.sample(TWICE, 40)])) == []


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_what_strangers_have_speaks_for_itself(count):
    """E-mail and IP addresses, hardware addresses, locations, homes and shares of people that nobody was told of fire by their form."""
    nobody = Tripwire(Known(), WORDS)
    for locale in HALF if count == 2 else LOCALES:
        assert [text for text in strangers(locale, count) if not nobody.fires(text)] == [], locale


@pytest.mark.parametrize("count", [40, pytest.param(1_200, marks=pytest.mark.slow)])
def test_clean_events_pass_on_all_of_their_machines(count):
    """Whoever the machine belongs to, no event of the registry is dropped: 10^5 of them and more where all are asked."""
    rng = random.Random(11)
    for locale in HALF if count == 40 else LOCALES:
        wire = Tripwire(somebody(locale), WORDS)
        for _ in range(count):
            event = any_event(rng)
            assert wire.fires_at(event) == "", (locale, event)


def test_words_of_the_registry_are_nobodys_name():
    """Even where they are read as any text, they fire only where somebody is called so: `Prof.` is within `professional`."""
    for locale in HALF:
        wire = Tripwire(somebody(locale))
        found = {word for word in WORDS if wire.fires(word)}
        assert all(wire.fires(word) == "the user of this machine" for word in found)
        assert len(found) <= 1, (locale, found)


@pytest.mark.parametrize("name", ["王欣", "呂文彬", "김재호", "太田", "Νίκη", "จันทร์"])
def test_a_name_without_blanks_around_it_is_found(name):
    """Where a name has two letters and a sentence no blanks, it is found within other letters, and in bytes."""
    wire = Tripwire(Known(users=(name,)))
    assert wire.fires(f"用{name}的")
    for encode in ENCODERS.values():
        assert wire.fires(encode(name)), encode(name)
