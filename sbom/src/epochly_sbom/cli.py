"""The command line: arguments in, an SBOM or a difference out, exit codes. Decides nothing itself.

Exit codes: 0 done (for `diff`: no difference), 1 refused, failed or different, 2 usage or unreadable input, 70 our own
bug. Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import zlib
from typing import TYPE_CHECKING, NoReturn

from epochly_sbom.errors import InputError, RefusedError, SbomError
from epochly_sbom.model import Options
from epochly_sbom.world import Machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_sbom.model import Lock, Wheel
    from epochly_sbom.world import World

EXIT_REFUSED, EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED = 1, 2, 70, 130
MAX_WHEEL_BYTES = 4 * 1024**3  # bytes; the largest real wheels have 1.5 GiB
MAX_TEXT_BYTES = 64 * 1024**2  # bytes of a lock or an SBOM; the largest seen have under 10 MiB
MAX_EPOCH = 253_402_300_799  # seconds; the end of the year 9999, the last that RFC 3339 can tell


def main(
    argv: Sequence[str] | None = None, *, environ: Mapping[str, str] | None = None, world: World | None = None
) -> int:
    """Run the command; returns the exit code."""
    environ = os.environ if environ is None else environ
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        options = _parser().parse_args(arguments)
        status: int = options.run(options, environ, world or Machine(dict(environ)))
        sys.stdout.flush()
    except SbomError as error:
        return _complain(str(error), EXIT_REFUSED if isinstance(error, RefusedError) else EXIT_USAGE)
    except BrokenPipeError:  # the reader went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - our own bug must not look like a refusal
        return _bug(error)
    return status


def _wheel(options: argparse.Namespace, environ: Mapping[str, str], world: World) -> int:
    from epochly_sbom.describe import wheel_sbom  # noqa: PLC0415 - the library costs start-up time

    wheel = _read_wheel(options.wheel, world)
    text = wheel_sbom(wheel, _options(options, environ), _lock(options.lock, world))
    return _out(text, options.output, world)


def _embed(options: argparse.Namespace, environ: Mapping[str, str], world: World) -> int:
    from epochly_sbom.embed import embed  # noqa: PLC0415 - the library costs start-up time

    wheel = _read_wheel(options.wheel, world)
    lock = _lock(options.lock, world)
    try:
        data = embed(wheel, _options(options, environ), lock, name=options.name)
    except ValueError as error:
        raise InputError("--name", str(error), "give a file name such as `demo.cdx.json`") from error
    folder = os.path.dirname(options.wheel) if options.directory is None else options.directory
    path = os.path.join(folder, wheel.filename)
    world.write(path, data)
    print(f"{hashlib.sha256(data).hexdigest()}  {path}")
    return 0


def _diff(options: argparse.Namespace, _: Mapping[str, str], world: World) -> int:
    from epochly_sbom.compare import as_json, as_text, compare, parts_of_sbom  # noqa: PLC0415 - as above

    before, after = (
        parts_of_sbom(world.read(path, MAX_TEXT_BYTES), path) for path in (options.before, options.after)
    )
    difference = compare(before, after)
    sys.stdout.write(as_json(difference) if options.format == "json" else as_text(difference))
    return 0 if difference.same else EXIT_REFUSED


def _environment(options: argparse.Namespace, environ: Mapping[str, str], world: World) -> int:
    from epochly_sbom.environment import environment_sbom  # noqa: PLC0415 - as above

    text = environment_sbom(
        world,
        _options(options, environ),
        tool=(sys.executable, "-m", "cyclonedx_py"),
        python=options.python,
        local=(sys.prefix, sys.base_prefix, os.getcwd(), os.path.expanduser("~")),
    )
    return _out(text, options.output, world)


def _read_wheel(path: str, world: World) -> Wheel:
    from epochly_sbom.parse.archive import parse_wheel  # noqa: PLC0415 - as above

    return parse_wheel(world.read(path, MAX_WHEEL_BYTES), os.path.basename(path))


def _lock(path: str | None, world: World) -> Lock | None:
    if path is None:
        return None
    from epochly_sbom.parse.lock import parse_lock  # noqa: PLC0415 - as above

    return parse_lock(world.read(path, MAX_TEXT_BYTES), path)


def _out(text: str, path: str | None, world: World) -> int:
    if path is None:
        sys.stdout.write(text)  # ASCII, so the terminal's encoding does not matter
    else:
        world.write(path, text.encode())
    return 0


def _options(options: argparse.Namespace, environ: Mapping[str, str]) -> Options:
    from epochly_sbom import __version__  # noqa: PLC0415 - read from the installed metadata when asked for

    given = options.epoch if options.epoch is not None else environ.get("SOURCE_DATE_EPOCH") or None
    where = "SOURCE_DATE_EPOCH" if options.epoch is None else "--epoch"
    epoch = None
    if given is not None:
        if not (given.isascii() and given.isdigit() and len(given) < 13) or int(given) > MAX_EPOCH:
            raise InputError(where, "is no number of seconds since 1970", "e.g. `git log -1 --pretty=%ct`")
        epoch = int(given)
    return Options(
        tool_version=__version__,
        epoch=epoch,
        spec_version=options.spec_version,
        author=options.author,
        supplier=getattr(options, "supplier", ""),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="epochly-sbom", description="Says what is in a wheel.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--spec-version", choices=("1.6", "1.7"), default="1.6", help="of CycloneDX")
    shared.add_argument("--epoch", metavar="SECONDS", help="timestamp; default SOURCE_DATE_EPOCH, else none")
    shared.add_argument("--author", default="", help="who makes the SBOM (default: this tool)")
    of_wheel = argparse.ArgumentParser(add_help=False)
    of_wheel.add_argument("wheel", metavar="WHEEL")
    of_wheel.add_argument("--lock", metavar="FILE", help="requirements.txt with hashes, or pylock.toml")
    of_wheel.add_argument("--supplier", default="", help="of the wheel (default: what METADATA says)")
    to_file = argparse.ArgumentParser(add_help=False)
    to_file.add_argument("-o", "--output", metavar="FILE", help="instead of stdout")

    def command(
        name: str, run: object, about: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=parents, help=about, description=about, allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    command("wheel", _wheel, "write the SBOM of a wheel", of_wheel, shared, to_file)
    embed = command("embed", _embed, "put an SBOM into a wheel", of_wheel, shared)
    embed.add_argument("-o", "--directory", metavar="DIR", help="write there instead of in place")
    embed.add_argument("--name", default="", help="file name of the SBOM (default: PROJECT.cdx.json)")
    diff = command("diff", _diff, "compare two SBOMs; exit code 1 when they differ")
    diff.add_argument("before", metavar="A")
    diff.add_argument("after", metavar="B")
    diff.add_argument("--format", choices=("text", "json"), default="text")
    about = "write the SBOM of a Python environment"
    environment = command("environment", _environment, about, shared, to_file)
    environment.add_argument(
        "python", metavar="PYTHON", nargs="?", default="", help="interpreter or folder (default: this one)"
    )
    return parser


class _Version(argparse.Action):
    """`--version`, which reads the installed metadata only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from epochly_sbom import __version__  # noqa: PLC0415 - as above

        print(f"epochly-sbom {__version__}")
        parser.exit()


def _complain(message: str, status: int) -> int:
    print(f"epochly-sbom: {message}", file=sys.stderr)
    return status


def _bug(error: Exception) -> int:
    """One line with an id made from the kind of error and the place, never a traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"
    what = f"{type(error).__name__} in {place}"
    number = f"{zlib.crc32(what.encode()):08x}"
    hint = "please report it with this id and the input"
    return _complain(f"internal error {number} ({what}); hint: {hint}", EXIT_BUG)
