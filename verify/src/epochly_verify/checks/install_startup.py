"""Part of layer `install`: what runs whenever Python starts in an environment that has the wheel.

Three ways in: `.pth` files directly in site-packages, whose `import` lines `site` executes; `.start` files, which
name functions that Python 3.15 and later calls; and modules called `sitecustomize` or `usercustomize`.

Specification: the `site` module's documentation, PEP 829. Attack: litellm 1.82.8, MITRE ATT&CK T1546.018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.limits import KIB
from epochly_verify.model import Finding
from epochly_verify.parse.onelinecode import hidden_in
from epochly_verify.parse.pth import declares_namespace, leaves_site_packages, parse_pth
from epochly_verify.parse.quote import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_verify.parse.installplan import InstallPlan, Placed
    from epochly_verify.parse.pth import PthLine

MAX_FILES = 20  # `.pth` files in one wheel; the most seen in an honest one is 1
MAX_BYTES = 64 * KIB  # bytes of one `.pth` file; the largest seen in an honest one has 2 KiB
MAX_LINES = 50  # executed lines examined in one file; the most seen in an honest one is 3
_CUSTOMIZE = ("sitecustomize", "usercustomize")
_LINE_SHOWN = 100  # characters of a line in a message
HOOKS = frozenset(
    {"pth-executes-code", "pth-obfuscated-code", "start-file-runs-code", "sitecustomize-installed"}
)


def startup_findings(plan: InstallPlan) -> Iterator[Finding]:
    """Everything in the wheel that the start of Python would run, or that would extend its path to elsewhere."""
    beside = [placed for placed in plan.site if placed.top_level]
    pth_files = [placed for placed in beside if placed.path.endswith(".pth")]
    for placed in pth_files[:MAX_FILES]:
        yield from _pth(placed)
    if len(pth_files) > MAX_FILES:
        message = (
            f"is one of {len(pth_files)} `.pth` files, expected at most {MAX_FILES}; the rest were not read"
        )
        yield Finding("pth-obfuscated-code", pth_files[MAX_FILES].member.name, message)
    for placed in beside:
        if placed.path.endswith(".start"):
            yield _start(placed)
    for name in _CUSTOMIZE:
        for placed in plan.top_levels.get(name, ())[:1]:
            message = f"Python imports `{name}` whenever it starts"
            yield Finding("sitecustomize-installed", placed.member.name, message)


def _pth(placed: Placed) -> Iterator[Finding]:
    subject = placed.member.name
    if placed.member.content is None:
        message = "could not be read, and Python executes lines of it at every start"
        yield Finding("pth-obfuscated-code", subject, message)
        return
    if len(placed.member.content) > MAX_BYTES:
        message = f"has {len(placed.member.content)} bytes, expected at most {MAX_BYTES}; it was not read"
        yield Finding("pth-obfuscated-code", subject, message)
        return
    pth = parse_pth(placed.member.content)
    code = [line for line in pth.lines if line.executed]
    if pth.undecodable and code:
        message = "is not UTF-8, so what Python executes depends on the machine"
        yield Finding("pth-obfuscated-code", subject, message)
    if len(code) > MAX_LINES:
        yield Finding(
            "pth-obfuscated-code", subject, f"has {len(code)} executed lines, expected at most {MAX_LINES}"
        )
        code = code[:MAX_LINES]
    namespaces = [line for line in code if declares_namespace(line.text)]
    plain = [line for line in code if line not in namespaces]
    obfuscated = [(line, hidden) for line in plain if (hidden := hidden_in(line.text))]
    if obfuscated:
        line, hidden = obfuscated[0]
        yield Finding(
            "pth-obfuscated-code",
            subject,
            f"line {line.number}, executed at every start, {hidden}: {_shown(line)}",
        )
    elif plain:
        yield Finding(
            "pth-executes-code",
            subject,
            f"line {plain[0].number} is executed at every start: {_shown(plain[0])}",
        )
    elif namespaces:
        yield Finding(
            "pth-namespace", subject, "declares a namespace package at every start, as old setuptools does"
        )
    outside = [line for line in pth.lines if not line.executed and leaves_site_packages(line.text)]
    if outside:
        message = f"line {outside[0].number} puts a folder outside site-packages on the import path: {_shown(outside[0])}"
        yield Finding("pth-path-outside", subject, message)


def _start(placed: Placed) -> Finding:
    named = "functions"
    if placed.member.content is not None:
        text = placed.member.content.decode("utf-8-sig", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        named = quoted(lines[0], most=_LINE_SHOWN) if lines else "nothing yet"
    return Finding(
        "start-file-runs-code", placed.member.name, f"Python 3.15 and later calls {named} at every start"
    )


def _shown(line: PthLine) -> str:
    return quoted(line.text, most=_LINE_SHOWN)
