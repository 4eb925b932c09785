"""A report as one readable screen an artifact; a batch says one line for each artifact that is verified.

Every word is readable without colour, and everything that came out of an artifact passes `words.printable`.
"""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from epochly_verify.model import Severity, Status, Verdict
from epochly_verify.render.words import counted, printable, run, shown, size, verdict_sentence, what, who

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from epochly_verify.model import ArtifactReport, JudgedFinding, LayerResult, Report, Signed
    from epochly_verify.render import RenderOptions

MAX_SHOWN_PER_ID = 8  # findings of one id on a screen; the other formats list them all
MAX_WHY = 600  # characters of what a layer says; that of `sbom` names files and signers
MAX_SHOWN_SIGNERS = 5  # different signers on a screen, and as many statements of each

_BOLD, _DIM, _RED, _GREEN, _YELLOW = "1", "2", "31", "32", "33"
_VERDICT_COLOURS = {Verdict.VERIFIED: _GREEN, Verdict.REJECTED: _RED, Verdict.INCONCLUSIVE: _YELLOW}
_MARKS = {Status.PASSED: ("+", "✓"), Status.FAILED: ("x", "✗"), Status.NOT_RUN: ("-", "–")}  # noqa: RUF001 - a dash
_STATUS_WORDS = {Status.PASSED: "passed", Status.FAILED: "FAILED", Status.NOT_RUN: "not run"}
_WEIGHTS = {Severity.ERROR: "an error", Severity.WARNING: "a warning", Severity.INFO: "an info"}
_SEVERITY_COLOURS = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW, Severity.INFO: _DIM}


def render_text(report: Report, options: RenderOptions) -> str:
    """The report for a person, ending in a newline."""
    several = len(report.artifacts) > 1
    blocks: list[list[str]] = []
    for verified, artifacts in groupby(report.artifacts, lambda one: one.verdict is Verdict.VERIFIED):
        if several and verified:
            blocks.append([line for artifact in artifacts for line in _compact(artifact, options)])
        else:
            blocks += [_screen(artifact, options) for artifact in artifacts]
    changes = _changes(report, options)
    if changes:
        blocks.append(changes)
    if several:
        blocks.append([_summary(report, options)])
    if not report.artifacts:
        blocks.append(["inconclusive: no artifact was given, so nothing was judged"])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _compact(artifact: ArtifactReport, options: RenderOptions) -> list[str]:
    noted = sum(finding.severity is Severity.WARNING for finding in artifact.findings)
    warnings = f", {counted(noted, 'warning')}" if noted else ""
    line = f"{shown(artifact.path)}  sha256 {shown(artifact.sha256[:16])}...{warnings}"
    return [_paint("VERIFIED", _GREEN, options) + "  " + line]


def _screen(artifact: ArtifactReport, options: RenderOptions) -> list[str]:
    word = artifact.verdict.upper()
    path = _paint(shown(artifact.path, 400), _BOLD, options)
    if not artifact.sha256:
        first = f"{_paint(word, _VERDICT_COLOURS[artifact.verdict], options)}  {path}"
        return [first, *_wrapped(verdict_sentence(artifact), options, "  ", "    ")]
    facts = _paint(f"sha256 {shown(artifact.sha256)}, {size(artifact.size_bytes)}", _DIM, options)
    lines = [
        f"{_paint(word, _VERDICT_COLOURS[artifact.verdict], options)}  {path}",
        f"{' ' * len(word)}  {facts}",
        "",
    ]
    required = set(artifact.required)
    for result in artifact.layers:
        lines += _layer(result, result.layer in required, options)
    lines += _signatures(artifact, options)
    lines += _findings(artifact.findings, options)
    lines.append("")
    return lines + _wrapped(verdict_sentence(artifact), options, "  ", "    ")


def _layer(result: LayerResult, required: bool, options: RenderOptions) -> list[str]:
    mark = _MARKS[result.status][options.unicode]
    word = _STATUS_WORDS[result.status]
    why = shown(result.why, MAX_WHY)
    if required and result.status is Status.NOT_RUN:
        why = f"required, but {why}" if why else "required"
    prefix = f"  {mark} {result.layer:<11} {word:<7}  "
    lines = _wrapped(why, options, prefix, " " * len(prefix))
    colour = {Status.PASSED: _GREEN, Status.FAILED: _RED, Status.NOT_RUN: _YELLOW if required else _DIM}[
        result.status
    ]
    painted = f"  {_paint(f'{mark} {result.layer:<11} {word}', colour, options)}{' ' * (7 - len(word))}  "
    lines[0] = (painted + lines[0][len(prefix) :]).rstrip()
    return lines


