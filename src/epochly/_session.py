"""What one process knows: settings, the functions that are watched, the compiler once it was needed.

Everything it touches outside of itself is given to it: environment, clock, a way to say a line. It refuses to start
anything when it is made.
"""

from __future__ import annotations

from contextvars import ContextVar

from epochly._config import HIGHEST_BUILT, MULTI_CORE, NOT_BUILT, Config
from epochly._rights import COMMUNITY, allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import dataclass, field, replace
    from typing import Any
    from weakref import ref

    from epochly._builder.errands import Errands
    from epochly._call import Site
    from epochly._compiler import Compiler
    from epochly._config import Mode
    from epochly._machine import Machine
    from epochly._rights import Rights
    from epochly.telemetry.collector import Collector
else:
    from _weakref import ref

    from epochly._records import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Outside:
    """The process around us: a clock in ns, a line to stderr, the machine, the compiler, who else is tracing.

    `errands` gives the way to another process that compiles, or None where there is none; `rights` what the licence allows.
    """

    clock: Callable[[], int]
    say: Callable[[str], None]
    machine: Callable[[], Machine]
    compiler: Callable[[], Compiler | str]
    traced: Callable[[], bool]
    monitored: Callable[[], bool]
    errands: Callable[[Compiler], Errands | None] = lambda _compiler: None
    rights: Callable[[], Rights] = lambda: COMMUNITY


@dataclass(slots=True, eq=False)
class Session:
    """Mutable on purpose, and the one such thing: everything else is a value or belongs to one function."""

    outside: Outside
    config: Config = field(default_factory=Config)
    verify_every: int = 0
    overrides: int = 0
    denied: bool = False
    compiling: int = 0
    override: ContextVar[int | None] = field(
        default_factory=lambda: ContextVar("epochly level", default=None)
    )
    telemetry: Collector | None = None
    _sites: list[ref[Site]] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)
    _machine: Machine | None = None
    _compiler: Compiler | str | None = None
    _errands: list[Errands | None] = field(default_factory=list)

    def effective(self, level: int | None, mode: Mode | None) -> Config:
        """The settings for a function: its own come before the context's, the context's before the process's.

        What the licence does not allow is taken away, and told once.
        """
        config = self.config
        asked = self.override.get() if self.overrides else None
        level = asked if level is None else level
        if level is not None or mode is not None:
            config = replace(config, level=config.level if level is None else level, mode=mode or config.mode)
        if config.level < MULTI_CORE:
            return config
        config, denial = allowed(config, lambda: self.machine().cores, self.outside.rights)
        if denial and not self.denied:
            self.denied = True
            self.outside.say(denial)
        return config

    def machine(self) -> Machine:
        """The machine, looked at once."""
        if self._machine is None:
            self._machine = self.outside.machine()
        return self._machine

    def workers(self) -> int:
        """How many threads level 1 may use, under the settings of the process."""
        return self.config.max_workers or min(32, self.machine().cores + 4)

    def compiler(self) -> Compiler | str:
        """The compiler, or why there is none; found once."""
        if self._compiler is None:
            self._compiler = self.outside.compiler()
        return self._compiler

    def trouble(self) -> str:
        """What went wrong with the cache since there was one; nothing is looked for."""
        store = getattr(self._compiler, "store", None)
        return str(getattr(store, "trouble", ""))

    def errands(self) -> Errands | None:
        """The way to another process that compiles; None where everything is compiled in this one."""
        if not self._errands:
            compiler, found = self.compiler(), None
            if not isinstance(compiler, str):
                try:
                    found = self.outside.errands(compiler)
                except (OSError, ValueError):  # files of ours that cannot be looked at
                    found = None
            self._errands.append(found)
        return self._errands[0]

    def known_errands(self) -> tuple[Errands | None, ...]:
        """The way to that other process, if it was asked for; nothing is looked for."""
        return tuple(self._errands)

    def known_machine(self) -> Machine | None:
        """The machine, if it was looked at."""
        return self._machine

    def known_compiler(self) -> Compiler | str | None:
        """The compiler, if it was asked for; nothing is looked for."""
        return self._compiler

    def say_once(self, line: str) -> None:
        """Tell the user a line, the first time only."""
        if line not in self._said:
            self._said.add(line)
            self.outside.say(line)

    def add(self, site: Site) -> None:
        """Remember a watched function for as long as somebody can call it."""
        if len(self._sites) % 256 == 255:
            self._sites = [each for each in self._sites if each() is not None]
        self._sites.append(ref(site))

    def sites(self) -> Iterator[Site]:
        """The functions that are watched, in the order in which they came."""
        for each in tuple(self._sites):
            site = each()
            if site is not None:
                yield site

    def overriding(self, contexts: int) -> None:
        """Count contexts that ask for a level of their own; from the first to the last, every call is asked about."""
        before = bool(self.overrides)
        self.overrides += contexts
        if before != bool(self.overrides):
            self.change()

    def change(self, **settings: Any) -> None:
        """Take other settings, for calls from now on; another cache is for functions that are compiled from now on."""
        before = self.config
        self.config = replace(before, **settings)
        if self.config.cache != before.cache:
            self._compiler = None
            self._errands.clear()
        if self.config.level > HIGHEST_BUILT and self.config.level != before.level:
            self.effective(None, None)
            self.say_once(f"level {self.config.level} acts as 2 so far: {NOT_BUILT[self.config.level]}")
        for site in self.sites():
            site.rearm()
