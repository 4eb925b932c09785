"""The list of what may be asked: it is the specification's, and a body is what its type says or refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochly.net import endpoints, messages
from epochly.net.base_url import BaseUrl
from epochly.net.endpoints import ENDPOINTS, KEY_HEADER, PROOF_HEADER
from epochly.net.messages import Fingerprint, MessageError, checked, from_json, to_members
from epochly.net.privacy import PrivacyClass

ROOT = Path(__file__).parents[2]
SPECIFICATION = (ROOT / "docs/spec/epochly-pop-v1.md").read_text("utf-8")
TELEMETRY = (ROOT / "docs/spec/epochly-telemetry-v1.md").read_text("utf-8")
DEVICE = "dev_" + "A" * 22
FP = Fingerprint("0" * 64, 1)


def test_endpoints_are_the_table_of_the_specification():
    """Names, methods, paths and the members of each body are those of section 5, and none is there besides."""
    section = SPECIFICATION.partition("## 5. Requests")[2].partition("## 6.")[0]
    rows = re.findall(r"^\| (\w+) \| `([A-Z]+) (\S+)`[^|]*\| ([^|]*)\|", section, re.MULTILINE)
    licences = [name for name, each in ENDPOINTS.items() if each.privacy is PrivacyClass.LICENSE]
    assert [row[0] for row in rows] == licences
    for name, method, path, body in rows:
        found = ENDPOINTS[name]
        assert (found.method, found.path, found.privacy) == (method, path, PrivacyClass.LICENSE)
        asked, _, optional = body.partition("[")
        if found.request is None:
            assert body.strip() == ""
            continue
        fields = dataclasses.fields(found.request)
        needed = {field.name for field in fields if field.default is dataclasses.MISSING}
        words = {word for code in re.findall(r"`([^`]+)`", asked) for word in re.findall(r"[a-z_]+", code)}
        assert words == needed, name
        assert (
            set(re.findall(r"[a-z_]{4,}", optional)) - {"true"} == {field.name for field in fields} - needed
        ), name


def test_endpoints_of_telemetry_and_lens_are_those_of_the_specification():
    """Names, methods and paths are those of sections 2 and 7, but for what is for people and for an account's own tools."""
    for number, cls in ((2, PrivacyClass.TELEMETRY), (7, PrivacyClass.LENS)):
        section = TELEMETRY.partition(f"\n## {number}. ")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| ([a-z-]+) \| `([A-Z]+) (\S+)`", section, re.MULTILINE)
        found = [(name, each.method, each.path) for name, each in ENDPOINTS.items() if each.privacy is cls]
        assert [row for row in rows if row[0] != "lens-hosts"] == found
    rows = TELEMETRY.partition("| member | |")[2].partition("\n\n")[0].splitlines()[2:]
    members = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(members) == sorted(field.name for field in dataclasses.fields(messages.Batch))


def test_the_header_of_a_class_is_that_classes_alone():
    """A proof goes with licences, a key with Lens, and telemetry has neither."""
    allowed = {
        PrivacyClass.LICENSE: {PROOF_HEADER},
        PrivacyClass.TELEMETRY: set(),
        PrivacyClass.LENS: {KEY_HEADER},
    }
    for each in ENDPOINTS.values():
        assert each.headers <= allowed[each.privacy], each.name
        assert each.headers or each.privacy is not PrivacyClass.LENS


def test_no_endpoint_has_a_query_or_lies_outside_its_place():
    """A path is fixed but for a device's id, a day or a digest, which is no more than that."""
    for each in ENDPOINTS.values():
        assert re.fullmatch(r"(/v1|/[a-z-]+|/\{(id|day|digest)\})+", each.path), each.path
    base = BaseUrl("localhost", 8443, "/epochly")
    assert endpoints.RELEASE.url(base, DEVICE) == f"https://localhost:8443/epochly/v1/devices/{DEVICE}"
    assert endpoints.LIST.url(base) == "https://localhost:8443/epochly/v1/devices"
    for device_id in (
        "",
        "dev_",
        DEVICE + "A",
        DEVICE + "\n",
        "dev_" + "/" * 22,
        "../" + "A" * 23,
        "dev_" + "?" * 22,
    ):
        with pytest.raises(ValueError, match="no device has such an id"):
            endpoints.RELEASE.target(device_id)
    for day in ("", "-1", "01", "1e3", "1/2", "1000000", "1\n"):
        with pytest.raises(ValueError, match="no day is told so"):
            endpoints.ROOT.target(day)
    for digest in ("", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "/"):
        with pytest.raises(ValueError, match="no batch has such a digest"):
            endpoints.INCLUSION.target(digest)
    assert endpoints.ROOT.target("20783") == "/v1/telemetry/roots/20783"
    with pytest.raises(ValueError, match="`release` needs the id"):
        endpoints.RELEASE.target()
    with pytest.raises(ValueError, match="`list` has no place for that in its path"):
        endpoints.LIST.target(DEVICE)


