"""Any predicate, and any bytes where a signature over an SBOM is looked for, give findings and never an exception."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sbom_signing import (
    CYCLONEDX,
    DATA,
    SBOM,
    SPDX,
    TRUSTING,
    as_bytes,
    trust,
)
from wheel_evidence import wheel_evidence

from epochly_verify.api import authenticated
from epochly_verify.checks import sbom as sbom_layer
from epochly_verify.findings import catalogue
from epochly_verify.model import (
    Attached,
    AttachedSbom,
    EvidenceKind,
    Layer,
    Signed,
    Statement,
)
from epochly_verify.parse.sbom import attested_standard


@pytest.mark.parametrize(
    ("kind", "standard"),
    [
        (CYCLONEDX, "CycloneDX"),
        (f"{CYCLONEDX}/v1.6", "CycloneDX"),
        (SPDX, "SPDX"),
        (f"{SPDX}/v2.3", "SPDX"),
        (f"{SPDX}/v3", "SPDX"),
        (f"{CYCLONEDX}\n", ""),
        (f"{CYCLONEDX}/v1.6/x", ""),
        (f"{CYCLONEDX}/v", ""),
        ("http://cyclonedx.org/bom", ""),
        ("https://cyclonedx.org.example/bom", ""),
        ("", ""),
    ],
)
def test_attested_standard_is_told_by_the_exact_type(kind, standard):
    """A type that only looks like one is none."""
    assert attested_standard(kind) == standard


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    predicate=st.none()
    | st.dictionaries(st.sampled_from([*SBOM, "spdxVersion", "@graph", "x"]), JSON, max_size=5),
    kind=st.sampled_from([CYCLONEDX, SPDX, f"{SPDX}/v2.3", "x"]),
    honest=st.booleans(),
)
@example(
    predicate={"components": [{"name": "\u202e", "purl": "pkg:pypi/\u202e\n@\x1b[1m"}]},
    kind=CYCLONEDX,
    honest=True,
)
@settings(deadline=None)
def test_any_predicate_gives_findings(predicate, kind, honest):
    """MUST: any predicate under a good signature gives a report of this layer, and no message that does not print."""
    document = (SBOM | (predicate or {})) if honest else predicate
    signed = Signed("x", EvidenceKind.BUNDLE, (), statement=Statement("", kind, (), document))
    evidence = replace(wheel_evidence(DATA), signed=(signed,))
    assert_of_this_layer(sbom_layer.check(evidence, TRUSTING))


@given(data=st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None, max_examples=50)
def test_any_bytes_as_signature_are_refused(data):
    """MUST: whatever lies where a signature is looked for, the SBOM it is said to be about does not pass."""
    over = Attached("x.sigstore.json", EvidenceKind.BUNDLE, data)
    given_as_sbom = replace(over, origin="y.sigstore.json", as_sbom=True)
    evidence = replace(
        wheel_evidence(DATA),
        digests={"sha256": "0" * 64},
        attached=(given_as_sbom,),
        sboms=(AttachedSbom("x", as_bytes(SBOM), (over,)),),
    )
    said = sbom_layer.check(authenticated(evidence, TRUSTING, trust()), TRUSTING)
    assert_of_this_layer(said)
    assert [finding.id for finding in said.findings] == ["sbom-signature-invalid"]
    assert said.why == "2 SBOMs, none in a form that is checked"


def assert_of_this_layer(said):
    """Every finding is one this layer may make, and can be shown."""
    for finding in said.findings:
        assert catalogue()[finding.id][0] is Layer.SBOM
        assert finding.message.isprintable()
    assert said.also.isprintable()
