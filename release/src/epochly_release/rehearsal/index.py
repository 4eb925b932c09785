"""A package index with trusted publishing and attestations: tokens, uploads, and what was uploaded, all in memory.

Interfaces: trusted publishing (`/_/oidc/*`), the legacy upload API, the simple API in JSON and HTML (PEP 503, 691, 740)
and the integrity API. Tokens come from an identity token only: there is no account, so no long-lived token is valid.
Refusals have the status and the beginning of the text that the public index gives.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name, canonicalize_version

from epochly_release.rehearsal.attested import AttestationError, require_attestations
from epochly_release.rehearsal.jwt import TokenError, unverified_claims
from epochly_release.rehearsal.oidc import ISSUER
from epochly_release.rehearsal.publisher import PublisherError, ReusedTokenError, find_publisher
from epochly_release.rehearsal.reply import Reply, json_object, json_reply, text_reply
from epochly_release.rehearsal.upload import UploadError, digests, require_distribution, require_form
from epochly_verify.parse.trustroot import parse_trust_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from epochly_release.rehearsal.keys import Sources
    from epochly_release.rehearsal.oidc import Issuer
    from epochly_release.rehearsal.publisher import Publisher
    from epochly_release.rehearsal.upload import Upload
    from epochly_verify.parse.trustroot import TrustRoot

AUDIENCE = "pypi"
TOKEN_LIFETIME = timedelta(seconds=900)  # as on the public index
OPEN_FOR = timedelta(days=14)  # a release takes no new files after that; the public index's own rule
SIMPLE_JSON, SIMPLE_HTML = "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-8"
INTEGRITY_JSON = "application/vnd.pypi.integrity.v1+json"
_API_VERSION = "1.4"
_UNKNOWN_TOKEN = "Invalid or non-existent authentication information."  # noqa: S105 - a refusal's text
_NO_PASSWORDS = "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead."


@dataclass(frozen=True, slots=True)
class Token:
    """A token for uploads: whose, and until when."""

    publisher: Publisher
    expires: datetime


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file with the attestations that came along."""

    filename: str
    project: str
    version: str
    kind: str
    content: bytes
    digests: Mapping[str, str]
    requires_python: str
    uploaded: datetime
    publisher: Publisher
    attestations: list[dict[str, Any]] = field(default_factory=list)


