"""In-toto statements (in-toto attestation framework, Statement v1; v0.1 has the same shape).

An unknown statement type is refused, not read as if it were known.
"""

from __future__ import annotations

from types import MappingProxyType

from epochly_verify.model import Statement, Subject
from epochly_verify.parse.fields import Refusal, fields_from_json
from epochly_verify.parse.quote import quoted

MALFORMED = "statement-malformed"
TYPES = frozenset({"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"})
MAX_SUBJECTS = 10_000  # subjects in one statement; release jobs sign some hundreds at once


def parse_statement(payload: bytes, origin: str) -> Statement:
    """Read a DSSE payload of type `application/vnd.in-toto+json`.

    Raises:
        Refusal: `statement-malformed` or `statement-type-unknown`.
    """
    top = fields_from_json(payload, f"{origin} statement", MALFORMED)
    kind = top.text("_type") if top.has("_type") else ""
    if kind not in TYPES:
        said = f"type {quoted(kind, most=100)} is not known" if kind else "has no `_type`"
        raise Refusal("statement-type-unknown", top.where, f"the statement {said}")
    subjects = []
    for subject in top.objects("subject", most=MAX_SUBJECTS):
        digests = subject.object("digest")
        for algorithm, digest in digests.value.items():
            if not isinstance(digest, str):
                raise digests.bad(quoted(algorithm, most=40), "is no string")
        name = subject.text("name") if subject.has("name") else ""
        subjects.append(Subject(name, MappingProxyType({k: v.lower() for k, v in digests.value.items()})))
    predicate = top.object("predicate").value if top.has("predicate") else None
    return Statement(kind, top.text("predicateType"), tuple(subjects), predicate)
