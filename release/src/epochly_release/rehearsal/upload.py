"""What the index asks of an uploaded file before it looks at signatures: name, digests, container, metadata.

The container is read by `epochly_verify`, whose `archive` layer holds the framing rules the public index enforces.
Rules that only protect the index's other users (name squatting, sizes, descriptions) are left out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from epochly_verify.findings import catalogue
from epochly_verify.limits import DEFAULT
from epochly_verify.model import ArtifactKind, Severity
from epochly_verify.parse.archive import read_archive
from epochly_verify.parse.distinfo import find_dist_info
from epochly_verify.parse.filename import parse_filename
from epochly_verify.parse.metadata import parse_metadata
from epochly_verify.parse.source import BytesSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epochly_verify.model import Archive
    from epochly_verify.parse.filename import ArtifactName
    from epochly_verify.parse.metadata import Metadata

_KINDS = {"bdist_wheel": ArtifactKind.WHEEL, "sdist": ArtifactKind.SDIST}
_DIGESTS = ("md5_digest", "sha256_digest", "blake2_256_digest")
_LICENSES_MOVED = (2, 4)  # Metadata-Version from which License-File paths lie below `licenses/` (PEP 639)


class UploadError(ValueError):
    """The file is refused with HTTP 400; the text is the body."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A request of the legacy upload interface.

    Attributes:
        authorization: the header.
        fields: form fields that are text.
        filename: of the part `content`.
        content: its bytes.
    """

    authorization: str
    fields: Mapping[str, str]
    filename: str
    content: bytes

    @property
    def project(self) -> str:
        """PEP 503-normalised name, as the form says."""
        return str(canonicalize_name(self.fields.get("name", "")))


def digests(content: bytes) -> dict[str, str]:
    """Hexadecimal digests under the form's field names."""
    return {
        "md5_digest": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "blake2_256_digest": hashlib.blake2b(content, digest_size=32).hexdigest(),
    }


def require_form(upload: Upload) -> ArtifactName:
    """The form and the file name agree, and the digests are those of the content.

    Raises:
        UploadError: they do not.
    """
    fields = upload.fields
    if fields.get(":action") != "file_upload":
        raise UploadError("Unknown action.")
    if fields.get("protocol_version") != "1":
        raise UploadError("Unknown protocol version.")
    if not upload.filename:
        raise UploadError("Upload payload does not have a file.")
    try:
        name, version = parse_filename(upload.filename), Version(fields.get("version", ""))
    except InvalidVersion as error:
        raise UploadError(f"'{fields.get('version', '')}' is an invalid value for Version.") from error
    except ValueError as error:
        raise UploadError(f"Invalid filename: {error}.") from error
    if name.kind is not _KINDS.get(fields.get("filetype", "")):
        raise UploadError("Unknown type of file.")
    if name.project != upload.project:
        raise UploadError(f"Start filename for '{upload.project}' with '{upload.project.replace('-', '_')}'.")
    if name.kind is ArtifactKind.SDIST and name.raw_project != name.project.replace("-", "_"):
        expected = name.project.replace("-", "_")
        raise UploadError(
            f"Filename '{upload.filename}' should contain the normalized project name '{expected}'."
        )
    if name.version != version:
        raise UploadError(f"Version in filename should be '{version}' not '{name.raw_version}'.")
    actual = digests(upload.content)
    if any(fields.get(key) and fields[key].lower() != actual[key] for key in _DIGESTS):
        raise UploadError("The digest supplied does not match a digest calculated from the uploaded file.")
    return name


def require_distribution(upload: Upload, name: ArtifactName) -> None:
    """The file is a container every reader reads alike, with the files its format asks for.

    Raises:
        UploadError: it is not.
    """
    archive = read_archive(BytesSource(upload.content), upload.filename, DEFAULT)
    weights = catalogue()
    for defect in archive.defects:
        if weights[defect.id][1].severity is Severity.ERROR:
            kind = "ZIP" if upload.filename.endswith((".whl", ".zip")) else "TAR"
            raise UploadError(
                f"Invalid distribution file. {kind} archive not accepted: `{defect.subject}`: {defect.message} ({defect.id}). "
                "See https://docs.pypi.org/archives for more information"
            )
    if name.kind is ArtifactKind.WHEEL:
        _require_wheel(archive, upload.filename)
    else:
        _require_sdist(archive, upload.filename, name)


def _require_wheel(archive: Archive, filename: str) -> None:
    info = find_dist_info(archive, filename)
    for file in ("WHEEL", "METADATA", "RECORD"):
        if info is None or file not in info.files:
            raise UploadError(f"Wheel '{filename}' does not contain the required {file} file.")
    assert info is not None
    metadata = _metadata(info.files["METADATA"].content, filename)
    below = "licenses/" if metadata.format_version >= _LICENSES_MOVED else ""
    _require_licenses(metadata, {f"{path}" for path in info.files}, below, filename)


def _require_sdist(archive: Archive, filename: str, name: ArtifactName) -> None:
    top = f"{name.raw_project}-{name.raw_version}/"
    info = archive.file(f"{top}PKG-INFO")
    if info is None:
        raise UploadError(f"Invalid distribution file. PKG-INFO not found at {top}PKG-INFO")
    metadata = _metadata(info.content, filename)
    if metadata.format_version >= _LICENSES_MOVED:
        names = {member.name.removeprefix(top) for member in archive.members}
        _require_licenses(metadata, names, "", filename)


def _metadata(content: bytes | None, filename: str) -> Metadata:
    metadata, _ = parse_metadata(content or b"", filename, DEFAULT)
    if metadata is None or not metadata.name:
        raise UploadError(f"Invalid distribution file. Metadata of '{filename}' cannot be read.")
    return metadata


def _require_licenses(metadata: Metadata, names: set[str], below: str, filename: str) -> None:
    for path in metadata.license_files:
        if below + path not in names:
            raise UploadError(
                f"License-File {path} does not exist in distribution file {filename} at {below}{path}"
            )
