"""`epochly telemetry` and `epochly lens`: arguments in, files looked at, lines out. Decides nothing itself.

Exit codes: 0 done, 1 it did not come to that (the line says why and what to do), 2 usage. Data goes to stdout, all else to stderr. Nothing here
connects anywhere but `verify --online` and `lens login` and `lens status`, which say so. It refuses to show a key.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from epochly.licensing.state import StateProblem
from epochly.net.base_url import VARIABLE, BaseUrlError
from epochly.telemetry import limits, log, post, world
from epochly.telemetry.batch import DAY_S, digest_of
from epochly.telemetry.files import LOG, NOTICE, SEED, SENDINGS, SPOOL, SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.telemetry.files import Files

USAGE = """usage: epochly telemetry status | preview | show | verify [--online] | schema | on | off | delete
       epochly lens login [KEY] | logout | status

telemetry, how epochly fares on this machine:
  status   says whether anything is collected, why, what waits, and where it is kept
  preview  shows the next request: method, address, headers, and the body byte for byte
  show     shows every body that was sent from here, one a line
  verify   checks that the log is whole and its receipts are real; --online asks the service for its day's root too
  schema   shows what can be sent at all, as JSON Schema
  on, off  say for good whether to collect; off removes what waits, and ends Lens too
  delete   removes log, queue, and the random bytes behind the installation's id

lens, signs of life for an account that gave you a key; only under EPOCHLY_TELEMETRY_OPT_IN=1:
  login    asks the service whose the key is, and keeps it: in the desktop's keyring, else in a file that you alone can read
  logout   forgets it
  status   says whether signs of life are given, why not, and for which account

