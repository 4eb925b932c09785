"""Signs everything, keylessly, as the release workflow: bundles, PEP 740 attestations, SLSA provenance, SBOM attestations.

The only identity is the run's own OIDC token. A token of another run is refused before anything is signed with it.
Signatures that are there and hold are kept, so the step can be repeated; a file is written only when it is whole.
Nothing of what is signed is run or imported.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from epochly_release.attestation import (
    BUILT,
    BUNDLE,
    CYCLONEDX,
    PUBLISH,
    PUBLISHED,
    REKOR_OF_INDEXES,
    SBOM,
    ToSign,
    kept,
    statement,
)
from epochly_release.judgement import distributions, identity_of, read_manifest, trust_config_of, trust_of
from epochly_release.manifest import MANIFEST, SBOM_ENDING, listed
from epochly_release.provenance import SLSA, claims_of_token, refuse_other_run, slsa_predicate
from epochly_release.signing import sign_all
from epochly_release.steps.build import BUILDINFO
from epochly_release.steps.result import StepResult
from epochly_verify.checks.matching import match
from epochly_verify.limits import DEFAULT
from epochly_verify.model import Attached, EvidenceKind
from epochly_verify.signatures import Target, authenticate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from epochly_release.manifest import Listed
    from epochly_release.plan import Plan
    from epochly_release.steps.result import Places
    from epochly_release.world import World
    from epochly_verify import Trust

AUDIENCE = "sigstore"


def run(plan: Plan, places: Places, world: World) -> StepResult:
    """Leave a signature for every promise beside its file; raises `Refused` for a run that may not release."""
    files = read_manifest(plan, places, world)
    token = world.identity_token(AUDIENCE)
    claims = claims_of_token(token)
    refuse_other_run(plan, claims)
    config, _ = trust_config_of(plan, places, world)
    trust = trust_of(plan, places, world)
    wanted = tuple(signatures_of(files, claims, places, world))
    there = {os.path.basename(path) for path in world.files(places.out)}
    todo = [one for one in wanted if not (one.name in there and _holds(one, plan, places, world, trust))]
    for number, (one, bundle) in enumerate(sign_all(todo, token, config), 1):
        world.write(f"{places.out}/{one.name}", kept(one, bundle))
        world.tell(f"attest: {number} of {len(todo)}  {one.name}")
    made = {one.name: listed(world.read(f"{places.out}/{one.name}")).sha256 for one in wanted}
    run_url = f"{claims['repository']}, run {claims['run_id']}, attempt {claims['run_attempt']}"
    before = f", {len(wanted) - len(todo)} of them before" if len(todo) != len(wanted) else ""
    return StepResult(
        made, (f"{len(wanted)} signatures over {len(distributions(files)) + 1} files by {run_url}{before}",)
    )


def signatures_of(
    files: Mapping[str, Listed], claims: Mapping[str, str], places: Places, world: World
) -> Iterator[ToSign]:
    """Every signature a release promises, in a fixed order: those in one log follow each other."""
    names = distributions(files)
    byproducts = {name: files[name].sha256 for name in (BUILDINFO,) if name in files}
    for name in names:
        sha256 = files[name].sha256
        yield ToSign(name + PUBLISHED, name, sha256, statement(name, sha256, PUBLISH, None), REKOR_OF_INDEXES)
        predicate = slsa_predicate(claims, byproducts)
        yield ToSign(name + BUILT, name, sha256, statement(name, sha256, SLSA, predicate), REKOR_OF_INDEXES)
    for name in names:
        sha256 = files[name].sha256
        yield ToSign(name + BUNDLE, name, sha256)
        if name.endswith(".whl"):
            sbom = json.loads(world.read(f"{places.out}/{name}{SBOM_ENDING}"))
            yield ToSign(name + SBOM, name, sha256, statement(name, sha256, CYCLONEDX, sbom))
    yield ToSign(MANIFEST + BUNDLE, MANIFEST, listed(world.read(f"{places.out}/{MANIFEST}")).sha256)


def _holds(one: ToSign, plan: Plan, places: Places, world: World, trust: Trust) -> bool:
    """Whether a signature from an earlier try is authentic, by the release's signer, and says what is to be said."""
    kind = EvidenceKind.ATTESTATION if one.for_index else EvidenceKind.BUNDLE
    attached = Attached(one.name, kind, world.read(f"{places.out}/{one.name}"))
    name = "" if one.subject == MANIFEST else one.subject
    signed = authenticate((attached,), Target(bytes.fromhex(one.sha256), name), trust.root, None, DEFAULT)
    if len(signed) != 1 or match(identity_of(plan), signed[0], version=None):
        return False
    said = signed[0].statement
    if said is None or not one.statement:
        return said is None and not one.statement
    meant = json.loads(one.statement)
    if (
        said.predicate_type == SLSA
    ):  # another attempt of the run is as good: it is the same commit and workflow
        return bool(meant["predicateType"] == SLSA)
    same_kind: bool = said.predicate_type == meant["predicateType"]
    return same_kind and (said.predicate or None) == (meant["predicate"] or None)
