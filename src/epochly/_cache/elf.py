"""Which symbols an ELF object file leaves to others: the linker ends the process when one is not there, so we look first.

Pure, and bounded by the length of its input. It refuses everything but relocatable 64-bit little-endian objects, which is
what LLVM writes on Linux. Source: System V gABI, chapters 4 (object files, sections, symbol table).
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")  # Elf64_Ehdr
SECTION = struct.Struct("<IIQQQQIIQQ")  # Elf64_Shdr
SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym
IDENTITY = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
RELOCATABLE, SYMBOL_TABLE, UNDEFINED = 1, 2, 0


class NotAnObjectError(ValueError):
    """The bytes are no object file of the kind that is read here."""


def undefined_symbols(data: bytes) -> tuple[str, ...]:
    """Names that the object needs from elsewhere, in the order of its table.

    Raises:
        NotAnObjectError: for any bytes that are not a relocatable 64-bit little-endian ELF file with one symbol table.
    """
    try:
        return _undefined_symbols(data)
    except (struct.error, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise NotAnObjectError(f"not a readable object file: {error}") from None


def _undefined_symbols(data: bytes) -> tuple[str, ...]:
    identity, kind, *rest = HEADER.unpack_from(data)
    offset, entry_size, count = rest[4], rest[9], rest[10]
    if not identity.startswith(IDENTITY) or kind != RELOCATABLE or entry_size != SECTION.size:
        raise ValueError("its header is not that of a relocatable 64-bit object")
    sections = [SECTION.unpack_from(data, offset + index * SECTION.size) for index in range(count)]
    tables = [section for section in sections if section[1] == SYMBOL_TABLE]
    if len(tables) != 1 or not tables[0][6] < count or tables[0][9] != SYMBOL.size:
        raise ValueError("it has no symbol table, or several")
    symbols, names = _content(data, tables[0]), _content(data, sections[tables[0][6]])
    found = []
    for name, _, _, section, _, _ in SYMBOL.iter_unpack(symbols):
        if section == UNDEFINED and name:
            found.append(names[name : names.index(b"\0", name)].decode("ascii"))
    return tuple(found)


def _content(data: bytes, section: tuple[int, ...]) -> bytes:
    start, size = section[4], section[5]
    if start + size > len(data):
        raise ValueError("a section lies outside the file")
    return data[start : start + size]
