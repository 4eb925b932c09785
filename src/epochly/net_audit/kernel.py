"""What the kernel was asked for, line by line: the text of `strace` in, uses of places out. Pure; any text gives a ledger.

A line that cannot be read, and a call that cannot and that the kernel did not refuse, is a place nobody knows, never nothing. Sockets are known by
their inode, which all who share one share. connect(2), sendmsg(2), socket(7), unix(7), netlink(7).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from epochly.net_audit import questions, syntax
from epochly.net_audit.model import Ledger, Place, plain_address, short

if TYPE_CHECKING:
    from epochly.net_audit.model import How

MOST_SOCKETS = 100_000  # remembered at a time; the limit of a process is 1,024 by default
MOST_PENDING = 100_000  # threads in the middle of a call at a time
TRACED = "%network,?execve,?execveat,?fork,?vfork,?clone,?clone3,?io_uring_setup,?pidfd_getfd"
DNS_PORTS = {53, 5353, 5355}  # DNS, multicast DNS, LLMNR
INET = {"AF_INET", "AF_INET6"}
NOWHERE = {"ENOTSOCK", "EBADF", "EFAULT", "EINVAL", "EAFNOSUPPORT", "ENOTCONN", "EDESTADDRREQ"}
WAITING = {"EINPROGRESS", "EALREADY", "EISCONN", "EINTR", "EAGAIN", "ERESTARTSYS"}
UNKNOWN = Place("AF_UNKNOWN", "?", None)
_FD = re.compile(r"(\d{1,10})(?:<[A-Za-z0-9v-]+:\[(\d{1,20}).*)?", re.ASCII | re.DOTALL)
_PORT = re.compile(r"htons\((\d{1,5})\)", re.ASCII)
_ADDRESS = re.compile(r'inet_addr\("([0-9.]{7,15})"\)', re.ASCII)
_ADDRESS_6 = re.compile(r'inet_pton\(AF_INET6, "([0-9a-fA-F:.]{2,45})"', re.ASCII)
_NUMBERS = re.compile(r"IPPROTO_([A-Z0-9]{1,20})", re.ASCII)


@dataclass(slots=True)
class Socket:
    """What is known of a socket: what it was made as, where it is bound, whom it is connected to."""

    family: str = ""
    kind: str = ""
    protocol: str = ""
    bound: Place | None = None
    peer: Place | None = None


class Kernel:
    """Reads one trace. `line` takes a line; `finish` what was still going on when the trace ended."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._at_s = ledger, 0.0
        self._sockets: OrderedDict[str, Socket] = OrderedDict()
        self._pending: OrderedDict[int, tuple[float, str]] = OrderedDict()

    def line(self, text: str) -> None:
        """Take one line in."""
        line = syntax.line(text)
        if line is None:
            self._ledger.note("a line of the trace that cannot be read")
            self._ledger.touch(UNKNOWN, "connect", at_s=self._at_s, pid=self._ledger.first_pid)
            return
        self._at_s = line.at_s
        self._ledger.first_pid = self._ledger.first_pid or line.pid
        at_s, told = line.at_s, line.text
        unfinished = syntax.begun(told)
        if unfinished is not None:
            self._pending[line.pid] = (at_s, unfinished)
            while len(self._pending) > MOST_PENDING:
                self._pending.popitem(last=False)
            return
        resumed = syntax.resumed(told)
        if resumed is not None:
            at_s, begun = self._pending.pop(line.pid, (at_s, f"{resumed[0]}("))
            told = begun + resumed[1]
        self._take(line.pid, at_s, told)

    def finish(self) -> Ledger:
        """The ledger, when there are no more lines."""
        for pid, (at_s, told) in self._pending.items():
            self._take(pid, at_s, told + ") = ?")
        self._pending.clear()
        return self._ledger

    def _take(self, pid: int, at_s: float, told: str) -> None:
        call = syntax.call(told)
        if call is None:
            return
        if call.name in {"fork", "vfork", "clone", "clone3"}:
            self._forked(pid, call)
        elif call.name in {"execve", "execveat"}:
            self._started(pid, call)
        elif call.name in {"socket", "socketpair"}:
            self._made(pid, call)
        elif call.name == "connect":
            self._connected(pid, at_s, call)
        elif call.name in {"sendto", "sendmsg", "sendmmsg"}:
            self._sent(pid, at_s, call)
        elif call.name in {"recvfrom", "recvmsg", "recvmmsg"}:
            self._heard(pid, call)
        elif call.name in {"bind", "listen", "accept", "accept4"}:
            self._offered(pid, at_s, call)
        elif call.name in {"io_uring_setup", "pidfd_getfd"} and not call.error:
            self._ledger.note(call.name)

    def _forked(self, pid: int, call: syntax.Call) -> None:
        known = len(self._ledger.parents) + len(self._ledger.names)
        if call.value and call.value > 0 and known < MOST_SOCKETS:
            if any("CLONE_THREAD" in each for each in call.arguments):
                self._ledger.parents[call.value] = pid
            else:
                self._ledger.names.setdefault(call.value, self._ledger.process(pid)[1])

    def _started(self, pid: int, call: syntax.Call) -> None:
        if call.value == 0 and call.arguments and len(self._ledger.names) < MOST_SOCKETS:
            path = syntax.quoted(
                call.arguments[1 if call.name == "execveat" else 0] if call.arguments else ""
            )
            self._ledger.names[pid] = short((path or b"?").decode("utf-8", "replace").rpartition("/")[2])

    def _made(self, pid: int, call: syntax.Call) -> None:
        if call.error or call.value is None or len(call.arguments) < 3:
            return
        family, kind, protocol = call.arguments[:3]
        if call.name == "socket":
            key = _key(pid, f"{call.value}<{call.result_fd}>")
            self._remember(key, Socket(_family(family), kind.partition("|")[0], protocol))

    def _socket(self, pid: int, call: syntax.Call) -> Socket:
        key = _key(pid, call.arguments[0] if call.arguments else "")
        found = self._sockets.get(key)
        return self._remember(key, Socket()) if found is None else found

    def _remember(self, key: str, made: Socket) -> Socket:
        self._sockets[key] = made
        while len(self._sockets) > MOST_SOCKETS:
            self._sockets.popitem(last=False)
        return made

    def _connected(self, pid: int, at_s: float, call: syntax.Call) -> None:
        if call.error in NOWHERE:
            return
        end = self._socket(pid, call)
        place = _place(call.arguments[1] if len(call.arguments) > 1 else "", end)
        if place is None:  # AF_UNSPEC: a datagram socket is let go
            end.peer = None
            return
        end.peer = place
        failed = bool(call.error) and call.error not in WAITING
        how: How = "route" if place.protocol == "udp" and place.port == 0 else "connect"
        self._ledger.touch(place, how, at_s=at_s, pid=pid, failed=failed)

    def _sent(self, pid: int, at_s: float, call: syntax.Call) -> None:
        if call.error in NOWHERE:
            return
        end = self._socket(pid, call)
        for address, data in _messages(call, sending=True):
            named = bool(address) and address != "NULL"
            place = _place(address, end) if named else end.peer
            if named and place is not None:
                failed = bool(call.error) and call.error not in WAITING
                self._ledger.touch(place, "send", at_s=at_s, pid=pid, failed=failed)
            if place is not None and place.port in DNS_PORTS and data:
                for name in questions.questions(_unframed(data, place)):
                    self._ledger.ask(name, at_s=at_s, pid=pid)

    def _heard(self, pid: int, call: syntax.Call) -> None:
        if call.error:
            return
        end = self._socket(pid, call)
        for address, data in _messages(call, sending=False):
            place = _place(address, end) if address.startswith("{") else end.peer
            found = questions.answers(_unframed(data, place)) if data and place is not None else None
            if found is not None and place is not None and place.port in DNS_PORTS:
                self._ledger.answer(*found)
        if any("SCM_RIGHTS" in each for each in _outside_quotes(call.arguments)):
            self._ledger.note("SCM_RIGHTS")

    def _offered(self, pid: int, at_s: float, call: syntax.Call) -> None:
        if call.error or len(call.arguments) < 2:
            return
        end = self._socket(pid, call)
        if call.name == "bind":
            end.bound = _place(call.arguments[1], end)
            bound = end.bound
            if bound is not None and bound.protocol == "udp" and bound.port:
                self._ledger.touch(bound, "listen", at_s=at_s, pid=pid)
        elif call.name == "listen":
            if end.family != "AF_UNIX" or end.bound is not None:
                self._ledger.touch(end.bound or UNKNOWN, "listen", at_s=at_s, pid=pid)
        else:
            place = _place(call.arguments[1], end)
            if place is not None and call.arguments[1].startswith("{"):
                port = None if place.family in INET else place.port  # a peer's own port tells nothing
                self._ledger.touch(
                    Place(place.family, place.address, port, place.protocol), "accept", at_s=at_s, pid=pid
                )


