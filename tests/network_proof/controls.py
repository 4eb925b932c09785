"""Planted leaks, one for each blind spot of a way of looking; each leads to an address of RFC 5737, 192.0.2.1, which is nobody's.

They wait for nothing: what counts is that the kernel was asked. `LEAKS` are programs; `CONNECT` is the plainest. `DEPENDENCY` is
the module that one of them imports.
"""

from __future__ import annotations

FAR, PORT = "192.0.2.1", 4433
NAME = "zq7lookup.example"
CONNECT = f"""
import socket
leak = socket.socket()
leak.setblocking(False)
leak.connect_ex(("{FAR}", {PORT}))
"""
DEPENDENCY = CONNECT
LEAKS = {
    "socket": CONNECT,
    "sub-interpreter": f"""
try:
    import _interpreters as made
except ImportError:
    import _xxsubinterpreters as made
made.run_string(made.create(), {CONNECT!r})
""",
    "ctypes": f"""
import ctypes, struct
libc = ctypes.CDLL(None)
address = struct.pack("=H", 2) + struct.pack(">H", {PORT}) + bytes(map(int, "{FAR}".split("."))) + bytes(8)
libc.connect(libc.socket(2, 1 | 0o4000, 0), address, 16)
""",
    "subprocess": f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {CONNECT!r}], check=True)
""",
    "curl": f"""
import subprocess
subprocess.run(["curl", "-s", "-m", "0.2", "http://{FAR}:{PORT}/"], check=False)
""",
    "forked worker": f"""
import os, socket
child = os.fork()
if not child:
    leak = socket.socket()
    leak.setblocking(False)
    leak.connect_ex(("{FAR}", {PORT}))
    os._exit(0)
os.waitpid(child, 0)
""",
    "spawned worker": f"""
import multiprocessing, sys
def work():
    exec({CONNECT!r})
if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work)
    worker.start()
    worker.join()
    sys.exit(worker.exitcode)
""",
    "look-up alone": f"""
import socket
try:
    socket.getaddrinfo("{NAME}", {PORT})
except OSError:
    pass
""",
    "dependency": """
import zq7dependency
""",
    "datagram": f"""
import socket
leak = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    leak.sendto(b"x", ("{FAR}", {PORT}))
except OSError:
    pass
""",
}
