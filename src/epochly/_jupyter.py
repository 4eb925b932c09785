"""`%load_ext epochly`, then `%%epochly [--level N] [--mode MODE] [--report]` at the top of a cell.

The cell runs as ever, and while it does, hot functions that were written in cells, or in files below the working folder, get
wrappers as `epochly run` gives them, and keep them. Only the interface of IPython that it hands to extensions is used, and
IPython is not imported. It refuses to change what a cell shows, returns or raises.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from epochly import _ambient, _api
from epochly._finder import Finder, own_files
from epochly._monitor import Sampler
from epochly._options import OptionError, options
from epochly._report import renderer
from epochly._run import report_of

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN = ("--level", "--mode", "--report")
CELLS = ("<ipython-input-", "<string>")  # how files of cells are named where they are not files


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext epochly` calls."""

    def epochly(line: str, cell: str) -> None:
        """Run a cell, compile what it can prove in it, and with `--report` say what ran where."""
        try:
            asked = options(line.split(), "%%epochly", KNOWN, plain_report=True)
        except OptionError as error:
            _ambient.say(f"{error}; hint: `%%epochly [--level N] [--mode MODE] [--report]`")
            return
        if asked.rest:
            _ambient.say(f"`%%epochly` takes no `{asked.rest[0]}`; hint: the code begins on the next line")
            return
        _watched(lambda: shell.run_cell(cell), asked.changes, report=asked.report)

    shell.register_magic_function(epochly, "cell", "epochly")


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext epochly` calls."""
    shell.magics_manager.magics["cell"].pop("epochly", None)


def _watched(cell: Callable[[], Any], changes: dict[str, Any], *, report: bool) -> None:
    session = _api.session()
    before, clock = session.config, session.outside.clock
    session.change(**changes)
    if not session.config.enabled:
        cell()
        return
    below = own_files(os.getcwd())
    begun = clock()
    finder = Finder(
        session, lambda file: file.startswith(CELLS) or _is_kernels(file) or below(file), begun_ns=begun
    )
    sampler = Sampler(finder.add)
    sampler.start()
    try:
        cell()
    finally:
        sampler.stop()
        if report:
            wall_ms = (clock() - begun) / 1e6
            _ambient.show(renderer("term")(report_of("cell", session, finder, wall_ms, {})))
        session.change(level=before.level, mode=before.mode)


def _is_kernels(file: str) -> bool:
    """Whether a file is how a kernel names a cell: `.../ipykernel_1234/56789.py`, which does not exist."""
    return os.path.basename(os.path.dirname(file)).startswith("ipykernel_")
