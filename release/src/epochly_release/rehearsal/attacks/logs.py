"""Log entries that prove nothing: a checkpoint that the log did not sign, and an entry in somebody else's log.

Source: RFC 6962, section 2.1 (inclusion); C2SP `tlog-checkpoint`; Sigstore client specification.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from epochly_release.attestation import BUNDLE
from epochly_release.rehearsal.attacks.certificates import judged_with, over_wheel
from epochly_release.rehearsal.attacks.hand import certified, from_b64, log_of
from epochly_release.rehearsal.attacks.model import JUDGE, Attack, By, NotRefused, Outcome
from epochly_release.rehearsal.checkpoint import log_name, note
from epochly_release.rehearsal.keys import b64, key_id, sign
from epochly_release.rehearsal.merkle import Tree
from epochly_release.rehearsal.rekor1 import Rekor1

if TYPE_CHECKING:
    from epochly_release.rehearsal.attacks.scene import Scene


def _forged_checkpoint(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    """The entry stands alone in a tree of one, as if the log had begun with it; who signs for that tree makes the difference."""
    instance = scene.served.instance
    bundle = json.loads(scene.read(scene.wheel + BUNDLE))
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    tree, name = Tree(), log_name(instance.url)
    tree.append(from_b64(entry["canonicalizedBody"]))
    key = scene.sources.new_key() if malicious else instance.rekor2.key
    text = f"{name}\n1\n{b64(tree.root())}\n"
    envelope = note(text, name, key_id(instance.rekor2.key), sign(key, text.encode()))
    entry["logIndex"] = "0"
    entry["inclusionProof"] = {
        "logIndex": "0",
        "rootHash": b64(tree.root()),
        "treeSize": "1",
        "hashes": [],
        "checkpoint": {"envelope": envelope},
    }
    return judged_with(scene, json.dumps(bundle))


def _other_log(scene: Scene, *, malicious: bool) -> Outcome | NotRefused:
    log = log_of(scene)
    if malicious:
        other = Rekor1("https://log.example", scene.sources)

        def log(body: bytes) -> tuple[int, bytes]:
            reply = other.create(body)
            return reply.status, reply.body

    return judged_with(scene, over_wheel(scene, certified(scene), log))


ATTACKS = (
    Attack(
        "forged checkpoint",
        "show a tree with a checkpoint that another key signed under the log's id",
        By(JUDGE, "checkpoint-signature-invalid"),
        _forged_checkpoint,
    ),
    Attack(
        "entry from another log",
        "log the signature elsewhere, where nobody looks",
        By(JUDGE, "log-unknown"),
        _other_log,
    ),
)
