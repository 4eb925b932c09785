"""Programs that take turns on one processor, each waiting while another runs: a machine that slows down slows all.

They are run under the stand-in for `pyperf`, which writes a byte to one pipe at its warm-up and at each turn, and waits for one from another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGE = 4096  # bytes


def measured_by(code: int, said: str, out: Path) -> dict[str, Any]:
    """What a program that has ended measured; `RuntimeError` with the last line it said, where that is nothing."""
    if code or not out.exists():
        last = said.strip().splitlines()[-1:] or ["it measured nothing"]
        raise RuntimeError(last[0])
    found: dict[str, Any] = json.loads(out.read_text())
    out.unlink()
    return found


@dataclass(frozen=True, slots=True)
class Gate:
    """A program that waits before each turn."""

    process: subprocess.Popen[bytes]
    hear: int
    say: int
    out: Path
    said: Path

    def waits(self) -> bool:
        """Wait until it waits; False once it has ended."""
        return bool(os.read(self.hear, 1))

    def turn(self) -> bool:
        """Let it run until it waits again, as `waits`."""
        os.write(self.say, b".")
        return self.waits()

    def pin(self, cpu: int) -> None:
        """Keep its first thread on a processor, where the system can; threads that are there stay free."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, {cpu})

    def end(self) -> tuple[dict[str, Any], str]:
        """What it measured, and its stderr."""
        code, said = self.process.wait(), self.said.read_text()
        return measured_by(code, said, self.out), said


@contextmanager
def _at_the_gate(
    name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str
) -> Iterator[Gate]:
    (their_hear, say), (hear, their_say) = os.pipe(), os.pipe()
    out, said = Path(folder, f"{name}.json"), Path(folder, f"{name}.txt")
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={
                **environment,
                "YIELD_OUT": str(out),
                "YIELD_GATE": f"{their_hear} {their_say}",
                "YIELD_PAD": "x" * randbelow(PAGE),  # it lies at the stack's end, and moves all below
            },
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=folder,
            pass_fds=(their_hear, their_say),
        )
    os.close(their_hear)
    os.close(their_say)
    try:
        yield Gate(process, hear, say, out, said)
    finally:
        os.close(say)
        os.close(hear)
        process.kill()
        process.wait()


def by_turns(
    sides: Mapping[str, Sequence[str]], environment: Mapping[str, str], folder: str, cpu: int
) -> dict[str, tuple[dict[str, Any], str]]:
    """What processes measured that took turns on one processor, and the stderr of each."""
    with ExitStack() as stack:
        gates = {
            side: stack.enter_context(_at_the_gate(side, arguments, environment, folder))
            for side, arguments in sides.items()
        }
        order = list(gates)
        waiting = {side: gates[side].waits() and gates[side].turn() for side in order}  # both have warmed up
        for gate in gates.values():
            gate.pin(cpu)
        while any(waiting.values()):
            for side in order:
                waiting[side] = waiting[side] and gates[side].turn()  # always after the same other one
        return {side: gate.end() for side, gate in gates.items()}