def test_the_list_is_closed():
    """Nothing is put on it while a program runs."""
    with pytest.raises(TypeError):
        ENDPOINTS["metrics"] = endpoints.LIST


def test_only_two_requests_hold_a_licence_key():
    """The licence key is sent where a seat is taken for the first time, and nowhere else."""
    holders = {
        name
        for name, each in ENDPOINTS.items()
        if each.request and "license_key" in {field.name for field in dataclasses.fields(each.request)}
    }
    assert holders == {"register", "transfer"}


@pytest.mark.parametrize(
    ("message", "members"),
    [
        (
            messages.Register("k", FP, "n", "v", "i"),
            {
                "license_key": "k",
                "fp": {"digest": "0" * 64, "v": 1},
                "node_id": "n",
                "client_version": "v",
                "ik": "i",
            },
        ),
        (messages.Heartbeat("i"), {"ik": "i"}),
        (
            messages.Validate(DEVICE, FP, "i", reenrol=True),
            {"device_id": DEVICE, "fp": {"digest": "0" * 64, "v": 1}, "ik": "i", "reenrol": True},
        ),
        (
            messages.Listed(
                (
                    messages.ListedLicense(
                        "l",
                        "trial",
                        "node",
                        1,
                        2,
                        (messages.ListedDevice("d", "active", 1, 2, 3, this=True),),
                    ),
                )
            ),
            {
                "licenses": [
                    {
                        "license_id": "l",
                        "plan": "trial",
                        "seat": "node",
                        "seats_used": 1,
                        "seats_max": 2,
                        "devices": [
                            {
                                "device_id": "d",
                                "status": "active",
                                "created_day": 1,
                                "last_seen_day": 2,
                                "lease_exp": 3,
                                "this": True,
                            }
                        ],
                    }
                ]
            },
        ),
        (
            messages.Batch(
                1,
                "s",
                "i",
                2,
                3,
                "1.0",
                "3.11",
                "linux",
                "other",
                messages.Lost(0, 1, 2),
                ({"e": "gpu", "n": 1, "asked": True},),
            ),
            {
                "v": 1,
                "session": "s",
                "install": "i",
                "day": 2,
                "seq": 3,
                "epochly": "1.0",
                "python": "3.11",
                "os": "linux",
                "arch": "other",
                "lost": {"full": 0, "pii": 1, "old": 2},
                "events": [{"e": "gpu", "n": 1, "asked": True}],
            },
        ),
        (
            messages.Compatibility("1", (1,), {"trial": ("gpu",)}, 5),
            {"min_client": "1", "protocols": [1], "plans": {"trial": ["gpu"]}, "server_time": 5},
        ),
    ],
)
def test_messages_go_to_json_and_back(message, members):
    """What a message holds is what is sent, without what is not there, and what is read is the same message."""
    written = json.loads(json.dumps(to_members(message)))
    assert written == members
    assert from_json(type(message), json.dumps(members).encode()) == message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"days":1}',
        b'{"days":1,"ik":"i","x":1}',
        b'{"days":1,"days":2,"ik":"i"}',
        b'{"days":true,"ik":"i"}',
        b'{"days":1.0,"ik":"i"}',
        b'{"days":"1","ik":"i"}',
        b'{"days":null,"ik":"i"}',
        b'{"days":1,"ik":"i"} x',
        b'{"days":1,"ik":"\xff"}',
        b'{"days":' + b"[" * 100_000,
    ],
)
def test_another_body_is_refused(body):
    """A member too many, too few or of another type, and whatever is no JSON, is one line that repeats nothing."""
    with pytest.raises(MessageError):
        checked(messages.Checkout, body)
    with pytest.raises(MessageError, match="`fp` is no object"):
        checked(messages.Validate, b'{"device_id":"d","fp":"secret","ik":"i"}')
    with pytest.raises(MessageError, match="a body where there is none"):
        checked(None, b"{}")
    checked(None, b"")


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(st.sampled_from(sorted(ENDPOINTS)), st.data())
def test_any_bytes_are_an_answer_or_refused(name, data):
    """Whatever a body is, it is the endpoint's answer or a `MessageError`."""
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    names = st.sampled_from([field.name for field in dataclasses.fields(ENDPOINTS[name].response)]) | st.text(
        max_size=5
    )
    value = st.recursive(leaf, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=8)
    body = data.draw(st.binary(max_size=20) | value.map(lambda each: json.dumps(each).encode()))
    with contextlib.suppress(MessageError):
        assert isinstance(from_json(ENDPOINTS[name].response, body), ENDPOINTS[name].response)
