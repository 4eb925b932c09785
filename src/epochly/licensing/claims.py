"""What each token of epochly-pop v1 says, as frozen values: every claim there, of its form, and no other.

It refuses unknown and missing claims, and judges neither time nor trust: whether a lease is for this device, in force and
newer than the last is asked elsewhere. Sections 4, 5, 6, 7 and 9 of `docs/spec/epochly-pop-v1.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from epochly.licensing import tokens
from epochly.licensing.canonical import CanonicalError, from_b64u, is_small_order, kid_of
from epochly.licensing.tokens import TokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.canonical import Value
    from epochly.licensing.tokens import KeyFinder

    Form = Callable[[Any], bool]

MOST_KEYS = 32  # in a keyset; section 9
MOST_NONCE = 128  # characters; section 3
MOST_FEATURES = 32  # of a plan; the largest has 4
MOST_URL = 512  # characters


def _text(pattern: str) -> Form:
    matches = re.compile(pattern, re.ASCII).fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def _b64u(size_bytes: int | None = None) -> Form:
    def of_its_form(value: Any) -> bool:
        try:
            data = from_b64u(value) if isinstance(value, str) else b""
        except CanonicalError:
            return False
        return bool(data) and size_bytes in {None, len(data)}

    return of_its_form


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)  # 0 to 2^53-1: the envelope saw to that


def _pub(value: Any) -> bool:
    return _KEY(value) and not is_small_order(from_b64u(value))


def _nonce(value: Any) -> bool:
    return _b64u()(value) and len(value) <= MOST_NONCE


def _url(value: Any) -> bool:
    return _HTTPS(value) and len(value) <= MOST_URL


def _features(value: Any) -> bool:
    if not isinstance(value, list) or len(value) > MOST_FEATURES or not all(_NAME(each) for each in value):
        return False
    return value == sorted(set(value))


_HTTPS = _text(r"https://[a-z0-9.\-\[\]:]+(/[A-Za-z0-9._~\-]+)*")
_NAME = _text(r"[a-z][a-z0-9-]{0,31}")
_RANDOM, _KEY = _b64u(16), _b64u(32)
_VERSION = _text(r"[0-9A-Za-z.+!_-]{1,64}")
_HEX_DIGEST = _text(r"[0-9a-f]{64}")
_CODE = _text(r"[A-Z][A-Z_]{1,39}")


def _id(prefix: str) -> Form:
    return lambda value: isinstance(value, str) and value[:4] == prefix and _RANDOM(value[4:])


def _one_of(*values: str) -> Form:
    return lambda value: isinstance(value, str) and value in values


def _checked(
    typ: str, claims: Mapping[str, Value], forms: Mapping[str, Form], *, absent: str = ""
) -> dict[str, Any]:
    """The claims besides `typ`, each of its form; the one named `absent` may be."""
    found = {name: value for name, value in claims.items() if name != "typ"}
    if claims.get("typ") != typ:
        raise TokenError("malformed", f"its `typ` is not `{typ}`")
    _fields(found, forms, absent)
    return found


def _fields(found: Mapping[str, Any], forms: Mapping[str, Form], absent: str = "") -> None:
    for name in sorted(found.keys() | forms.keys()):
        if name not in forms:
            raise TokenError(
                "malformed", "it has a claim that its type has not"
            )  # its name is the sender's text
        if name not in found:
            if name != absent:
                raise TokenError("malformed", f"it has no `{name}`")
        elif not forms[name](found[name]):
            raise TokenError("malformed", f"its `{name}` has not the form of one")


class _Claims(Protocol):
    TYP: ClassVar[str]

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self: ...


C = TypeVar("C", bound=_Claims)


def read_as(kind: type[C], token: str, public_key_for_kid: KeyFinder) -> C:
    """The value that a token of the kind's type holds, its signature verified. Raises `TokenError`."""
    return kind.from_claims(tokens.read(kind.TYP, token, public_key_for_kid))


