"""An upload client of the attacker's own, and what a user then gets from the index. Nothing here is checked before it is sent.

Source: the legacy upload interface, PEP 691, PEP 740.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from epochly_release.attestation import BUILT, PUBLISH, PUBLISHED, REKOR_OF_INDEXES, ToSign, kept, statement
from epochly_release.errors import InputError
from epochly_release.index import listed_files, normalised, version_of
from epochly_release.provenance import SLSA, claims_of_token, slsa_predicate
from epochly_release.rehearsal.attacks.hand import certified, log_of, sha256_of, signed_by_hand
from epochly_release.rehearsal.attacks.model import INDEX, By, NotRefused, Outcome
from epochly_release.rehearsal.attacks.scene import judged
from epochly_release.rehearsal.attacks.tokens import exchanged
from epochly_release.rehearsal.index import AUDIENCE, INTEGRITY_JSON
from epochly_release.rehearsal.keys import b64
from epochly_release.steps.attest import AUDIENCE as SIGSTORE
from epochly_verify.model import Attached, EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from epochly_release.rehearsal.attacks.scene import Scene

_BEGINNINGS = ("File already exists", "Invalid attestations", "Invalid or non-existent authentication")
_BOUNDARY = "rehearsal-3f9a1c"


def refusal_of(status: int, text: str) -> str:
    """The code for an answer of the index: its status and the words that tell its refusals apart, if it says them."""
    return next((f"{status} {words}" for words in _BEGINNINGS if words in text), "")


def upload_token(scene: Scene) -> str:
    """A token for the run that speaks now; raises `InputError` when there is none to go on with."""
    got = exchanged(scene, scene.world().identity_token(AUDIENCE))
    if isinstance(got, Outcome):
        raise InputError("token", str(got.refused_by), got.words, "see the index's publishers")
    return got


def attested_by_hand(scene: Scene, name: str, data: bytes) -> list[Any]:
    """Both attestations that an index takes of a file, by the run that speaks now."""
    signer, log, sha256 = certified(scene), log_of(scene), sha256_of(data)
    claims = claims_of_token(scene.world().identity_token(SIGSTORE))
    about = ((PUBLISHED, PUBLISH, None), (BUILT, SLSA, slsa_predicate(claims, {})))
    made = []
    for ending, kind, predicate in about:
        said = statement(name, sha256, kind, predicate)
        one = ToSign(name + ending, name, sha256, said, REKOR_OF_INDEXES)
        made.append(json.loads(kept(one, signed_by_hand(one, signer, log))))
    return made


def sent(
    scene: Scene, name: str, data: bytes, token: str, attestations: Sequence[Any]
) -> Outcome | NotRefused:
    """What the index says to an upload."""
    distribution, version = name.split("-", maxsplit=1)[0], version_of(name)
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.4",
        "name": distribution,
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": sha256_of(data),
        **({"attestations": json.dumps(attestations)} if attestations else {}),
    }
    headers = {
        "Authorization": f"Basic {b64(f'__token__:{token}'.encode())}",
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    }
    url, body = scene.served.upload_url, _form(fields, name, data)
    answer = scene.world().fetch(url, method="POST", headers=headers, body=body)
    if answer.status == 200:
        return NotRefused("the index takes it")
    text = answer.body.decode("utf-8", "replace")
    return Outcome(By(INDEX, refusal_of(answer.status, text) or f"{answer.status}"), text)


def judged_from_index(scene: Scene, path: str) -> Outcome | NotRefused:
    """What `epochly-verify` says of a file as the index gives it, with its provenance, laid at a path."""
    world, name = scene.world(), os.path.basename(path)
    project = normalised(name.split("-", maxsplit=1)[0])
    files = {
        file.filename: file for file in listed_files(world, scene.served.simple_url.rstrip("/"), project)
    }
    world.write(path, world.fetch(files[name].url).body)
    given = world.fetch(files[name].provenance, headers={"Accept": INTEGRITY_JSON})
    evidence = (Attached(files[name].provenance, EvidenceKind.PROVENANCE, given.body),)
    return judged(scene, path, evidence=evidence)


def _form(fields: Mapping[str, str], name: str, data: bytes) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="{name}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    return "".join([*parts, head]).encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
