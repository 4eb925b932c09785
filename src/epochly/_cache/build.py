"""What machine code of this process is made by: versions, flags, the processor, and the source of our own compiler.

It refuses to describe a compiler whose source is not there, or is no longer the one that was loaded: code of the old one
must never get a key of the new one. Looks at installed files once a process, at numba's settings every time.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import types
from functools import cache
from typing import TYPE_CHECKING, Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import config

from epochly._cache.encoding import Undescribed
from epochly._cache.key import Build
from epochly._exact import entry
from epochly._exact.mathematics import LIBM_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPILER = entry.__name__.rpartition(".")[0]  # with `entry`, all of it is loaded
OPTIONS = (("boundscheck", "True"), ("nopython", "True"))  # what `entry` passes to numba
SETTINGS = (  # of numba's, that change the machine code it makes or how it reports errors
    "BOUNDSCHECK", "CAPTURED_ERRORS", "CPU_FEATURES", "CPU_NAME", "DEBUGINFO_DEFAULT", "DISABLE_INTEL_SVML", "DISABLE_JIT",
    "ENABLE_AVX", "ENABLE_PROFILING", "FULL_TRACEBACKS", "LLVM_PASS_TIMINGS", "LLVM_REFPRUNE_FLAGS", "LLVM_REFPRUNE_PASS",
    "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE", "USING_SVML",
)  # fmt: skip


def this_build() -> Build:
    """The build of this process, as it is set now."""
    flags = [(name, str(getattr(config, name, None))) for name in SETTINGS]
    libm = sorted(
        function.__name__ for function in LIBM_FUNCTIONS
    )  # those that agree with Python's on this machine
    return _fixed((*flags, *OPTIONS, ("libm", " ".join(libm))))


@cache
def _fixed(flags: tuple[tuple[str, str], ...]) -> Build:
    features = llvmlite.binding.get_host_cpu_features()
    triple = llvmlite.binding.get_process_triple()
    return Build(
        passes=compiler_digest(),
        flags=flags,
        numba=numba.__version__,
        llvmlite=f"{llvmlite.__version__} {llvmlite.binding.llvm_version_info}",
        numpy=np.__version__,
        python=f"{sys.version} {sys.implementation.cache_tag} {sys.abiflags} {platform.machine()}",
        cpu=f"{triple} {llvmlite.binding.get_host_cpu_name()}",
        features=features.flatten(),
    )


@cache
def compiler_digest() -> str:
    """SHA-256 of the sources of our compiler as they were loaded; no version number has to be remembered."""
    sum_ = hashlib.sha256()
    loaded = sorted(name for name in sys.modules if name == COMPILER or name.startswith(f"{COMPILER}."))
    for name in loaded:
        module = sys.modules[name]
        loader: Any = module.__spec__.loader if module.__spec__ is not None else None
        try:
            source, code = loader.get_source(name), loader.get_code(name)
        except (AttributeError, ImportError, OSError):
            source = code = None
        if source is None or code is None:
            raise Undescribed("the source of the compiler is not there")
        if not _is_loaded(module, {(each.co_name, each.co_firstlineno): each for each in _inside(code)}):
            raise Undescribed("the source of the compiler changed since it was loaded")
        data = source.encode()
        sum_.update(f"{name} {len(data)}\n".encode() + data)
    return sum_.hexdigest()


def _is_loaded(module: types.ModuleType, codes: dict[tuple[str, int], types.CodeType]) -> bool:
    """Whether the functions of a module in memory are those of its file."""
    ours = [
        value
        for value in vars(module).values()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    ]
    mine = [_as_written(function).__code__ for function in ours]
    return all(codes.get((code.co_name, code.co_firstlineno)) == code for code in mine)


def _as_written(function: Any) -> types.FunctionType:
    """The function under decorators such as `contextmanager`, whose own code is in another file."""
    while isinstance(getattr(function, "__wrapped__", None), types.FunctionType):
        function = function.__wrapped__
    return function  # type: ignore[no-any-return]


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _inside(value)
