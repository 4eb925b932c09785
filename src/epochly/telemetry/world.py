"""The real world of telemetry: environment, clock, random bytes, files, the gateway. Everything else is given these.

It refuses a service that nobody vouches for, and a state folder that cannot be told. What takes long to import is imported on the thread.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import _count as thread_count

from epochly.licensing.places import may_hold_a_licence, state_folder
from epochly.telemetry.collector import Collector, Process
from epochly.telemetry.consent import Consent, consent
from epochly.telemetry.figures import peak_memory_mib
from epochly.telemetry.files import LOG, NOTICE, SPOOL, SWITCH, Files
from epochly.telemetry.here import cache_bytes, installed_version
from epochly.telemetry.limits import pause_s
from epochly.telemetry.sender import Sender
from epochly.telemetry.start import PINNED, ROOT_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from epochly._session import Session
    from epochly.net.base_url import BaseUrl
    from epochly.telemetry import lens, post
    from epochly.telemetry.events import Fact
    from epochly.telemetry.tripwire import Tripwire

END_S = 0.01  # seconds that the end of a program waits for the thread, which only sleeps, but while it sends
AGAIN_S = 600.0  # seconds after which a keyring that did not give its key is asked again
LOOK_S = 5.0  # seconds after the process began that the machine is looked at: programs that are over by then say less
FOLDER = "telemetry"  # in the state folder
NOTICE_LINES = (
    "counts how it fares and sends the counts to `{base}`: no code, no names, no paths, no arguments",
    "`epochly telemetry preview` shows the bytes before they go, `epochly telemetry off` turns it off",
)


def files_in(environ: Mapping[str, str]) -> Files | None:
    """Where telemetry is kept, None where no folder can be told."""
    folder = state_folder(environ, sys.platform)
    return None if folder is None else Files(os.path.join(folder, FOLDER))


def trouble_in(environ: Mapping[str, str]) -> str:
    """Why no receipt could be believed here, in one line; empty where one could. Nothing is connected."""
    try:
        believed(environ)
    except Exception as error:  # noqa: BLE001 - whatever it is: then nothing is collected
        return str(error).partition("\n")[0]
    return ""


def believed(environ: Mapping[str, str]) -> tuple[BaseUrl, dict[str, bytes]]:
    """The service's base URL and whose word counts there. Raises `StateProblem`, `BaseUrlError`."""
    from epochly.licensing.roots import roots_for  # noqa: PLC0415 - cryptography: on the thread, or in a command
    from epochly.net.base_url import DEFAULT, base_url  # noqa: PLC0415

    base = base_url(environ)
    return base, roots_for(str(base), DEFAULT, environ, _read)


def consent_in(environ: Mapping[str, str], files: Files | None, trouble: str = "") -> Consent:
    """Whether anything is collected here and now."""
    if files is None:
        return Consent(False, "there is no folder to keep it in; hint: give `EPOCHLY_STATE_DIR` one")
    try:
        kept = files.read(SWITCH)
    except OSError as error:
        return Consent(False, f"what was said before cannot be read: {error.strerror or error}")
    return consent(environ, kept, trouble)


def remove_what_waits(files: Files) -> int:
    """Take away everything that waits to be sent; how many files that were. Raises `OSError`."""
    return _emptied(files.inside(SPOOL))


def remove_log(files: Files) -> int:
    """The same for the log."""
    return _emptied(files.inside(LOG))


def begin(session: Session, environ: Mapping[str, str]) -> None:
    """Collect for a session, and start the thread; also for Lens alone. Raises `OSError`, `BaseUrlError`; nothing is collected then."""
    from epochly._builder.errands import of_multiprocessing  # noqa: PLC0415 - only where something may be collected

    files = files_in(environ)
    if files is None or of_multiprocessing():
        return
    collects, beats = consent_in(environ, files).on, _may_beat(environ, files)
    if not collects and files.inside(SPOOL).sizes():
        remove_what_waits(files)
    if not collects and not beats:
        return
    from epochly.net.base_url import base_url  # noqa: PLC0415 - only where something is collected

    base = base_url(environ)
    if not _looks_like_a_root(environ.get(ROOT_KEY, "").strip()):
        return
    import threading  # noqa: F401, PLC0415 - whoever imports it first is taken for the main thread, which may not be ours

    tasks: list[tuple[float, Callable[[], float | None]]] = []
    if beats:
        tasks.append((LOOK_S, _beating(environ, files)))
    if not collects:
        Sender(tasks, lambda: None).start()
        return
    if files.read(NOTICE) is None:
        for line in _notice(str(base)):
            session.outside.say(line)
        files.write(NOTICE, b"1\n")
    _collect(session, environ, files, tasks)


