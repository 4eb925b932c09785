"""Who signed what, where and when, in words; and hostile text made safe to print.

Names of members, headers, certificates and files come from whoever made the artifact. `printable` is the one gate to a
terminal: no control character (CWE-150), nothing that reorders a line (CVE-2021-42574) and nothing invisible gets out.

The claims put into words are those of the Fulcio certificate (Sigstore OID registry), and only of a signature that holds.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING

from epochly_verify.model import Layer, Status, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from epochly_verify.model import ArtifactReport, Claims, Signed

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER = "https://gitlab.com"
GOOGLE_ISSUER = "https://accounts.google.com"
CIRCLECI_ISSUER = "https://oidc.circleci.com"

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})  # Unicode bidirectional classes that move their neighbours
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols by class, nothing on screen
_MIB = 1024 * 1024


def printable(text: str) -> str:
    r"""The text with everything a terminal could act on, hide or reorder as `\x1b`, `\u202e`, `\U000e0001`.

    Escaped are: control, format, separator, surrogate, private and unassigned code points, combining marks, blank
    letters, and right-to-left letters (the order on the screen is then the order in the file).
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _harmless(character) else _escaped(character) for character in text)


def _harmless(character: str) -> bool:
    return character.isprintable() and (
        character.isascii()
        or (
            character not in _BLANK
            and not unicodedata.category(character).startswith("M")
            and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        )
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r":
        return {"\t": r"\t", "\n": r"\n", "\r": r"\r"}[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shown(text: str, most: int = 200) -> str:
    """`printable`, and with its middle left out where it is longer than `most` characters."""
    if len(text) <= most:
        return printable(text)
    head, tail = most * 2 // 3, most // 3
    return f"{printable(text[:head])}...[{len(text) - head - tail} more]...{printable(text[-tail:])}"


def counted(number: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(size_bytes: int) -> str:
    """A length in the largest unit that keeps it readable."""
    if size_bytes < 10 * 1024:
        return counted(size_bytes, "byte")
    if size_bytes < 10 * _MIB:
        return f"{size_bytes / 1024:,.0f} KiB"
    return f"{size_bytes / _MIB:,.0f} MiB"


def moment(time: datetime) -> str:
    """`2024-03-05 14:22 UTC`."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def who(signed: Signed) -> str:
    """The signer of an authentic signature and where it signed, as one clause after `signed by`."""
    claims = signed.claims
    if claims is None:
        return (
            f"the holder of key sha256 {shown(signed.key_id)}"
            if signed.key_id
            else "the holder of the given key"
        )
    if _issued_by(claims, GITHUB_ISSUER):
        parts = _github(claims)
    elif _issued_by(claims, GITLAB_ISSUER):
        parts = _gitlab(claims)
    elif _issued_by(claims, CIRCLECI_ISSUER):
        parts = _circleci(claims)
    else:
        parts = [_account(claims), *_at(claims)]
    if claims.deployment_environment:
        parts.append(f"in environment {_quoted(claims.deployment_environment)}")
    if claims.build_trigger:
        parts.append(f"started by {_quoted(claims.build_trigger)}")
    if claims.runner_environment == "self-hosted":
        parts.append("on a self-hosted runner")
    return ", ".join(parts)


def run(signed: Signed) -> str:
    """The address of the run that signed, empty when the certificate names none."""
    return shown(signed.claims.run_invocation_uri, 400) if signed.claims is not None else ""


def what(signed: Signed) -> str:
    """What an authentic signature says, when, and where it is logged, as one line."""
    parts = [said(signed)]
    if signed.times:
        parts.append(f"on {moment(min(signed.times))}")
    if signed.log:
        index = "" if signed.log_index is None else f" index {signed.log_index}"
        parts.append(f"logged at {shown(signed.log.partition(' - ')[0])}{index}")
    return ", ".join(parts)


def said(signed: Signed) -> str:
    """What kind of statement was signed."""
    if signed.statement is None:
        return "signature over the file"
    kind = signed.statement.predicate_type
    if kind.endswith("/attestations/publish/v1"):  # PEP 740; the host before it is the index's
        return "publish attestation"
    if kind.startswith("https://slsa.dev/provenance/"):
        return f"SLSA provenance {shown(kind.rpartition('/')[2], 20)}"
    if kind.startswith("https://slsa.dev/verification_summary/"):
        return f"SLSA verification summary {shown(kind.rpartition('/')[2], 20)}"
    for standard, base in (("CycloneDX", "https://cyclonedx.org/bom"), ("SPDX", "https://spdx.dev/Document")):
        if kind == base or kind.startswith(f"{base}/"):
            return f"{standard} SBOM"
    return f"attestation of type {_quoted(kind)}"


def verdict_sentence(artifact: ArtifactReport) -> str:
    """What follows from the verdict, with its own word first."""
    statuses = {result.layer: result for result in artifact.layers}
    passed = {layer for layer, result in statuses.items() if result.status is Status.PASSED}
    match artifact.verdict:
        case Verdict.VERIFIED:
            layers = ", ".join(artifact.required)
            if Layer.IDENTITY in passed:
                policy = _quoted(artifact.policy) if artifact.policy else "the policy"
                return f"verified: every required layer passed ({layers}), and the signer is one that {policy} accepts"
            return f"verified: every required layer passed ({layers}); who made the file was not asked"
        case Verdict.REJECTED:
            failed = ", ".join(result.layer for result in artifact.layers if result.status is Status.FAILED)
            return f"rejected: {failed} failed; do not install this file"
        case Verdict.INCONCLUSIVE:
            return "inconclusive: " + _undecided(artifact, passed)


def _undecided(artifact: ArtifactReport, passed: set[Layer]) -> str:
    if not artifact.sha256:
        why = next((result.why for result in artifact.layers), "could not be read")
        return f"nothing was judged; {shown(why, 400)}"
    missing = [layer for layer in artifact.required if layer not in passed]
    if not artifact.required:
        return "no layer was required, so nothing was asked; give --require or a policy"
    if missing == [Layer.IDENTITY]:
        return "the signature is valid, but nobody said whom to trust; give --repository or --policy"
    whys = {result.layer: result.why for result in artifact.layers}
    if Layer.SIGNATURE in missing:
        why = shown(whys.get(Layer.SIGNATURE, "")) or "no signature was judged"
        others = [layer for layer in missing if layer not in (Layer.SIGNATURE, Layer.IDENTITY)]
        also = f"; not run either: {', '.join(others)}" if others else ""
        return (
            f"nothing wrong was found, but who made the file is not known ({why}){also}; "
            "give --bundle or --provenance, or say --require integrity if that is enough"
        )
    named = "; ".join(f"{layer}: {shown(whys.get(layer, '')) or 'not run'}" for layer in missing)
    return f"nothing wrong was found, but a required layer did not run ({named})"


def _issued_by(claims: Claims, issuer: str) -> bool:
    """Whether the issuer is that one or, as GitHub and CircleCI offer, its address for one organisation."""
    return claims.issuer == issuer or claims.issuer.startswith(issuer + "/")


def _github(claims: Claims) -> list[str]:
    config = claims.build_config_uri or claims.san
    repository, path = _split_workflow(config, "/.github/workflows/")
    source = claims.source_repository_uri or repository
    name = source.removeprefix("https://github.com/")
    if not path:
        return [f"GitHub, as {_quoted(claims.san)} of {_quoted(name)}", *_at(claims)]
    workflow = path if repository == source else config.partition("@")[0].removeprefix("https://github.com/")
    parts = [
        f"GitHub workflow {_quoted(workflow)} of {_quoted(name)}",
        *_at(claims, config.partition("@")[2]),
    ]
    signer = claims.build_signer_uri or claims.san
    if signer.partition("@")[0] != config.partition("@")[0]:
        parts.append(f"through the reusable workflow {_quoted(signer.removeprefix('https://github.com/'))}")
    return parts


def _gitlab(claims: Claims) -> list[str]:
    config = claims.build_config_uri or claims.san
    repository, _, rest = config.removeprefix("https://").partition("//")
    name = (claims.source_repository_uri or repository).removeprefix("https://").removeprefix("gitlab.com/")
    path, _, ref = rest.partition("@")
    pipeline = f"GitLab pipeline {_quoted(path)}" if path else f"GitLab, as {_quoted(claims.san)}"
    return [f"{pipeline} of {_quoted(name)}", *_at(claims, ref)]


def _circleci(claims: Claims) -> list[str]:
    _, _, tail = claims.san.partition("/projects/")
    project, _, pipeline = tail.partition("/pipeline-definitions/")
    parts = [f"CircleCI pipeline {_quoted(pipeline)} of project {_quoted(project)}"]
    if not (project and pipeline):
        parts = [f"CircleCI, as {_quoted(claims.san)}"]
    if claims.source_repository_uri:
        parts.append(f"source {_quoted(claims.source_repository_uri.removeprefix('https://'))}")
    return parts + _at(claims)


def _account(claims: Claims) -> str:
    name = _quoted(claims.san)
    if claims.issuer == GOOGLE_ISSUER:
        return f"Google account {name}"
    told = (
        f"vouched for by {_quoted(claims.issuer)}"
        if claims.issuer
        else "vouched for by an issuer it does not name"
    )
    source = f" for {_quoted(claims.source_repository_uri)}" if claims.source_repository_uri else ""
    return f"{name}{source}, {told}"


def _at(claims: Claims, otherwise: str = "") -> list[str]:
    """The ref and commit, as no or one part."""
    ref = claims.source_repository_ref or otherwise
    commit = claims.source_repository_digest
    short = f"commit {shown(commit[:12])}" if commit else ""
    if not ref:
        return [f"at {short}"] if short else []
    return [f"at {_ref(ref)} ({short})" if short else f"at {_ref(ref)}"]


def _ref(ref: str) -> str:
    for prefix, noun in (("refs/tags/", "tag"), ("refs/heads/", "branch"), ("refs/pull/", "pull request")):
        if ref.startswith(prefix):
            return f"{noun} {_quoted(ref.removeprefix(prefix))}"
    return f"ref {_quoted(ref)}"


def _split_workflow(uri: str, folder: str) -> tuple[str, str]:
    """Repository and file of `REPOSITORY/.github/workflows/FILE@REF`; the file is empty when it is no such URI."""
    repository, _, rest = uri.partition("@")[0].partition(folder)
    return repository, rest


def _quoted(text: str) -> str:
    return f"`{shown(text)}`"
