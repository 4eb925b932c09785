"""What lies in a wheel, in an archive without fault: any files give a report.

The input is a list of files, each a line `=== NAME` and its content.
"""

from __future__ import annotations

import io
import warnings
import zipfile

from mutations import any_lines
from pipeline import assert_rendered, assert_report, judged

mutate = any_lines


def one_input(data: bytes) -> None:
    """Pack the files, and judge the wheel."""
    report = judged(packed(data)).report
    assert_report(report)
    assert_rendered(report)


def packed(data: bytes) -> bytes:
    """A ZIP of the files that the input lists."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name may stand twice
        for part in data.removeprefix(b"=== ").split(b"\n=== "):
            name, _, content = part.partition(b"\n")
            archive.writestr(name[:300].decode("utf-8", "replace").replace("\0", "0") or "x", content)
    return raw.getvalue()
