"""A wheel to its SBOM: what is in it and what it needs, as CycloneDX JSON. Pure; the same arguments give the same text.

An SBOM inside a wheel cannot hold the wheel's own hash and size, so with `embedded` they are left out, as is the file
name, which a later step may change. Nothing is guessed: what the wheel does not tell is called `unknown` or left out.
https://cyclonedx.org/docs/1.6/json/ and https://peps.python.org/pep-0770/
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.contact import OrganizationalContact, OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from epochly_sbom.canonical import canonical
from epochly_sbom.dependencies import Dependency, extras_of, graph_of
from epochly_sbom.native import natives
from epochly_sbom.vendored import vendored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from epochly_sbom.model import Lock, Metadata, Native, Options, Vendored, Wheel

TOOL = "epochly-sbom"
UNKNOWN = "unknown"
VERSIONS = {"1.6": SchemaVersion.V1_6, "1.7": SchemaVersion.V1_7}
_ALGORITHMS = {
    "sha256": HashAlgorithm.SHA_256,
    "sha384": HashAlgorithm.SHA_384,
    "sha512": HashAlgorithm.SHA_512,
}


def sbom_name(wheel: Wheel) -> str:
    """The file name of the embedded SBOM: `PROJECT.cdx.json`."""
    return f"{wheel.metadata.project}.cdx.json"


def wheel_sbom(
    wheel: Wheel, options: Options, lock: Lock | None = None, *, embedded: bool = False, own: str = ""
) -> str:
    """The SBOM of one wheel, as JSON text.

    Args:
        wheel: the wheel.
        options: author, supplier, time and version.
        lock: the versions it was tested with.
        embedded: it is to be put into the wheel.
        own: the path the SBOM will have in the wheel; what is there now is not told.

    Raises:
        RefusedError: the lock contradicts the wheel's requirements.
        ValueError: an unknown `spec_version`.
    """
    if options.spec_version not in VERSIONS:
        raise ValueError(f"spec_version is one of {sorted(VERSIONS)}, not {options.spec_version!r}")
    root = _root(wheel, options, own, embedded=embedded)
    author = options.author or TOOL
    tool = Component(
        type=ComponentType.APPLICATION,
        name=TOOL,
        version=options.tool_version,
        supplier=OrganizationalEntity(name="The epochly maintainers"),
    )
    moment = datetime.fromtimestamp(options.epoch or 0, UTC)
    metadata = BomMetaData(
        component=root, authors=[OrganizationalContact(name=author)], supplier=root.supplier, timestamp=moment
    )
    metadata.tools.components.add(tool)
    bom = Bom(metadata=metadata)
    inside = [*_inside(wheel, root)]
    graph = graph_of(wheel.metadata, lock)
    needed: dict[str, list[Component]] = {}
    direct: list[Component] = []
    for package in graph.packages:
        component = _needed(package)
        needed.setdefault(package.project, []).append(component)
        bom.components.add(component)
        if package.requirements:
            direct.append(component)
    for component in inside:
        bom.components.add(component)
        bom.register_dependency(component)
    found = [
        component for component in inside if component.hashes
    ]  # the rest is only told by a list in the wheel
    bom.register_dependency(root, [*found, *direct])
    for project, components in needed.items():
        children = [
            item for parent, child in graph.needs if parent == project for item in needed.get(child, ())
        ]
        for component in components:
            bom.register_dependency(component, children)
    text = make_outputter(bom, OutputFormat.JSON, VERSIONS[options.spec_version]).output_as_string()
    document: dict[str, Any] = json.loads(text)
    if options.epoch is None:
        del document["metadata"]["timestamp"]
    else:
        document["metadata"]["timestamp"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return canonical(document)


def _root(wheel: Wheel, options: Options, own: str, *, embedded: bool) -> Component:
    metadata = wheel.metadata
    place = {} if embedded else {"file_name": wheel.filename}
    root = Component(
        type=ComponentType.LIBRARY,
        name=metadata.name,
        version=metadata.version,
        bom_ref=f"pkg:pypi/{metadata.project}@{metadata.version}",
        purl=PackageURL("pypi", name=metadata.project, version=metadata.version, qualifiers=place),
        supplier=OrganizationalEntity(name=options.supplier or metadata.supplier or UNKNOWN),
        licenses=_licences(metadata),
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.BOM, url=XsUri(member.path), hashes=[_sha256(member.sha256)]
            )
            for member in wheel.members
            if member.path.startswith(f"{wheel.info}/sboms/") and member.path != own
        ],
    )
    if not embedded:
        root.hashes.add(_sha256(wheel.sha256))
        root.properties.add(_property("size-bytes", str(wheel.size_bytes)))
    return root


def _licences(metadata: Metadata) -> list[LicenseExpression | DisjunctiveLicense]:
    if metadata.license_expression:
        return [LicenseExpression(metadata.license_expression)]
    return [DisjunctiveLicense(name=metadata.license_name)] if metadata.license_name else []


def _needed(package: Dependency) -> Component:
    relation = "requires" if package.requirements else "required-by-others"
    properties = [_property("relation", "locked-parent-unknown" if package.orphan else relation)]
    for line in package.requirements:
        properties.append(_property("requires-dist", str(line)))
        properties += [_property("extra", extra) for extra in extras_of(line)]
        properties += [_property("asks-for-extra", extra) for extra in sorted(line.extras)]
        if line.marker:
            properties.append(_property("marker", str(line.marker)))
    if package.lock_marker:
        properties.append(_property("lock-marker", package.lock_marker))
    purl = PackageURL("pypi", name=package.project, version=package.version or None)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.project,
        version=package.version or None,
        bom_ref=purl.to_string(),
        purl=purl,
        supplier=_project(package.project),
        scope=ComponentScope.OPTIONAL if package.optional else ComponentScope.REQUIRED,
        hashes=[HashType(alg=_ALGORITHMS[name], content=digest) for name, digest in package.hashes],
        properties=properties,
    )


def _inside(wheel: Wheel, root: Component) -> Iterator[Component]:
    packages = vendored(wheel)
    for package in packages:
        yield _vendored(package)
    for native in natives(wheel.members):
        path = native.member.path
        holder = next((item for item in packages if path.startswith(f"{item.place}/")), None)
        yield _native(native, wheel, root, holder)


def _vendored(package: Vendored) -> Component:
    project = str(canonicalize_name(package.name))
    version = package.version or UNKNOWN
    if package.known:
        purl = PackageURL("pypi", name=project, version=version)
    else:
        purl = _generic(package.name, version, package.sha256)
    properties = [_property("relation", "vendored")]
    if package.sha256:
        properties.append(_property("hash-of", "tree" if package.is_tree else "file"))
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=version,
        bom_ref=f"vendored:{package.place}#{project}",
        purl=purl,
        supplier=_project(project) if package.known else OrganizationalEntity(name=UNKNOWN),
        hashes=[_sha256(package.sha256)] if package.sha256 else [],
        licenses=[LicenseExpression(package.license_expression)] if package.license_expression else [],
        evidence=ComponentEvidence(occurrences=[Occurrence(location=package.place)]),
        properties=properties,
    )


def _native(native: Native, wheel: Wheel, root: Component, holder: Vendored | None) -> Component:
    member = native.member
    name = member.path.rpartition("/")[2]
    own = not native.copied and holder is None
    version = wheel.metadata.version if own else UNKNOWN
    relation = "copied-library" if native.copied else "vendored" if holder else "part-of-wheel"
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"member:{member.path}",
        purl=_generic(name, version, member.sha256),
        supplier=root.supplier if own else OrganizationalEntity(name=UNKNOWN),
        hashes=[_sha256(member.sha256)],
        evidence=ComponentEvidence(occurrences=[Occurrence(location=member.path)]),
        properties=[_property("relation", relation), _property("binary-format", native.form)],
    )


def _generic(name: str, version: str, sha256: str) -> PackageURL:
    return PackageURL(
        "generic",
        name=name,
        version=None if version == UNKNOWN else version,
        qualifiers={"checksum": f"sha256:{sha256}"} if sha256 else {},
    )


def _project(name: str) -> OrganizationalEntity:
    """Whoever holds the name on the Python index: all that a name tells about its supplier."""
    return OrganizationalEntity(name=f"the project {name} (pkg:pypi/{name})")


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _property(name: str, value: str) -> Property:
    return Property(name=f"epochly:{name}", value=value)