class Index:
    """The index."""

    def __init__(self, url: str, issuer: Issuer, publishers: tuple[Publisher, ...], sources: Sources) -> None:
        self.url = url
        self.publishers = publishers
        self.files: dict[str, File] = {}
        self._issuer = issuer
        self._sources = sources
        self._tokens: dict[str, Token] = {}
        self._used: set[str] = set()
        self._root: TrustRoot | None = None

    def trust(self, document: Mapping[str, Any]) -> None:
        """Judge attestations against this trusted root."""
        self._root = parse_trust_root(json.dumps(document).encode(), "rehearsal")

    # tokens

    def audience(self) -> Reply:
        """`GET /_/oidc/audience`."""
        return json_reply({"audience": AUDIENCE})

    def mint_token(self, body: bytes) -> Reply:
        """`POST /_/oidc/mint-token`: an identity token becomes one for uploads."""
        token = (json_object(body) or {}).get("token")
        if not isinstance(token, str):
            return _refused("invalid-payload", "no token in the request")
        now = self._sources.clock()
        try:
            if unverified_claims(token).get("iss") != ISSUER:
                return _refused("invalid-payload", "unknown trusted publishing issuer")
        except TokenError:
            return _refused("invalid-payload", "malformed JWT")
        try:
            claims = self._issuer.verify(token, AUDIENCE, now)
            publisher = find_publisher(self.publishers, claims, self._used)
        except TokenError:
            return _refused("invalid-token", "malformed or invalid token")
        except ReusedTokenError:
            return _refused("invalid-reuse-token", "invalid token: already used")
        except PublisherError as error:
            return _refused("invalid-publisher", f"valid token, but no corresponding publisher ({error})")
        self._used.add(claims["jti"])
        expires = now + TOKEN_LIFETIME
        minted = f"pypi-{self._sources.random_bytes(32).hex()}"
        self._tokens[minted] = Token(publisher, expires)
        return json_reply({"success": True, "token": minted, "expires": int(expires.timestamp())})

    def burn_token(self, body: bytes) -> Reply:
        """`POST /_/oidc/burn-token`: the token is worth nothing from now on. An unknown one is no news."""
        token = (json_object(body) or {}).get("token")
        if not isinstance(token, str):
            return _refused("invalid-payload", "no token in the request")
        self._tokens.pop(token, None)
        return json_reply({"message": "Accepted"}, 202)

    # uploads

    def upload(self, upload: Upload) -> Reply:
        """`POST /legacy/`."""
        now = self._sources.clock()
        user, password = _credentials(upload.authorization)
        if user and user != "__token__":
            return text_reply(_NO_PASSWORDS, 403)
        token = self._tokens.get(password)
        if token is None:
            return text_reply(_UNKNOWN_TOKEN, 403)
        if now >= token.expires:
            return text_reply("Invalid API Token: token is expired", 403)
        publisher = token.publisher
        if upload.project not in publisher.projects:
            return text_reply(
                f"Invalid API Token: OIDC scoped token is not valid for project {upload.project!r}", 403
            )
        try:
            return self._accept(upload, publisher, now)
        except UploadError as error:
            return text_reply(str(error), 400)
        except AttestationError as error:
            return text_reply(f"Invalid attestations supplied during upload: {error}", 400)

    def _accept(self, upload: Upload, publisher: Publisher, now: datetime) -> Reply:
        name = require_form(upload)
        hexadecimal = digests(upload.content)
        known = self.files.get(upload.filename)
        if known is not None and known.digests == hexadecimal:
            return text_reply("")
        if known is not None:
            blake2 = known.digests["blake2_256_digest"]
            raise UploadError(f"File already exists ('{known.filename}', with blake2_256 hash '{blake2}').")
        version = str(name.version)
        siblings = self._release(upload.project, version)
        if upload.fields["filetype"] == "sdist" and any(file.kind == "sdist" for file in siblings):
            raise UploadError("Only one sdist may be uploaded per release.")
        if siblings and now - min(file.uploaded for file in siblings) > OPEN_FOR:
            raise UploadError("New files cannot be added to a release older than 14 days.")
        require_distribution(upload, name)
        attestations: list[dict[str, Any]] = []
        if "attestations" in upload.fields:
            assert self._root is not None  # set when the instance is put together
            attestations = require_attestations(
                upload.fields["attestations"],
                upload.filename,
                hexadecimal["sha256_digest"],
                publisher,
                self._root,
            )
        self.files[upload.filename] = File(
            filename=upload.filename,
            project=upload.project,
            version=version,
            kind=upload.fields["filetype"],
            content=upload.content,
            digests=hexadecimal,
            requires_python=upload.fields.get("requires_python", ""),
            uploaded=now,
            publisher=publisher,
            attestations=attestations,
        )
        return text_reply("")

    def _release(self, project: str, version: str) -> list[File]:
        """Files of a release, however its version is spelled (`1.0` is `1.0.0`)."""
        wanted = canonicalize_version(version)
        return [
            file
            for file in self.files.values()
            if file.project == project and canonicalize_version(file.version) == wanted
        ]

    # what was uploaded

    def projects(self, accept: str) -> Reply:
        """`GET /simple/`."""
        names = sorted({file.project for file in self.files.values()})
        if SIMPLE_JSON in accept:
            listed = {"meta": {"api-version": _API_VERSION}, "projects": [{"name": name} for name in names]}
            return json_reply(listed, media_type=SIMPLE_JSON)
        return _page([f'<a href="/simple/{name}/">{name}</a>' for name in names])

    def project(self, name: str, accept: str) -> Reply:
        """`GET /simple/NAME/`, with or without the slash at the end."""
        project = str(canonicalize_name(name))
        if project != name:
            return Reply(301, b"", SIMPLE_HTML, {"Location": f"{self.url}/simple/{project}/"})
        files = [file for file in self.files.values() if file.project == project]
        if not files:
            return text_reply("Not Found", 404)
        if SIMPLE_JSON not in accept:
            return _page([self._anchor(file) for file in files])
        return json_reply(
            {
                "meta": {"api-version": _API_VERSION},
                "name": project,
                "versions": sorted({file.version for file in files}),
                "files": [self._listed(file) for file in files],
            },
            media_type=SIMPLE_JSON,
        )

    def download(self, directory: str, filename: str) -> Reply:
        """`GET /packages/DIRECTORY/FILE`; the directory is named after the content."""
        file = self.files.get(filename)
        if file is None or directory != _directory(file):
            return text_reply("Not Found", 404)
        return Reply(200, file.content, "application/octet-stream")

    def provenance(self, project: str, version: str, filename: str) -> Reply:
        """`GET /integrity/PROJECT/VERSION/FILE/provenance`."""
        file = self.files.get(filename)
        if file is None or file not in self._release(str(canonicalize_name(project)), version):
            return text_reply("Not Found", 404)
        if not file.attestations:
            return json_reply({"message": f"No provenance available for {filename}"}, 404)
        bundle = {"publisher": file.publisher.document, "attestations": file.attestations}
        return json_reply({"version": 1, "attestation_bundles": [bundle]}, media_type=INTEGRITY_JSON)

    def _provenance_url(self, file: File) -> str | None:
        if not file.attestations:
            return None
        return f"{self.url}/integrity/{file.project}/{file.version}/{file.filename}/provenance"

    def _file_url(self, file: File) -> str:
        return f"{self.url}/packages/{_directory(file)}/{file.filename}"

    def _listed(self, file: File) -> dict[str, Any]:
        return {
            "filename": file.filename,
            "url": self._file_url(file),
            "hashes": {"sha256": file.digests["sha256_digest"]},
            "size": len(file.content),
            "upload-time": f"{file.uploaded:%Y-%m-%dT%H:%M:%S.%fZ}",
            "requires-python": file.requires_python or None,
            "yanked": False,
            "provenance": self._provenance_url(file),
        }

    def _anchor(self, file: File) -> str:
        more = {"data-requires-python": file.requires_python, "data-provenance": self._provenance_url(file)}
        attributes = "".join(f' {key}="{html.escape(value)}"' for key, value in more.items() if value)
        target = f"{self._file_url(file)}#sha256={file.digests['sha256_digest']}"
        return f'<a href="{html.escape(target)}"{attributes}>{html.escape(file.filename)}</a>'


def _refused(code: str, description: str) -> Reply:
    errors = [{"code": code, "description": description}]
    return json_reply({"message": "Token request failed", "errors": errors}, 422)


def _credentials(authorization: str) -> tuple[str, str]:
    """User and password of HTTP basic authentication; empty texts where there are none."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


def _directory(file: File) -> str:
    """Where a file is kept; another content has another place."""
    return hashlib.sha256(file.digests["blake2_256_digest"].encode()).hexdigest()[:32]


def _page(lines: list[str]) -> Reply:
    head = f'<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="{_API_VERSION}"></head>'
    return text_reply("\n".join([f"{head}<body>", *lines, "</body></html>"]), media_type=SIMPLE_HTML)
