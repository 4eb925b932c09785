"""Has everything of a release judged by `epochly_verify`, as a user would, under the release's own policy.

The policy pins repository, workflow, ref, trigger, environment and commit, and asks for every layer. What the judge says
is taken as it is: a file counts only when it is `verified`, and when all the evidence is there that a release promises.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from epochly_release.attestation import BUNDLE, CYCLONEDX, PUBLISH
from epochly_release.checkout import Repository
from epochly_release.errors import InputError, Refused
from epochly_release.manifest import MANIFEST, is_distribution, listed, parse_manifest
from epochly_release.provenance import FORGE, SLSA
from epochly_release.signing import trusted_root_of
from epochly_verify import Identity, Layer, Policy, Rule, Trust, Verdict, Wanted, verify
from epochly_verify.api import default_trust
from epochly_verify.checks.matching import match
from epochly_verify.errors import VerifyError
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind, ExpectedHash, Severity, Status
from epochly_verify.parse.trustroot import parse_trust_root
from epochly_verify.policy import INTEGRITY
from epochly_verify.signatures import Target, authenticate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_release.manifest import Listed
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World
    from epochly_verify.model import ArtifactReport, Signed

REQUIRED = INTEGRITY | {Layer.HASH, Layer.SIGNATURE, Layer.IDENTITY, Layer.PROVENANCE}
_MESSAGE = "a signature over the file"


def identity_of(plan: Plan) -> Identity:
    """The one signer a release may have."""
    config = plan.config
    return Identity(
        kind="github",
        repository=f"{FORGE}/{config.repository}",
        workflow=config.workflow,
        ref=(config.ref,),
        trigger=(config.trigger,),
        environment=config.environment,
        commit=plan.commit,
    )


def policy_of(plan: Plan, *, wheel: bool) -> Policy:
    """What every file of the release is held to."""
    require = REQUIRED | {Layer.SBOM} if wheel else REQUIRED
    rule = Rule(identities=(identity_of(plan),), require=require, origin="the release's policy")
    return Policy(rules=(rule,), require=require)


def trust_config_of(plan: Plan, places: Places, world: World) -> tuple[str, str]:
    """The Sigstore client trust configuration and where it is from; both empty for the public instance.

    It is the file that was named, or the one at the commit that the release's configuration names. The environment cannot
    name one: an earlier step of the same job could set it.
    """
    if places.trust_config:
        return world.read(places.trust_config).decode("utf-8", "replace"), places.trust_config
    if plan.config.trust_config:
        data = Repository(places.repository, world).show(plan.commit, plan.config.trust_config)
        return data.decode("utf-8", "replace"), plan.config.trust_config
    return "", ""


def trust_of(plan: Plan, places: Places, world: World) -> Trust:
    """What signatures are judged against: the root in the given configuration, or the one embedded in the judge."""
    text, where = trust_config_of(plan, places, world)
    if not where:
        return default_trust()
    try:
        return Trust(parse_trust_root(trusted_root_of(text, where).encode(), where))
    except VerifyError as error:
        raise InputError("trust-config", where, error.message, error.hint) from error


def read_manifest(plan: Plan, places: Places, world: World) -> dict[str, Listed]:
    """The manifest in `out`, once every file it lists is there as listed; raises `Refused`."""
    path = f"{places.out}/{MANIFEST}"
    if path not in world.files(places.out):
        raise Refused("manifest", path, "is not there", "run `describe` first")
    files = parse_manifest(world.read(path), path, plan)
    there = {os.path.basename(each) for each in world.files(places.out)}
    for name, wanted in files.items():
        if name not in there:
            raise Refused("missing-file", name, f"is in `{MANIFEST}` but not here", "run `describe` again")
        if listed(world.read(f"{places.out}/{name}")) != wanted:
            message = f"is not the file that `{MANIFEST}` lists"
            raise Refused("changed-file", name, message, "start over in another folder: something changed it")
    strays = sorted(name for name in there if is_distribution(name) and name not in files)
    if strays:
        raise Refused("stray-file", strays[0], f"is not in `{MANIFEST}`", "release from a folder of its own")
    return files


def signed_by(data: bytes, name: str, bundle: bytes, trust: Trust) -> Signed:
    """The judgement of one bundle over a file that is no wheel or sdist."""
    attached = Attached(f"{name}{BUNDLE}", EvidenceKind.BUNDLE, bundle)
    target = Target(bytes.fromhex(listed(data).sha256))
    (signed,) = authenticate((attached,), target, trust.root, None, DEFAULT)
    return signed


def judge_manifest(plan: Plan, places: Places, world: World, trust: Trust) -> str:
    """The signer of the manifest in words; raises `Refused` unless it is the release's."""
    path = f"{places.out}/{MANIFEST}"
    signed = signed_by(world.read(path), MANIFEST, world.read(f"{path}{BUNDLE}"), trust)
    reasons = [f"{finding.id}: {finding.message}" for finding in signed.problems]
    reasons = reasons or list(match(identity_of(plan), signed, version=None))
    if reasons:
        message = f"is not signed by this release: {'; '.join(reasons)[:400]}"
        raise Refused("not-verified", MANIFEST, message, "run `attest` again, in the release workflow")
    assert signed.claims is not None  # the identity is one of a certificate
    return signed.claims.build_signer_uri


