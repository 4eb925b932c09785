"""numba's compiler with our passes in it: replace, infer types, check, strip phis, apply, lower.

Passes of numba's that rewrite typed code are left out, so that what was checked is what is lowered. It refuses numba versions
that no test has run with, since the intermediate representation is not a stable interface. Source: numba's developer manual
on customising the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import (
    FunctionPass,
    PassManager,
    register_pass,
)
from numba.core.typed_passes import NopythonTypeInference, PreLowerStripPhis
from numba.core.untyped_passes import IRProcessing

from epochly._exact.apply import Applier
from epochly._exact.check import Checker
from epochly._exact.lowering import install
from epochly._exact.replace import replace

if TYPE_CHECKING:
    from epochly._exact.plan import Plan


@register_pass(mutates_CFG=False, analysis_only=False)
class Replace(FunctionPass):
    """See `replace`."""

    _name = "epochly_replace"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Swap names."""
        replace(state.func_ir)
        return True


@register_pass(mutates_CFG=False, analysis_only=False)
class CheckTypes(FunctionPass):
    """See `check`."""

    _name = "epochly_check"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Write the plan."""
        kinds, plans = state.epochly
        plans.append(Checker(state.func_ir.blocks, state.typemap, kinds).run())
        return False


@register_pass(mutates_CFG=False, analysis_only=False)
class Apply(FunctionPass):
    """See `apply`."""

    _name = "epochly_apply"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Carry the plan out."""
        Applier(state, state.epochly[1][-1]).run()
        return True


def compiler_for(kinds: tuple[Any, ...], plans: list[Plan]) -> type[Any]:
    """A numba compiler for one call's argument kinds; the plan it makes is appended to `plans`."""

    class ExactCompiler(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            self.state.epochly = (kinds, plans)
            manager = PassManager("epochly_exact")
            untyped = DefaultPassBuilder.define_untyped_pipeline(self.state)
            manager.passes.extend(untyped.passes)
            manager.add_pass_after(Replace, IRProcessing)
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
