"""Whether anything may be collected here: one pure function of the environment and of what the user said before.

Any no wins over every yes, and what cannot be read is a no. It refuses to decide for a machine that runs CI, which nobody sits at. Sections 5
and 6 of `docs/spec/epochly-telemetry-v1.md`.
"""

from __future__ import annotations

from epochly._config import yes_or_no
from epochly.net.privacy import TELEMETRY, Blocked, PrivacyClass, allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import dataclass
else:
    from epochly._records import dataclass

CI = (  # set by the machines that build and test programs, whatever they set it to
    "APPVEYOR",
    "BITBUCKET_BUILD_NUMBER",
    "BUILDKITE",
    "CI",
    "CIRCLECI",
    "CODEBUILD_BUILD_ID",
    "CONTINUOUS_INTEGRATION",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
)
SWITCHED = {b"on\n": True, b"off\n": False}  # what the file of the user's choice may hold


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether to collect, and why or why not in one line."""

    on: bool
    why: str


def consent(environ: Mapping[str, str], kept: bytes | None, trouble: str = "") -> Consent:
    """Whether to collect under these variables, where `kept` is the user's choice as it was kept, None for none.

    `trouble` says why receipts of the service could not be believed: nothing is collected for such a one.
    """
    verdict = allowed(PrivacyClass.TELEMETRY, environ)
    if isinstance(verdict, Blocked):
        return Consent(False, verdict.reason)
    if kept is not None and SWITCHED.get(kept) is not True:
        if kept in SWITCHED:
            return Consent(False, "`epochly telemetry off` was said; hint: `epochly telemetry on`")
        return Consent(
            False, "what was said before cannot be read; hint: say `epochly telemetry on` or `off`"
        )
    asked = yes_or_no(environ.get(TELEMETRY, ""))
    machine = next((name for name in CI if name in environ and yes_or_no(environ[name]) is not False), None)
    if machine is not None and asked is not True:
        return Consent(
            False, f"`{machine}` is set, as on a CI machine; hint: `{TELEMETRY}=1` collects there too"
        )
    if trouble:
        return Consent(False, trouble)
    return Consent(True, f"`{TELEMETRY}` is set to 1" if asked else "nothing says no")
