"""The demonstration behind `make demo`: a real signed wheel, and a tampered copy of it, judged offline.

Runs the installed command as a user would, shows what it prints, and fails if a verdict is not the expected one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHEEL = ROOT / "tests" / "vectors" / "signed" / "rfc8785" / "rfc8785-0.1.2-py3-none-any.whl"
COMMAND = Path(sys.executable).with_name("epochly-verify")
IDENTITY = ("--repository", "trailofbits/rfc8785.py", "--workflow", "release.yml", "--ref", "refs/tags/v*")


def main() -> int:
    """Run both halves; returns 0 when both verdicts are as they must be."""
    folder = ROOT / ".demo"
    shutil.rmtree(folder, ignore_errors=True)
    good, bad = folder / "good", folder / "tampered"
    for place in (good, bad):
        place.mkdir(parents=True)
        shutil.copy(f"{WHEEL}.sigstore.json", place)
    shutil.copy(WHEEL, good)
    tamper(WHEEL, bad / WHEEL.name)
    results = [
        show("A real wheel, as its authors signed it", good / WHEEL.name, expected=0),
        show("The same wheel after somebody added one line to it", bad / WHEEL.name, expected=1),
    ]
    return 0 if all(results) else 1


def tamper(wheel: Path, copy: Path) -> None:
    """Copy a wheel with one line added to one module, and nothing else changed."""
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "rfc8785/__init__.py":
                data += b"\nimport urllib.request as _u\n"
            target.writestr(entry, data)


def show(title: str, wheel: Path, *, expected: int) -> bool:
    """Run the command on one wheel; True when its exit code is the expected one."""
    arguments = (str(wheel.relative_to(ROOT)), *IDENTITY)
    print(f"\n# {title}\n$ epochly-verify {' '.join(arguments)}", flush=True)
    code = subprocess.run([str(COMMAND), *arguments], cwd=ROOT, check=False).returncode
    print(f"# exit code {code}", flush=True)
    if code != expected:
        print(f"demo: expected exit code {expected}", file=sys.stderr)
    return code == expected


if __name__ == "__main__":
    raise SystemExit(main())