def _collect(
    session: Session,
    environ: Mapping[str, str],
    files: Files,
    tasks: list[tuple[float, Callable[[], float | None]]],
) -> None:
    import atexit  # noqa: PLC0415 - in the interpreter
    from secrets import token_bytes  # noqa: PLC0415 - the same

    collector = Collector(session, _process(session, environ, files, token_bytes))
    session.telemetry = collector
    work = _Work(collector, environ, files)
    first = pause_s(token_bytes(1)[0] / 255)
    sender = Sender([(LOOK_S, work.look), (first, work.post), *tasks], collector.abandon)

    def end() -> None:
        if not collector.is_ours or not work.on:
            return
        sender.stop(END_S)
        try:
            if not consent_in(environ, files).on:  # somebody has said no since
                collector.abandon()
                remove_what_waits(files)
                return
            if sender.trouble:
                collector.fault("telemetry")
            if session.known_machine() is not None and not may_hold_a_licence(environ, sys.platform):
                collector.look()  # so short a program that the thread did not come to it
            collector.collect(ending=True)
        except (OSError, ValueError, RuntimeError):  # no room, or the interpreter is going down
            return

    atexit.register(end)
    sender.start()


class _Work:
    """What the thread does, with what it has loaded."""

    def __init__(self, collector: Collector, environ: Mapping[str, str], files: Files) -> None:
        self._collector, self._environ, self._files = collector, environ, files
        self._world: post.World | None = None
        self.on = True

    def look(self) -> float | None:
        """Find out what takes some milliseconds, once."""
        if self._still_on():
            self._collector.look()
        return None

    def post(self) -> float | None:
        """Collect, and send a batch if it may go out."""
        if not self._still_on():
            return None
        if self._world is None:
            self._world = world_in(self._environ, self._files)
            wire = tripwire_in(self._environ)
            self._collector.gives_away = lambda fact: _gives_away(wire, fact)
        self._collector.collect(cache_bytes=cache_bytes(self._collector.session))
        from epochly.telemetry.post import send_next  # noqa: PLC0415 - the thread's

        return float(send_next(self._world).wait_s)

    def _still_on(self) -> bool:
        """Whether nobody has said no since."""
        if self.on and not consent_in(self._environ, self._files, trouble_in(self._environ)).on:
            self.on = False
            self._collector.abandon()
            remove_what_waits(self._files)
        return self.on and self._collector.is_ours


def world_in(environ: Mapping[str, str], files: Files, wire: Tripwire | None = None) -> post.World:
    """What sending needs. Raises `StateProblem`, `BaseUrlError`."""
    from functools import partial  # noqa: PLC0415 - the thread's, as these

    from epochly.telemetry import post, receipts  # noqa: PLC0415

    base, roots = believed(environ)
    service = receipts.Service(str(base), roots)
    wire = wire or tripwire_in(environ)

    return post.World(
        files=files,
        base=str(base),
        now=lambda: int(time.time()),
        random=_random,
        send=lambda endpoint, body: sent(endpoint, body, environ),
        judge=partial(receipts.fault, service),
        fires_at=wire.fires_at,
    )


def sent(
    endpoint: str, body: bytes, environ: Mapping[str, str], *, key: str = "", place: str | None = None
) -> post.Reply | str:
    """Ask the service one thing through the gateway. Raises `BaseUrlError`."""
    from epochly import __version__ as version  # noqa: PLC0415 - read from metadata only when needed
    from epochly.net import gateway  # noqa: PLC0415 - httpx, which only who sends needs
    from epochly.net.base_url import base_url  # noqa: PLC0415
    from epochly.net.endpoints import ENDPOINTS, KEY_HEADER  # noqa: PLC0415
    from epochly.telemetry.post import Reply  # noqa: PLC0415

    headers = {KEY_HEADER: f"Bearer {key}"} if key else {}
    asked = gateway.Request(ENDPOINTS[endpoint], body, headers, place)
    answer = gateway.send(asked, base_url(environ), environ, version)
    if isinstance(answer, gateway.Unreachable):
        return answer.why
    return Reply(answer.status, answer.body, answer.retry_after_s)


