"""Names of artifacts and of members: a value or a `ValueError`, and findings for any name."""

from __future__ import annotations

from contextlib import suppress

from mutations import any_lines
from pipeline import assert_findings

from epochly_verify.model import Layer
from epochly_verify.parse.filename import kind_from_filename, parse_filename, project_from_filename
from epochly_verify.parse.paths import collision_findings, name_findings, reach_from_filename, shown

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read the first line as an artifact's name, and all lines as members'."""
    names = data.decode("utf-8", "surrogateescape").split("\n")
    kind_from_filename(names[0])
    project_from_filename(names[0])
    with suppress(ValueError):
        parse_filename(names[0])
    reach = reach_from_filename(names[0])
    for name in names:
        assert shown(name).isprintable()
        assert_findings(name_findings(name, reach, 4096), Layer.ARCHIVE)
    assert_findings(collision_findings(names, reach), Layer.ARCHIVE)