A key for Lens is taken from EPOCHLY_LENS_KEY, or read from stdin; as an argument, other users of this machine can see it.
"""
DONE, NOT_DONE, MISUSED = 0, 1, 2


class Usage(Exception):  # noqa: N818 - the line for who typed it
    """What is wrong with the words of a command."""


def main(words: list[str], environ: Mapping[str, str]) -> int:
    """Run `telemetry ...` or `lens ...`; returns the exit code."""
    from epochly.telemetry import lens_cli  # noqa: PLC0415 - it takes its words from here

    commands: dict[str, Callable[[Files, list[str], Mapping[str, str]], int]] = {
        "telemetry status": _status,
        "telemetry preview": _preview,
        "telemetry show": _show,
        "telemetry verify": _verify,
        "telemetry schema": _schema,
        "telemetry on": _on,
        "telemetry off": _off,
        "telemetry delete": _delete,
        "lens login": lens_cli.login,
        "lens logout": lens_cli.logout,
        "lens status": lens_cli.status,
    }
    command = " ".join(words[:2])
    if words[1:2] == ["help"] or {"-h", "--help"} & set(words[1:]):
        sys.stdout.write(USAGE)
        return DONE
    try:
        if command not in commands:
            raise Usage(
                f"there is no command `{command}`" if words[1:] else f"`{command}` needs another word"
            )
        files = world.files_in(environ)
        if files is None:
            say(
                "there is no folder to keep anything in; hint: give `EPOCHLY_STATE_DIR` the absolute path of one"
            )
            return NOT_DONE
        return commands[command](files, words[2:], environ)
    except Usage as error:
        say(f"{error}; hint: see `epochly telemetry --help`")
        return MISUSED
    except (StateProblem, BaseUrlError) as problem:
        say(str(problem))
        return NOT_DONE
    except OSError as error:
        say(
            f"the files of telemetry cannot be used: {error.strerror or error}; hint: see `epochly telemetry status`"
        )
        return NOT_DONE
    except KeyboardInterrupt:
        say("interrupted")
        return NOT_DONE


def _status(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    none(rest, "status")
    trouble = world.trouble_in(environ)
    consent = world.consent_in(environ, files, trouble)
    now = int(time.time())
    sizes = files.inside(SPOOL).sizes()
    sendings = post.sendings_in(files)
    today = sendings.sent if sendings.day == now // DAY_S else 0
    logged = files.inside(LOG).sizes()
    wait = limits.wait_s(sendings, now)
    table(
        {
            "telemetry": "on" if consent.on else "off",
            "because": consent.why,
            "notice": "shown"
            if files.read(NOTICE) is not None
            else "not shown yet, so nothing was collected",
            "waiting": f"{_number(len(sizes), 'batch', 'batches')}, {_bytes(sizes)}",
            "sent today": f"{today} of {limits.MOST_A_DAY} batches",
            "next": "nothing is sent"
            if not consent.on
            else f"in {wait} s at the earliest"
            if wait
            else "when a program runs",
            "log": f"{_number(len(logged), 'file', 'files')}, {_bytes(logged)}",
            "kept in": files.path,
        }
    )
    return DONE


def _preview(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    none(rest, "preview")
    from epochly import __version__ as version  # noqa: PLC0415 - read from metadata only when needed
    from epochly.net import gateway  # noqa: PLC0415 - for the very headers that it would send
    from epochly.net.base_url import base_url  # noqa: PLC0415
    from epochly.net.endpoints import ENDPOINTS  # noqa: PLC0415

    consent = world.consent_in(environ, files, world.trouble_in(environ))
    if not consent.on:
        say(f"telemetry is off, nothing is sent: {consent.why}")
    found, _ = post.next_in(files, world.tripwire_in(environ).fires_at, int(time.time()))
    if found is None:
        say("nothing waits to be sent; hint: run a program with epochly in it")
        return DONE
    base, endpoint = base_url(environ), ENDPOINTS[found.endpoint]
    headers = gateway.headers_of(gateway.Request(endpoint, found.body), base, version)
    for line in (
        f"{endpoint.method} {endpoint.url(base)}",
        *(f"{name}: {value}" for name, value in headers),
        "",
    ):
        say(line, plain=True)
    sys.stdout.write(found.body.decode() + "\n")
    return DONE


def _show(files: Files, rest: list[str], _environ: Mapping[str, str]) -> int:
    none(rest, "show")
    count = received = 0
    for at, base, endpoint, body, has_receipt in log.bodies(post.log_of(files)):
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
        say(f"{when} to {base}, {endpoint}, {'received' if has_receipt else 'no receipt'}", plain=True)
        sys.stdout.write(body.decode() + "\n")
        count, received = count + 1, received + has_receipt
    say(
        f"{_number(count, 'batch was', 'batches were')} sent, {received} with a receipt; what waits is in `epochly telemetry preview`"
    )
    return DONE


def _verify(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    if rest not in ([], ["--online"]):
        raise Usage(f"`verify` takes no `{rest[0]}`, only `--online`")
    judge, elsewhere = _judge(environ)
    logged = post.log_of(files)
    found = log.verify(logged, post.sendings_in(files).head, judge)
    if found.wrong:
        say(f"the log is not whole: {found.wrong}; hint: `epochly telemetry show` shows what is left")
        return NOT_DONE
    checked = found.receipts - len(elsewhere)
    counted = (
        _number(found.lines, "line", "lines"),
        _number(found.batches, "batch", "batches"),
        _number(checked, "receipt", "receipts"),
    )
    show(f"{', '.join(counted)}: the log is whole")
    if elsewhere:  # not checked is not passed
        say(
            f"{_number(len(elsewhere), 'receipt', 'receipts')} could not be checked: no root key of the service is known here; "
            f"hint: give `{VARIABLE}` and `EPOCHLY_ROOT_KEY` as they were"
        )
        return NOT_DONE
    if rest:
        from epochly.telemetry.online import included  # noqa: PLC0415 - only who asks pays for it

        told, bad = included(logged, environ)
        show(told)
        return NOT_DONE if bad else DONE
    return DONE


def _judge(environ: Mapping[str, str]) -> tuple[Callable[[str, str, str, bytes], str], set[str]]:
    """What judges receipts, and digests of batches whose receipts it cannot judge: nobody speaks for their service here."""
    from epochly.telemetry import receipts  # noqa: PLC0415

    elsewhere: set[str] = set()
    try:
        base, roots = world.believed(environ)
    except (StateProblem, BaseUrlError):
        base, roots = None, {}

    def judge(sent_to: str, keyset: str, receipt: str, body: bytes) -> str:
        if base is None or sent_to != str(base):
            elsewhere.add(digest_of(body))
            return ""
        return receipts.fault(receipts.Service(sent_to, roots), keyset, "", receipt, body)

    return judge, elsewhere


def _schema(_files: Files, rest: list[str], _environ: Mapping[str, str]) -> int:
    none(rest, "schema")
    from importlib.resources import files as resources  # noqa: PLC0415 - only who asks pays for it

    sys.stdout.write(resources("epochly.telemetry").joinpath("schema.json").read_text("utf-8"))
    return DONE


def _on(files: Files, rest: list[str], environ: Mapping[str, str]) -> int:
    none(rest, "on")
    files.write(SWITCH, b"on\n")
    consent = world.consent_in(environ, files, world.trouble_in(environ))
    say("telemetry is on" if consent.on else f"this is noted, and telemetry stays off: {consent.why}")
    return DONE


def _off(files: Files, rest: list[str], _environ: Mapping[str, str]) -> int:
    none(rest, "off")
    files.write(SWITCH, b"off\n")
    say(
        f"telemetry is off; removed: {_number(world.remove_what_waits(files), 'batch', 'batches')} that waited"
    )
    return DONE


def _delete(files: Files, rest: list[str], _environ: Mapping[str, str]) -> int:
    none(rest, "delete")
    with files.held() as held:
        if not held:
            say("a program is sending just now; hint: try again")
            return NOT_DONE
        waiting, logged = world.remove_what_waits(files), world.remove_log(files)
        for name in (SEED, SENDINGS):
            files.remove(name)
    say(
        f"removed: {_number(waiting, 'batch', 'batches')} that waited, {_number(logged, 'file', 'files')} of the log; "
        "the next id has nothing to do with the last"
    )
    return DONE


def none(rest: list[str], command: str) -> None:
    """Nothing, where there are no more words. Raises `Usage`."""
    if rest:
        raise Usage(f"`{command}` takes no `{rest[0]}`")


def _number(count: int, one: str, more: str) -> str:
    """A number with its noun."""
    return f"{count:,} {one if count == 1 else more}"


def _bytes(sizes: Mapping[str, tuple[int, int]]) -> str:
    """How much files have together."""
    return _number(sum(size for size, _ in sizes.values()), "byte", "bytes")


def table(values: Mapping[str, str]) -> None:
    """Rows to stdout."""
    width = max(map(len, values))
    for name, value in values.items():
        sys.stdout.write(f"{name:<{width}}  {value}\n")


def show(text: str) -> None:
    """A line to stdout."""
    sys.stdout.write(text + "\n")


def say(line: str, *, plain: bool = False) -> None:
    """A line to stderr."""
    print(line if plain else f"epochly: {line}", file=sys.stderr)
