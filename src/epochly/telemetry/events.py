"""Everything that telemetry can say, one function an event: typed values in, a tuple of names and small numbers out.

Made by `tools/write_telemetry.py` from `docs/spec/telemetry-v1.toml`: change that. It is long where the registry is. Importing it imports
next to nothing, and none of its kinds holds text that somebody wrote.
"""

from __future__ import annotations

from epochly.telemetry.kinds import Event, Field, bucket, share, small

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal

    Os = Literal["linux", "darwin", "windows", "other"]
    Arch = Literal["x86_64", "aarch64", "other"]
    Mode = Literal["monitoring", "conservative", "balanced", "aggressive"]
    Level = Literal["monitor", "threading", "jit", "multi-core", "gpu"]
    Tier = Literal["community", "trial", "professional", "enterprise", "academic"]
    Decision = Literal[
        "watched",
        "hot",
        "off",
        "counted",
        "threading",
        "no_hurry",
        "too_short",
        "kind",
        "recursive",
        "no_compiler",
        "parameters",
        "compiling",
        "refused",
    ]
    Outcome = Literal["compiled", "rejected", "not_faster", "gave_up", "differs"]
    Origin = Literal["in_process", "builder", "cache"]
    Fault = Literal["sampler", "builder", "cache", "licence", "telemetry", "compiler"]
    Support = Literal["supported", "missing", "too_old", "too_new", "unusable"]

    Fact = tuple[str | int | bool, ...]

VERSION: Final = 1
OS: Final[tuple[Os, ...]] = ("linux", "darwin", "windows", "other")
ARCH: Final[tuple[Arch, ...]] = ("x86_64", "aarch64", "other")
MODE: Final[tuple[Mode, ...]] = ("monitoring", "conservative", "balanced", "aggressive")
LEVEL: Final[tuple[Level, ...]] = ("monitor", "threading", "jit", "multi-core", "gpu")
TIER: Final[tuple[Tier, ...]] = ("community", "trial", "professional", "enterprise", "academic")
DECISION: Final[tuple[Decision, ...]] = (
    "watched",
    "hot",
    "off",
    "counted",
    "threading",
    "no_hurry",
    "too_short",
    "kind",
    "recursive",
    "no_compiler",
    "parameters",
    "compiling",
    "refused",
)
OUTCOME: Final[tuple[Outcome, ...]] = ("compiled", "rejected", "not_faster", "gave_up", "differs")
ORIGIN: Final[tuple[Origin, ...]] = ("in_process", "builder", "cache")
FAULT: Final[tuple[Fault, ...]] = ("sampler", "builder", "cache", "licence", "telemetry", "compiler")
SUPPORT: Final[tuple[Support, ...]] = ("supported", "missing", "too_old", "too_new", "unusable")
EVENTS: Final[dict[str, Event]] = {
    "session_start": Event(
        1,
        "metrics",
        (
            Field("level", "enum", 0, 0, LEVEL),
            Field("mode", "enum", 0, 0, MODE),
            Field("tier", "enum", 0, 0, TIER),
            Field("cores", "bucket", 0, 63, ()),
            Field("run", "flag", 0, 1, ()),
            Field("numba", "flag", 0, 1, ()),
        ),
    ),
    "routing_decision": Event(
        1, "metrics", (Field("level", "enum", 0, 0, LEVEL), Field("why", "enum", 0, 0, DECISION))
    ),
    "jit": Event(
        1,
        "metrics",
        (
            Field("outcome", "enum", 0, 0, OUTCOME),
            Field("origin", "enum", 0, 0, ORIGIN),
            Field("compile_ms", "bucket", 0, 63, ()),
            Field("speed", "bucket", 0, 63, ()),
            Field("deopts", "bucket", 0, 63, ()),
        ),
    ),
    "worker": Event(
        1,
        "metrics",
        (
            Field("workers", "bucket", 0, 63, ()),
            Field("items", "bucket", 0, 63, ()),
            Field("failed", "flag", 0, 1, ()),
        ),
    ),
    "gpu": Event(1, "metrics", (Field("asked", "flag", 0, 1, ()), Field("allowed", "flag", 0, 1, ()))),
    "allocator": Event(
        1, "metrics", (Field("cache_bytes", "bucket", 0, 63, ()), Field("versions", "bucket", 0, 63, ()))
    ),
    "workload": Event(
        1,
        "metrics",
        (
            Field("seconds", "bucket", 0, 63, ()),
            Field("memory", "bucket", 0, 63, ()),
            Field("functions", "bucket", 0, 63, ()),
            Field("compiled", "share", 0, 10, ()),
            Field("threads", "bucket", 0, 63, ()),
        ),
    ),
    "fault": Event(1, "critical-events", (Field("part", "enum", 0, 0, FAULT),)),
    "differs": Event(1, "critical-events", (Field("level", "enum", 0, 0, LEVEL),)),
    "compatibility": Event(
        1,
        "compatibility-reports",
        (
            Field("numba", "enum", 0, 0, SUPPORT),
            Field("numba_minor", "small", 0, 999, ()),
            Field("numpy", "enum", 0, 0, SUPPORT),
            Field("numpy_major", "small", 0, 99, ()),
            Field("numpy_minor", "small", 0, 99, ()),
        ),
    ),
}


def session_start(*, level: Level, mode: Mode, tier: Tier, cores: float, run: bool, numba: bool) -> Fact:
    """Which settings, Pythons and kinds of machine are in use, so that the common ones are tested and made fast."""
    return ("session_start", level, mode, tier, bucket(cores), run, numba)


def routing_decision(*, level: Level, why: Decision) -> Fact:
    """How often functions are left alone and why, so that the commonest reasons are worked on first."""
    return ("routing_decision", level, why)


def jit(*, outcome: Outcome, origin: Origin, compile_ms: float, speed: float, deopts: float) -> Fact:
    """Whether compiling pays: how it ends, how long it takes, what calls gain."""
    return ("jit", outcome, origin, bucket(compile_ms), bucket(speed), bucket(deopts))


def worker(*, workers: float, items: float, failed: bool) -> Fact:
    """How large pools of threads are and whether they end well."""
    return ("worker", bucket(workers), bucket(items), failed)


def gpu(*, asked: bool, allowed: bool) -> Fact:
    """Whether a GPU was asked for, before time goes into more of it."""
    return ("gpu", asked, allowed)


def allocator(*, cache_bytes: float, versions: float) -> Fact:
    """What buffers for undoing calls cost, so that their bounds fit real programs."""
    return ("allocator", bucket(cache_bytes), bucket(versions))


def workload(*, seconds: float, memory: float, functions: float, compiled: float, threads: float) -> Fact:
    """Which kind of program epochly meets: how long it runs, how much of that is its own hot functions."""
    return ("workload", bucket(seconds), bucket(memory), bucket(functions), share(compiled), bucket(threads))


def fault(*, part: Fault) -> Fact:
    """That a part of epochly switched itself off, without a word of what the program did."""
    return ("fault", part)


def differs(*, level: Level) -> Fact:
    """That `verify_mode` found a result that is not the interpreter's: the one thing that must never happen."""
    return ("differs", level)


def compatibility(
    *, numba: Support, numba_minor: float, numpy: Support, numpy_major: float, numpy_minor: float
) -> Fact:
    """Which versions of numba and NumPy are met, and whether they can be used."""
    return (
        "compatibility",
        numba,
        small(numba_minor, 0, 999),
        numpy,
        small(numpy_major, 0, 99),
        small(numpy_minor, 0, 99),
    )
