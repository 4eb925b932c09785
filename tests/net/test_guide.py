"""The page on what leaves the machine says what the code does: its examples, its lists, its numbers."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from epochly.net import gateway, privacy
from epochly.net.endpoints import ENDPOINTS
from epochly.net.privacy import Blocked, PrivacyClass, allowed

GUIDE = (Path(__file__).parents[2] / "docs/guide/network.md").read_text("utf-8")


def rows(heading):
    """The cells of the table under a heading's line."""
    lines = GUIDE.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_examples_print_what_stands_below_them():
    """What a reader copies works, and prints what the page says."""
    found = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", GUIDE, re.DOTALL)
    assert len(found) == 2
    for code, printed in found:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "network.md", "exec"), {})
        assert out.getvalue() == printed


def test_requests_are_the_list_of_the_code():
    """Each endpoint stands in the page once, and no other."""
    named = [name for cells in rows("| request | when |") for name in re.findall(r"`([a-z-]+)`", cells[0])]
    assert sorted(named) == sorted(ENDPOINTS)


def test_settings_stop_what_the_page_says():
    """Each variable of the table, set as the table says, stops what the table says and no more."""
    table = rows("| variable | read as set |")
    variables = {
        privacy.OFFLINE,
        privacy.DISABLE_TELEMETRY,
        privacy.DO_NOT_TRACK,
        privacy.TELEMETRY,
        privacy.OPT_IN,
    }
    assert {cells[0].strip("`") for cells in table} == variables
    for variable, value, stops in table:
        name = variable.strip("`")
        for cls in PrivacyClass:
            environ = {privacy.OPT_IN: "1", name: value[0] if value[0] in "01" else "2"}
            stopped = isinstance(allowed(cls, environ), Blocked)
            assert stopped is ("everything" in stops or cls.value in stops.lower()), (name, cls)


def test_numbers_are_those_of_the_code():
    """Seconds and sizes on the page are the defaults."""
    assert (
        f"A connection has {gateway.Limits().connect_s:g} seconds, a request {gateway.Limits().total_s:g} seconds in all"
        in GUIDE
    )
    assert f"an\nanswer {gateway.MOST_HEARD // 1024} KiB" in GUIDE
