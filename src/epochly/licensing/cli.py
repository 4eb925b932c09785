"""`epochly license`, `epochly device` and `epochly compatibility`: arguments in, a session asked, lines out. Decides nothing itself.

Exit codes: 0 done, 1 it did not come to that (the line says why and what to do), 2 usage. Data goes to stdout, all else to
stderr. It refuses to show a licence key.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from epochly.licensing import licence_key, words
from epochly.licensing.answers import Granted, Released, plain
from epochly.licensing.device import identified
from epochly.licensing.held import is_device_id
from epochly.licensing.session import RAW
from epochly.licensing.state import StateProblem
from epochly.licensing.world import session_here
from epochly.net.messages import Compatibility, Listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly.licensing.answers import Answer
    from epochly.licensing.session import Session

USAGE = """usage: epochly license status | refresh | trial | devices | release [DEVICE | --forget]
       epochly license activate [KEY] | transfer DEVICE [KEY] | checkout DAYS
       epochly device show [--raw] | rekey [--anyway]
       epochly compatibility

A key is taken from EPOCHLY_LICENSE_KEY, or read from stdin; as an argument, other users of this machine can see it.
"""
KEY_VARIABLE = "EPOCHLY_LICENSE_KEY"
NOTHING_HELD = "nothing is held here any more"
DONE, NOT_DONE, MISUSED = 0, 1, 2
MOST_DAYS = 30


class Usage(Exception):  # noqa: N818 - the line for who typed it
    """What is wrong with the words of a command."""


def main(words_given: list[str], environ: Mapping[str, str]) -> int:
    """Run `license ...`, `device ...` or `compatibility`; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path that the terminal cannot show is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _done(words_given, environ)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_DONE
    return code


def _done(words_given: list[str], environ: Mapping[str, str]) -> int:
    command = " ".join(words_given[:2])
    commands: dict[str, Callable[[Session, list[str]], int]] = {
        "license status": _status,
        "license refresh": _refresh,
        "license activate": _activate,
        "license trial": _trial,
        "license release": _release,
        "license checkout": _checkout,
        "license devices": _devices,
        "license transfer": _transfer,
        "device show": _show,
        "device rekey": _rekey,
    }
    if words_given[1:2] in (["-h"], ["--help"], ["help"]):
        sys.stdout.write(USAGE)
        return DONE
    try:
        if words_given[0] == "compatibility":
            return _run(_compatibility, words_given[1:], environ)
        if command not in commands:
            raise Usage(
                f"there is no command `{plain(command)}`"
                if words_given[1:]
                else f"`{command}` needs another word"
            )
        return _run(commands[command], words_given[2:], environ)
    except Usage as error:
        _say(f"{error}" if "; hint: " in str(error) else f"{error}; hint: see `epochly license --help`")
        return MISUSED
    except StateProblem as problem:
        _say(str(problem))
        return NOT_DONE
    except KeyboardInterrupt:  # at the prompt, or while nobody answers
        _say("interrupted")
        return NOT_DONE


def _run(command: Callable[[Session, list[str]], int], rest: list[str], environ: Mapping[str, str]) -> int:
    session = session_here(environ)
    try:
        return command(session, rest)
    finally:
        if session.proxy:
            print(f"epochly: asked through the proxy `{session.proxy}`", file=sys.stderr)


def _status(session: Session, rest: list[str]) -> int:
    _none(rest, "status")
    answer = None
    try:
        answer = session.refresh(only_if_due=True)
    except StateProblem:  # the standing says it
        answer = None
    standing = session.standing()
    rows, trouble = words.standing_rows(standing, session.world.now())
    _table(rows | {"service": session.world.base_url, "kept in": session.world.state.path})
    if (
        answer is not None
        and not isinstance(answer, Granted)
        and not (standing.held and standing.held.dropped)
    ):
        _told(answer)
    if trouble:
        _say(trouble)
        return NOT_DONE
    return DONE


def _refresh(session: Session, rest: list[str]) -> int:
    """Ask now what `status` asks when it is due: after an upgrade, say."""
    _none(rest, "refresh")
    answer = session.refresh()
    if answer is None:
        raise session.nothing_held()
    if not isinstance(answer, Granted):
        return _told(answer)
    _table(words.lease_rows(answer.lease, session.world.now()))
    return DONE


def _activate(session: Session, rest: list[str]) -> int:
    key = _key(session, rest, "activate")
    return _entered(session, lambda: session.activate(key))


def _trial(session: Session, rest: list[str]) -> int:
    _none(rest, "trial")
    return _entered(session, session.trial)


def _transfer(session: Session, rest: list[str]) -> int:
    if not rest:
        raise Usage("`transfer` needs the id of the device that gives its seat, `dev_...`")
    source, key = _device(rest[0]), _key(session, rest[1:], "transfer")
    return _entered(session, lambda: session.transfer(key, source))


def _checkout(session: Session, rest: list[str]) -> int:
    days = (
        int(rest[0]) if len(rest) == 1 and rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 4 else 0
    )
    if not 1 <= days <= MOST_DAYS:
        raise Usage(f"`checkout` needs a number of days from 1 to {MOST_DAYS}")
    return _entered(session, lambda: session.checkout(days))


