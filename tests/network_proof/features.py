"""A program that uses every feature of epochly that anybody has without a licence, and the settings it is run under."""

from __future__ import annotations

from itertools import product

MODULE = '''
import sys


def total(n):
    """Some arithmetic that gets compiled."""
    found = 0
    for each in range(n):
        found += each * each % 7
    return found


if __name__ == "__main__":
    print(total(int(sys.argv[1])))
'''
FEATURES = {
    "import": "import epochly",
    "optimize": "import app, epochly\nfast = epochly.optimize(app.total)\nassert [fast(200_000) for _ in range(5)][0] == app.total(200_000)",
    "context": "import app, epochly\nwith epochly.optimize_context():\n    app.total(200_000)",
    "threads": "import app, epochly\nassert list(epochly.threads(app.total, [1, 2, 3])) == [0, 1, 5]",
    "levels": "import epochly\nepochly.set_level(4)\nepochly.configure(level=1)\nepochly.get_status(), epochly.get_metrics(), epochly.stats()",
    "explain": "import app, epochly\nstr(epochly.explain(app.total, 5))",
    "run": "command('run', 'app.py', '200000')",
    "commands": "\n".join(
        f"command({words!r})"
        for words in ("explain app:total", "status", "metrics", "doctor", "cache", "cache clear", "--help")
    ),
    "licence": "command('license status')\ncommand('device show')\ncommand('license --help')",
    "telemetry": "\n".join(
        f"command('telemetry {word}')"
        for word in ("status", "show", "preview", "verify", "schema", "off", "on", "delete")
    )
    + "\ncommand('lens status')",
}
COMMAND = """
import contextlib, io, sys
def command(*words):
    from epochly.cli import main
    words = words if len(words) > 1 else words[0].split()
    kept = list(sys.argv)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main(words)
    sys.argv[:] = kept
"""
SWITCHES = {
    "EPOCHLY_OFFLINE_MODE": "1",
    "EPOCHLY_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "EPOCHLY_TELEMETRY": "0",
    "EPOCHLY_TELEMETRY_OPT_IN": "1",
}


def combinations():
    """Every way of setting the switches: 32 environments."""
    for chosen in product((False, True), repeat=len(SWITCHES)):
        yield {name: SWITCHES[name] for name, is_set in zip(SWITCHES, chosen, strict=True) if is_set}
