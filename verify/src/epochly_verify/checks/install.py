"""Layer `install`: what installing the wheel, or starting Python afterwards, would do.

Nothing is installed, imported or executed: members are placed by name (`parse/installplan.py`), and what would run,
shadow or overwrite something is told. Each part has its file: `install_startup.py`, `install_commands.py`,
`install_prefix.py`, `install_names.py`, `install_pyc.py` and `install_views.py`.

Specification: "Binary distribution format", section "Installing a wheel".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from epochly_verify.checks.install_commands import command_findings, commands
from epochly_verify.checks.install_names import name_findings, name_table
from epochly_verify.checks.install_prefix import prefix_findings
from epochly_verify.checks.install_pyc import pyc_findings
from epochly_verify.checks.install_startup import HOOKS, startup_findings
from epochly_verify.checks.install_views import view_findings
from epochly_verify.model import ArtifactKind, NotRun, Outcome, Ran
from epochly_verify.parse.filename import project_from_filename
from epochly_verify.parse.installplan import install_plan

if TYPE_CHECKING:
    from epochly_verify.model import Evidence
    from epochly_verify.policy import Policy


def check(evidence: Evidence, policy: Policy) -> Outcome:
    """Tell what an installer, and then every start of Python, would do with this wheel."""
    if evidence.kind is ArtifactKind.SDIST:
        return NotRun("installing an sdist runs its build")
    if not evidence.archive.members and not evidence.archive.streamed:
        return NotRun("the archive could not be read")
    plan = install_plan(evidence.archive.members)
    project = project_from_filename(evidence.filename)
    table = name_table()
    found = commands(plan, policy.limits)
    findings = (
        *startup_findings(plan),
        *command_findings(found, plan, project),
        *prefix_findings(plan, project, table),
        *name_findings(plan, project, table),
        *pyc_findings(plan),
        *view_findings(evidence, policy.limits),
    )
    unique = tuple(dict.fromkeys(findings))  # duplicate entries give the same finding twice
    hooks = sum(finding.id in HOOKS for finding in unique)
    files = len(plan.by_place)
    return Ran(
        unique,
        f"installs {_counted(files, 'file')}, {_counted(len(found), 'command')}, {_counted(hooks, 'start-up hook')}",
    )


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