def _release(session: Session, rest: list[str]) -> int:
    if rest == ["--forget"]:
        print(f"{NOTHING_HELD}; the seat may still be taken" if session.forget() else "nothing was held here")
        return DONE
    if len(rest) > 1:
        raise Usage(f"`release` takes no `{plain(rest[1])}`")
    before = session.standing().held
    answer = session.release(_device(rest[0]) if rest else "")
    if isinstance(answer, Released):
        held = session.standing().held
        kept = held is not None and held.device_id != ""
        print(f"the seat is free, and {'the other licence is still held here' if kept else NOTHING_HELD}")
        return DONE
    ours = not rest or (before is not None and rest[0] == before.device_id)
    return _told(answer, words.FORGET if ours else "")


def _devices(session: Session, rest: list[str]) -> int:
    _none(rest, "devices")
    answer = session.devices()
    if isinstance(answer, Listed):
        print("\n".join(words.device_lines(answer, session.world.now())))
        return DONE
    return _told(answer)


def _rekey(session: Session, rest: list[str]) -> int:
    if rest not in ([], ["--anyway"]):
        raise Usage(f"`rekey` takes no `{plain(rest[0])}`, only `--anyway`")
    others = [] if rest else _others(session)
    if others:
        _say(
            f"`{others[0]}` of another licence has this key too, and would keep the old one; hint: "
            f"`epochly license release {others[0]}` first, or `epochly device rekey --anyway`"
        )
        return NOT_DONE
    answer = session.rekey()
    if isinstance(answer, Granted):
        print("this device has a new key, and the old one is good for nothing any more")
        return DONE
    return _told(answer)


def _others(session: Session) -> list[str]:
    """Devices that this key is on other licences; none where nobody says."""
    held, answer = session.standing().held, session.devices()
    if held is None or not isinstance(answer, Listed):
        return []
    listed = [device for each in answer.licenses for device in each.devices]
    return [
        plain(device.device_id)
        for device in listed
        if device.this and device.status != "released" and device.device_id != held.device_id
    ]


def _show(session: Session, rest: list[str]) -> int:
    if rest not in ([], ["--raw"]):
        raise Usage(f"`show` takes no `{plain(rest[0])}`, only `--raw`")
    world = session.world
    seen = world.seen()
    anchor, digest = identified(world.state, seen, world.environ)
    kinds = {
        "machine": "the machine's own identifier",
        "node-id": "`EPOCHLY_NODE_ID`",
        "install": "a random one of this installation, since the machine has none that is hard to guess",
    }
    _table(
        {
            "identified by": kinds[anchor.kind],
            "digest, which is sent": digest or "made when a licence is activated",
            "attributes, which stay": ", ".join(seen.attributes) or "none",
            f"sent under {RAW}=1": "the attributes and counts that `--raw` shows, not the identifier",
            "kept in": world.state.path,
        }
    )
    if rest:
        print()
        _table({"identifier": anchor.text or "none yet", **seen.attributes})
    return DONE


def _compatibility(session: Session, rest: list[str]) -> int:
    _none(rest, "compatibility")
    answer = session.compatibility()
    if not isinstance(answer, Compatibility):
        return _told(answer)
    rows, trouble = words.compatibility_rows(answer, session.world.version)
    _table(rows)
    if trouble:
        _say(trouble)
        return NOT_DONE
    return DONE


def _entered(session: Session, ask: Callable[[], Answer]) -> int:
    before = session.standing().held
    answer = ask()
    if not isinstance(answer, Granted):
        return _told(answer)
    _table(words.lease_rows(answer.lease, session.world.now()))
    if before is not None and before.device_id not in ("", answer.lease.dev) and not before.dropped:
        other = before.device_id
        _say(f"the seat of `{other}` is still taken; hint: `epochly license release {other}` frees it")
    return DONE


def _told(answer: Answer, more: str = "") -> int:
    if isinstance(answer, Granted | Released | Listed | Compatibility):  # an answer to something else
        raise TypeError(f"{type(answer).__name__} has no line")
    _say(words.refusal_line(answer) + more)
    return NOT_DONE


def _key(session: Session, rest: list[str], command: str) -> str:
    """The licence key: an argument, a variable or a line of stdin; checked before anybody is asked."""
    if len(rest) > 1:
        raise Usage(f"`{command}` takes one key; put quotes around one with spaces")
    if rest:
        typed = rest[0]
    else:
        typed = session.world.environ.get(KEY_VARIABLE, "")
        if not typed.strip():
            if sys.stdin is not None and sys.stdin.isatty():
                sys.stderr.write("licence key: ")
                sys.stderr.flush()
            typed = sys.stdin.readline(licence_key.MOST_TYPED + 1) if sys.stdin is not None else ""
    normal = licence_key.normal(typed.strip())
    if normal is None:
        raise Usage(
            "that is no licence key, which is `EPOCHLY-` and five groups of five digits and letters; "
            "hint: look for a typing error"
            if typed.strip()
            else f"a licence key is needed: type it, or set `{KEY_VARIABLE}`"
        )
    if rest:
        _say(
            f"other users of this machine can see arguments; hint: leave the key out, or set `{KEY_VARIABLE}`"
        )
    return licence_key.shown(normal)


def _device(text: str) -> str:
    if not is_device_id(text):
        raise Usage("a device is named by its id, `dev_` and 22 characters")
    return text


def _none(rest: list[str], command: str) -> None:
    if rest:
        raise Usage(f"`{command}` takes no `{plain(rest[0])}`")


def _table(rows: Mapping[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")


def _say(line: str) -> None:
    print(f"epochly: {line}", file=sys.stderr)
