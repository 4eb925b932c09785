"""ZIP64: the honest forms are read, every contradiction is named."""

from __future__ import annotations

import struct

import pytest
from wheels import Entry, archive_of, build_zip, defect_ids, wheel_entries

ONES = 0xFFFFFFFF


def extra(*values, length=None, disk=None):
    """A ZIP64 extra field of these 64-bit values."""
    data = struct.pack(f"<{len(values)}Q", *values) + (b"" if disk is None else struct.pack("<L", disk))
    return struct.pack("<2H", 1, len(data) if length is None else length) + data


def entry(*, local=None, central=None, data=b"x" * 40):
    """A stored member with chosen header fields."""
    return Entry("demo_pkg/a.py", data, local=local or {}, central=central or {})


def ids(*, local=None, central=None):
    """The defects of an otherwise honest wheel with that member first."""
    return defect_ids(build_zip([entry(local=local, central=central), *wheel_entries({})]))


ALL = {"size": ONES, "compressed": ONES, "extra": extra(40, 40)}


@pytest.mark.parametrize(
    ("local", "central"),
    [
        (ALL, ALL),
        (ALL, {}),
        ({}, ALL),
        (ALL, {"size": ONES, "compressed": ONES, "offset": ONES, "extra": extra(40, 40, 0)}),
        (
            ALL,
            {
                "size": ONES,
                "compressed": ONES,
                "offset": ONES,
                "disk": 0xFFFF,
                "extra": extra(40, 40, 0, disk=0),
            },
        ),
        ({}, {"offset": ONES, "extra": extra(0)}),
        ({}, {"size": ONES, "extra": extra(40)}),
        ({"extra": extra(40, 40)}, {"extra": extra(40, 40)}),  # unasked for, and right
        ({"extra": extra()}, {}),
    ],
)
def test_honest_zip64_sizes_are_clean(local, central):
    """Sizes and offsets in a ZIP64 field count as if they stood in the header."""
    assert ids(local=local, central=central) == []


@pytest.mark.parametrize("length", [1, 4, 9, 12, 20, 32, 40])
def test_zip64_field_of_impossible_length_is_named(length):
    """A ZIP64 field has whole values: 0, 8, 16, 24 or 28 bytes."""
    bad = struct.pack("<2H", 1, length) + bytes(length)
    assert ids(central={"extra": bad}) == ["zip64-malformed"]
    assert ids(local={"extra": bad}) == ["zip64-malformed"]


def test_zip64_value_that_is_missing_is_named():
    """A header that leaves a value to ZIP64 must find it there."""
    found = ids(central={"size": ONES, "compressed": ONES, "extra": extra(40)})
    assert found == ["local-and-central-differ", "zip64-malformed"]
    assert "zip64-malformed" in ids(central={"compressed": ONES})


def test_zip64_values_that_contradict_the_header_are_named():
    """An unasked-for value that differs is named: an error where it moves the framing, else a warning."""
    assert ids(central={"extra": extra(41, 40)}) == ["zip64-extra-differs"]
    assert ids(local={"extra": extra(41, 40)}) == ["zip64-extra-differs"]
    assert ids(central={"extra": extra(40, 41)}) == ["zip64-malformed"]
    assert ids(central={"extra": extra(40, 40, 7)}) == ["zip64-malformed"]


def test_zip64_field_with_more_values_than_fields_is_named():
    """A local header has two sizes and no offset for a ZIP64 field to give."""
    assert ids(local={**ALL, "extra": extra(40, 40, 0)}) == ["zip64-malformed"]


def test_zip64_field_twice_is_named():
    """Two ZIP64 fields in one header are a choice for the reader."""
    assert ids(central={"extra": extra(40, 40) + extra(40, 40)}) == ["extra-field-malformed"]


def test_zip64_end_record_is_clean_whether_needed_or_not():
    """A ZIP64 end record may repeat the end record, or hold what that leaves out as all ones."""
    assert defect_ids(build_zip(wheel_entries({}), end64=True, comment=b"hi")) == []
    ones = {
        "count": 0xFFFF,
        "disk_count": 0xFFFF,
        "cd_size": ONES,
        "cd_offset": ONES,
        "disk": 0xFFFF,
        "cd_disk": 0xFFFF,
    }
    data = build_zip(wheel_entries({}), end64=True, end_fields=ones)
    assert defect_ids(data) == []
    assert len(archive_of(data).members) == 3


def test_zip64_end_record_after_a_prefix_is_leading_data_only():
    """A prefix is named once, also where ZIP64 records give the offsets."""
    assert defect_ids(build_zip(wheel_entries({}), end64=True, prefix=b"#!x\n")) == ["leading-data"]


def test_zip64_end_record_without_locator_is_named():
    """A ZIP64 end record that no locator leads to is named."""
    assert defect_ids(build_zip(wheel_entries({}), end64=True, locator=False)) == ["zip64-malformed"]


def test_locator_without_zip64_end_record_is_named():
    """A locator that leads to no record is named."""
    assert "zip64-malformed" in defect_ids(build_zip(wheel_entries({}), locator=True))


@pytest.mark.parametrize("offset", [0, 1, 5_000, 2**63])
def test_locator_that_leads_elsewhere_is_named(offset):
    """The record must stand right before its locator (CVE-2025-8291)."""
    data = build_zip(wheel_entries({}), end64=True, locator_fields={"offset": offset})
    assert defect_ids(data) == ["zip64-malformed"]
    assert len(archive_of(data).members) == 3


def test_extensible_data_is_named():
    """A ZIP64 end record has 44 bytes; more is room for another archive."""
    data = build_zip(wheel_entries({}), end64=True, end64_fields={"record_size": 60})
    assert defect_ids(data) == ["zip64-malformed"]
    assert "zip64-malformed" in defect_ids(
        build_zip(wheel_entries({}), end64=True, end64_fields={"extensible": b"x" * 12})
    )


@pytest.mark.parametrize("field", ["count", "disk_count", "cd_size", "cd_offset"])
def test_end_records_that_differ_are_named(field):
    """What both end records say must be the same."""
    data = build_zip(wheel_entries({}), end64=True, end64_fields={field: 2})
    assert "zip64-malformed" in defect_ids(data)


@pytest.mark.parametrize("fields", [{"disk": 1}, {"disks": 2}])
def test_locator_of_several_disks_is_named(fields):
    """A locator for more than one disk is named."""
    assert defect_ids(build_zip(wheel_entries({}), end64=True, locator_fields=fields)) == ["multi-disk"]


@pytest.mark.parametrize("fields", [{"cd_offset": ONES}, {"cd_size": ONES}])
def test_all_ones_without_zip64_records_are_named(fields):
    """An end record that refers to ZIP64 records must have them."""
    assert "zip64-malformed" in defect_ids(build_zip(wheel_entries({}), end_fields=fields))