def tripwire_in(environ: Mapping[str, str]) -> Tripwire:
    """The tripwire that knows this machine."""
    from epochly.telemetry.events import EVENTS  # noqa: PLC0415
    from epochly.telemetry.kinds import words_of  # noqa: PLC0415
    from epochly.telemetry.known import known_here  # noqa: PLC0415 - psutil
    from epochly.telemetry.tripwire import Tripwire  # noqa: PLC0415

    return Tripwire(known_here(environ), words_of(EVENTS))


def why_no_lens(environ: Mapping[str, str], files: Files) -> str:
    """Why no sign of life may be given here, whoever has a key, in one line; empty where one may. Raises `OSError`."""
    from epochly.net.privacy import Blocked, PrivacyClass, allowed  # noqa: PLC0415

    verdict = allowed(PrivacyClass.LENS, environ)
    if isinstance(verdict, Blocked):
        return verdict.reason
    switched = consent({}, files.read(SWITCH))
    return "" if switched.on else switched.why


def lens_key(environ: Mapping[str, str], files: Files) -> str:
    """The key for Lens that counts here; empty where there is none, no opt-in, or a no. Raises `OSError`, `KeyringError`."""
    if why_no_lens(environ, files):
        return ""
    from epochly.telemetry.lens_key import kept_key  # noqa: PLC0415 - only who opted in pays for it

    return kept_key(environ, files)


def lens_world(environ: Mapping[str, str], begun: float) -> lens.World:
    """What Lens needs. Raises `StateProblem`, `BaseUrlError`."""
    from platform import node  # noqa: PLC0415

    from epochly import __version__ as version  # noqa: PLC0415
    from epochly.telemetry import lens  # noqa: PLC0415

    believed(environ)
    return lens.World(
        ask=lambda endpoint, body, key: sent(endpoint, body, environ, key=key),
        host=node,
        version=version,
        pid=os.getpid(),
        uptime_s=lambda: time.monotonic() - begun,
    )


def _may_beat(environ: Mapping[str, str], files: Files) -> bool:
    """Whether there is a key that counts: the keyring, which takes its time and may ask for a password, is left to the thread."""
    try:
        if why_no_lens(environ, files):
            return False
        from epochly.telemetry.lens_key import where_kept  # noqa: PLC0415 - only who opted in pays for it

        return bool(where_kept(environ, files))
    except OSError:
        return False


def _beating(environ: Mapping[str, str], files: Files) -> Callable[[], float | None]:
    begun = time.monotonic()
    made: dict[str, lens.Beating] = {}  # by the key, of which there is one at a time

    def beat() -> float | None:
        try:
            key = lens_key(environ, files)
        except OSError:  # a keyring that is locked now, say
            return AGAIN_S
        if not key:  # somebody has said no since
            return None
        if key not in made:
            from epochly.telemetry.lens import Beating  # noqa: PLC0415 - the thread's

            made.clear()
            made[key] = Beating(lens_world(environ, begun), key)
        return made[key]()

    return beat


def _process(
    session: Session, environ: Mapping[str, str], files: Files, rng: Callable[[int], bytes]
) -> Process:
    def tier() -> str:
        return session.outside.rights().tier() if may_hold_a_licence(environ, sys.platform) else "community"

    return Process(
        files=files,
        now=time.time,
        rng=rng,
        pid=os.getpid,
        version=installed_version,
        python=f"{sys.version_info[0]}.{sys.version_info[1]}",
        platform=sys.platform,
        processor=os.uname().machine if hasattr(os, "uname") else environ.get("PROCESSOR_ARCHITECTURE", ""),
        memory_mib=lambda: peak_memory_mib(sys.platform),
        threads=thread_count,
        tier=tier,
    )


def _looks_like_a_root(path: str) -> bool:
    """Whether there may be a root key in a file: a look at its text. The thread looks closer, when it has loaded what that takes."""
    return PINNED if not path else b"-----BEGIN PUBLIC KEY-----" in _read(path)


def _notice(base: str) -> tuple[str, ...]:
    from epochly._ambient import at_terminal  # noqa: PLC0415 - which imported what imported this

    lines = tuple(line.format(base=base) for line in NOTICE_LINES)
    return lines if at_terminal() else ("; ".join(lines),)


def _gives_away(wire: Tripwire, fact: Fact) -> str:
    from epochly.telemetry.batch import as_event  # noqa: PLC0415

    return wire.fires_at(as_event(fact, 1))


def _emptied(folder: Files) -> int:
    names = list(folder.sizes())
    for name in names:
        folder.remove(name)
    return len(names)


def _random() -> float:
    return os.urandom(1)[0] / 255


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(16_384)
