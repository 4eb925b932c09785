"""Settings against classes: every combination of every variable and every kind of value, by rules written a second time."""

from __future__ import annotations

from itertools import product

import pytest

from epochly.net.privacy import Allowed, Blocked, PrivacyClass, allowed

VARIABLES = (
    "EPOCHLY_OFFLINE_MODE",
    "EPOCHLY_DISABLE_TELEMETRY",
    "EPOCHLY_TELEMETRY",
    "DO_NOT_TRACK",
    "EPOCHLY_TELEMETRY_OPT_IN",
)
VALUES = (None, "1", "0", "true", "", " 1 ", "yes", "garbage")
OFFLINE, DISABLE, TELEMETRY, DO_NOT_TRACK, OPT_IN = VARIABLES
ON, OFF, UNREADABLE = {"1", "true", " 1 ", "yes"}, {"0", ""}, {"garbage"}


def stopped_by(cls, environ):
    """The variables that stop a class, as the guide has them in its table."""
    stops = {OFFLINE: environ[OFFLINE] in ON | UNREADABLE}
    if cls is not PrivacyClass.LICENSE:
        stops[DISABLE] = environ[DISABLE] in ON | UNREADABLE
        stops[DO_NOT_TRACK] = environ[DO_NOT_TRACK] in ON | UNREADABLE
        stops[TELEMETRY] = environ[TELEMETRY] in OFF | UNREADABLE
    if cls is PrivacyClass.LENS:
        stops[OPT_IN] = environ[OPT_IN] not in ON
    return {name for name, stop in stops.items() if stop}


@pytest.mark.parametrize("cls", PrivacyClass)
def test_allowed_is_the_table(cls):
    """For each of 32,768 settings a class is allowed exactly if nothing stops it, and the reason names what does."""
    for values in product(VALUES, repeat=len(VARIABLES)):
        environ = dict(zip(VARIABLES, values, strict=True))
        stops = stopped_by(cls, environ)
        verdict = allowed(cls, {name: value for name, value in environ.items() if value is not None})
        if not stops:
            assert verdict == Allowed(), environ
        else:
            assert isinstance(verdict, Blocked), environ
            assert verdict.reason.split("`")[1] in stops, environ
            assert "\n" not in verdict.reason


def test_by_default_licences_and_telemetry_are_allowed_and_lens_is_not():
    """Nothing set: what the user asks for and what is about nobody may leave; what is about an account has to be asked for."""
    assert [isinstance(allowed(cls, {}), Allowed) for cls in PrivacyClass] == [True, True, False]


@pytest.mark.parametrize(
    ("value", "stops"), [("ON", True), ("On", True), ("OFF", False), ("No", False), ("\t0\n", False)]
)
def test_values_are_read_in_any_case_and_without_blanks(value, stops):
    """A value that a person would read is read."""
    assert isinstance(allowed(PrivacyClass.LICENSE, {OFFLINE: value}), Blocked) is stops


def test_reason_never_repeats_a_value():
    """What somebody put into a variable by mistake is not printed."""
    verdict = allowed(PrivacyClass.LICENSE, {OFFLINE: "hunter2"})
    assert verdict == Blocked("`EPOCHLY_OFFLINE_MODE` cannot be read, so nothing is sent; hint: give 1 or 0")
