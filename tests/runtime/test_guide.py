"""The examples of the guide run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "runtime.md"


def test_guide_examples_run(tmp_path):
    """What a reader copies works, one block after the other, in a process of its own."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    script = tmp_path / "guide.py"
    script.write_text("\n".join(blocks), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EPOCHLY")} | {
        "HOME": str(tmp_path)
    }
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, env=kept, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_guide_tells_the_numbers_of_the_source():
    """Patience, deopts, versions and the share of comparing stand in the guide as they stand in the code."""
    from epochly import _call, _decide, _machine, _versions

    text = GUIDE.read_text("utf-8")
    assert _decide.PATIENCE_NS == {"conservative": 2e9, "balanced": 0.3e9, "aggressive": 0}
    assert "run for 2 s" in text
    assert "run for 0.3 s" in text
    assert (_versions.DEOPTS, _call.MOST_VERSIONS, _versions.TRIAL_SHARE) == (8, 8, 0.02)
    assert _machine.TESTED_NUMBA == ((0, 68),)