@dataclass(frozen=True, slots=True)
class Proof:
    """Section 4. That the holder of key `kid` sent this request, with this body, once; `pub` where the key is new."""

    TYP: ClassVar[str] = tokens.PROOF
    kid: str
    htm: str
    htu: str
    bdg: str
    nonce: str
    cn: str
    iat: int
    jti: str
    seq: int
    cv: str
    pub: str | None = None

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The proof in these claims. Raises `TokenError`; where `pub` is there and `kid` is not its id, too."""
        proof = cls(**_checked(cls.TYP, claims, _PROOF, absent="pub"))
        if proof.pub is not None and kid_of(from_b64u(proof.pub)) != proof.kid:
            raise TokenError("key", "its `kid` is not that of its `pub`")
        return proof

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        pub: dict[str, Value] = {} if self.pub is None else {"pub": self.pub}
        return {name: getattr(self, name) for name in _PROOF if name != "pub"} | pub


_PROOF = {
    "kid": _KEY,
    "pub": _pub,
    "htm": _one_of("GET", "POST", "DELETE"),
    "htu": _url,
    "bdg": _HEX_DIGEST,
    "nonce": _nonce,
    "cn": _RANDOM,
    "iat": _number,
    "jti": _RANDOM,
    "seq": _number,
    "cv": _VERSION,
}


@dataclass(frozen=True, slots=True)
class Rekey:
    """Section 5. That the holder of the new key `pub` takes the place of the old key's, in this one request."""

    TYP: ClassVar[str] = tokens.REKEY
    kid: str
    pub: str
    old: str
    nonce: str
    iat: int

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The proof in these claims. Raises `TokenError`; where `kid` is not the id of `pub`, too."""
        rekey = cls(**_checked(cls.TYP, claims, _REKEY))
        if kid_of(from_b64u(rekey.pub)) != rekey.kid:
            raise TokenError("key", "its `kid` is not that of its `pub`")
        return rekey

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        return {name: getattr(self, name) for name in _REKEY}


_REKEY = {"kid": _KEY, "pub": _pub, "old": _KEY, "nonce": _nonce, "iat": _number}


@dataclass(frozen=True, slots=True)
class Lease:
    """Section 6. What a device may use and how long; all times in Unix seconds."""

    TYP: ClassVar[str] = tokens.LEASE
    iss: str
    aud: str
    cn: str
    jti: str
    lic: str
    dev: str
    plan: str
    features: tuple[str, ...]
    seat: str
    fp: str
    iat: int
    nbf: int
    exp: int
    grace_until: int
    refresh_after: int
    seq: int
    srv_time: int
    pol: int

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The lease in these claims. Raises `TokenError`."""
        found = _checked(cls.TYP, claims, _LEASE)
        return cls(**found | {"features": tuple(found["features"])})

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        return {name: getattr(self, name) for name in _LEASE} | {"features": list(self.features)}


_LEASE = {
    "iss": _url,
    "aud": _KEY,
    "cn": _RANDOM,
    "jti": _RANDOM,
    "lic": _id("lic_"),
    "dev": _id("dev_"),
    "plan": _NAME,
    "features": _features,
    "seat": _one_of("node", "floating"),
    "fp": _HEX_DIGEST,
    "iat": _number,
    "nbf": _number,
    "exp": _number,
    "grace_until": _number,
    "refresh_after": _number,
    "seq": _number,
    "srv_time": _number,
    "pol": _number,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Section 7. That the service itself, asked by this request, said no; `code` is the problem's."""

    TYP: ClassVar[str] = tokens.REFUSAL
    iss: str
    aud: str
    cn: str
    jti: str
    code: str
    iat: int
    srv_time: int

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The refusal in these claims. Raises `TokenError`."""
        return cls(**_checked(cls.TYP, claims, _REFUSAL))

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        return {name: getattr(self, name) for name in _REFUSAL}


_REFUSAL = {
    "iss": _url,
    "aud": _KEY,
    "cn": _RANDOM,
    "jti": _RANDOM,
    "code": _CODE,
    "iat": _number,
    "srv_time": _number,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Section 7. That the service did what the request asked, where no lease comes of it."""

    TYP: ClassVar[str] = tokens.RECEIPT
    iss: str
    aud: str
    cn: str
    jti: str
    act: str
    dev: str
    iat: int

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The receipt in these claims. Raises `TokenError`."""
        return cls(**_checked(cls.TYP, claims, _RECEIPT))

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        return {name: getattr(self, name) for name in _RECEIPT}


_RECEIPT = {
    "iss": _url,
    "aud": _KEY,
    "cn": _RANDOM,
    "jti": _RANDOM,
    "act": _one_of("release"),
    "dev": _id("dev_"),
    "iat": _number,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key of the service: raw public key in base64url, and when it was or is to be used (Unix seconds)."""

    kid: str
    pub: str
    nbf: int
    exp: int
    status: str

    @property
    def public_key(self) -> bytes:
        """The raw 32 bytes."""
        return from_b64u(self.pub)


_KEY_FIELDS = {
    "kid": _KEY,
    "pub": _pub,
    "nbf": _number,
    "exp": _number,
    "status": _one_of("active", "retired", "revoked"),
}


@dataclass(frozen=True, slots=True)
class Keyset:
    """Section 9. The service's signing keys by the root's word; a lower `v` is an older one."""

    TYP: ClassVar[str] = tokens.KEYSET
    v: int
    issued: int
    keys: tuple[Key, ...]

    @classmethod
    def from_claims(cls, claims: Mapping[str, Value]) -> Self:
        """The keyset in these claims. Raises `TokenError`; for a key whose `kid` is not its own, too."""
        found = _checked(cls.TYP, claims, _KEYSET)
        keys = tuple(_key(entry) for entry in found["keys"])
        if len({key.kid for key in keys}) != len(keys):
            raise TokenError("malformed", "it has a key twice")
        return cls(found["v"], found["issued"], keys)

    def claims(self) -> dict[str, Value]:
        """What is signed, without `typ`."""
        keys: list[Value] = [{name: getattr(key, name) for name in _KEY_FIELDS} for key in self.keys]
        return {"v": self.v, "issued": self.issued, "keys": keys}


def _key(entry: dict[str, Any]) -> Key:
    _fields(entry, _KEY_FIELDS)
    key = Key(**entry)
    if kid_of(key.public_key) != key.kid:
        raise TokenError("malformed", "the `kid` of a key in it is not that of its `pub`")
    return key


def _keys(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) <= MOST_KEYS and all(isinstance(each, dict) for each in value)
    )


def _version(value: Any) -> bool:
    return _number(value) and value >= 1


_KEYSET = {"v": _version, "issued": _number, "keys": _keys}