def _signatures(artifact: ArtifactReport, options: RenderOptions) -> list[str]:
    """Who signed, each signer with what it said; then the evidence that nothing follows from."""
    signers: dict[tuple[str, str], dict[str, list[str]]] = {}
    for one in artifact.signed:
        if one.authentic:
            statements = signers.setdefault((who(one), run(one)), {})
            statements.setdefault(what(one), []).append(_origin(one, artifact))
    lines: list[str] = []
    for (signer, address), statements in list(signers.items())[:MAX_SHOWN_SIGNERS]:
        lines += ["", *_wrapped(f"signed by {signer}", options, "  ", "    ")]
        if address:
            lines.append(f"    run {address}")
        for statement, origins in list(statements.items())[:MAX_SHOWN_SIGNERS]:
            more = f" and {len(origins) - 3} more" if len(origins) > 3 else ""
            lines += _wrapped(statement, options, "    - ", "      ")
            lines += _wrapped(f"in {' and '.join(origins[:3])}{more}", options, "      ", "      ")
        lines += _left_out(len(statements) - MAX_SHOWN_SIGNERS, "what it signed", "    ")
    lines += _left_out(len(signers) - MAX_SHOWN_SIGNERS, "signers", "  ")
    refused = [one for one in artifact.signed if not one.authentic]
    if refused:
        lines.append("")
    for one in refused[:MAX_SHOWN_SIGNERS]:
        reasons = ", ".join(dict.fromkeys(printable(problem.id) for problem in one.problems))
        lines += _wrapped(f"not authentic: {_origin(one, artifact)} ({reasons})", options, "  ", "    ")
    return lines + _left_out(len(refused) - MAX_SHOWN_SIGNERS, "evidence that is not authentic", "  ")


def _origin(signed: Signed, artifact: ArtifactReport) -> str:
    """Where the evidence came from; `*` stands for the artifact's own path where it lies beside it."""
    beside = signed.origin.removeprefix(artifact.path)
    return f"`*{shown(beside, 120)}`" if beside != signed.origin else f"`{shown(signed.origin, 120)}`"


def _left_out(number: int, noun: str, indent: str) -> list[str]:
    if number <= 0:
        return []
    return [f"{indent}and {number:,} more ({noun}), listed by --format json"]


def _findings(findings: Iterable[JudgedFinding], options: RenderOptions) -> list[str]:
    lines: list[str] = []
    found = list(findings)
    for severity in Severity:
        group = [finding for finding in found if finding.severity is severity]
        if not group:
            continue
        lines += [
            "",
            "  " + _paint(counted(len(group), severity.value), _SEVERITY_COLOURS[severity], options),
        ]
        ids = dict.fromkeys(finding.id for finding in group)
        for finding_id in ids:
            lines += _of_one_id([finding for finding in group if finding.id == finding_id], options)
    return lines


def _of_one_id(findings: Sequence[JudgedFinding], options: RenderOptions) -> list[str]:
    """Findings that differ in subject and message only; the last may say how many were never listed."""
    left_out = max(0, len(findings) - MAX_SHOWN_PER_ID)
    listed = [*findings[: MAX_SHOWN_PER_ID - 1], findings[-1]] if left_out else findings
    name = printable(findings[0].id)
    prefix = f"    {name}  "
    lines: list[str] = []
    for finding in listed:
        usual = finding.usual_severity
        changed = f" [usually {_WEIGHTS[usual]}]" if usual is not finding.severity else ""
        subject = f"{_subject(finding.subject)}: " if finding.subject else ""
        # Continued lines stand deeper than hints, so that no name can put its own words where a hint is expected.
        block = _wrapped(f"{subject}{shown(finding.message, 600)}{changed}", options, prefix, "        ")
        block[0] = f"    {_paint(name, _BOLD, options)}  {block[0][len(prefix) :]}"
        lines += block
    if left_out:
        lines.append(f"      and {left_out:,} more of `{name}`, listed by --format json")
    return lines + _wrapped(f"hint: {printable(findings[0].hint)}", options, "      ", "            ")


def _subject(subject: str) -> str:
    """Quoted when it has a space, so that it is plain where a name ends."""
    return f"`{shown(subject)}`" if " " in subject else shown(subject)


def _changes(report: Report, options: RenderOptions) -> list[str]:
    if not report.severity_changes:
        return []
    named = ", ".join(f"`{shown(name)}` is {_WEIGHTS[new]}" for name, new in report.severity_changes.items())
    return _wrapped(f"severities changed by the policy: {named}", options, "", "  ")


def _summary(report: Report, options: RenderOptions) -> str:
    counts = [
        _paint(f"{number} {verdict.value}", _VERDICT_COLOURS[verdict], options)
        for verdict in Verdict
        if (number := sum(artifact.verdict is verdict for artifact in report.artifacts))
    ]
    return f"{counted(len(report.artifacts), 'artifact')}: {', '.join(counts)}"


def _wrapped(text: str, options: RenderOptions, first: str, rest: str) -> list[str]:
    lines = textwrap.wrap(
        text,
        width=max(options.width, 40),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first.rstrip()]


def _paint(text: str, colour: str, options: RenderOptions) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if options.colour else text
