"""Reading fields of foreign JSON: the value with the right type, or a `Refusal` that names the field.

Foreign signed documents may hold fields we do not know; those are left alone. Ours may not, and are read elsewhere.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from epochly_verify.errors import InputError
from epochly_verify.model import Finding
from epochly_verify.parse.strictjson import load_json

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class Refusal(Exception):  # noqa: N818 - it is data on its way out of a parser, not our failure
    """A piece of evidence is bad; the finding says how. Caught where the evidence is judged."""

    def __init__(self, finding_id: str, subject: str, message: str) -> None:
        super().__init__(message)
        self.finding = Finding(finding_id, subject, message)


class Fields:
    """A JSON object with typed access; `where` grows with every step and ends up in the message."""

    def __init__(self, value: Any, where: str, finding_id: str) -> None:
        if not isinstance(value, dict):
            raise Refusal(finding_id, where, f"expected an object, found {_kind(value)}")
        self.value: Mapping[str, Any] = value
        self.where = where
        self.finding_id = finding_id

    def has(self, name: str) -> bool:
        """Whether the field is there and not null (protobuf JSON treats the two alike)."""
        return self.value.get(name) is not None

    def text(self, name: str) -> str:
        """A string."""
        return self._typed(name, str)

    def object(self, name: str) -> Fields:
        """An object."""
        return Fields(self._present(name), f"{self.where}.{name}", self.finding_id)

    def objects(self, name: str, *, most: int) -> list[Fields]:
        """A list of objects, at most `most`; an absent field is an empty list, as in protobuf JSON."""
        if not self.has(name):
            return []
        items = self._typed(name, list)
        if len(items) > most:
            raise self.bad(name, f"holds {len(items)} items, more than {most}")
        return [Fields(item, f"{self.where}.{name}[{i}]", self.finding_id) for i, item in enumerate(items)]

    def texts(self, name: str, *, most: int) -> list[str]:
        """A list of strings, at most `most`; absent is empty."""
        if not self.has(name):
            return []
        items = self._typed(name, list)
        if len(items) > most:
            raise self.bad(name, f"holds {len(items)} items, more than {most}")
        for item in items:
            if not isinstance(item, str):
                raise self.bad(name, f"holds {_kind(item)} where a string belongs")
        return items

    def integer(self, name: str) -> int:
        """An integer that fits 64 bits, as a number or (protobuf JSON) a decimal string."""
        value = self._present(name)
        if (
            isinstance(value, str)
            and len(value) <= 20
            and value.removeprefix("-").isdecimal()
            and value.isascii()
        ):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
            raise self.bad(name, "is not a 64-bit integer")
        return value

    def binary(self, name: str) -> bytes:
        """Base64, standard or URL-safe alphabet, padded."""
        return self.decoded(name, self.text(name))

    def decoded(self, name: str, text: str) -> bytes:
        """`text`, found at `name`, from base64; line breaks are allowed, as protobuf JSON readers allow them."""
        plain = text.replace("-", "+").replace("_", "/").replace("\n", "").replace("\r", "")
        try:
            return base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.bad(name, "is not base64") from error

    def bad(self, name: str, message: str) -> Refusal:
        """A refusal that names the field."""
        return Refusal(self.finding_id, f"{self.where}.{name}" if name else self.where, message)

    def _present(self, name: str) -> Any:
        value = self.value.get(name)
        if value is None:
            raise self.bad(name, "is missing")
        return value

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self._present(name)
        if not isinstance(value, kind):
            raise self.bad(name, f"is {_kind(value)}, not {_NAMES[kind]}")
        return value


def fields_from_json(data: bytes, origin: str, finding_id: str) -> Fields:
    """The top object of a JSON document; anything else is a `Refusal` with `finding_id`."""
    try:
        value = load_json(data, origin)
    except InputError as error:
        raise Refusal(finding_id, origin, error.message) from error
    return Fields(value, origin, finding_id)


_NAMES: Mapping[type, str] = {
    str: "a string",
    list: "a list",
    dict: "an object",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _kind(value: Any) -> str:
    return _NAMES.get(type(value), "something else")
