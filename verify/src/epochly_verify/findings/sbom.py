"""Findings of the layer `sbom`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = (
    Kind(
        id="sbom-not-json",
        severity=Severity.ERROR,
        means=(
            "A file in the wheel's SBOM folder is called JSON, or starts like it, and cannot be read as JSON with one "
            "meaning. Scanners skip such a file or read it differently, so what the wheel holds stays hidden from them."
        ),
        hint="do not rely on this SBOM; ask the publisher for a wheel with a readable one",
        source="PEP 770 (SBOM data interoperability), RFC 8259; attack row 54",
    ),
    Kind(
        id="sbom-unrecognised",
        severity=Severity.ERROR,
        means=(
            "A JSON file in the SBOM folder is no object, or its name promises CycloneDX or SPDX and its content is "
            "neither. A scanner that looks for that standard finds nothing in it."
        ),
        hint="ask the publisher for a wheel whose SBOM is what its name says",
        source="PEP 770, CycloneDX 1.6 `bomFormat`, SPDX 2.3 `spdxVersion`; attack row 54",
    ),
    Kind(
        id="sbom-malformed",
        severity=Severity.ERROR,
        means=(
            "A CycloneDX document has a part of the wrong shape, such as a component that is no object. Readers disagree "
            "on what such a document says, or refuse the whole of it."
        ),
        hint="ask the publisher for a wheel whose SBOM is valid under the CycloneDX schema",
        source="CycloneDX 1.2 to 1.7 JSON schema; attack row 54",
    ),
    Kind(
        id="sbom-wrong-component",
        severity=Severity.ERROR,
        means=(
            "The SBOM says that it describes another project, or another version, than the wheel it lies in. Scanners "
            "would look up the vulnerabilities and licences of the wrong software. A root that is no Python package (a "
            "crate, a C library) describes a part of the wheel and is not meant by this."
        ),
        hint="do not rely on this SBOM; ask the publisher which software it describes",
        source="PEP 770 (the primary component is the top-level software), CycloneDX `metadata.component`; row 54",
    ),
    Kind(
        id="sbom-component-name-differs",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The package URL of the SBOM's root names this wheel, but its plain `name` is another. Scanners that go by "
            "the name look up other software than those that go by the package URL."
        ),
        hint="compare the root's `name` with the project's name; ask the publisher to make them agree",
        source="CycloneDX `metadata.component.name`; attack row 54",
    ),
    Kind(
        id="sbom-file-name-mismatch",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The SBOM names the wheel file that it was written for, and it is not this one. The SBOM was made for "
            "another build of the same version, or the wheel was renamed or retagged after."
        ),
        hint="compare the named file with this one; the parts listed may be those of the other build",
        source="purl `file_name` qualifier, as auditwheel writes it; attack row 54",
    ),
    Kind(
        id="sbom-file-hash-mismatch",
        severity=Severity.ERROR,
        means=(
            "The SBOM gives a hash for a file of this wheel, and the file's content has another. Either the file was "
            "changed after the SBOM was written, or the SBOM describes other content than what gets installed."
        ),
        hint="treat the file as unknown software; ask the publisher for the wheel the SBOM was written for",
        source="CycloneDX component `hashes`; attack row 54",
    ),
    Kind(
        id="sbom-dangling-ref",
        severity=Severity.ERROR,
        means=(
            "The SBOM's dependency graph or its compositions refer to a part that the SBOM does not have. What the "
            "reference stood for is missing, and scanners that walk the graph from the root lose what hangs below it."
        ),
        hint="do not rely on the SBOM being complete; ask the publisher for one with a whole graph",
        source="CycloneDX `refLinkType` (dependencies, compositions); attack row 54",
    ),
    Kind(
        id="sbom-duplicate-ref",
        severity=Severity.ERROR,
        means=(
            "Two different components or services of the SBOM share one `bom-ref`. Everything that refers to it means "
            "one thing to one reader and the other to the next."
        ),
        hint="ask the publisher for an SBOM with unique references",
        source="CycloneDX `bom-ref` (must be unique within the BOM); attack row 54",
    ),
    Kind(
        id="vendored-library-without-sbom",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The wheel brings copies of native libraries that repair tools put in, and no SBOM tells what they are. "
            "Scanners cannot see such libraries, so a known vulnerability in one of them goes unnoticed."
        ),
        hint="find out which libraries and versions these are, or ask the publisher for an SBOM",
        source="PEP 770 (phantom dependencies); attack row 54",
    ),
    Kind(
        id="sbom-unread",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The SBOM is larger than the bound for SBOMs, or its content could not be read, so nothing it says was "
            "compared with the wheel. Real ones are at least ten times smaller than the bound."
        ),
        hint="look at the SBOM with another tool before relying on it",
        source="bound on hostile input",
    ),
    Kind(
        id="sbom-not-checked",
        severity=Severity.INFO,
        means=(
            "The SBOM is in a standard, form or version that is recognised at most and not read, such as SPDX or "
            "CycloneDX XML. This is allowed; what it says was not compared with the wheel."
        ),
        hint="validate it with a tool of its own standard if you rely on it",
        source="PEP 770 (unknown standards and versions are not to be refused)",
    ),
)
