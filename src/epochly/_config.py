"""What the runtime is told to do: a frozen value, read from a mapping that holds environment variables.

It refuses to guess: a value nobody can read becomes the choice that changes least, and one line that says so. It reads
no environment itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
    from typing import Final, Literal

    Mode = Literal["monitoring", "conservative", "balanced", "aggressive"]
else:
    from epochly._records import dataclass

    Mode = str

MODES: Final[tuple[Mode, ...]] = ("monitoring", "conservative", "balanced", "aggressive")
LEVELS: Final = ("monitor", "threading", "jit", "multi-core", "gpu")
MONITOR, THREADING, JIT, MULTI_CORE, GPU = 0, 1, 2, 3, 4
DEFAULT_MODE: Mode = "balanced"
HIGHEST_BUILT = JIT  # levels 3 and 4 have names, and act as level 2 until they are built
NOT_BUILT: Final = {
    3: "loops are run on several cores only once their independence is proved, and that is not built",
    4: "a GPU's results are not those of CPython and NumPy to the last bit, so nothing goes there unasked",
}
MAX_WORKERS = 1024  # threads; more than any machine gains from, fewer than systems allow
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def yes_or_no(text: str) -> bool | None:
    """What a variable says, blanks around it and capitals aside; an empty one says no, None is what nobody can read."""
    plain = text.strip().lower()
    return True if plain in _TRUE else False if plain in _FALSE else None


@dataclass(frozen=True, slots=True)
class Config:
    """Level 0..4, how eagerly functions are compiled, threads for level 1 (None: by cores), and the main switch.

    `cache` is the folder for compiled code, None where it usually is, or False for none.
    """

    level: int = JIT
    mode: Mode = DEFAULT_MODE
    max_workers: int | None = None
    enabled: bool = True
    cache: str | Literal[False] | None = None

    @property
    def compiles(self) -> bool:
        """Whether anything may run compiled under these settings."""
        return self.enabled and self.level >= JIT and self.mode != "monitoring"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> tuple[Config, tuple[str, ...]]:
        """The settings in `EPOCHLY_*`, and a line for each value that could not be read."""
        lines: list[str] = []
        level, mode, workers = JIT, DEFAULT_MODE, None
        text = environ.get("EPOCHLY_LEVEL", "").strip()
        if text:
            if text in {"0", "1", "2", "3", "4"}:
                level = int(text)
            else:
                level = MONITOR
                lines.append(f"`EPOCHLY_LEVEL` is `{text}`, only counting calls; hint: give 0 to 4")
        text = environ.get("EPOCHLY_MODE", "").strip().lower()
        if text:
            known = next((name for name in MODES if name == text), None)
            mode = known or "monitoring"
            if known is None:
                lines.append(
                    f"`EPOCHLY_MODE` is `{text}`, only counting calls; hint: give one of {', '.join(MODES)}"
                )
        text = environ.get("EPOCHLY_MAX_WORKERS", "").strip()
        if text:
            if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_WORKERS:
                workers = int(text)
            else:
                workers = 1
                lines.append(
                    f"`EPOCHLY_MAX_WORKERS` is `{text}`, using one thread; hint: give 1 to {MAX_WORKERS}"
                )
        text = environ.get("EPOCHLY_DISABLE", "").strip().lower()
        disabled = yes_or_no(text)
        if disabled is None:
            lines.append(f"`EPOCHLY_DISABLE` is `{text}`, taken as 1; hint: give 1 or 0")
        enabled = disabled is False
        cache: str | Literal[False] | None = None
        text = environ.get("EPOCHLY_CACHE", "").strip()
        kept = yes_or_no(text)
        if text and kept is False:
            cache = False
        elif text.startswith("/"):
            cache = text
        elif kept is None:
            cache = False
            lines.append(f"`EPOCHLY_CACHE` is `{text}`, keeping nothing; hint: give 0, 1 or an absolute path")
        return cls(level, mode, workers, enabled=enabled, cache=cache), tuple(lines)


def checked_level(level: object) -> int:
    """`level` as a number from 0 to 4, or `ValueError`."""
    if isinstance(level, int) and not isinstance(level, bool) and 0 <= level < len(LEVELS):
        return level
    raise ValueError(f"`level` is {level!r}, expected 0 to 4; hint: 0 counts, 1 threads, 2 compiles")


def checked_mode(mode: object) -> Mode:
    """`mode` as one of the four names, or `ValueError`."""
    for name in MODES:
        if name == mode:
            return name
    raise ValueError(f"`mode` is {mode!r}, expected one of {', '.join(MODES)}; hint: try `balanced`")


def checked_workers(workers: object) -> int:
    """`max_workers` as a number of threads, or `ValueError`."""
    if isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MAX_WORKERS:
        return workers
    raise ValueError(f"`max_workers` is {workers!r}, expected 1 to {MAX_WORKERS}; hint: leave it out")


def checked_port(port: object) -> int:
    """`port` as a number that a server can listen at, or 0 for none, or `ValueError`."""
    if isinstance(port, int) and not isinstance(port, bool) and 0 <= port < 2**16:
        return port
    raise ValueError(f"`prometheus_port` is {port!r}, expected 1 to 65535; hint: 0 serves nothing")


def checked_cache(cache: object) -> str | Literal[False] | None:
    """`cache` as a folder, False for none, or None (also for True) for the usual one; or `ValueError`."""
    if cache is False or (isinstance(cache, str) and cache.startswith("/")):
        return cache
    if cache is True or cache is None:
        return None
    raise ValueError(f"`cache` is {cache!r}, expected True, False or an absolute path; hint: leave it out")