def judge_file(
    path: str, wanted: Listed, plan: Plan, trust: Trust, *, evidence: tuple[Attached, ...] | None = None
) -> ArtifactReport:
    """The report on one wheel or sdist, once it is verified and complete; raises `Refused` with every reason.

    Args:
        path: the file.
        wanted: what the manifest says of it.
        plan: the release.
        trust: what signatures are judged against.
        evidence: signatures from elsewhere, e.g. an index; `None` for those beside the file.
    """
    name = os.path.basename(path)
    wheel = name.endswith(".whl")
    expected = ExpectedHash("sha256", wanted.sha256, MANIFEST)
    try:
        asked = Wanted(hashes=(expected,), evidence=evidence)
        (report,) = verify(path, policy_of(plan, wheel=wheel), wanted=asked, trust=trust).artifacts
    except VerifyError as error:
        raise InputError(error.code, error.where, error.message, error.hint) from error
    if report.verdict is not Verdict.VERIFIED:
        layers = [f"{each.layer}: {each.why}" for each in report.layers if each.status is not Status.PASSED]
        errors = [each for each in report.findings if each.severity is Severity.ERROR]
        details = [f"{each.id}  {each.subject}: {each.message}" for each in errors] or layers
        ids = ", ".join(dict.fromkeys(each.id for each in errors)) or "a required layer could not run"
        hint = "nothing leaves: see the lines above, and `epochly-verify --explain ID`"
        raise Refused("not-verified", name, f"is {report.verdict}: {ids}", hint, tuple(details))
    _refuse_missing_evidence(name, report, from_index=evidence is not None)
    return report


def _refuse_missing_evidence(name: str, report: ArtifactReport, *, from_index: bool) -> None:
    """A release promises each kind of signature; that one of them verifies is not enough."""
    promised = {PUBLISH, SLSA}
    if not from_index:
        promised |= {_MESSAGE, CYCLONEDX} if name.endswith(".whl") else {_MESSAGE}
    there = {
        each.statement.predicate_type if each.statement else _MESSAGE
        for each in report.signed
        if each.authentic
    }
    missing = sorted(promised - there)
    if missing:
        raise Refused("evidence-missing", name, f"has no `{missing[0]}`", "run `attest` again")


def passed_layers(report: ArtifactReport) -> str:
    """The layers that passed, in the order of the report."""
    return ", ".join(each.layer for each in report.layers if each.status is Status.PASSED)


def distributions(files: Mapping[str, Listed]) -> list[str]:
    """Names of the wheels and sdists in a manifest, sorted."""
    return sorted(name for name in files if is_distribution(name))
