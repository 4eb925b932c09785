"""The page on what leaves the machine shows what `epochly net-audit` prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from linux import nobody_answers, on_linux, require

GUIDE = (Path(__file__).parents[2] / "docs/guide/network.md").read_text("utf-8")
CHANGES = {r"\d+\.\d+ s": "N s", r"python\S* \d+  from": "python N  from"}  # times and process ids


@on_linux
def test_the_example_prints_what_stands_below_it(tmp_path):
    """What a reader copies works, and prints what the page says, but for times and process ids."""
    require(["strace", "-f", "-o", os.devnull])
    found = re.search(
        r"`app\.py`:\n\n```python\n(.*?)```\n\n```console\n\$ epochly (.*?)\n(.*?)```", GUIDE, re.DOTALL
    )
    (tmp_path / "app.py").write_text(found[1])
    words = [sys.executable if word == "python" else word for word in found[2].split()]
    done = subprocess.run(
        [*nobody_answers(), sys.executable, "-m", "epochly", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    printed, shown = done.stdout.replace(sys.executable, "python"), found[3]
    for pattern, plain in CHANGES.items():
        printed, shown = re.sub(pattern, plain, printed), re.sub(pattern, plain, shown)
    assert printed == shown
