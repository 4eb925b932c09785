"""The licence part of `make demo`: a service and a client on this machine, and what a program there would tell of itself.

A licence is issued, activated and suspended; then telemetry's next request is shown. Runs the real commands in processes of their own, shows what they print, and fails if one ends otherwise than it must. Service and
client have throwaway keys and certificates in `.demo/licence`, which is shown as `.`; nothing leaves the loopback interface.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".demo" / "licence"
PROGRAM = "import epochly\n\nprint(epochly.threads(str.upper, ['exact', 'or', 'untouched']))\n"
WAIT_S = 60  # seconds for a command; measured: 1


def main() -> int:
    """Show it; returns 0 when everything ended as it must."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    environ |= {"PYTHONUNBUFFERED": "1", "EPOCHLY_SERVICE_DATA": str(FOLDER / "service")}
    words = ("epochly-service", "serve", "--port", "0")
    print(f"\n# A licence, and the service that grants it\n$ {' '.join(words)} &", flush=True)
    with (
        open(FOLDER / "service.log", "w", encoding="utf-8") as log,
        subprocess.Popen(
            command(words), cwd=FOLDER, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        ) as service,
    ):
        try:
            said = ""
            while "SSL_CERT_FILE=" not in said:
                line = service.stdout.readline() if service.stdout else ""
                if not line:
                    raise SystemExit("demo: the service did not start; hint: see `.demo/licence/service.log`")
                said += line
            print(said.splitlines()[0])
            environ |= dict(re.findall(r"^  (\w+)=(.+)$", said, re.MULTILINE))
            return show_all(environ | {"EPOCHLY_STATE_DIR": str(FOLDER / "machine")})
        finally:
            service.terminate()


def show_all(environ: dict[str, str]) -> int:
    """Issue, activate, suspend, ask again; returns 0 when each ended as it must."""
    operator = ("epochly-service", "admin")
    show((*operator, "account", "add", "Northwind"), environ)
    issue = (*operator, "license", "issue", "Northwind", "--plan", "professional", "--seats", "1")
    issued = show(issue, environ)
    licence, key = re.search(r"lic_[\w-]{22}", issued), re.search(r"EPOCHLY-[0-9A-Z-]{29}", issued)
    if licence is None or key is None:
        return 1
    activate, refresh, status = (("epochly", "license", word) for word in ("activate", "refresh", "status"))
    show(activate, environ, typed=key[0])
    show((*operator, "license", "suspend", licence[0]), environ)
    show(refresh, environ, expected=1)
    shown = show(status, environ, expected=1)
    print("\n# What a program tells of itself: every byte, before it goes", flush=True)
    (FOLDER / "shout.py").write_text(PROGRAM, "utf-8")
    show(("python", "shout.py"), environ)
    told = show(("epochly", "telemetry", "preview"), environ)
    show(("epochly", "telemetry", "off"), environ)
    return 0 if re.search(r"^plan +community$", shown, re.MULTILINE) and '"e":"worker"' in told else 1


def command(words: tuple[str, ...]) -> list[str]:
    """The module behind a console script, so that no script has to be on the PATH; Python itself is this one."""
    if words[0] == "python":
        return [sys.executable, *words[1:]]
    return [sys.executable, "-P", "-m", words[0].replace("-", "_"), *words[1:]]


def show(words: tuple[str, ...], environ: dict[str, str], *, typed: str = "", expected: int = 0) -> str:
    """Run a command and show it with all that it prints, which is returned; ends the demonstration where its exit code is another."""
    done = subprocess.run(
        command(words),
        cwd=FOLDER,
        env=environ,
        input=typed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=WAIT_S,
        check=False,
    )
    print(f"$ {' '.join(words)}\n{done.stdout.replace(str(FOLDER), '.')}", end="", flush=True)
    if done.returncode != expected:
        raise SystemExit(f"demo: expected exit code {expected}, not {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
