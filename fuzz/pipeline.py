"""From bytes to a report without a file system, and what must hold of every parser, report and rendering."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from specimens import POLICY, public_good

from epochly_verify.api import Trust, authenticated
from epochly_verify.errors import InputError, VerifyError
from epochly_verify.findings import catalogue
from epochly_verify.limits import DEFAULT
from epochly_verify.model import ArtifactKind, Evidence, Finding, Layer, Status, Verdict
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.digests import digest_source
from epochly_verify.parse.fields import Refusal
from epochly_verify.parse.source import BytesSource
from epochly_verify.render import FORMATS, RenderOptions
from epochly_verify.run import judge, summarise

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "spec" / "report-v1.schema.json"
OPTIONS = RenderOptions(now=datetime(2026, 1, 1, tzinfo=UTC), version="0")
WHEEL = "demo_pkg-1.0-py3-none-any.whl"
SDIST = "demo_pkg-1.0.tar.gz"


class CountedSource(BytesSource):
    """Bytes that count how often and how much of them is read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = 0
        self.bytes_read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`, counted."""
        found = super().read_at(offset, length)
        self.reads += 1
        self.bytes_read += len(found)
        return found


@dataclass(frozen=True)
class Judged:
    """A report, with what reading the artifact took."""

    report: object
    source: CountedSource


def judged(data, filename=WHEEL, *, attached=(), policy=POLICY, root=None, limits=DEFAULT) -> Judged:
    """Everything `examine` does, over bytes."""
    source = CountedSource(data)
    kind = ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST
    archive = read_archive(source, filename, limits)
    evidence = Evidence(
        path=filename,
        filename=filename,
        kind=kind,
        size_bytes=len(data),
        digests=digest_source(BytesSource(data), ("sha256",)),
        archive=archive,
        attached=tuple(attached),
    )
    return Judged(judge(authenticated(evidence, policy, Trust(root or public_good())), policy), source)


def judged_within(seconds, data, filename=WHEEL, **more) -> Judged:
    """The judgement, which took no more of the processor's time than that."""
    before = time.process_time()
    found = judged(data, filename, **more)
    spent = time.process_time() - before
    assert spent < seconds, f"took {spent:.1f} s, expected less than {seconds}"
    assert_report(found.report)
    return found


def parsed(parse, *arguments):
    """What a parser makes of its input; `None` when it refuses with one of the two errors a parser may raise."""
    try:
        return parse(*arguments)
    except InputError as error:
        assert_error(error)
    except Refusal as refusal:
        assert_findings([refusal.finding])
    return None


def assert_error(error: VerifyError) -> None:
    """An error says what and where in one line that prints, and what to do."""
    assert all((error.code, error.where, error.message, error.hint))
    assert str(error).isprintable(), str(error)


def assert_findings(findings, *layers: Layer) -> None:
    """Every finding is one the catalogue knows, of the layers named, and can be shown to a person."""
    for finding in findings:
        assert isinstance(finding, Finding)
        layer, _ = catalogue()[finding.id]
        assert not layers or layer in layers, finding
        assert finding.message
        assert finding.message.isprintable(), finding


def assert_report(report) -> None:
    """The report answers for every layer, once, and its verdict follows from them."""
    assert [result.layer for result in report.layers] == list(Layer)
    failed = {result.layer for result in report.layers if result.status is Status.FAILED}
    passed = {result.layer for result in report.layers if result.status is Status.PASSED}
    assert failed == {f.layer for f in report.findings if f.severity == "error"}
    assert (report.verdict is Verdict.REJECTED) == bool(failed)
    assert report.verdict is not Verdict.VERIFIED or set(report.required) <= passed
    assert all(result.why or result.status is Status.PASSED for result in report.layers)


def assert_rendered(report) -> None:
    """Every format takes the report; JSON is valid by its schema and says the same verdict."""
    whole = summarise((report,), POLICY)
    texts = {name: render(whole, OPTIONS) for name, render in FORMATS.items()}
    for name, text in texts.items():
        text.encode()
        assert all(c.isprintable() or c == "\n" for c in text), name
    document = json.loads(texts["json"])
    validator().validate(document)
    assert document["verdict"] == report.verdict
    for name in ("sarif", "vsa"):
        json.loads(texts[name])


@cache
def validator():
    """The validator of the published report schema."""
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))