def _key(pid: int, descriptor: str) -> str:
    """One name for a socket: its inode, else the process and the number."""
    found = _FD.match(descriptor)
    if found is None:
        return f"{pid}/?"
    return found[2] or f"{pid}/{found[1]}"


def _family(text: str) -> str:
    return {"AF_LOCAL": "AF_UNIX"}.get(text, short(text))


def _protocol(end: Socket) -> str:
    named = _NUMBERS.fullmatch(end.protocol)
    if end.family not in INET and end.family:
        return ""
    if named is not None and named[1] not in {"IP", "TCP", "UDP"}:
        return named[1].lower()
    return {"SOCK_STREAM": "tcp", "SOCK_DGRAM": "udp", "SOCK_RAW": "raw", "SOCK_SEQPACKET": "seqpacket"}.get(
        end.kind, ""
    )


def _place(text: str, end: Socket) -> Place | None:
    """The place an address names, None for none at all (AF_UNSPEC); one that cannot be read is `UNKNOWN`."""
    parts = syntax.members(text)
    family = _family(parts.get("sa_family", ""))
    if family == "AF_UNSPEC":
        return None
    if family in INET:
        four = family == "AF_INET"
        port = _PORT.fullmatch(parts.get("sin_port" if four else "sin6_port", ""))
        address = (_ADDRESS if four else _ADDRESS_6).match(
            parts.get("sin_addr", "") if four else parts.get("inet_pton", parts.get("sin6_addr", ""))
        )
        if port is None or address is None:
            return UNKNOWN
        plain = plain_address(address[1])
        return Place("AF_INET" if "." in plain else "AF_INET6", plain, int(port[1]) & 0xFFFF, _protocol(end))
    if family == "AF_UNIX":
        path = syntax.quoted(parts.get("sun_path", ""))
        mark = "@" if parts.get("sun_path", "").startswith("@") else ""
        return Place("AF_UNIX", short(mark + (path or b"").decode("utf-8", "replace")) or "unnamed", None)
    if family == "AF_NETLINK":
        return Place(family, end.protocol if end.protocol.startswith("NETLINK_") else "netlink", None)
    if not family:
        return UNKNOWN
    told = ", ".join(f"{name}={value}" for name, value in parts.items() if name != "sa_family")
    return Place(family, short(told) or "?", None, _protocol(end))


