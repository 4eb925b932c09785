"""Findings of the layer `sbom`."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

KINDS: tuple[Kind, ...] = (
    Kind(
        id="sbom-not-json",
        severity=Severity.ERROR,
        means=(
            "An SBOM of the wheel is called JSON, or starts like it, and cannot be read as JSON with one "
            "meaning. Scanners skip such a file or read it differently, so what the wheel holds stays hidden from them."
        ),
        hint="do not rely on this SBOM; ask the publisher for a wheel with a readable one",
        source="PEP 770 (SBOM data interoperability), RFC 8259; attack row 54",
    ),
    Kind(
        id="sbom-unrecognised",
        severity=Severity.ERROR,
        means=(
            "An SBOM of the wheel is JSON but no object, or its name or the type of the attestation that holds it promises "
            "CycloneDX or SPDX and its content is neither. A scanner that looks for that standard finds nothing in it."
        ),
        hint="ask the publisher for a wheel whose SBOM is what its name says",
        source="PEP 770, CycloneDX 1.6 `bomFormat`, SPDX 2.3 `spdxVersion`; attack row 54",
    ),
    Kind(
        id="sbom-malformed",
        severity=Severity.ERROR,
        means=(
            "A CycloneDX document has a part of the wrong shape: a component that is no object or has no name, a serial "
            "number that is no UUID, a digest that is none. Readers disagree on what such a document says, or refuse the "
            "whole of it."
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
        id="sbom-wrong-artifact",
        severity=Severity.ERROR,
        means=(
            "An SBOM that came with the wheel, but not in it, describes something else: another project or version, "
            "another build, or a file with another digest. Nothing but its root ties such an SBOM to a wheel, so one "
            "without a root that names this wheel is meant too."
        ),
        hint="get the SBOM that belongs to this file, or leave this one away",
        source="CycloneDX `metadata.component` (name, version, hashes); attack row 54",
    ),
    Kind(
        id="sbom-signature-invalid",
        severity=Severity.ERROR,
        means=(
            "A signature lies beside an SBOM file and does not hold for it: the SBOM was changed after it was signed, the "
            "signature belongs to another file, or it is forged. The SBOM was not read."
        ),
        hint="get SBOM and signature again from the publisher, or leave both away",
        source="Sigstore client specification; a file's signature lies beside it as `.sigstore.json`",
    ),
    Kind(
        id="sbom-signer-mismatch",
        severity=Severity.ERROR,
        means=(
            "The signature over an SBOM holds, and was made by somebody whom the policy or the lock file does not accept "
            "for this wheel. Anybody can sign an SBOM of any file, and so vouch for a list that leaves things out."
        ),
        hint="find out who signed it; name that signer in the policy, or leave the SBOM away",
        source="in-toto attestation validation model; attack row 54",
    ),
    Kind(
        id="sboms-disagree",
        severity=Severity.ERROR,
        means=(
            "Two SBOMs of this wheel contradict each other in its version, its digest or the digest of a component. At "
            "least one of them describes other content than what gets installed."
        ),
        hint="find out which of the two belongs to this file before relying on either",
        source="PEP 770, CycloneDX component `hashes`; attack row 54",
    ),
    Kind(
        id="sbom-part-missing",
        severity=Severity.ERROR,
        means=(
            "The SBOM claims to list everything that the wheel brings along, and a native library or a "
            "vendored project is not in it with its digest or version. Software that no list names can hide "
            "there, and its vulnerabilities go unnoticed."
        ),
        hint="find out what the part is; ask the publisher for the SBOM of this build",
        source="CycloneDX `compositions` (aggregate `complete`, assemblies), PEP 770; attack row 54",
    ),
    Kind(
        id="sbom-dependency-missing",
        severity=Severity.ERROR,
        means=(
            "The SBOM claims to list all dependencies, and METADATA requires a project that it does not list. Installing "
            "the wheel brings in software that whoever reads the SBOM does not see."
        ),
        hint="compare the SBOM with `Requires-Dist`; ask the publisher for one of this version",
        source="CycloneDX `dependencies` and `compositions`, core metadata `Requires-Dist`; attack row 54",
    ),
    Kind(
        id="sbom-dependency-extra",
        severity=Severity.ERROR,
        means=(
            "The SBOM claims to list exactly what the wheel depends on, and lists a project that METADATA does not "
            "require, not even for an extra. It was written for another version, or was changed after."
        ),
        hint="compare the SBOM with `Requires-Dist`; ask the publisher for one of this version",
        source="CycloneDX `dependencies` and `compositions`, core metadata `Requires-Dist`; attack row 54",
    ),
    Kind(
        id="sbom-dependency-version",
        severity=Severity.ERROR,
        means=(
            "The SBOM claims to list all dependencies, and gives one a version that METADATA does not allow. An installer "
            "will never choose that version, so what is known about it says nothing of what gets installed."
        ),
        hint="compare the SBOM with `Requires-Dist`; ask the publisher for one of this version",
        source="CycloneDX component `version`, core metadata `Requires-Dist`; attack row 54",
    ),
    Kind(
        id="sbom-dependency-version-differs",
        severity=Severity.WARNING,
        strict=Severity.ERROR,
        means=(
            "The SBOM gives a dependency a version that METADATA does not allow. It does not claim to be complete, so "
            "it may have been written for another purpose; an installer will not choose that version."
        ),
        hint="compare the SBOM with `Requires-Dist` before relying on the listed versions",
        source="CycloneDX component `version`, core metadata `Requires-Dist`; attack row 54",
    ),
    Kind(
        id="sbom-dependency-unlisted",
        severity=Severity.INFO,
        means=(
            "The SBOM lists some dependencies and not others that METADATA requires. It does not claim to be complete, "
            "and partial lists are common."
        ),
        hint="take the dependencies from METADATA or a lock file, not from this SBOM alone",
        source="PEP 770, CycloneDX `compositions`",
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
