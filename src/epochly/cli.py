"""The command line: `run`, `explain`, `status`, `metrics`, `doctor`, `cache`, licences and `net-audit`. Decides nothing itself.

Exit codes: those of the program for `run` and `net-audit`; else 0 done, 2 usage or nothing to look at. Data goes to stdout; reports of
`run`, and all else, to stderr.
"""

from __future__ import annotations

import os
import sys
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from epochly._report import Report

USAGE = """usage: epochly run [--level N] [--mode MODE] [--report term|html|json] [--prometheus PORT]
                   (script.py | -m module) [args ...]
       epochly explain [--args LITERAL] module:function
       epochly status | metrics | doctor | cache [clear]
       epochly license ... | device ... | compatibility
       epochly net-audit [--report term|json] [--to FILE] [--by WAY] command [args ...]
       epochly telemetry ... | lens ...

run      runs a program unchanged, compiles what it can prove, and reports on stderr at the end
explain  shows a function's source with what keeps it in the interpreter; --args gives example arguments,
         such as --args '(3, 0.5)'
status   shows the settings as this environment makes them
metrics  shows what is measured; the figures of a program are in its `run --report json`
doctor   says what this Python, numba and NumPy allow
cache    says where compiled code is kept, and how much; `clear` removes it
license  shows, takes and gives back a licence; device shows what is told of this machine: `epochly license --help`
net-audit  runs a program, and lists every destination that it and its children touch: `epochly net-audit --help`
telemetry  shows what is counted and sent, and turns it on and off; lens gives signs of life: `epochly telemetry --help`
"""
EXIT_USAGE = 2
PROBE = "0" * 64  # a key that nothing has


def main(argv: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None) -> int:
    """Run a command; returns its exit code, and for `run` raises what the program raises."""
    environ = os.environ if environ is None else environ
    command, *rest = list(sys.argv[1:] if argv is None else argv) or [""]
    commands: dict[str, Callable[[list[str], Mapping[str, str]], int]] = {
        "run": _run,
        "explain": _explain,
        "status": _status,
        "metrics": _metrics,
        "doctor": _doctor,
        "cache": _cache,
        "net-audit": _net_audit,
    }
    for name in ("license", "device", "compatibility"):
        commands[name] = partial(_licensing, name)
    for name in ("telemetry", "lens"):
        commands[name] = partial(_telemetry, name)
    if command in {"-h", "--help", "help"}:
        sys.stdout.write(USAGE)
        return 0
    if command == "--version":
        from epochly import __version__  # noqa: PLC0415 - read from metadata only when asked for

        print(__version__)
        return 0
    if command not in commands:
        return _misused(f"there is no command `{command}`" if command else "a command is missing")
    if command in {"explain", "status", "metrics", "doctor", "cache"}:
        from epochly import _api  # noqa: PLC0415 - a command imports what it needs

        _api.session(telemetry=False)  # who looks is not counted
    return commands[command](rest, environ)


def _run(rest: list[str], _environ: Mapping[str, str]) -> int:
    from epochly import _api  # noqa: PLC0415 - a command imports what it needs
    from epochly._options import OptionError, options  # noqa: PLC0415
    from epochly._program import ProgramError  # noqa: PLC0415
    from epochly._report import renderer  # noqa: PLC0415
    from epochly._run import Asked, run  # noqa: PLC0415

    try:
        asked = options(rest, "run", {"--level", "--mode", "--report", "--prometheus"})
    except OptionError as error:
        return _misused(str(error))
    is_module = bool(asked.rest) and asked.rest[0] == "-m"
    rest = asked.rest[is_module:]
    if not rest or rest[0].startswith("-"):
        return _misused("`run` needs a script, or `-m` and a module")
    session = _api.session()
    session.change(**asked.changes)
    if asked.prometheus:
        _api.configure(prometheus_port=asked.prometheus)

    render = renderer(asked.form)

    def deliver(report: Report) -> None:
        try:
            sys.stderr.write(render(report))
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # the program closed stderr or took it away
            return

    try:
        run(Asked(rest[0], is_module, tuple(rest[1:])), session, deliver)
    except ProgramError as error:
        print(f"epochly: {error}", file=sys.stderr)
        return error.code
    return 0


def _explain(rest: list[str], _environ: Mapping[str, str]) -> int:
    from ast import literal_eval  # noqa: PLC0415 - a command imports what it needs

    args: tuple[Any, ...] = ()
    if rest and rest[0] == "--args" and len(rest) > 1:
        try:
            given = literal_eval(rest[1])
        except (ValueError, SyntaxError):
            return _misused(f"`{rest[1]}` is no literal such as `(3, 0.5)`")
        args = given if isinstance(given, tuple) else (given,)
        rest = rest[2:]
    if len(rest) != 1 or ":" not in rest[0]:
        return _misused("`explain` needs one `module:function`")
    name, _, path = rest[0].partition(":")
    if not sys.flags.safe_path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    from importlib import import_module  # noqa: PLC0415

    from epochly._api import explain  # noqa: PLC0415

    try:
        target: Any = import_module(name)
        for part in path.split("."):
            target = getattr(target, part)
        print(explain(target, *args))
    except (ImportError, AttributeError) as error:
        return _misused(f"`{rest[0]}` is not there: {error}")
    except TypeError as error:  # it is there, and no function
        return _misused(str(error).partition(";")[0])
    return 0


