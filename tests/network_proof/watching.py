"""An audit hook that notes what leads out of this process and this machine: the quick look that the suite can take at itself.

It sees what Python's own code of the first interpreter does, and no more: `test_controls` shows what goes past it.
"""

from __future__ import annotations

import socket
import sys
from ipaddress import ip_address

LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
WAYS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
INET = {socket.AF_INET, socket.AF_INET6}
HERE = {None, "", "localhost", "localhost."}


class Watch:
    """What was seen since `seen` was last cleared. Once it is added it stays: an audit hook cannot be taken back."""

    def __init__(self):
        self.seen, self._is_added = [], False

    def add(self):
        """Begin to look."""
        if not self._is_added:
            self._is_added = True
            sys.addaudithook(self)

    def __call__(self, event, arguments):
        """Take an event; an address that is no such thing is the socket's to refuse."""
        if event in LOOKUPS:
            name = arguments[0].decode("latin-1") if isinstance(arguments[0], bytes) else arguments[0]
            if name not in HERE and not is_here(name):
                self.seen.append(f"`{name}` was looked up")
        elif event in WAYS and isinstance(arguments[1], tuple) and arguments[0].family in INET:
            host, port, *_ = arguments[1]
            if host not in HERE and not is_here(str(host)):
                self.seen.append(f"`{event}` to `{host}`, port {port}")


def is_here(text):
    """Whether a text is an address of this machine."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified
