"""Findings of the layer `provenance`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_VERIFYING = "SLSA v1.1, Verifying artifacts"

KINDS: tuple[Kind, ...] = (
    Kind(
        id="provenance-malformed",
        severity=Severity.ERROR,
        means=(
            "The provenance lacks something the SLSA specification or its build type requires, or holds it with the "
            "wrong type. What cannot be read cannot be compared with the certificate, so it proves nothing."
        ),
        hint="ask the publisher for provenance made by a builder that follows the specification",
        source="SLSA v1.1, Provenance; GitHub Actions workflow build type v1",
    ),
    Kind(
        id="provenance-unsupported-version",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The provenance is in an older or newer version of the SLSA format than v1. It was signed by whom it says, "
            "but what it states was not judged, so it does not make this layer pass."
        ),
        hint="ask the publisher for SLSA provenance v1",
        source="SLSA v1.1, Provenance, predicate type",
    ),
    Kind(
        id="provenance-unknown-build-type",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The build type says how the parameters of a build are to be read, and this version does not know this one. "
            "So nobody can tell from it what was built, and it does not make this layer pass."
        ),
        hint="name the build type under `build-types` in the policy if you know and accept it",
        source=f"{_VERIFYING}, step 2: check expectations",
    ),
    Kind(
        id="provenance-parameters-not-judged",
        severity=Severity.INFO,
        strict=Severity.WARNING,
        means=(
            "The policy accepts a build type this version cannot read. Builder, commit and run were held against the "
            "certificate, but parameters from outside may have changed what was built."
        ),
        hint="read the parameters of the statement yourself",
        source=f"{_VERIFYING}, step 2: check expectations",
    ),
    Kind(
        id="provenance-unrecognised-parameter",
        severity=Severity.ERROR,
        means=(
            "The build was given a parameter from outside that its build type does not describe. Such a parameter may "
            "have changed what was built in a way nobody can foresee, so the specification says to reject it."
        ),
        hint="ask the publisher what the parameter does, and do not use the file until then",
        source=f"{_VERIFYING}: reject unrecognised externalParameters",
    ),
    Kind(
        id="provenance-build-inputs",
        severity=Severity.INFO,
        strict=Severity.WARNING,
        means=(
            "Whoever started the build gave it inputs, variables or release texts. The build type knows them, so this "
            "is no fault, but the same commit with other inputs may give another file."
        ),
        hint="look at the inputs if the workflow lets them choose what is built",
        source="GitHub Actions workflow build type v1: inputs, release, vars",
    ),
    Kind(
        id="provenance-builder-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance names a builder, or a kind of runner, that its certificate does not: somebody speaks for a "
            "build platform that is not theirs, or the policy does not accept the platform."
        ),
        hint="do not use the file, or list the builder under `builders` in the policy if you trust it",
        source=f"{_VERIFYING}, step 1: builder.id has to belong to the signer",
    ),
    Kind(
        id="provenance-workflow-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance says another workflow file or ref than the certificate that signed it. One of the two is "
            "not about this build."
        ),
        hint="do not use the file, and report it to the project",
        source=f"{_VERIFYING}, step 2; Sigstore OIDs 1.3.6.1.4.1.57264.1.14 and .18",
    ),
    Kind(
        id="provenance-source-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance says another source repository than the certificate that signed it: by its address, by its "
            "permanent number, or by that of its owner. The file may be built from a copy under another's control."
        ),
        hint="do not use the file, and report it to the project",
        source=f"{_VERIFYING}, step 2; Sigstore OIDs 1.3.6.1.4.1.57264.1.12, .15 and .17",
    ),
    Kind(
        id="provenance-commit-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance says another source commit than the certificate that signed it, or none. So it does not "
            "say which source the file was built from."
        ),
        hint="do not use the file, and report it to the project",
        source=f"{_VERIFYING}, step 2; Sigstore OID 1.3.6.1.4.1.57264.1.13",
    ),
    Kind(
        id="provenance-trigger-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance says another event started the build than the certificate that signed it, or holds "
            "parameters that only another event can carry."
        ),
        hint="do not use the file, and report it to the project",
        source=f"{_VERIFYING}, step 2; Sigstore OID 1.3.6.1.4.1.57264.1.20",
    ),
    Kind(
        id="provenance-run-mismatch",
        severity=Severity.ERROR,
        means=(
            "The provenance names another run of the build than the certificate that signed it. It was written about "
            "one build and signed in another."
        ),
        hint="do not use the file, and report it to the project",
        source="SLSA v1.1, Provenance, invocationId; Sigstore OID 1.3.6.1.4.1.57264.1.21",
    ),
)
