"""The SBOM of a wheel: `describe.py`, `dependencies.py`, `native.py`, `vendored.py`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from epochly_sbom.describe import wheel_sbom
from epochly_sbom.errors import RefusedError
from epochly_sbom.native import form_of
from epochly_sbom.parse.archive import parse_wheel
from epochly_sbom.parse.lock import parse_lock

LOCK = b"""\
alpha==1.5 \\
    --hash=sha256:%(d)s
    # via
    #   -r requirements.in
    #   demo-pkg
beta==2.0 --hash=sha256:%(d)s
    # via alpha
pytest==9.0 --hash=sha256:%(d)s
    # via -r dev.in
""" % {b"d": b"a" * 64}


def described(wheel, options, lock=None, **more):
    """The SBOM as a document, and its components by `bom-ref`."""
    document = json.loads(wheel_sbom(wheel, options, lock, **more))
    return document, {item["bom-ref"]: item for item in document.get("components", [])}


def edges(document):
    """Who depends on whom."""
    return {item["ref"]: item.get("dependsOn", []) for item in document["dependencies"]}


def properties(component, name):
    """The values of one property."""
    return [item["value"] for item in component["properties"] if item["name"] == f"epochly:{name}"]


def test_root_is_the_finished_wheel(sample):
    """The root tells name, version, purl, licence expression, hash and size of the file."""
    data = sample.build()
    root = described(parse_wheel(data, sample.NAME), sample.OPTIONS)[0]["metadata"]["component"]
    assert (root["name"], root["version"], root["supplier"]) == ("Demo_Pkg", "1.0", {"name": "Ada"})
    assert root["purl"] == f"pkg:pypi/demo-pkg@1.0?file_name={sample.NAME}"
    assert root["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert root["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}]
    assert properties(root, "size-bytes") == [str(len(data))]


def test_embedded_root_leaves_out_what_it_cannot_know(sample):
    """An SBOM inside a wheel claims no hash, size or file name of the whole."""
    root = described(sample.wheel(), sample.OPTIONS, embedded=True)[0]["metadata"]["component"]
    assert root["purl"] == "pkg:pypi/demo-pkg@1.0"
    assert not {"hashes", "properties"} & set(root)


@pytest.mark.parametrize("version", ["1.6", "1.7"])
def test_sbom_is_valid_under_the_official_schema(sample, version):
    """Both versions of the format hold against their strict schema, with everything an SBOM can have."""
    wheel = sample.wheel(
        {"demo_pkg.libs/libz.so.1": sample.ELF, "demo_pkg/_vendor/six.py": b"y = 2\n"},
        metadata=sample.requires("alpha[x]>=1; extra == 'fast'", "gamma"),
    )
    options = replace(sample.OPTIONS, spec_version=version)
    text = wheel_sbom(wheel, options, parse_lock(LOCK, "requirements.txt"))
    assert json.loads(text)["specVersion"] == version
    assert JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text) is None


def test_same_input_gives_the_same_bytes(sample):
    """Order in the archive and compression do not matter to the embedded SBOM; repeated runs are equal."""
    files = {"demo_pkg/a.so": sample.ELF, "demo_pkg/b.so": sample.ELF + b"b"}
    first = sample.wheel(files)
    turned = replace(first, members=first.members[::-1])
    texts = {wheel_sbom(each, sample.OPTIONS, embedded=True) for each in (first, first, turned)}
    assert len(texts) == 1


def test_serial_number_follows_the_content(sample):
    """Equal content has an equal number, other content another; it is a UUID of version 8."""
    serials = [
        described(sample.wheel(files), sample.OPTIONS)[0]["serialNumber"]
        for files in ({}, {}, {"demo_pkg/a.so": sample.ELF})
    ]
    assert serials[0] == serials[1] != serials[2]
    assert serials[0].split("-")[2].startswith("8")


@pytest.mark.parametrize(
    ("epoch", "told"), [(0, "1970-01-01T00:00:00Z"), (1_700_000_000, "2023-11-14T22:13:20Z")]
)
def test_timestamp_is_the_argument(sample, epoch, told):
    """The time is what the caller says."""
    document = described(sample.wheel(), replace(sample.OPTIONS, epoch=epoch))[0]
    assert document["metadata"]["timestamp"] == told


def test_timestamp_is_left_out_when_nobody_gives_one(sample):
    """No clock is read."""
    assert "timestamp" not in described(sample.wheel(), replace(sample.OPTIONS, epoch=None))[0]["metadata"]


def test_requirements_carry_extras_and_markers(sample):
    """A declared requirement tells its line, marker and extra, is optional with an extra, and has no version."""
    metadata = sample.requires(
        "Alpha_X[tls]>=1; extra == 'fast'", "beta>=2", "demo-pkg[fast]; extra == 'all'"
    )
    document, components = described(sample.wheel(metadata=metadata), sample.OPTIONS)
    alpha, beta = components["pkg:pypi/alpha-x"], components["pkg:pypi/beta"]
    assert (properties(alpha, "extra"), properties(alpha, "asks-for-extra")) == (["fast"], ["tls"])
    assert properties(alpha, "marker") == ['extra == "fast"']
    assert (alpha["scope"], beta["scope"], "version" in beta) == ("optional", "required", False)
    assert edges(document)["pkg:pypi/demo-pkg@1.0"] == ["pkg:pypi/alpha-x", "pkg:pypi/beta"]


def test_lock_gives_versions_hashes_and_graph(sample):
    """What the wheel's requirements reach in the lock is told with hashes and edges; the rest is not part of it."""
    wheel = sample.wheel(metadata=sample.requires("alpha>=1"))
    document, components = described(wheel, sample.OPTIONS, parse_lock(LOCK, "requirements.txt"))
    assert sorted(components) == ["pkg:pypi/alpha@1.5", "pkg:pypi/beta@2.0"]
    assert components["pkg:pypi/beta@2.0"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert edges(document) == {
        "pkg:pypi/demo-pkg@1.0": ["pkg:pypi/alpha@1.5"],
        "pkg:pypi/alpha@1.5": ["pkg:pypi/beta@2.0"],
        "pkg:pypi/beta@2.0": [],
    }


def test_lock_without_a_graph_gets_no_guessed_edges(sample):
    """Packages whose parent is not told are listed, said to be so, and depend from nothing."""
    lock = parse_lock(
        f"alpha==1 --hash=sha256:{sample.DIGEST}\nbeta==2 --hash=sha256:{sample.DIGEST}\n".encode(), "l.txt"
    )
    document, components = described(sample.wheel(metadata=sample.requires("alpha")), sample.OPTIONS, lock)
    assert properties(components["pkg:pypi/beta@2"], "relation") == ["locked-parent-unknown"]
    assert edges(document)["pkg:pypi/demo-pkg@1.0"] == ["pkg:pypi/alpha@1"]


def test_lock_against_the_requirements_is_refused(sample):
    """A locked version that METADATA excludes is never written down."""
    with pytest.raises(RefusedError, match=r"locked at `1\.5`, the wheel requires `alpha>=3`"):
        wheel_sbom(
            sample.wheel(metadata=sample.requires("alpha>=3")),
            sample.OPTIONS,
            parse_lock(LOCK, "requirements.txt"),
        )


def test_native_libraries_are_listed_with_their_hash(sample):
    """Extension modules belong to the wheel; copied libraries are another's, of a version nobody told."""
    files = {
        "demo_pkg/core.so": sample.ELF,
        "demo_pkg.libs/libz-1.so.1.3": sample.ELF + b"z",
        "bin/tool": sample.ELF,
    }
    components = described(sample.wheel(files), sample.OPTIONS)[1]
    own, copied = components["member:demo_pkg/core.so"], components["member:demo_pkg.libs/libz-1.so.1.3"]
    assert (own["version"], own["supplier"]["name"]) == ("1.0", "Ada")
    assert (copied["version"], properties(copied, "relation")) == ("unknown", ["copied-library"])
    assert copied["hashes"][0]["content"] == hashlib.sha256(sample.ELF + b"z").hexdigest()
    assert copied["evidence"]["occurrences"] == [{"location": "demo_pkg.libs/libz-1.so.1.3"}]
    assert "member:bin/tool" in components


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"\x7fELF\x02", "ELF"),
        (bytes.fromhex("cffaedfe"), "Mach-O"),
        (bytes.fromhex("cafebabe00000002"), "Mach-O"),
        (bytes.fromhex("cafebabe00000034"), ""),
        (b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0", "PE"),
        (b"MZ is how this text starts" + b" " * 60, ""),
        (b"", ""),
    ],
)
def test_form_of_knows_binaries_by_their_first_bytes(data, form):
    """A Java class is no fat Mach-O file, and a text that starts with MZ is no Windows program."""
    assert form_of(data) == form


