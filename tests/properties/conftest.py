"""Hypothesis profiles, and the paths to the fuzzer's targets and the wheel builder, which the properties share.

`ci` (the default) tries the same examples every time. `HYPOTHESIS_PROFILE=thorough` searches anew, for minutes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

_TESTS = Path(__file__).resolve().parent.parent
for _folder in (_TESTS.parent / "fuzz", _TESTS / "verify"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

# No deadline: what an example may cost is counted or bounded by the test itself, so that a busy machine fails nothing.
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
settings.register_profile(
    "ci", max_examples=150, derandomize=True, deadline=None, suppress_health_check=_SLOW, database=None
)
settings.register_profile("thorough", max_examples=3_000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
