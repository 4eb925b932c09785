"""Two SBOMs side by side: `compare.py`."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochly_sbom.compare import as_json, as_text, compare, parts_of_sbom
from epochly_sbom.describe import wheel_sbom
from epochly_sbom.errors import InputError


def parts(*components):
    """What a document of these components holds."""
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components)}
    return parts_of_sbom(json.dumps(document).encode(), "x.json")


def pypi(name, version, **more):
    """One Python package."""
    return {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"} | more


def test_equal_content_is_no_difference():
    """Order of the components does not matter."""
    one, two = pypi("a", "1"), pypi("b", "2")
    assert compare(parts(one, two), parts(two, one)).same


def test_each_kind_of_difference_is_told():
    """Added, removed, and changed version, hash and licence, in one order."""
    hashed = [{"alg": "SHA-256", "content": "AA"}]
    before = parts(pypi("gone", "1"), pypi("up", "1"), pypi("same", "1", hashes=hashed))
    licence = [{"license": {"id": "MIT"}}]
    after = parts(pypi("new", "3"), pypi("up", "2"), pypi("same", "1", licenses=licence))
    difference = compare(before, after)
    assert as_text(difference) == (
        "- pkg:pypi/gone 1\n+ pkg:pypi/new 3\n~ pkg:pypi/same: hashes SHA-256:aa -> (none)\n"
        "~ pkg:pypi/same: licences (none) -> MIT\n~ pkg:pypi/up: version 1 -> 2\n"
    )
    document = json.loads(as_json(difference))
    assert (document["schema"], document["same"]) == ("epochly-sbom/diff/v1", False)
    assert document["changed"][2] == {
        "component": "pkg:pypi/up",
        "field": "version",
        "before": "1",
        "after": "2",
    }


def test_several_versions_of_one_name_are_matched_by_version():
    """A version that is there on both sides is not mistaken for a change."""
    before, after = parts(pypi("a", "1"), pypi("a", "2")), parts(pypi("a", "2"), pypi("a", "3"))
    assert as_text(compare(before, after)) == "~ pkg:pypi/a: version 1 -> 3\n"


def test_changed_native_library_is_found_by_its_place(sample):
    """The same path with other bytes is a changed hash, not one component gone and one come."""
    old, new = (
        parts_of_sbom(
            wheel_sbom(sample.wheel({"demo_pkg/a.so": data}), sample.OPTIONS, embedded=True).encode(), "x"
        )
        for data in (sample.ELF, sample.ELF + b"!")
    )
    difference = compare(old, new)
    assert [each.field for each in difference.changed] == ["hashes"]
    assert not difference.added + difference.removed


def test_time_and_serial_number_are_no_difference(sample):
    """Two SBOMs of one wheel made at different times are the same."""
    made = [wheel_sbom(sample.wheel(), replace(sample.OPTIONS, epoch=epoch)) for epoch in (1, 2)]
    first, second = (parts_of_sbom(text.encode(), "x") for text in made)
    assert made[0] != made[1]
    assert compare(first, second).same


def test_nested_components_count():
    """A part of a part is compared too."""
    nested = parts(pypi("a", "1", components=[pypi("b", "1")]))
    assert as_text(compare(nested, parts(pypi("a", "1")))) == "- pkg:pypi/b 1\n"


def test_hostile_name_cannot_move_the_cursor():
    """What does not print is written out."""
    odd = {"type": "file", "name": "a\x1b[2J"}
    assert as_text(compare(parts(), parts(odd))) == "+ file a\\u001b[2J\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"bomFormat": "SPDX"}',
        b"[" * 100_000,
        b'{"bomFormat": "CycloneDX", "components": [1]}',
        b'{"bomFormat": "CycloneDX", "components": {"a": 1}}',
        b'{"bomFormat": "CycloneDX", "metadata": [1]}',
        b'{"bomFormat": "CycloneDX", "components": [{"type": "file", "name": 3}]}',
        b'{"bomFormat": "CycloneDX", "components": [{"purl": "pkg:"}]}',
        b'{"bomFormat": "CycloneDX", "components": [{"type": "file", "name": "a", "version": 1}]}',
        b'{"bomFormat": "CycloneDX", "components": [{"type": "file", "name": "a", "hashes": [{}]}]}',
    ],
)
def test_what_is_no_sbom_is_refused(data):
    """A file that cannot be compared is an error, never `no difference`."""
    with pytest.raises(InputError, match="`x`: is"):
        parts_of_sbom(data, "x")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["components", "purl", "type", "name", "hashes", "evidence", "occurrences", "licenses"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_any_components_give_parts_or_one_line(value):
    """A document of any shape never gives a traceback."""
    data = json.dumps({"bomFormat": "CycloneDX", "components": value}).encode()
    with contextlib.suppress(InputError):
        assert isinstance(parts_of_sbom(data, "x"), tuple)
