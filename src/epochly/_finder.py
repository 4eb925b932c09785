"""From samples to wrappers: which of the program's own functions are hot, and putting a wrapper in their place.

A function keeps its identity: its code is swapped, and swapped back when compiled code is refused. Closures made from the same
code get a wrapper each, those that are there when it is found. From Python 3.13 on calls of a function whose code was swapped
once are never specialised again, so what is surely refused is told there before, by the arguments of a call that is running.
It refuses functions that call themselves, generators, coroutines, code that belongs to many functions, and all code outside
the program's folder.
"""

from __future__ import annotations

import gc
import os
import sys
from opcode import opname
from types import CodeType, FunctionType

from epochly._call import Site
from epochly._decide import PATIENCE_NS
from epochly._facts import facts_of
from epochly._monitor import Hot
from epochly._prospects import left_to_numpy, surely_refused
from epochly._wrap import install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import dataclass, field
    from types import FrameType
    from typing import Any
    from weakref import ref

    from epochly._session import Session
else:
    from _weakref import ref

    from epochly._records import dataclass, field

INSTALLED = {"site-packages", "dist-packages"}
SWAPPED_FOR_GOOD = (3, 13)  # the first Python that gives no new version to a function that was changed
MOST_OF_A_SHORT_ONE = 25  # instructions, of some 20 ns each
FEWEST = 2  # samples; one can be chance
MOST_SHARING = 4  # functions of one code; each is compiled by itself


def functions_of(code: CodeType) -> list[FunctionType]:
    """The function objects that run a code object, however they are held; a look over the whole heap."""
    return [each for each in gc.get_referrers(code) if type(each) is FunctionType and each.__code__ is code]


def arguments_of(code: CodeType, frames: Mapping[int, FrameType]) -> tuple[Any, ...]:
    """The arguments of a call that runs just now, the innermost one of a thread; none where there is no such call, or one is deleted."""
    for top in frames.values():
        frame: FrameType | None = top
        while frame is not None:
            if frame.f_code is code:
                names, held = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], frame.f_locals
                return tuple(held[name] for name in names) if all(name in held for name in names) else ()
            frame = frame.f_back
    return ()


def why_not_with(function: FunctionType, args: tuple[Any, ...]) -> str | None:
    """Why a function is surely refused with such arguments; None where only the compiler can tell."""
    why = surely_refused(function.__code__, args) or left_to_numpy(function, args)
    return None if why is None else "; hint: ".join(why)


def why_too_short(function: FunctionType) -> str | None:
    """Why a call of a function surely takes less than `_decide.CALL_NS`; None where it loops, calls or is longer."""
    facts = facts_of(function)
    calls = any(opname[operation].startswith("CALL") for operation in function.__code__.co_code[::2])
    if facts.loops or calls or facts.size > MOST_OF_A_SHORT_ONE:
        return None
    return f"runs {facts.size} instructions and calls nothing, less than compiled code could save"


def behind(code: CodeType) -> CodeType:
    """The function's own code where `code` is that of its wrapper, which looks like it."""
    site = next((each for each in code.co_consts if isinstance(each, Site)), None)
    return code if site is None else site.original.__code__


def own_files(*folders: str) -> Callable[[str], bool]:
    """Whether a file is the program's: below one of its folders, not installed below that, no standard library."""
    library = os.path.dirname(os.path.realpath(os.__file__))
    bounds = [os.path.realpath(folder) + os.sep for folder in folders]
    bounds = [
        each for each in bounds if os.path.basename(each[:-1]) not in INSTALLED and each[:-1] != library
    ]
    known: dict[str, bool] = {}

    def own(file: str) -> bool:
        if file not in known:
            path = "" if file.startswith("<") else os.path.realpath(file)  # `<string>` is no file
            known[file] = any(
                path.startswith(below) and not INSTALLED & set(path[len(below) :].split(os.sep))
                for below in bounds
            )
        return known[file]

    return own


@dataclass(slots=True, eq=False)
class Finder:
    """A sink for samples since `begun_ns`. `left` says of each hot code why it got no wrapper.

    What a closure holds is the program's to let go of, so sites are referred to weakly.
    """

    session: Session
    own: Callable[[str], bool]
    find: Callable[[CodeType], list[FunctionType]] = functions_of
    begun_ns: int = 0
    hot: Hot = field(default_factory=Hot)
    sites: dict[CodeType, list[ref[Site]]] = field(default_factory=dict)
    left: dict[CodeType, str] = field(default_factory=dict)
    _kept: list[Site] = field(default_factory=list)  # for the report, also after the wrapper is gone

    def add(self, code: CodeType, line: int, weight: int = 1) -> bool:
        """One sample; a function that has become hot gets its wrapper, and then it is true.

        Compiling is our time, and is not sampled.
        """
        if self.session.compiling:
            return False
        code = behind(code)
        self.hot.add(code, line, weight)
        if code in self.sites or code in self.left or not self.own(code.co_filename):
            return False
        samples, mode = self.hot.by_code[code], self.session.config.mode
        spent_ns = (self.session.outside.clock() - self.begun_ns) * samples // self.hot.samples
        if samples >= FEWEST and spent_ns >= PATIENCE_NS.get(mode, PATIENCE_NS["balanced"]):
            self._look(code, spent_ns)
            return True
        return False

    def _look(self, code: CodeType, spent_ns: int) -> None:
        reason = self._why_not(code)
        functions = self.find(code) if reason is None else []
        reason = reason or self._why_none_of(functions)
        if reason is None and sys.version_info >= SWAPPED_FOR_GOOD:
            reason = why_not_with(functions[0], arguments_of(code, sys._current_frames()))  # noqa: SLF001 - as the sampler does
            reason = reason or (
                None if self.session.config.mode == "aggressive" else why_too_short(functions[0])
            )
        if reason is not None:
            self.left[code] = reason
            return
        share_ns = spent_ns // len(functions)
        self.session.machine()  # which is asked once, and may load modules: here that holds up nobody's call, nor is it in their heap
        try:
            sites = [install(each, self.session, spent_ns=share_ns) for each in functions]
        except ValueError as error:  # names that no source has
            self.left[code] = str(error)
            return
        self.sites[code] = [ref(site) for site in sites]
        self._kept += [] if code.co_freevars else sites

    def _why_not(self, code: CodeType) -> str | None:
        config = self.session.config
        if not config.enabled or config.level < 2 or config.mode == "monitoring":
            return "only monitored"
        if code.co_name == "<module>":
            return "runs once, at module level; hint: put the loop into a function"
        if any(name.rstrip("_") == "here" for name in code.co_freevars):
            return "closes over `here`, a name that its wrapper has; hint: give it as an argument"
        return None

    def _why_none_of(self, functions: list[FunctionType]) -> str | None:
        if not 1 <= len(functions) <= MOST_SHARING:
            return f"{len(functions)} functions share its code; hint: define it once, at module level"
        code, kind = functions[0].__code__, facts_of(functions[0]).kind
        if kind != "function":
            return f"a {kind} is left alone; hint: put the loop into a plain function"
        if code.co_name in (*code.co_names, *code.co_freevars):
            return "may call itself, and a wrapper would halve the depth it can reach"
        if any(site.original in functions for site in self.session.sites()):
            return "decorated already"
        return None
