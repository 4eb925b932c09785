"""Whole sdists: any bytes give a report, which every format can show."""

from __future__ import annotations

from mutations import any_tar
from pipeline import SDIST, assert_rendered, assert_report, judged

from epochly_verify.model import Verdict

mutate = any_tar


def one_input(data: bytes) -> None:
    """Judge the bytes as an sdist that nobody signed."""
    report = judged(data, SDIST).report
    assert_report(report)
    assert_rendered(report)
    assert report.verdict is not Verdict.VERIFIED
