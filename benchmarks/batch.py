"""Hundreds of signed artifacts in one process: real ones, with all their evidence, copied to folders of their own.

The rate counts neither the interpreter's start nor imports, because a batch pays them once; a last line shows the
whole program all the same. Beside it the `sigstore` package's API with one verifier for all, judging the very same
bundles and nothing else: no archive, no identity, no report.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

from side_by_side import (
    VECTORS,
    Answer,
    Figure,
    Side,
    Times,
    clean_environment,
    command,
    in_turns,
    parser,
    process,
    show,
    slower,
)

SIGNED = VECTORS / "signed"
GOAL = 200  # artifacts a second
# Every real artifact with the evidence that the public-good instance vouches for: 1, 2 and 3 signatures.
ARTIFACTS = (
    ("rfc8785/rfc8785-0.1.2-py3-none-any.whl", (".sigstore.json",)),
    (
        "circleci/circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl",
        (".provenance", ".publish.attestation"),
    ),
    (
        "pypi-attestations-0.0.19/pypi_attestations-0.0.19.tar.gz",
        (".publish.attestation", ".slsa.attestation", ".provenance"),
    ),
)
POLICY = """
schema = "epochly-verify/policy/v1"

[[rule]]
projects = ["rfc8785"]
[[rule.identity]]
kind = "github"
repository = "trailofbits/rfc8785.py"
workflow = "release.yml"

[[rule]]
projects = ["circleci-sign-publish-example"]
[[rule.identity]]
kind = "circleci"
project-id = "fdd9283f-e619-46af-8f9c-851f7d3e8b2b"
pipeline-definition-id = "8e4f8ab2-8d7c-4827-9f15-de076d6d647f"

[[rule]]
projects = ["pypi-attestations"]
[[rule.identity]]
kind = "github"
repository = "trailofbits/pypi-attestations"
workflow = "release.yml"
tag-matches-version = true
"""


class Evidence(NamedTuple):
    """One signature for the other side: the artifact, the bundle as JSON, and whether an envelope was signed."""

    artifact: Path
    bundle: bytes
    envelope: bool


def measure(*, rounds: int, warm_ups: int, artifacts: int, jobs: tuple[int, ...]) -> list[Answer]:
    """Artifacts a second by number of threads, against the other library's time for the same bundles."""
    with tempfile.TemporaryDirectory(prefix="epochly-bench-") as folder, clean_environment() as environment:
        paths = _copies(Path(folder), artifacts)
        policy = Path(folder, "policy.toml")
        policy.write_text(POLICY)
        arguments = ["--policy", str(policy), *map(str, paths)]
        evidence = _evidence(paths)
        once = list(dict.fromkeys(evidence))  # ours verifies what comes twice once, and so may the other
        sides = [_ours(count, arguments) for count in jobs]
        sides.append(Side("sigstore API, the bundles alone", lambda: _library_alone(once)))
        *ours, other = in_turns(sides, rounds=rounds, warm_ups=max(1, warm_ups))
        program = process([command("epochly-verify"), *arguments], environment)
        (whole,) = in_turns(
            [Side("the whole program", program)], rounds=max(1, rounds // 2), warm_ups=warm_ups
        )
    best = min(ours, key=lambda times: times.least)
    figures = (
        Figure("rate", *_rate(best, artifacts), unit="/s", goal=GOAL, at_most=False),
        Figure("rate with the interpreter's start and all imports", *_rate(whole, artifacts), unit="/s"),
        *(slower(f"time, {times.name.partition(' ')[2]}, over the other's", times, other) for times in ours),
    )
    question = (
        f"batch: {artifacts} artifacts in one process, {len(evidence)} signatures, {len(once)} distinct"
    )
    return [Answer(question, (*ours, whole, other), figures)]


def _rate(times: Times, artifacts: int) -> tuple[float, float]:
    return artifacts / times.least, artifacts / times.middle


def _copies(folder: Path, count: int) -> list[Path]:
    """The real artifacts in rotation, each copy in a folder of its own, since evidence names the file."""
    paths = []
    for number in range(count):
        name, endings = ARTIFACTS[number % len(ARTIFACTS)]
        place = folder / f"{number:04}"
        place.mkdir()
        for ending in ("", *endings):
            shutil.copy(f"{SIGNED / name}{ending}", place)
        paths.append(place / Path(name).name)
    return paths


def _ours(jobs: int, arguments: list[str]) -> Side:
    def run() -> None:
        from epochly_verify.cli import main as epochly_verify

        with redirect_stdout(io.StringIO()) as said:
            code = epochly_verify(["--jobs", str(jobs), *arguments])
        if code != 0:
            raise RuntimeError(f"exit code {code}: {said.getvalue()[:2000]}")

    return Side(f"epochly-verify --jobs {jobs}", run)


def _evidence(paths: list[Path]) -> list[Evidence]:
    """Every signature as a bundle; the other library reads no PEP 740 documents, so they are converted beforehand."""
    from epochly_verify.parse.attestation import parse_attestation, parse_provenance

    endings = {Path(name).name: endings for name, endings in ARTIFACTS}
    found = []
    for path in paths:
        for ending in endings[path.name]:
            data = Path(f"{path}{ending}").read_bytes()
            if ending == ".sigstore.json":
                found.append(Evidence(path, data, envelope=False))
            elif ending == ".provenance":
                pieces = parse_provenance(data, ending, most=100)
                found += [Evidence(path, piece.as_bundle_json, envelope=True) for piece in pieces]
            else:
                found.append(Evidence(path, parse_attestation(data, ending).as_bundle_json, envelope=True))
    return found


def _library_alone(evidence: list[Evidence]) -> None:
    from sigstore.hashes import Hashed
    from sigstore.models import Bundle
    from sigstore.verify import policy
    from sigstore_models.common.v1 import HashAlgorithm

    verifier, anyone = _library_verifier(), policy.UnsafeNoOp()
    digests: dict[Path, bytes] = {}
    for artifact, data, envelope in evidence:
        digest = digests.get(artifact) or hashlib.sha256(artifact.read_bytes()).digest()
        digests[artifact] = digest
        bundle = Bundle.from_json(data)
        if envelope:
            _, payload = verifier.verify_dsse(bundle, anyone)
            if digest.hex().encode() not in payload:
                raise RuntimeError(f"{artifact.name}: about another artifact")
        else:
            verifier.verify_artifact(Hashed(digest=digest, algorithm=HashAlgorithm.SHA2_256), bundle, anyone)


def _library_verifier():
    """A verifier over the same trust root, given as a file, since its own cache belongs to the user's home."""
    import json

    from sigstore.models import ClientTrustConfig
    from sigstore.verify import Verifier

    root = json.loads((VECTORS / "trust-roots" / "public-good" / "trusted_root.json").read_bytes())
    signing = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}
    kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    config = json.dumps({"mediaType": kind, "trustedRoot": root, "signingConfig": signing})
    return Verifier(trusted_root=ClientTrustConfig.from_json(config).trusted_root)


def main() -> None:
    """Measure and print."""
    made = parser(__doc__, rounds=7)
    made.add_argument("--artifacts", type=int, default=200, metavar="N", help="how many (default: 200)")
    made.add_argument(
        "--jobs", type=int, action="append", metavar="N", help="threads; may be repeated (default: 1 and 2)"
    )
    options = made.parse_args()
    jobs = tuple(options.jobs or (1, 2))
    turns = {"rounds": options.rounds, "warm_ups": options.warm_ups}
    show(measure(**turns, artifacts=options.artifacts, jobs=jobs))


if __name__ == "__main__":
    main()
