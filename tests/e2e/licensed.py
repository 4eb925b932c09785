"""What the tests of licences from end to end share: a service as a process, machines of users, and the road between them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

import pytest
import time_machine
from loopback import Server

import epochly.cli
from epochly_service.admin.cli import main as admin_main

WAIT_S = 60  # seconds for a process to answer; measured on an idle core: 2
HOUR_S, DAY_S = 3_600, 86_400


class Service:
    """`epochly-service serve` as a process on a free port, over a folder of its own; what it says a client needs is in `environ`."""

    def __init__(self, folder, *options):
        self.folder, self.log, self.options = str(folder), f"{folder}.log", options
        self.environ, self.port, self.process, self.road = {}, 0, None, None
        self.has_customer = False

    def start(self):
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "epochly_service", "serve", "--data", self.folder, "--port", "0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, *self.options], stdout=subprocess.PIPE, stderr=log, text=True
            )
        said = ""
        for line in self.process.stdout:
            said += line
            if line == "\n" and "EPOCHLY_ROOT_KEY" in said:
                break
        assert "EPOCHLY_ROOT_KEY" in said, self.logged()
        self.port = int(re.search(r"listening on .*:(\d+)", said)[1])
        self.environ = dict(re.findall(r"^  (\w+)=(\S+)$", said, re.MULTILINE))
        return self

    def stop(self):
        """End it kindly."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=WAIT_S)
            assert (self.process.returncode, "Traceback" in self.logged()) == (0, False), self.logged()

    def kill(self):
        """End it without a word."""
        self.process.kill()
        self.process.communicate(timeout=WAIT_S)

    def logged(self):
        """All that it wrote to its log."""
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def admin(self, *words):
        """Run `epochly-service admin` beside it; its answer's value."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = admin_main([*words, "--data", self.folder, "--json"])
        assert code == 0, out.getvalue()
        return json.loads(out.getvalue())

    def issue(self, *more, plan="professional", seats=1):
        """A licence for a customer; its key and its id."""
        if not self.has_customer:
            self.admin("account", "add", "Northwind")
            self.has_customer = True
        issued = self.admin("license", "issue", "Northwind", "--plan", plan, "--seats", str(seats), *more)
        text = json.dumps(issued)
        return re.search(r"EPOCHLY-[0-9A-Z-]{29}", text)[0], re.search(r"lic_[\w-]{22}", text)[0]


class Machine:
    """A user's machine: a state folder, a name, and the `epochly` command."""

    def __init__(self, service, state, name=""):
        self.state = state
        self.environ = service.environ | {"EPOCHLY_STATE_DIR": str(state)}
        if name:
            self.environ["EPOCHLY_NODE_ID"] = name

    def start(self, *words, typed=""):
        """Run `python WORDS` in a process of its own; exit code, stdout, stderr."""
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        done = subprocess.run(
            [sys.executable, *words],
            env=kept | self.environ,
            input=typed,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def run(self, *words, typed=""):
        """Run `epochly WORDS` in a process of its own; exit code, stdout, stderr."""
        return self.start("-m", "epochly", *words, typed=typed)

    def here(self, *words, typed="", later_s=0):
        """The same in this process, which is quicker, and whose clock can be set: `later_s` seconds on, or back."""
        out, err, stdin = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(typed)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                if later_s:
                    with time_machine.travel(time.time() + later_s):
                        code = epochly.cli.main(list(words), environ=self.environ)
                else:
                    code = epochly.cli.main(list(words), environ=self.environ)
        finally:
            sys.stdin = stdin
        return code, out.getvalue(), err.getvalue()

    def status(self, later_s=0):
        """What `epochly license status` shows, by its rows, with `said`: all of stderr."""
        _, out, err = self.here("license", "status", later_s=later_s)
        return dict(re.split(" {2,}", line, maxsplit=1) for line in out.splitlines()) | {"said": err}

    def activate(self, key):
        """Take a seat, which has to be there; the device's id."""
        code, out, err = self.here("license", "activate", typed=key)
        assert code == 0, err
        return re.search(r"dev_[\w-]{22}", out)[0]


class Road(Server):
    """All that lies between machines and a service. It holds a certificate that they trust, so it may read, change and make up anything.

    `between(request, on)` gives the answer's bytes; `on(request)` is what the service answers. `passed` has all (request, answer).
    """

    def __init__(self):
        super().__init__(self._pass)
        self.between, self.service, self.trust, self.passed = None, None, None, []

    def lead_to(self, service):
        """The service that it leads to, which is running."""
        folder = os.path.join(service.folder, "tls")
        self.service = service
        self.trust = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
        self.context = context

    def on(self, request):
        """Ask the service itself."""
        answer = b""
        plain = socket.create_connection(("127.0.0.1", self.service.port), timeout=WAIT_S)
        with plain, self.trust.wrap_socket(plain, server_hostname="localhost") as inner:
            inner.sendall(request)
            while piece := inner.recv(65_536):
                answer += piece
        return answer

    @contextlib.contextmanager
    def held_by(self, between):
        """Let `between` answer until the block ends."""
        self.between = between
        try:
            yield
        finally:
            self.between = None

    def lines(self):
        """The request lines so far, without what HTTP adds."""
        return [request.split(b"\r\n", 1)[0].decode().removesuffix(" HTTP/1.1") for request, _ in self.passed]

    def _pass(self, connection, request):
        answer = self.on(request) if self.between is None else self.between(request, self.on)
        self.passed.append((request, answer))
        connection.sendall(answer)


@contextlib.contextmanager
def on_a_road(folder):
    """A service that machines reach by a road of ours, until the block ends."""
    road = Road()
    made = Service(folder, "--public-url", f"https://localhost:{road.port}", "--no-rate-limits").start()
    road.lead_to(made)
    made.road = road
    yield made
    road.close()
    made.stop()


@pytest.fixture
def road(service):
    """The road to the fixture `service`, on which nobody has passed yet."""
    service.road.passed.clear()
    return service.road


@pytest.fixture
def machine(service, tmp_path, request):
    """Make a machine of that service; each name is another machine."""
    return lambda name="one": Machine(service, tmp_path / name, f"{request.node.name} {name}")


def split(message):
    """Head and body of a request or an answer."""
    head, _, body = message.partition(b"\r\n\r\n")
    return head, body


def joined(head, body):
    """A message of a head with a body, and the length that belongs to it."""
    head = re.sub(rb"(?i)(content-length: )\d+", lambda found: found[1] + str(len(body)).encode(), head)
    return head + b"\r\n\r\n" + body


def problem(answer):
    """Status and code of an answer that is a problem."""
    head, body = split(answer)
    return int(head.split(b" ", 2)[1]), json.loads(body)["code"]
