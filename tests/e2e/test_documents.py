"""What the README shows is what happens: its commands, its output, its examples."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIGNED = ROOT / "tests" / "vectors" / "signed" / "rfc8785"


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


def test_readme_shows_what_the_demo_prints():
    """The README's first output is the demonstration's, byte for byte, and the demonstration succeeds."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == blocks(ROOT / "README.md", "text")[0].strip()


def masked(text: str) -> list[str]:
    """What a demonstration of licences prints, without what differs from run to run: keys, ids, ports and times."""
    for pattern, instead in (
        (r"EPOCHLY-[0-9A-Z-]{29}", "KEY"),
        (r"\b(acc|lic|dev)_[\w-]{22}", r"\1_ID"),
        (r"localhost:\d+", "localhost:PORT"),
        (r"\d{4}-\d\d-\d\d", "DAY"),
        (r"\d\d:\d\d UTC \(in \d+ \w+\)", "TIME"),
        (r'"(install|session)":"[\w-]{16}"', r'"\1":"ID"'),
        (r'"(arch|os|python)":"[\w.]+"', r'"\1":"IT"'),
        (r"\(python/3\.\d+; \w+; ", "(PYTHON; SYSTEM; "),
        (r'("\w+":|Content-Length: )\d+', r"\1NUMBER"),
    ):
        text = re.sub(pattern, instead, text)
    return text.strip().splitlines()


def test_readme_shows_what_the_licence_demo_prints():
    """The README's third output is the demonstration's of a licence, which `make demo` runs last."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "demo_licence.py")],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert masked(done.stdout) == masked(blocks(ROOT / "README.md", "text")[2])
    recipe = re.search(r"^demo:.*\n(?:\t.*\n)+", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe[0].splitlines()[-1] == "\t@$(BIN)/python tools/demo_licence.py"


def test_readme_opens_with_the_two_commands():
    """The first thing a reader sees to type are `make demo` and `make test`, and both exist."""
    assert blocks(ROOT / "README.md", "console")[0].split("\n")[:2] == ["$ make demo", "$ make test"]
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^demo:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)


@pytest.mark.parametrize("example", blocks(ROOT / "verify" / "README.md", "python"))
def test_python_example_runs(example, tmp_path, monkeypatch):
    """The library example holds on the real signed wheel it names."""
    for name in ("rfc8785-0.1.2-py3-none-any.whl", "rfc8785-0.1.2-py3-none-any.whl.sigstore.json"):
        shutil.copy(SIGNED / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})


def test_every_named_file_exists():
    """Links inside the repository lead somewhere."""
    for document in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("verify/*.md"),
        *ROOT.glob("fuzz/*.md"),
    ]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