def _messages(call: syntax.Call, *, sending: bool) -> list[tuple[str, bytes]]:
    """Address and first bytes of each message of a call that sends or receives."""
    arguments = call.arguments
    if call.name in {"sendto", "recvfrom"}:
        if len(arguments) < 5:
            return [("", b"")] if sending else []
        return [(arguments[4], syntax.quoted(arguments[1]) or b"")]
    if len(arguments) < 2:
        return []
    if call.name in {"sendmsg", "recvmsg"}:
        return [_message(arguments[1], sending=sending)]
    return [
        _message(syntax.members(each).get("msg_hdr", ""), sending=sending)
        for each in syntax.elements(arguments[1])
    ]


def _message(text: str, *, sending: bool) -> tuple[str, bytes]:
    parts = syntax.members(text)
    if sending and not parts:  # a pointer: it could not be read, so it could be anywhere
        return "?", b""
    pieces = [
        syntax.quoted(syntax.members(each).get("iov_base", "")) or b""
        for each in syntax.elements(parts.get("msg_iov", ""))
    ]
    return parts.get("msg_name", ""), b"".join(pieces)


def _unframed(data: bytes, place: Place | None) -> bytes:
    """A message of DNS without the length before it that TCP has. RFC 1035, section 4.2.2."""
    return data[2:] if place is not None and place.protocol == "tcp" else data


def _outside_quotes(arguments: tuple[str, ...]) -> list[str]:
    return [re.sub(r'"(?:[^"\\]|\\.)*+"', '""', each, flags=re.DOTALL) for each in arguments]