def _status(_rest: list[str], _environ: Mapping[str, str]) -> int:
    from epochly._api import get_status  # noqa: PLC0415 - a command imports what it needs

    return _table(get_status())


def _metrics(_rest: list[str], _environ: Mapping[str, str]) -> int:
    from epochly._api import get_metrics  # noqa: PLC0415 - a command imports what it needs

    return _table(get_metrics())


def _doctor(_rest: list[str], environ: Mapping[str, str]) -> int:
    from epochly import _ambient, _api  # noqa: PLC0415 - a command imports what it needs
    from epochly._compiler import Compiler  # noqa: PLC0415
    from epochly._config import NOT_BUILT  # noqa: PLC0415
    from epochly._machine import why_no_compiler  # noqa: PLC0415

    session = _api.session()
    missing = why_no_compiler(session.machine())
    compiler = session.compiler()
    if missing is None and not isinstance(compiler, Compiler):
        missing = compiler
    trouble = _written(compiler)
    elsewhere = "yes" if missing is None and session.errands() is not None else "no, needs Linux and a cache"
    _table(_api.get_status() | {name: text for name, text in environ.items() if name.startswith("EPOCHLY_")})
    _table(
        {
            "compiles": "yes" if missing is None else missing,
            "in another process": elsewhere if missing is None else "no",
            "cache is written": trouble or "yes",
            "notebooks": "yes" if _ambient.installed_version("ipython") else "no, `ipython` is not installed",
            "prometheus": "yes"
            if _ambient.installed_version("prometheus-client")
            else "no, `prometheus-client` is not installed",
        }
        | {f"level {level}": f"acts as 2: {why}" for level, why in NOT_BUILT.items()}
    )
    return 0


def _licensing(name: str, rest: list[str], environ: Mapping[str, str]) -> int:
    from epochly.licensing.cli import main as licensing  # noqa: PLC0415 - a command imports what it needs

    return licensing([name, *rest], environ)


def _net_audit(rest: list[str], environ: Mapping[str, str]) -> int:
    from epochly.net_audit.cli import main as net_audit  # noqa: PLC0415 - a command imports what it needs

    return net_audit(rest, environ)


def _telemetry(name: str, rest: list[str], environ: Mapping[str, str]) -> int:
    from epochly.telemetry.cli import main as telemetry  # noqa: PLC0415 - a command imports what it needs

    return telemetry([name, *rest], environ)


def _cache(rest: list[str], _environ: Mapping[str, str]) -> int:
    from epochly._api import session  # noqa: PLC0415 - a command imports what it needs
    from epochly._cache.store import SUFFIX, TEMPORARY  # noqa: PLC0415
    from epochly._compiler import Compiler  # noqa: PLC0415

    if rest not in ([], ["clear"]):
        return _misused(f"`cache` takes no `{rest[0]}`, only `clear`")
    compiler = session().compiler()
    if not isinstance(compiler, Compiler):
        print(compiler)
        return 0
    folder = getattr(compiler.store, "folder", None)
    if folder is None:
        print(f"every process compiles anew: {compiler.store.reason}")
        return 0
    if rest:
        names = [name for name in os.listdir(folder) if name.endswith((SUFFIX, TEMPORARY))]
        for name in names:
            os.unlink(os.path.join(folder, name))
        print(f"{folder}: {len(names)} entries removed")
        return 0
    with os.scandir(folder) as entries:
        sizes = [each.stat(follow_symlinks=False).st_size for each in entries if each.name.endswith(SUFFIX)]
    print(
        f"{folder}: {len(sizes)} entries, {sum(sizes) / 1e6:.1f} MB; hint: `epochly cache clear` empties it"
    )
    trouble = _written(compiler)
    if trouble:
        print(trouble)
    return 0


def _written(compiler: Any) -> str:
    """Why the cache cannot be written, found by writing to it; empty where it can."""
    store: Any = getattr(compiler, "store", None)
    if not hasattr(store, "put"):
        return str(getattr(store, "reason", "there is none"))
    store.put(PROBE, b"{}")
    store.drop(PROBE)
    return str(store.trouble)


def _table(values: Mapping[str, Any]) -> int:
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {value}")
    return 0


def _misused(message: str) -> int:
    print(f"epochly: {message}; hint: see `epochly --help`", file=sys.stderr)
    return EXIT_USAGE
