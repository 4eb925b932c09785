"""Whole wheels: any bytes give a report, which every format can show."""

from __future__ import annotations

from mutations import any_zip
from pipeline import assert_rendered, assert_report, judged

from epochly_verify.model import Verdict

mutate = any_zip


def one_input(data: bytes) -> None:
    """Judge the bytes as a wheel that nobody signed."""
    report = judged(data).report
    assert_report(report)
    assert_rendered(report)
    assert report.verdict is not Verdict.VERIFIED
