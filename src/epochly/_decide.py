"""Where a function runs: a pure function of facts, machine, settings and what was measured, with the reason in words.

It refuses to measure, to remember and to compile: the caller does that, and asks again.
"""

from __future__ import annotations

from epochly._config import JIT, MONITOR, THREADING
from epochly._machine import why_no_compiler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass

    from epochly._config import Config, Mode
    from epochly._facts import Facts
    from epochly._machine import Machine
else:
    from epochly._records import dataclass

# ns a function has to have run before it is compiled. A compile takes 60 to 500 ms, and the first one loads numba, which
# takes 300 ms more: `balanced` loses to waiting about what compiling costs, so at most twice the best choice in all;
# `conservative` waits for several times that, and `aggressive` never waits.
PATIENCE_NS: dict[Mode, int] = {"conservative": 2_000_000_000, "balanced": 300_000_000, "aggressive": 0}
CALL_NS = 500  # ns; guards and entry of compiled code cost 0.1 to 0.2 us, so shorter calls gain little


@dataclass(frozen=True, slots=True)
class History:
    """What was measured: calls, an estimate of the time they took in all, and of one (from timed calls)."""

    calls: int = 0
    spent_ns: float = 0.0
    mean_ns: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The level a function runs at and why; `final` where asking again cannot change it, `code` the reason's kind.

    The kinds are those of `decision` in `docs/spec/telemetry-v1.toml`.
    """

    level: int
    reason: str
    final: bool = False
    code: str = "watched"


def too_early(config: Config, history: History) -> Decision | None:
    """The decision not to look further yet, for all that can be told without knowing the machine."""
    if not config.enabled:
        return Decision(MONITOR, "epochly is switched off", code="off")
    if config.level == MONITOR or config.mode == "monitoring":
        return Decision(MONITOR, "only counted, as level 0 and mode `monitoring` ask", code="counted")
    if config.level == THREADING:
        return Decision(
            THREADING, "level 1 runs what `epochly.threads` is given, and compiles nothing", code="threading"
        )
    patience = PATIENCE_NS[config.mode]
    if history.spent_ns < patience:
        spent = f"ran for {history.spent_ns / 1e6:.1f} ms so far"
        later = f"{spent}, mode `{config.mode}` compiles after {patience / 1e6:.0f} ms"
        return Decision(MONITOR, later, code="no_hurry")
    if 0 < history.mean_ns < CALL_NS and config.mode != "aggressive":
        brief = f"a call takes {history.mean_ns:.0f} ns, less than compiled code could save"
        return Decision(MONITOR, brief, code="too_short")
    return None


def decide(facts: Facts, machine: Machine, config: Config, history: History) -> Decision:
    """Where the function should run now."""
    if facts.kind != "function":
        return Decision(
            MONITOR, f"a {facts.kind} is left alone: its frames outlive a call", final=True, code="kind"
        )
    if facts.recursive:
        return Decision(
            MONITOR,
            "left alone because it calls itself, and a wrapper halves the depth",
            final=True,
            code="recursive",
        )
    early = too_early(config, history)
    if early is not None:
        return early
    missing = why_no_compiler(machine)
    if missing is not None:
        return Decision(THREADING, missing, final=True, code="no_compiler")
    if not facts.simple_parameters:
        return Decision(
            THREADING, "takes `*args`, `**kwargs` or keyword-only parameters", final=True, code="parameters"
        )
    return Decision(JIT, f"hot: ran for {history.spent_ns / 1e6:.1f} ms in {history.calls} calls", code="hot")
