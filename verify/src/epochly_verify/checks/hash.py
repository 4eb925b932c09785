"""Layer `hash`: the artifact's digest is one that every given source publishes for it.

Sources are independent witnesses: each one that lists the artifact must agree. Within a source, what it lists for
the artifact are alternatives (see `ExpectedHash.candidate`). Algorithms weaker than SHA-256 never count, and a
digest that was not computed is never taken as equal. Sources that list nothing leave the layer not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from epochly_verify.model import Finding, NotRun, Outcome, Ran
from epochly_verify.parse.hash_source import WEAK_ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from epochly_verify.model import Evidence, ExpectedHash
    from epochly_verify.policy import Policy

_NAMED_DIGESTS = 3  # expected digests one message shows; a release can have a hundred files


class _Answer(Enum):
    """What one source says of the artifact."""

    MATCH = auto()
    MISMATCH = auto()
    UNCHECKED = auto()  # agrees as far as it could be compared, but a digest was not computed
    WEAK = auto()  # only algorithms that do not count
    SILENT = auto()  # nothing


@dataclass(frozen=True, slots=True)
class _Witness:
    """One source's answer, and the algorithms it rests on."""

    source: str
    answer: _Answer
    algorithms: tuple[str, ...]
    listed: tuple[ExpectedHash, ...]


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Compare the artifact's digests with every source's."""
    del policy
    listed: dict[str, list[ExpectedHash]] = {source: [] for source in evidence.expected_sources}
    for expected in evidence.expected:
        listed.setdefault(expected.source or expected.origin, []).append(expected)
    if not listed:
        return NotRun("no expected hash was given")
    witnesses = [_witness(source, tuple(hashes), evidence.digests) for source, hashes in listed.items()]
    findings = tuple(_findings(witnesses, evidence))
    by_answer = {answer: [w for w in witnesses if w.answer is answer] for answer in _Answer}
    if by_answer[_Answer.MISMATCH]:
        return Ran(findings)
    if by_answer[_Answer.UNCHECKED]:
        return NotRun(
            "; ".join(
                f"{_and(w.algorithms)} asked for by `{w.source}` was not computed"
                for w in by_answer[_Answer.UNCHECKED]
            ),
            findings,
        )
    if by_answer[_Answer.MATCH]:
        return Ran(findings, _agreement(by_answer[_Answer.MATCH]))
    weak, silent = by_answer[_Answer.WEAK], by_answer[_Answer.SILENT]
    why = [f"only {_and(w.algorithms)} in `{w.source}`" for w in weak]
    if silent:
        why.append(f"no hash for it in {' or '.join(f'`{w.source}`' for w in silent)}")
    return NotRun("; ".join(why), findings)


def _witness(source: str, listed: tuple[ExpectedHash, ...], digests: Mapping[str, str]) -> _Witness:
    candidates: dict[int, dict[str, set[str]]] = {}
    for expected in listed:
        if expected.algorithm not in WEAK_ALGORITHMS:
            accepted = candidates.setdefault(expected.candidate, {})
            accepted.setdefault(expected.algorithm, set()).add(expected.digest)
    if not candidates:
        weak = tuple(dict.fromkeys(expected.algorithm for expected in listed))
        return _Witness(source, _Answer.WEAK if weak else _Answer.SILENT, weak, listed)
    unchecked: dict[str, None] = {}
    differing: dict[str, None] = {}
    for accepted in candidates.values():
        missing = [name for name in accepted if name not in digests]
        wrong = [name for name in accepted if name in digests and digests[name] not in accepted[name]]
        if not missing and not wrong:
            return _Witness(source, _Answer.MATCH, tuple(accepted), listed)
        differing.update(dict.fromkeys(wrong))
        if not wrong:
            unchecked.update(dict.fromkeys(missing))
    if unchecked:
        return _Witness(source, _Answer.UNCHECKED, tuple(unchecked), listed)
    return _Witness(source, _Answer.MISMATCH, tuple(differing), listed)


def _findings(witnesses: Sequence[_Witness], evidence: Evidence) -> Iterable[Finding]:
    somebody_agrees = any(witness.answer is _Answer.MATCH for witness in witnesses)
    for witness in witnesses:
        match witness.answer:
            case _Answer.MISMATCH:
                yield Finding("hash-mismatch", evidence.filename, _difference(witness, evidence.digests))
            case _Answer.WEAK:
                message = (
                    f"`{witness.source}` gives only {_and(witness.algorithms)}, expected sha256 or better"
                )
                yield Finding("hash-weak-algorithm", evidence.filename, message)
            case _Answer.SILENT if somebody_agrees:
                message = f"no hash for it in `{witness.source}`, expected one as in the other sources"
                yield Finding("hash-source-silent", evidence.filename, message)
            case _:
                pass


def _difference(witness: _Witness, digests: Mapping[str, str]) -> str:
    clauses = []
    for algorithm in witness.algorithms:
        found = {e.digest: e.origin for e in reversed(witness.listed) if e.algorithm == algorithm}
        wanted = list(reversed(found))
        shown = ", ".join(f"`{_short(digest)}`" for digest in wanted[:_NAMED_DIGESTS])
        if len(wanted) == 1:
            clauses.append(
                f"{algorithm} is `{_short(digests[algorithm])}`, expected {shown} (`{found[wanted[0]]}`)"
            )
            continue
        more = f" and {len(wanted) - _NAMED_DIGESTS} more" if len(wanted) > _NAMED_DIGESTS else ""
        clauses.append(
            f"{algorithm} is `{_short(digests[algorithm])}`, expected one of {shown}{more} (`{witness.source}`)"
        )
    return "; ".join(clauses)


def _agreement(witnesses: Sequence[_Witness]) -> str:
    sources: dict[tuple[str, ...], list[str]] = {}
    for witness in witnesses:
        sources.setdefault(witness.algorithms, []).append(f"`{witness.source}`")
    return "; ".join(f"{_and(algorithms)} as in {_and(names)}" for algorithms, names in sources.items())


def _short(digest: str) -> str:
    """Enough of a digest to tell two apart by eye and to find it in a file."""
    return f"{digest[:12]}...{digest[-6:]}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
