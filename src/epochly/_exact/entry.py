"""From a function and arguments to something callable: checks, compiles, and binds guards, snapshot and boxing.

It refuses what the table in `check` does not list, numba versions no test has run with, and settings of numba that take
checks away. See the package's docstring for the promise.
"""

from __future__ import annotations

import time
import types
from typing import TYPE_CHECKING, Any

import numba
from numba.core import config
from numba.core.errors import NumbaError

from epochly._exact import Compiled, Rejected, layout, listed
from epochly._exact.complaints import translated
from epochly._exact.dispatch import Dispatcher, boxing_for
from epochly._exact.guards import watched
from epochly._exact.inference import Again
from epochly._exact.inlining import OPTIONS, defines_functions
from epochly._exact.kinds import Kind, Reject
from epochly._exact.lowering import FLOAT_REGISTER, numba_types
from epochly._exact.machine import FLAGS
from epochly._exact.made import Made
from epochly._exact.pipeline import Job, compiler_for
from epochly._exact.snapshot import Snapshots
from epochly._exact.values import kind_of_argument

if TYPE_CHECKING:
    from epochly._exact.made import Shelf

TESTED = ("0.68.",)  # numba's intermediate representation is no stable interface


def compiled_or_rejected(
    function: types.FunctionType, args: tuple[object, ...], shelf: Shelf | None = None
) -> Compiled | Rejected:
    """Compile for the types of `args`, or say why not; take it from the shelf where it is there."""
    start = time.perf_counter()
    try:
        job = Job(_kinds(function, args))
        found = shelf.find() if shelf is not None else None
        made = found or _machine_code(function, args, job)
        guards = watched(function, made.helpers)
        copies = (
            Snapshots(made.written, made.only_stored, uses_flags=made.uses_flags) if made.written else None
        )
        boxing = boxing_for(made.returned, made.return_type)
        entry = listed.wrapped(made.entry, args)
        dispatcher = Dispatcher(entry, args, guards, copies, boxing)
    except Reject as reject:
        return Rejected(reject.reason, reject.line, reject.fix)
    except NumbaError as error:
        return _refused_by_numba(error)
    except Exception as error:  # noqa: BLE001 - numba raises many kinds; whatever it is, the interpreter runs the function
        said = f"{type(error).__name__}: {error}"
        return Rejected(
            f"something in it is not on the exact list (numba {numba.__version__} says: {said})", None
        )
    compile_s = time.perf_counter() - start
    if shelf is not None and not shelf.settle(made) and found is not None:
        return compiled_or_rejected(function, args)
    return Compiled(
        dispatcher.call, compile_s, cached=found is not None, guards=guards.words(), dispatcher=dispatcher
    )


def _kinds(function: types.FunctionType, args: tuple[object, ...]) -> tuple[Kind, ...]:
    """What the arguments are; also refuses what no arguments could make right."""
    if not any(numba.__version__.startswith(version) for version in TESTED):
        raise Reject(f"numba {numba.__version__} is not tested; {TESTED[-1]}x is")
    if config.DISABLE_JIT or config.BOUNDSCHECK == 0:
        raise Reject("numba is set to run without compiling or without checking bounds")
    if not layout.AS_EXPECTED:
        raise Reject("objects of this Python or NumPy are laid out in a way no test has run with")
    if not FLAGS or FLOAT_REGISTER is None:
        raise Reject("this processor's status flags are not known")
    if not isinstance(function, types.FunctionType):
        raise Reject("not a plain Python function")
    code = function.__code__
    if code.co_flags & OPTIONS or code.co_kwonlyargcount:
        raise Reject(
            "a generator, a coroutine, or a function with starred or keyword-only parameters",
            code.co_firstlineno,
        )
    if defines_functions(code):
        raise Reject("it defines a function, lambda or generator inside", code.co_firstlineno)
    if len(args) != code.co_argcount:
        raise Reject(f"{len(args)} arguments for {code.co_argcount} parameters", code.co_firstlineno)
    names = code.co_varnames[: code.co_argcount]
    if list in map(type, args):
        listed.require_pay(code, function.__globals__)
    return tuple(kind_of_argument(position, names[position], arg) for position, arg in enumerate(args))


def _machine_code(function: types.FunctionType, args: tuple[object, ...], job: Job) -> Made:
    """The entry point that unboxes, runs and boxes, and what the plan that was carried out says of it."""
    signature = tuple(listed.machine_type(arg) if type(arg) is list else numba.typeof(arg) for arg in args)
    while True:  # each round finds something new, so this ends
        jitted = numba.njit(pipeline_class=compiler_for(job), boundscheck=True)(function)
        try:
            jitted.compile(signature)
            break
        except Again:
            continue
    result = jitted.overloads[signature]
    plan = job.plan
    assert plan is not None
    return_type = numba_types.unliteral(result.signature.return_type)
    written = tuple(sorted(root for root in plan.written if root >= 0))
    only_stored = tuple(position for position in written if position not in plan.read)
    return Made(
        result.entry_point,
        written,
        plan.returned,
        return_type,
        job.helpers,
        only_stored,
        plan.uses_flags,
        result,
    )


def _refused_by_numba(error: Any) -> Rejected:
    """Numba's own rejection, in words of ours."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, Reject):
        return Rejected(cause.reason, cause.line, cause.fix)
    return Rejected(*translated(str(error)))
