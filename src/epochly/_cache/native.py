"""Machine code as bytes and back: the object file LLVM made, the names of its entry, and what calling it needs. No pickle.

Each entry is linked by an engine of its own, so that two functions of the same name never meet: numba numbers functions
afresh in each process, and equal names would resolve to whichever came first. Every symbol is looked up before linking. It
refuses to keep code that holds an address of this process, needs an initialiser of numba's, or whose environment holds
Python objects other than NumPy's dtypes. It trusts its bytes as one trusts a program: see `store` for why one may.
Sources: numba's `CPUContext.get_executable`, LLVM's MCJIT.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
import types
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from numba import _dynfunc
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import lookup_environment

from epochly._cache.elf import NotAnObjectError, undefined_symbols
from epochly._exact.kinds import OPAQUE, Array, Items, Kind, Number, Opaque
from epochly._exact.kinds import Sequence as Listed
from epochly._exact.lowering import plain
from epochly._exact.made import Made

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTH = struct.Struct(">I")  # bytes of the description that comes before the object file
ENVIRONMENT = "_ZN08NumbaEnv"  # how numba's names of environments begin
FIELDS = {
    "entry",
    "environments",
    "helpers",
    "only_stored",
    "return_type",
    "returned",
    "uses_flags",
    "written",
}


class Unkept(Exception):  # noqa: N818 - caught by the shelf
    """Machine code that cannot be kept, or bytes that cannot become machine code."""


def packed(made: Made, functions: Sequence[types.FunctionType]) -> bytes:
    """What has to be kept of freshly compiled code; `functions` are those its key describes, in order.

    Raises:
        Unkept: with the reason.
    """
    result = made.result
    if result.library.has_dynamic_globals:
        raise Unkept("the code holds an address of this process")
    if result.reload_init:
        raise Unkept("the code needs an initialiser of numba's")
    if _kind(_plain(made.returned)) != made.returned:
        raise Unkept("the code returns what cannot be described")
    places = {id(function): index for index, function in enumerate(functions)}
    if any(id(helper) not in places for helper in made.helpers):
        raise Unkept("the code holds a function that its key does not describe")
    description = {
        "entry": result.fndesc.llvm_cpython_wrapper_name,
        "environments": _environments(result),
        "helpers": [places[id(helper)] for helper in made.helpers],
        "return_type": _type_names(made.returned, made.return_type),
        "returned": _plain(made.returned),
        "only_stored": list(made.only_stored),
        "uses_flags": made.uses_flags,
        "written": list(made.written),
    }
    data: bytes = result.library._get_compiled_object()  # noqa: SLF001 - the bytes LLVM made, which numba keeps for this
    _require_symbols(data)
    text = json.dumps(description).encode()
    return LENGTH.pack(len(text)) + text + data


def loaded(payload: bytes, function: types.FunctionType, functions: Sequence[types.FunctionType]) -> Made:
    """Linked machine code for `function`; `functions` as they were given to `packed`.

    Raises:
        Unkept: with the reason; nothing was linked then.
    """
    try:
        (length,) = LENGTH.unpack_from(payload)
        description = json.loads(payload[LENGTH.size : LENGTH.size + length])
        data = payload[LENGTH.size + length :]
        if set(description) != FIELDS:
            raise Unkept("a description with other fields")
        helpers = tuple(functions[index] for index in description["helpers"])
        environments = {
            name: list(map(np.dtype, consts)) for name, consts in description["environments"].items()
        }
        returned, return_type = _kind(description["returned"]), _tuples(description["return_type"])
        written, only_stored = (
            tuple(int(position) for position in description[name]) for name in ("written", "only_stored")
        )
        uses_flags = bool(description["uses_flags"])
        _require_symbols(data)
        entry = _linked(data, description["entry"], environments, function)
    except (struct.error, ValueError, AttributeError, TypeError, KeyError, IndexError, RuntimeError) as error:
        raise Unkept(f"{type(error).__name__}: {error}") from None
    return Made(entry, written, returned, return_type, helpers, only_stored, uses_flags)


def _require_symbols(data: bytes) -> None:
    try:
        missing = [name for name in undefined_symbols(data) if not llvm.address_of_symbol(name)]
    except NotAnObjectError as error:
        raise Unkept(str(error)) from None
    if missing:
        raise Unkept(f"the code needs `{missing[0]}`, which is not in this process")


def _linked(data: bytes, entry: str, environments: dict[str, list[Any]], function: types.FunctionType) -> Any:
    """The entry point as a callable that keeps its engine and its environments alive."""
    with global_compiler_lock:
        target = llvm.Target.from_triple(llvm.get_process_triple())
        machine = target.create_target_machine(jit=True, codemodel="jitdefault")
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # owns both, and frees them
        engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(data))
        engine.finalize_object()
        address = engine.get_function_address(entry)
        slots = {name: engine.get_global_value_address(name) for name in environments}
    if not address or not all(slots.values()):
        raise Unkept("the object file has no such entry")
    holders = []
    for name, consts in environments.items():
        holder = _dynfunc.Environment(function.__globals__)
        holder.consts[:] = consts
        ctypes.c_void_p.from_address(slots[name]).value = id(holder)
        holders.append(holder)
    module = sys.modules.get(function.__module__) or types.ModuleType(str(function.__module__))
    return _dynfunc.make_function(
        module, function.__name__, "machine code from the cache", address, holders[0], (engine, *holders)
    )


def _environments(result: Any) -> dict[str, list[str]]:
    """By name, what each environment holds that the code or what was inlined into it looks into; its own first."""
    found = {result.fndesc.env_name: result.environment}
    for variable in result.library._final_module.global_variables:  # noqa: SLF001 - numba's own cache looks there too
        if variable.name.startswith(ENVIRONMENT) and variable.name not in found:
            found[variable.name] = lookup_environment(variable.name)
    if None in found.values():
        raise Unkept("the code needs an environment that is gone")
    return {name: [_dtype_name(value) for value in each.consts] for name, each in found.items()}


def _dtype_name(value: object) -> str:
    if not isinstance(value, np.dtype) or value.kind not in "biufc" or np.dtype(value.str) != value:
        raise Unkept(f"the code's environment holds a value of type `{type(value).__name__}`")
    return value.str


def _plain(kind: Kind | None) -> Any:
    """A kind as lists and strings."""
    match kind:
        case None:
            return None
        case Number(marks):
            return ["number", sorted(marks)]
        case Array(roots, whole):
            return ["array", sorted(roots), whole]
        case Listed(roots, whole, item):
            return ["list", sorted(roots), whole, _plain(item)]
        case Items(items):
            return ["items", [_plain(item) for item in items]]
        case Opaque():
            return ["opaque"]
        case _:
            raise Unkept("the code returns what cannot be described")


def _kind(plain: Any) -> Kind | None:
    match plain:
        case None:
            return None
        case ["number", [*marks]]:
            return Number(frozenset(marks))
        case ["array", [*roots], bool(whole)]:
            return Array(frozenset(roots), whole)
        case ["list", [*roots], bool(whole), item]:
            return Listed(frozenset(roots), whole, _kind(item))
        case ["items", [*items]]:
            kinds = [_kind(item) for item in items]
            return Items(tuple(kind for kind in kinds if kind is not None))
        case ["opaque"]:
            return OPAQUE
        case _:
            raise Unkept("a description of no kind")


def _type_names(kind: Kind | None, machine_type: Any) -> Any:
    """The names that boxing goes by, in the shape of the kind."""
    if isinstance(kind, Listed):
        return _type_names(kind.item, plain(machine_type.dtype))
    if isinstance(kind, Items):
        return [_type_names(item, part) for item, part in zip(kind.items, tuple(machine_type), strict=True)]
    return str(machine_type)


def _tuples(names: Any) -> Any:
    return tuple(map(_tuples, names)) if isinstance(names, list) else str(names)
