"""One function for one exact set of argument types: what it cost, what it served, and whether it stays.

The verdicts are pure functions of measured times. This file refuses to run anything and to look at a clock.
"""

from __future__ import annotations

from itertools import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
    from dataclasses import dataclass, field
    from typing import Any, Literal

    from epochly._builder.errands import Errand
    from epochly._compiler import Compiled, Dispatcher, Rejected

    Status = Literal["watched", "compiled", "rejected", "not faster", "gave up", "differs"]
else:
    from _collections import deque

    from epochly._records import dataclass, field

KEPT = 32  # timings of each sort; enough for a median, and the memory of a function stays bounded
TRIALS = 3  # interpreter timings after compiling before a version can be put back
SAMPLES = 8  # compiled timings before a version can be put back
GAIN = 0.95  # of the interpreter's median; a version that takes more gains too little to be worth its guards
TRIAL_SHARE = 0.02  # of the time spent in compiled code may go to running the interpreter again to compare
DEOPTS = 8  # per version, then the interpreter for good: running a call twice gains nothing
GUARD = (
    "guard: "  # how the reason of a call begins that never entered machine code; such a call leaks nothing
)
_LAYOUT = 0x1 | 0x2 | 0x100 | 0x400  # NumPy's C, F, ALIGNED and WRITEABLE flags; numba types tell these apart
_DEEPEST = 4  # levels of nested tuples that are told apart


def _deque() -> deque[int]:
    return deque(maxlen=KEPT)


@dataclass(slots=True, eq=False)
class Version:
    """Timings in ns: `before` in the interpreter, a mean; `trials` in it since compiled; `samples` compiled."""

    key: Hashable
    status: Status = "watched"
    call: Callable[..., Any] | None = None
    compile_ns: int = 0
    cached: bool = False
    guards: tuple[str, ...] = ()
    reason: str = ""
    line: int | None = None
    fix: str = ""
    before: deque[int] = field(default_factory=_deque)
    trials: deque[int] = field(default_factory=_deque)
    samples: deque[int] = field(default_factory=_deque)
    trial_ns: int = 0
    deopts: list[str] = field(default_factory=list)
    served: count[int] = field(default_factory=count)
    shadows: count[int] = field(default_factory=count)
    dispatcher: Dispatcher | None = None
    compared: int = 0
    looked_at: int = 0
    guarded: int = 0
    errand: Errand | None = None
    next_look_ns: int = 0

    def take(self, made: Compiled | Rejected, spent_ns: int) -> None:
        """Become compiled, or rejected with the compiler's words; compiling took `spent_ns` either way."""
        self.compile_ns = spent_ns
        call = getattr(made, "call", None)
        if call is None:
            self.status = "rejected"
            self.reason, self.line, self.fix = made.reason, made.line, made.fix  # type: ignore[union-attr]
        else:
            self.call, self.guards = call, made.guards  # type: ignore[union-attr]
            self.cached = made.cached and not self.built_ns  # type: ignore[union-attr]
            self.dispatcher = getattr(made, "dispatcher", None)
            self.status = "compiled"

    def end(self, status: Status, reason: str) -> None:
        """Go back to the interpreter for good."""
        self.status, self.reason, self.call = status, reason, None

    @property
    def built_ns(self) -> float:
        """What compiling it took in another process, beside the program."""
        return 0.0 if self.errand is None else self.errand.built_s * 1e9

    @property
    def awaited(self) -> bool:
        """Whether another process may have it ready at any moment."""
        return self.status == "watched" and self.errand is not None and self.errand.waiting

    @property
    def calls(self) -> int:
        """How many calls compiled code answered."""
        by_gates = 0 if self.dispatcher is None else self.dispatcher.answered
        return max(0, reading(self.served) + by_gates - len(self.deopts) - self.guarded)

    @property
    def saved_ns(self) -> float:
        """Time saved net of compiling, from sampled calls; negative where it cost more.

        Timings on a busy machine have outliers upwards. They are held against us: what the interpreter takes is the
        smaller of mean and median, what compiled code takes is the mean.
        """
        if not self.samples or not self.usual_ns:
            return -float(self.compile_ns)
        return (self.usual_ns - mean(self.samples)) * self.calls - self.compile_ns

    @property
    def usual_ns(self) -> float:
        """What the interpreter takes for a call, rather too little than too much; 0 where it was not timed."""
        interpreter = self.trials or self.before
        return min(mean(interpreter), median(interpreter)) if interpreter else 0.0

    @property
    def learning(self) -> bool:
        """Whether every call should be timed for now."""
        return len(self.samples) < SAMPLES and not self.deopts

    @property
    def due(self) -> bool:
        """Whether a timed call should also weigh what is known; at first each one, later 1 in 8."""
        self.looked_at += 1
        return self.looked_at <= KEPT or not self.looked_at & 7

    @property
    def wants_trial(self) -> bool:
        """Whether the next timed call should be the interpreter's: cheap by now, or needed for a verdict."""
        if len(self.samples) < 2:
            return False
        known = self.trials or self.before
        if len(self.trials) < TRIALS and not (known and median(self.samples) < GAIN * median(known)):
            return True
        return self.trial_ns <= TRIAL_SHARE * mean(self.samples) * self.calls


def faster(samples: Sequence[int], trials: Sequence[int]) -> bool | None:
    """Whether compiled code is worth keeping; None while too little is known."""
    if len(samples) < SAMPLES or len(trials) < TRIALS:
        return None
    return median(samples) < GAIN * median(trials)


def median(values: Iterable[float]) -> float:
    """The middle value; the upper one of two."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def mean(values: Collection[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def reading(counter: count[int]) -> int:
    """How often a counter was taken, without taking it: its text is the one thing that tells."""
    return int(repr(counter)[len("count(") : -1])


def key_of(args: Iterable[Any]) -> Hashable | None:
    """What compiled code may depend on: exact types, and layouts of arrays; None for types of a strange kind."""
    kinds = [_kind(value, 0) for value in args]
    return None if None in kinds else tuple(kinds)


def _kind(value: Any, depth: int) -> Hashable | None:
    kind: Any = type(value)
    if type(kind) is not type:  # another metaclass may compare and hash as it likes
        return None
    if kind.__name__ == "ndarray" and kind.__module__ == "numpy":
        return kind, value.dtype, value.ndim, value.flags.num & _LAYOUT
    if kind is tuple and depth < _DEEPEST:
        inner = [_kind(each, depth + 1) for each in value]
        return None if None in inner else (kind, *inner)
    if kind is list and value:  # all are of one type, or compiled code does not take it
        first = value[0]
        return kind, type(first), type(first[0]) if type(first) is list and first else None
    return kind
