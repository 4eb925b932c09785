"""The reader of object files: names what is missing, and takes any bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epochly._cache.elf import HEADER, IDENTITY, SECTION, SYMBOL, NotAnObjectError, undefined_symbols

NAMES = b"\0here\0there\0elsewhere\0"


def made(symbols=((0, 0), (1, 1), (6, 0), (12, 0)), **changes):
    """An object file: symbols as (place of the name, section), a table of names, and what is to be wrong."""
    table = b"".join(SYMBOL.pack(name, 0x12, 0, section, 0, 0) for name, section in symbols)
    start = HEADER.size
    sections = [
        SECTION.pack(*[0] * 10),
        SECTION.pack(
            0, changes.get("type", 2), 0, 0, start, len(table), changes.get("link", 2), 0, 8, SYMBOL.size
        ),
        SECTION.pack(0, 3, 0, 0, start + len(table), changes.get("names", len(NAMES)), 0, 0, 1, 0),
    ]
    identity = changes.get("identity", IDENTITY.ljust(16, b"\0"))
    at = start + len(table) + len(NAMES)
    header = HEADER.pack(identity, changes.get("kind", 1), 62, 1, 0, 0, at, 0, 64, 0, 0, SECTION.size, 3, 0)
    return header + table + NAMES + b"".join(sections)


def test_undefined_symbols_are_named():
    """Symbols of no section are what the object needs; others, and the one without a name, are not."""
    assert undefined_symbols(made()) == ("there", "elsewhere")
    assert undefined_symbols(made(symbols=())) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": b"\x7fELF\x01\x01\x01".ljust(16, b"\0")},
        {"identity": b"\x7fELF\x02\x02\x01".ljust(16, b"\0")},
        {"identity": b"\xcf\xfa\xed\xfe".ljust(16, b"\0")},
        {"kind": 3},
        {"type": 1},
        {"link": 9},
        {"names": 10**6},
        {"names": 3},
        {"symbols": ((10**6, 0),)},
    ],
)
def test_other_files_are_refused(changes):
    """Another class, byte order or format, no symbol table, and tables outside the file are refused."""
    with pytest.raises(NotAnObjectError):
        undefined_symbols(made(**changes))


@given(st.binary(max_size=400))
def test_any_bytes_give_names_or_a_refusal(data):
    """Nothing but a refusal comes out of bytes that are no object file."""
    for text in (data, IDENTITY + data, made()[: len(data)] + data):
        with suppress(NotAnObjectError):
            undefined_symbols(text)


@given(st.integers(0, len(made()) - 1), st.integers(0, 255))
@example(47, 128)  # a table that begins beyond any file
def test_any_changed_byte_gives_names_or_a_refusal(place, value):
    """One wrong byte anywhere ends in names or a refusal."""
    data = bytearray(made())
    data[place] = value
    with suppress(NotAnObjectError):
        undefined_symbols(bytes(data))
