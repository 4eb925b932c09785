"""What else a text may read: folded, and decoded up to twice, percent signs, escapes, base64 at each phase, hex, punycode, wide letters.

It does what can be done by C over whole texts, since a Python loop over letters takes a hundred times as long, and yields one reading after
the other, so that who looks for something may stop. It refuses to look for anything itself. Unicode TR15 (forms), RFC 3986, RFC 4648, RFC 3492.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEPTH = 2  # decodings, one upon the other
MOST_ROUNDS = 4  # of percent signs and of backslashes within one decoding
LEAST_LINE = 8  # letters of decoded text that are taken for text; fewer come of anything
_RUN = re.compile(r"[A-Za-z0-9+/\\_-]{6,}")  # of base64; a slash of it may have been turned round
_HEX = re.compile(r"[0-9A-Fa-f]{6,}")
_PUNYCODE = re.compile(r"xn--([a-z0-9-]{1,63})", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r"[\\/](?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|([\\/\"']))")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_PAIRED = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]+")
_LINE = re.compile(r"\n([^\x00-\x1f\x7f-\x9f\ufffd]+)(?=\n)")
_LONG_LINE = re.compile(rf"\n([^\n]{{{LEAST_LINE},}})(?=\n)")
_TELLING = re.compile(rf"\n(?=[^\n]{{{LEAST_LINE}}})[^\n\x20-\x7e]*[\x20-\x7e]")
_PADDING = ("", "", "==", "=")  # for so many letters over
_BYTES = {f"{byte:02x}".encode(): bytes([byte]) for byte in range(256)}
_UNPRINTED = dict.fromkeys((*range(9), *range(11, 32), 127))  # of ASCII, but for tab and newline
_IOTA_BELOW = (
    "\u0345"  # a mark that becomes a letter in capitals: the one case in which the order of marks matters
)
_LIKE_ASCII = b"\xa0\xaa\xb2\xb3\xb9\xba\xdf"  # of Latin-1, what folding makes ASCII of
_WITHOUT = ("Mn", "Cf", "Cc", "Cs")  # categories of what is not seen, and of marks of letters


def folded_text(text: str, kept: str = "") -> str:
    """A text without what does not matter: case, accents, forms, invisible characters but for those `kept`, and which way slashes lean."""
    plain = text.lower() if text.isascii() else _folded(_in_small_letters(text, kept))
    if not plain.isascii():
        plain = _seen(plain, _WITHOUT, kept)
    elif not plain.isprintable():
        plain = plain.translate(_UNPRINTED)
    if "\\" in plain:
        plain = plain.replace("\\", "/")
    while "//" in plain:
        plain = plain.replace("//", "/")
    return plain


def _folded(text: str) -> str:
    """A text without case and forms, with the marks of its letters."""
    plain = unicodedata.normalize("NFKD", text)
    if _IOTA_BELOW in plain:
        return unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).upper().casefold())
    return plain.upper().casefold()


def _in_small_letters(text: str, kept: str) -> str:
    """A text of Latin-1 with what can be folded byte by byte; another one, and one that may become ASCII, as it is."""
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        return text
    if data.translate(None, _LIKE_ASCII).isascii():
        return text
    table, without = _latin(kept)
    return data.translate(table, without).decode("latin-1")


@cache
def _latin(kept: str) -> tuple[bytes, bytes]:
    """What each byte of Latin-1 is folded to where that is one, and those that are not seen."""
    folded = [_seen(_folded(chr(byte)), _WITHOUT, kept) for byte in range(256)]
    table = bytes(ord(to) if len(to) == 1 and to < "\u0100" else byte for byte, to in enumerate(folded))
    return table, bytes(byte for byte, to in enumerate(folded) if not to)


def readings(text: str) -> Iterator[str]:
    """A text, and what it reads after up to `DEPTH` decodings, the nearest first; none twice."""
    seen, last = {text}, [text]
    yield text
    for depth in range(DEPTH):
        fresh = []
        for each in last:
            for decode in _DECODERS if depth < DEPTH - 1 else _LAST_DECODERS:
                for made in decode(each):
                    if made not in seen:
                        seen.add(made)
                        fresh.append(made)
                        yield made
        last = fresh


def lines_of(decoded: str) -> str:
    """The lines of a decoded text that were text before, folded: the rest is what decoding makes of anything.

    Lines without a sign of ASCII in them are left out: nothing is looked for that has none.
    """
    lines = "\n".join(_LINE.findall(f"\n{decoded}\n"))
    if lines.isascii():
        return folded_text("\n".join(_LONG_LINE.findall(f"\n{lines}\n")), "\n")
    apart = unicodedata.normalize("NFKD", lines)  # the longest form of each
    if not _TELLING.search(f"\n{apart}"):
        return ""
    pairs = zip(lines.split("\n"), apart.split("\n"), strict=True)
    lines = "\n".join(
        line for line, plain in pairs if len(plain) >= LEAST_LINE and plain.encode("ascii", "ignore")
    )
    plain = _seen(unicodedata.normalize("NFKC", lines), ("Cf",))
    long = dict.fromkeys(_LONG_LINE.findall(f"\n{lines}\n{plain}\n"))
    return folded_text("\n".join(line for line in long if line.isprintable()), "\n")


def without_forms(text: str) -> str:
    """A text in plain letters where it is in wide ones and the like, without what is invisible."""
    return text if text.isascii() else _seen(unicodedata.normalize("NFKD", text), ("Cf",))


def _seen(text: str, without: tuple[str, ...], kept: str = "") -> str:
    """A text without the characters of some categories."""
    text = _unseen(without, kept).sub("", text)
    return _ASTRAL.sub(
        lambda found: "".join(each for each in found[0] if unicodedata.category(each) not in without), text
    )


@cache
def _unseen(categories: tuple[str, ...], kept: str = "") -> re.Pattern[str]:
    """Characters of these categories, but for the astral ones: of those a class would take as long as there are ranges in it."""
    ranges: list[list[int]] = []
    for code, category in enumerate(_categories()):
        if category in categories and chr(code) not in kept:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return re.compile("[" + "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges) + "]+")


@cache
def _categories() -> tuple[str, ...]:
    return tuple(map(unicodedata.category, map(chr, range(0x10000))))


def _plain(text: str) -> Iterable[str]:
    if not text.isascii():
        yield without_forms(text)


def _percent(text: str) -> Iterable[str]:
    changed = False
    for _ in range(MOST_ROUNDS):
        if "%" not in text:
            break
        data = text.encode("utf-8", "replace")
        plain = _PERCENT.sub(_of_percent, data)
        text, changed = _text_of(plain), True
        if plain == data:
            break
    if changed:
        yield text


def _of_percent(found: re.Match[bytes]) -> bytes:
    return _BYTES[found[1].lower()]


def _escapes(text: str) -> Iterable[str]:
    before = text
    for _ in range(MOST_ROUNDS):
        if "\\" not in text and "/" not in text:
            break
        changed = _ESCAPE.sub(_unescaped, text)
        if changed == text:
            break
        text = changed
    if text != before:
        text = _PAIRED.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
        yield text
        if not text.isascii():
            try:
                data = text.encode("latin-1")
            except UnicodeEncodeError:
                return
            yield _text_of(data)  # bytes that were written as escapes


def _unescaped(found: re.Match[str]) -> str:
    sign = found[4]
    if sign is not None:
        return sign
    code = int(found[found.lastindex or 0], 16)
    return chr(code) if code < 0x110000 else ""


def _runs(text: str) -> Iterable[str]:
    """Base64 at each phase, and hex, whose letters are of base64 too."""
    found = "\n".join(_RUN.findall(text))
    if not found:
        return
    runs = found.replace("-", "+").replace("_", "/").replace("\\", "/").split("\n")
    for phase in range(4):
        yield from _texts_of([_of_base64(run[phase:]) for run in runs])
    runs = _HEX.findall(found)
    for phase in range(2 if runs else 0):
        yield from _texts_of([_of_hex(run[phase:]) for run in runs])


def _of_base64(run: str) -> bytes:
    over = len(run) % 4
    return binascii.a2b_base64(run[:-1] if over == 1 else run + _PADDING[over])


def _of_hex(run: str) -> bytes:
    return bytes.fromhex(run[:-1] if len(run) % 2 else run)


def _punycode(text: str) -> Iterable[str]:
    def decoded(found: re.Match[str]) -> str:
        try:
            return found[1].encode("ascii").decode("punycode")
        except UnicodeError:
            return found[0]

    if "xn--" in text.lower():
        yield _PUNYCODE.sub(decoded, text)


# Letters in plain forms fold to what they did before, so that as the last step this finds nothing that folding does not.
_LAST_DECODERS: tuple[Callable[[str], Iterable[str]], ...] = (_percent, _escapes, _runs, _punycode)
_DECODERS = (_plain, *_LAST_DECODERS)


def _texts_of(found: list[bytes]) -> Iterable[str]:
    data = b"\n".join(found)
    yield _text_of(data)
    if b"\0" in data or not data.isascii():
        yield data.decode("latin-1")
    # two bytes each, from the first on and from the second; an odd one at the end is none
    wide = [each[:-1] if len(each) % 2 else each for each in found]
    wide += [each[1:] if len(each) % 2 else each[1:-1] for each in found]
    yield b"\n\0".join(wide).decode("utf-16-le", "replace")


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "")  # UTF-16 of ASCII is ASCII with zeros between