def test_vendored_packages_are_found_by_metadata_list_and_folder(sample):
    """The surest source names a package; one that only a folder names has no version and no index identity."""
    files = {
        "demo_pkg/_vendor/alpha/__init__.py": b"a = 1\n",
        "demo_pkg/_vendor/alpha-1.5.dist-info/METADATA": b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.5\n",
        "demo_pkg/_vendor/vendor.txt": b"beta==2.0 # a note\n    gone-pkg==3\n",
        "demo_pkg/_vendor/beta.py": b"b = 1\n",
        "demo_pkg/_vendor/gamma/__init__.py": b"c = 1\n",
        "demo_pkg/wheels/pip-26.3-py3-none-any.whl": b"a whole wheel",
    }
    document, components = described(sample.wheel(files), sample.OPTIONS)
    told = {item["purl"].partition("?")[0] for item in components.values()}
    assert told == {
        "pkg:pypi/alpha@1.5",
        "pkg:pypi/beta@2.0",
        "pkg:pypi/gone-pkg@3",
        "pkg:generic/gamma",
        "pkg:pypi/pip@26.3",
    }
    beta = components["vendored:demo_pkg/_vendor/beta.py#beta"]
    assert beta["hashes"][0]["content"] == hashlib.sha256(b"b = 1\n").hexdigest()
    assert "vendored:demo_pkg/_vendor/vendor.txt#gone-pkg" not in edges(document)["pkg:pypi/demo-pkg@1.0"]


def test_no_local_path_appears(sample):
    """Paths of the machine that built a wheel do not travel on, wherever METADATA holds them."""
    metadata = (
        sample.requires("alpha @ file:///srv/build/alpha-1.whl") + "License: see C:\\Users\\ada\\LICENSE\n"
    )
    metadata = metadata.replace("License-Expression: MIT OR Apache-2.0\n", "")
    text = wheel_sbom(sample.wheel(metadata=metadata), sample.OPTIONS)
    assert "local-path-removed" in text
    assert "srv" not in text
    assert "ada\\\\" not in text


def test_unknown_spec_version_is_the_callers_mistake(sample):
    """Only versions that were tried are written."""
    with pytest.raises(ValueError, match="spec_version is one of"):
        wheel_sbom(sample.wheel(), replace(sample.OPTIONS, spec_version="1.2"))
