"""The fingerprint: one digest of a good identifier, the same however it is spelled, and a local judgement of drift."""

from __future__ import annotations

import json
import random
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly.licensing import fingerprint as fp
from epochly.licensing.canonical import CanonicalError

MACHINE_ID = "9f2c4d8e1b7a4063a5d0e8c7f1b23946"
UUID = "{9F2C4D8E-1B7A-4063-A5D0-E8C7F1B23946}"
OTHER_ID = "07b1c9d24e5f4a6883f0a1d2c3b4e596"
HINTS = {
    "board-name": "B 550",
    "board-vendor": "Maker",
    "cpu-model": "Model (R) 7",
    "cpu-vendor": "Chips Inc",
    "root-filesystem": "c1a5e9d0-77aa-4b7e-8d44-0f3e2a1b5c6d",
}
HERE = fp.Anchor(MACHINE_ID, "machine")
SALT = bytes(range(32))


def enrolment(anchor=HERE, attributes=HINTS):
    """What was enrolled."""
    digest = fp.digest_of(anchor.text, "linux", "x86_64")
    return fp.enrolled(anchor, digest, attributes, SALT)


@pytest.mark.parametrize(
    "text", [MACHINE_ID, f" {MACHINE_ID.upper()}\n", UUID, UUID.strip("{}"), f"\t{UUID.lower()} "]
)
def test_an_identifier_means_the_same_however_it_is_spelled(text):
    """Case, blanks around it, hyphens and braces of a UUID change nothing."""
    assert fp.anchor_in(text) == MACHINE_ID


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "uninitialized\n",
        "To be filled by O.E.M.",
        "0" * 32,
        "F" * 32,
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-1234-1234-123456789abc",
        "0123456789abcdef" * 2,
        "fe" * 16,
        "00000000-0000-1000-8000-001B63A1B2C3",  # made of a hardware address
        "c232ab00-9414-11ec-b3c8-9f6bdeced846",  # version 1: a clock and a hardware address
        MACHINE_ID[:27],  # 108 bits
        MACHINE_ID[:31] + "g",
        "VMware-56 4d 0a 8b",
        "0" * 9 + MACHINE_ID[:23],
    ],
)
def test_a_placeholder_or_a_guessable_identifier_is_no_anchor(text):
    """Fewer than 112 random bits could be found by trying, so a random id of this installation is used."""
    assert fp.anchor_in(text) is None
    assert fp.anchor_of("", text, "ab" * 32) == fp.Anchor("ab" * 32, "install")


def test_random_identifiers_are_anchors():
    """What is random is hardly ever mistaken for a placeholder."""
    rng = random.Random(5)
    assert all(fp.anchor_in(f"{rng.getrandbits(128):032x}") for _ in range(20_000))
    assert fp.anchor_in(MACHINE_ID[:28])


def test_a_named_node_is_its_name():
    """`EPOCHLY_NODE_ID` comes before what the machine says, short as it may be; blank is not set."""
    assert fp.anchor_of(" Runner-7 ", MACHINE_ID, "") == fp.Anchor("runner-7", "node-id")
    assert fp.anchor_of("  ", MACHINE_ID, "").kind == "machine"
    for wrong in ("a\nb", "x" * 257):
        with pytest.raises(ValueError, match="; hint: "):
            fp.anchor_of(wrong, None, "")
    assert fp.node_id_of("runner-7") == fp.node_id_of(" Runner-7\n") != fp.node_id_of("runner-8")
    assert fp.node_id_of("runner-7")[14] == "4"


@given(st.text(max_size=40))
def test_a_name_means_the_same_in_every_unicode_form(text):
    """Composed or decomposed, with blanks around it or in capitals, a name gives one digest; and it is stable."""
    plain = fp.canonical_text(text)
    forms = {text, f"  {text}\t", unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text)}
    assert {fp.canonical_text(form) for form in forms} == {plain}
    assert unicodedata.is_normalized("NFC", plain)


@given(
    st.lists(
        st.text(alphabet="0123456789abcdef", min_size=28, max_size=64), min_size=2, max_size=9, unique=True
    )
)
def test_distinct_machines_have_distinct_digests(anchors):
    """Neither two identifiers nor two systems share a digest, and no digest holds its identifier."""
    digests = {fp.digest_of(anchor, system, "x86_64") for anchor in anchors for system in ("linux", "darwin")}
    assert len(digests) == 2 * len(anchors)
    assert not any(anchor in digest for anchor in anchors for digest in digests)


