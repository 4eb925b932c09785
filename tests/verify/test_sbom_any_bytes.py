"""Any bytes in the SBOM folder give findings of this layer, never an exception, in bounded time."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sbom_pair import COMPLETE, attached, embedded, pair_wheel, said
from sbom_wheels import ROOT, SBOM, SBOMS, cyclonedx, with_hash
from wheel_evidence import WHEEL, evidence_of, member

from epochly_verify.checks import sbom
from epochly_verify.findings import catalogue
from epochly_verify.model import Layer, Member, MemberKind
from epochly_verify.parse.sbom import MAX_SBOM_BYTES
from epochly_verify.policy import Policy

KEYS = [
    *("aggregate", "scope", "tools", "serialNumber"),
    *("bom-ref", "name", "version", "type", "purl", "hashes", "alg", "content", "components", "component"),
    *("metadata", "dependencies", "ref", "dependsOn", "compositions", "assemblies", "services", "evidence"),
    *("occurrences", "location", "properties", "value", "externalReferences", "pedigree", "ancestors"),
]
TEXTS = [
    *("r", "x", "SHA-256", "0" * 64, "library", "file", "demo_pkg/__init__.py", "demo-pkg", "1.0", WHEEL),
    *("pkg:pypi/demo-pkg@1.0", "pkg:pypi/%ff@%", "urn:cdx:x", "-1-py3-none-any.whl", "a-1-b-c-d-e.whl", "\0"),
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(TEXTS), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


def judged(contents):
    """What the layer says when these bytes lie in the SBOM folder."""
    code = Member("demo_pkg/__init__.py", MemberKind.FILE, 6, {"sha256": b"x" * 32})
    files = [Member(name, MemberKind.FILE, len(data), content=data) for name, data in contents.items()]
    return sbom.check(evidence_of([code, *files]), Policy())


def assert_of_this_layer(said):
    """Every finding is one this layer may make."""
    for finding in said.findings:
        assert catalogue()[finding.id][0] is Layer.SBOM
        assert finding.message.isprintable()


@given(data=st.binary(max_size=200), name=st.sampled_from(["a.cdx.json", "a.spdx", "a.xml", "x"]))
@example(data=b"{", name="x")
@settings(deadline=None)
def test_any_bytes_give_findings(data, name):
    """MUST: any bytes give a report."""
    assert_of_this_layer(judged({f"{SBOMS}/{name}": data}))


@given(
    fields=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    root=JSON,
    parts=st.lists(JSON, max_size=3),
)
@example(fields={}, root=ROOT | {"name": "\u202e", "purl": "pkg:pypi/\u202e\n@\x1b[1m"}, parts=[])
@settings(deadline=None, max_examples=300)
def test_any_cyclonedx_shape_gives_findings(fields, root, parts):
    """MUST: any JSON below a CycloneDX header gives a report, and no message has an unprintable character."""
    document = cyclonedx(*parts, root=root) | fields
    assert_of_this_layer(judged({SBOM: json.dumps(document).encode()}))


PAIR = pair_wheel(embedded())


@given(fields=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), parts=st.lists(JSON, max_size=3))
@example(fields={}, parts=[])
@settings(deadline=None, max_examples=200)
def test_any_shape_from_outside_gives_findings(fields, parts):
    """MUST: any JSON below a CycloneDX header gives a report, also for an SBOM from outside that claims everything."""
    document = attached(PAIR, compositions=COMPLETE)
    document |= fields | {"components": document["components"] + parts}
    assert_of_this_layer(said(PAIR, document, attached(PAIR)))
    assert_of_this_layer(said(pair_wheel(document)))


@pytest.mark.parametrize(
    "body",
    [
        b'"components":[' + b'{"name":"a"},' * 100_000 + b'{"name":"a"}]',
        b'"dependencies":[' + b'{"ref":"a"},' * 100_000 + b'{"ref":"a"}]',
        b'"x":[' + b"[]," * 400_000 + b"[]]",
        b'"metadata":{"component":{"type":"library","name":"' + b"a-" * 2_000_000 + b'"}}',
        b'"metadata":{"component":{"type":"file","name":"a-1-' + b"a." * 1_000_000 + b'a-b-c.whl"}}',
        b'"metadata":{"component":{"name":"x","purl":"pkg:pypi/demo-pkg@' + b"1." * 1_000_000 + b'1"}}',
        b'"metadata":{"component":{"name":"x","purl":"pkg:pypi/x?' + b"a=b&" * 500_000 + b'"}}',
    ],
)
def test_largest_sboms_take_seconds_at_most(body):
    """A megabyte or more of whatever costs most is judged in a time a person waits for."""
    data = b'{"bomFormat":"CycloneDX","specVersion":"1.6",' + body + b"}"
    assert len(data) < MAX_SBOM_BYTES
    before = time.perf_counter()
    assert_of_this_layer(judged({SBOM: data}))
    assert time.perf_counter() - before < 20


def test_many_small_sboms_take_seconds_at_most():
    """The wheel is indexed once, not once an SBOM."""
    data = json.dumps(
        cyclonedx(with_hash(type="file", name="x"), root={"type": "library", "name": "x"})
    ).encode()
    before = time.perf_counter()
    said = judged({f"{SBOMS}/{i}.cdx.json": data for i in range(5000)})
    assert {finding.id for finding in said.findings} == {"sbom-wrong-component"}
    assert time.perf_counter() - before < 20


def test_names_with_many_tags_are_not_expanded():
    """A wheel's name of 170 characters can stand for 17,576 tags; a thousand SBOMs with one take no time."""
    name = "demo_pkg-1.0-" + "-".join([".".join("abcdefghijklmnopqrstuvwxyz")] * 3) + ".whl"
    data = json.dumps(cyclonedx(root=ROOT | {"purl": f"pkg:pypi/demo-pkg?file_name={name}"})).encode()
    before = time.perf_counter()
    judged({f"{SBOMS}/{i}.cdx.json": data for i in range(1000)})
    assert time.perf_counter() - before < 5


def test_member_twice_is_judged_as_the_last():
    """What `zipfile` would read is judged; that there are two is for the archive layer."""
    good, bad = (json.dumps(cyclonedx(root=root)).encode() for root in (ROOT, ROOT | {"version": "2"}))
    for last, expected in [(good, []), (bad, ["sbom-wrong-component"])]:
        members = [member(SBOM, content) for content in (bad, good, last)]
        said = sbom.check(evidence_of(members), Policy())
        assert [finding.id for finding in said.findings] == expected
