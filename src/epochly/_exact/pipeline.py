"""numba's compiler with our passes in it: replace, infer types, check, strip phis, apply, lower.

Passes of numba's that rewrite typed code are left out, so that what was checked is what is lowered. It refuses numba versions
that no test has run with, since the intermediate representation is not a stable interface. Source: numba's developer manual
on customising the compiler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from numba.core.compiler import CompilerBase, DefaultPassBuilder, run_frontend
from numba.core.compiler_machinery import (
    FunctionPass,
    PassManager,
    register_pass,
)
from numba.core.typed_passes import NopythonTypeInference, PreLowerStripPhis
from numba.core.untyped_passes import (
    InlineClosureLikes,
    InlineInlinables,
    IRProcessing,
    TranslateByteCode,
)

from epochly._exact.apply import Applier
from epochly._exact.arena import tracked_library
from epochly._exact.array_calls import rename_array_calls
from epochly._exact.branches import decide_none, flag_unbound, locate_phis, refuse_unread
from epochly._exact.check import Checker
from epochly._exact.closures import InlineClosures
from epochly._exact.inference import Findings, give_own_names, prepare
from epochly._exact.inlining import give_up_instead_of_raising, inline_helpers
from epochly._exact.iteration import prepare_loops
from epochly._exact.lists import enter_and_leave
from epochly._exact.lowering import install
from epochly._exact.numpy_calls import rename
from epochly._exact.reading import Code, Reader, as_here
from epochly._exact.replace import drop_keyword_names, replace
from epochly._exact.saved import bring_back
from epochly._exact.strips import plan_strips
from epochly._exact.waiting import refuse_waiting

if TYPE_CHECKING:
    import types

    from epochly._exact.kinds import Kind
    from epochly._exact.plan import Plan


@register_pass(mutates_CFG=True, analysis_only=False)
class ReadByteCode(FunctionPass):
    """See `reading`."""

    _name = "epochly_read"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Bytecode to numba's representation."""
        refuse_unread(state.func_id.func.__code__)
        state.func_ir = Reader(state.func_id).interpret(Code(state.func_id))
        return True


@dataclass(slots=True)
class Job:
    """One function to be compiled for arguments of these kinds; the passes fill in the rest."""

    kinds: tuple[Kind, ...]
    plan: Plan | None = None
    helpers: tuple[types.FunctionType, ...] = ()
    findings: Findings = field(default_factory=Findings)


@register_pass(mutates_CFG=True, analysis_only=False)
class Replace(FunctionPass):
    """See `replace`."""

    _name = "epochly_replace"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Swap names."""
        state.epochly.helpers = inline_helpers(state)
        drop_keyword_names(state.func_ir)
        prepare_loops(state.func_ir)
        with as_here():
            for helper in state.epochly.helpers:
                refuse_waiting(helper, run_frontend(helper).blocks)
        replace(state.func_ir)
        rename_array_calls(state.func_ir)
        rename(state.func_ir)
        give_up_instead_of_raising(state.func_ir)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class Raises(FunctionPass):
    """See `inlining`."""

    _name = "epochly_raises"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Cut blocks short."""
        refuse_waiting(state.func_id.func, state.func_ir.blocks)
        give_up_instead_of_raising(state.func_ir)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class Names(FunctionPass):
    """See `branches`."""

    _name = "epochly_names"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Decide tests for `None`, flag names."""
        bring_back(state.func_ir)
        decide_none(state.func_ir, state.args)
        locate_phis(state.func_ir.blocks)
        flag_unbound(state.func_ir)
        enter_and_leave(state.func_ir, state.epochly.kinds, state.args)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class Provisional(FunctionPass):
    """See `inference`."""

    _name = "epochly_provisional"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Rename operators."""
        prepare(state.func_ir, state.epochly.findings)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class CheckTypes(FunctionPass):
    """See `check`."""

    _name = "epochly_check"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Write the plan."""
        job: Job = state.epochly
        give_own_names(state.func_ir)
        job.plan = Checker(state.func_ir.blocks, state.typemap, job.kinds, job.findings).run()
        plan_strips(state.func_ir.blocks, state.typemap, job.plan)
        return False


@register_pass(mutates_CFG=False, analysis_only=False)
class Apply(FunctionPass):
    """See `apply`."""

    _name = "epochly_apply"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Carry the plan out."""
        assert state.epochly.plan is not None
        Applier(state, state.epochly.plan).run()
        state.library = tracked_library(state)
        return True


def compiler_for(job: Job) -> type[Any]:
    """A numba compiler that does one job and writes into it what came of it."""

    class ExactCompiler(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            self.state.epochly = job
            manager = PassManager("epochly_exact")
            untyped = DefaultPassBuilder.define_untyped_pipeline(self.state)
            own = {TranslateByteCode: ReadByteCode, InlineClosureLikes: InlineClosures}
            manager.passes.extend((own.get(each, each), text) for each, text in untyped.passes)
            manager.add_pass_after(Raises, IRProcessing)
            manager.add_pass_after(Replace, InlineInlinables)
            manager.add_pass(Names, "decide what is None, flag what may be unbound")
            manager.add_pass(Provisional, "name operators for inference")
            manager.add_pass(NopythonTypeInference, "infer types")
            manager.add_pass(CheckTypes, "check exactness")
            manager.add_pass(PreLowerStripPhis, "remove phi nodes")
            manager.add_pass(Apply, "apply checks")
            lowering = DefaultPassBuilder.define_nopython_lowering_pipeline(self.state)
            manager.passes.extend(lowering.passes)
            manager.finalize()
            return [manager]

    return ExactCompiler


install()