def test_the_digest_is_what_it_was_in_the_first_version():
    """A digest that changed by itself would cost every user a seat. These were computed by hand with `hashlib`."""
    import hashlib
    import hmac

    mac = hmac.new(MACHINE_ID.encode(), b"epochly:device:v1", "sha256").hexdigest()
    told = '{"anchor":"%s","arch":"x86_64","os":"linux","v":1}' % mac  # noqa: UP031 - braces
    by_hand = hashlib.sha256(b"epochly/fp/v1\x00" + told.encode()).hexdigest()
    assert fp.digest_of(MACHINE_ID, "linux", "x86_64") == by_hand
    assert fp.platform_names("win32", "AMD64") == ("windows", "x86_64")
    assert fp.platform_names("darwin", "arm64") == ("darwin", "aarch64")
    assert fp.platform_names("linux", "riscv64") == ("linux", "riscv64")


@given(st.permutations(sorted(HINTS)), st.sampled_from(["{}", " {}", "{}\n"]))
def test_the_order_and_blanks_of_attributes_change_nothing(names, form):
    """Attributes are a map, and blanks around them are nobody's identity."""
    shuffled = {name: form.format(HINTS[name]) for name in names}
    assert fp.weight(enrolment(), HERE, shuffled) == (8, 5)
    assert enrolment(attributes=shuffled) == enrolment()


@given(
    st.sets(st.sampled_from(sorted(HINTS))),
    st.sets(st.sampled_from(sorted(HINTS))),
    st.booleans(),
)
def test_more_that_matches_is_never_worse(changed, more, other_anchor):
    """Drift is judged by weight: what was recognised stays so when fewer things differ."""
    anchor = fp.Anchor(OTHER_ID, "machine") if other_anchor else HERE

    def same(different):
        seen = {name: "other" if name in different else value for name, value in HINTS.items()}
        return fp.still_the_same(enrolment(), anchor, seen)

    assert same(changed) or not same(changed | more)
    assert same(changed) == ((0 if other_anchor else 3) + 5 - len(changed) >= 5)


@given(st.sets(st.sampled_from(sorted(HINTS))))
def test_what_was_missing_at_enrolment_is_not_asked_for(there):
    """A machine that shows little is recognised by that little, and not by none of it."""
    little = {name: HINTS[name] for name in there}
    known = enrolment(attributes=little)
    assert fp.still_the_same(known, HERE, little)
    assert fp.still_the_same(known, HERE, HINTS)
    assert not fp.still_the_same(known, fp.Anchor(OTHER_ID, "machine"), {})


def test_a_reboot_changes_nothing():
    """What changes from boot to boot (interfaces, memory, kernel, addresses) has no weight and is not remembered."""
    first = HINTS | {"interfaces": "3", "memory-gib": "16", "host-names": "1", "kernel": "6.1"}
    second = HINTS | {"interfaces": "7", "memory-gib": "32", "kernel": "6.9", "docker0": "02:42:ac:11:00:02"}
    known = enrolment(attributes=first)
    assert set(known.macs) == {"anchor", *HINTS}
    assert fp.weight(known, HERE, second) == (8, 5)


def test_a_named_node_is_never_recognised_by_its_looks():
    """Runners of one image look alike; their names tell them apart, and setting or dropping a name is a change."""
    one, two = fp.Anchor("one", "node-id"), fp.Anchor("two", "node-id")
    assert fp.still_the_same(enrolment(one), one, {})
    assert not fp.still_the_same(enrolment(one), two, HINTS)
    assert not fp.still_the_same(enrolment(one), HERE, HINTS)
    assert not fp.still_the_same(enrolment(), one, HINTS)


def test_an_enrolment_tells_nothing_and_comes_back():
    """What is kept holds no attribute in clear, and reads as what was written."""
    data = fp.written(enrolment())
    assert fp.read(data) == enrolment()
    assert not any(value.lower().encode() in data.lower() for value in [MACHINE_ID, *HINTS.values()])


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"digest": "00"},
        {"kind": "other"},
        {"salt": 1},
        {"macs": []},
        {"macs": {"anchor": "x"}},
        {"macs": {"serial": "0" * 64}},
        {"more": 1},
    ],
)
def test_an_enrolment_of_another_form_is_refused(change):
    """Each member is checked; nothing is guessed from a damaged file."""
    kept = json.loads(fp.written(enrolment()))
    with pytest.raises(CanonicalError):
        fp.read(json.dumps(kept | change).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_an_enrolment_or_refused(data):
    """Hostile bytes give one kind of error."""
    try:
        fp.read(data)
    except CanonicalError:
        return
    raise AssertionError(data)


def test_an_enrolment_without_its_anchor_knows_no_named_node():
    """A file that somebody shortened does not let a name through."""
    known = replace(enrolment(fp.Anchor("one", "node-id")), macs={})
    assert not fp.still_the_same(known, fp.Anchor("one", "node-id"), HINTS)
