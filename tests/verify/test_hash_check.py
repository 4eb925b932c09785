"""The layer `hash`: `checks/hash.py` on good and bad digests, with the exact findings."""

from __future__ import annotations

import json

import pytest
from hash_inputs import BAD, GOOD, OTHER_WHEEL, SDIST, THIRD, WHEEL, digest_of, evidence
from wheels import vector

from epochly_verify.checks.hash import check
from epochly_verify.findings import catalogue
from epochly_verify.model import ExpectedHash, Layer, NotRun, Ran, Severity, Status, Verdict
from epochly_verify.parse.hashes import parse_hash_option, parse_hash_source
from epochly_verify.policy import Policy
from epochly_verify.run import judge, required_layers

POLICY = Policy()


def sums(*rows, origin="SHA256SUMS"):
    """A digest list of (digest, file name) rows."""
    return parse_hash_source("".join(f"{digest}  {name}\n" for digest, name in rows).encode(), origin)


def requirements(*hashes, origin="requirements.txt"):
    """A requirements file with one row for the artifact's release."""
    options = " ".join(f"--hash={one}" for one in hashes)
    return parse_hash_source(f"demo-pkg==1.0 {options}\n".encode(), origin)


def ids(outcome):
    """Finding ids, in order."""
    return [finding.id for finding in outcome.findings]


def layer(given):
    """How the hash layer of a whole judgement ended, and whether the verdict could be good."""
    report = judge(given, POLICY)
    (result,) = [one for one in report.layers if one.layer is Layer.HASH]
    found = [one.id for one in report.findings if one.layer is Layer.HASH]
    return result.status, found, report.verdict


@pytest.mark.parametrize(
    "source",
    [
        sums((GOOD, WHEEL), origin="given"),
        requirements(f"sha256:{BAD}", f"sha256:{GOOD}", origin="given"),
        requirements(f"md5:{digest_of('md5')}", f"sha256:{GOOD}", origin="given"),
        sums((BAD, WHEEL), (GOOD, WHEEL), origin="given"),
    ],
)
def test_hash_passes_when_a_listed_digest_fits(source):
    """The digests one source lists for an artifact are alternatives, and its name is in the report."""
    assert check(evidence(source), POLICY) == Ran(why="sha256 as in `given`")


def test_hash_passes_with_a_digest_on_the_command_line():
    """`--hash` is a source like the others."""
    option = parse_hash_option(f"sha256:{GOOD}")
    assert check(evidence(expected=[option], names=["--hash"]), POLICY) == Ran(why="sha256 as in `--hash`")


def test_hash_passes_with_several_digests_on_the_command_line():
    """Several `--hash`, one for each of several artifacts, are alternatives."""
    options = [parse_hash_option(BAD), parse_hash_option(GOOD)]
    assert check(evidence(expected=options), POLICY) == Ran(why="sha256 as in `--hash`")


def test_hash_passes_when_every_source_agrees():
    """The report names what each source vouched with."""
    sha512 = sums((digest_of("sha512"), WHEEL), origin="SHA512SUMS")
    given = evidence(
        sums((GOOD, WHEEL)), sha512, requirements(f"sha256:{GOOD}"), computed=("sha256", "sha512")
    )
    assert check(given, POLICY) == Ran(
        why="sha256 as in `SHA256SUMS` and `requirements.txt`; sha512 as in `SHA512SUMS`"
    )


def test_hash_takes_digests_of_different_files_for_alternatives():
    """A row of a requirements file may give one file's SHA-256 and another file's SHA-512."""
    source = requirements(f"sha512:{digest_of('sha512', b'the sdist')}", f"sha256:{GOOD}")
    given = evidence(source, computed=("sha256", "sha512"))
    assert check(given, POLICY) == Ran(why="sha256 as in `requirements.txt`")


def test_hash_accepts_the_digest_of_a_real_signed_wheel():
    """The published digest of a real wheel is its digest."""
    name = "rfc8785-0.1.2-py3-none-any.whl"
    digest = digest_of(content=vector("signed", "rfc8785", name))
    assert digest == "c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            sums((BAD, WHEEL)),
            f"sha256 is `{GOOD[:12]}...{GOOD[-6:]}`, expected `{BAD[:12]}...{BAD[-6:]}` (`SHA256SUMS:1`)",
        ),
        (
            requirements(f"sha256:{BAD}", f"sha256:{THIRD}"),
            (
                f"sha256 is `{GOOD[:12]}...{GOOD[-6:]}`, expected one of `{BAD[:12]}...{BAD[-6:]}`, "
                f"`{THIRD[:12]}...{THIRD[-6:]}` (`requirements.txt`)"
            ),
        ),
    ],
)
def test_hash_reports_a_wrong_digest(source, message):
    """The finding says what was seen, what was expected and who said so."""
    outcome = check(evidence(source), POLICY)
    assert isinstance(outcome, Ran)
    assert ids(outcome) == ["hash-mismatch"]
    assert outcome.findings[0].subject == WHEEL
    assert outcome.findings[0].message == message


def test_hash_message_stays_short_for_a_release_of_many_files():
    """A hundred alternatives are counted, not listed."""
    outcome = check(evidence(requirements(*(f"sha256:{i:064x}" for i in range(100)))), POLICY)
    assert " and 97 more (`requirements.txt`)" in outcome.findings[0].message
    assert len(outcome.findings[0].message) < 200


def test_hash_reports_a_source_that_disagrees_with_another():
    """One good witness does not outvote a bad one."""
    outcome = check(evidence(sums((GOOD, WHEEL)), requirements(f"sha256:{BAD}")), POLICY)
    assert ids(outcome) == ["hash-mismatch"]
    assert "(`requirements.txt:1`)" in outcome.findings[0].message
    both = check(evidence(sums((BAD, WHEEL)), requirements(f"sha256:{BAD}")), POLICY)
    assert ids(both) == ["hash-mismatch", "hash-mismatch"]


def test_hash_reports_one_wrong_algorithm_beside_a_right_one():
    """All algorithms a source gives for one file must fit."""
    table = {"sha256": GOOD, "sha512": digest_of("sha512", b"other")}
    document = {"files": [{"filename": WHEEL, "hashes": table}]}
    source = parse_hash_source(json.dumps(document).encode(), "index.json")
    outcome = check(evidence(source, computed=("sha256", "sha512")), POLICY)
    assert ids(outcome) == ["hash-mismatch"]
    assert outcome.findings[0].message.startswith("sha512 is ")
    assert outcome.findings[0].message.endswith("(`index.json:files[0]`)")


def test_hash_reports_a_file_that_is_none_of_a_locked_release():
    """A source that lists the release, but not these bytes, speaks against the artifact."""
    lock = (
        'lock-version = "1.0"\n[[packages]]\nname = "demo-pkg"\nversion = "1.0"\n'
        f'wheels = [{{ name = "{OTHER_WHEEL}", hashes = {{ sha256 = "{BAD}", sha512 = "{"0" * 128}" }} }}]\n'
    )
    outcome = check(evidence(parse_hash_source(lock.encode(), "pylock.toml")), POLICY)
    assert ids(outcome) == ["hash-mismatch"]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha3_224"])
def test_hash_never_counts_a_weak_algorithm(algorithm):
    """A right MD5, even computed, is no evidence: the layer does not run."""
    source = requirements(f"{algorithm}:{digest_of(algorithm)}")
    outcome = check(evidence(source, computed=("sha256", algorithm)), POLICY)
    assert isinstance(outcome, NotRun)
    assert outcome.why == f"only {algorithm} in `requirements.txt`"
    assert ids(outcome) == ["hash-weak-algorithm"]


def test_hash_never_lets_a_weak_digest_excuse_a_wrong_one():
    """The right MD5 beside the wrong SHA-256 is a mismatch."""
    source = requirements(f"md5:{digest_of('md5')}", f"sha256:{BAD}")
    assert ids(check(evidence(source, computed=("sha256", "md5")), POLICY)) == ["hash-mismatch"]


def test_hash_warns_of_a_weak_source_beside_a_good_one():
    """The good source is enough, and the weak one is named."""
    outcome = check(evidence(sums((GOOD, WHEEL)), sums((digest_of("md5"), WHEEL), origin="MD5SUMS")), POLICY)
    assert isinstance(outcome, Ran)
    assert ids(outcome) == ["hash-weak-algorithm"]
    assert outcome.findings[0].message == "`MD5SUMS` gives only md5, expected sha256 or better"


def test_hash_warns_of_a_silent_source_beside_a_good_one():
    """A source that does not list the artifact is named when another one does."""
    outcome = check(evidence(sums((GOOD, WHEEL)), sums((GOOD, SDIST), origin="OLD")), POLICY)
    assert outcome.why == "sha256 as in `SHA256SUMS`"
    assert ids(outcome) == ["hash-source-silent"]
    assert "`OLD`" in outcome.findings[0].message


def test_hash_does_not_run_without_sources():
    """Nobody gave a digest, which is no fault."""
    assert check(evidence(), POLICY) == NotRun("no expected hash was given")


def test_hash_does_not_run_when_no_source_lists_the_artifact():
    """Silence is never agreement."""
    given = evidence(sums((GOOD, SDIST)), requirements(f"sha256:{GOOD}"), filename="x-1-py3-none-any.whl")
    assert check(given, POLICY) == NotRun("no hash for it in `SHA256SUMS` or `requirements.txt`")


@pytest.mark.parametrize("sources", [(), (sums((GOOD, WHEEL)),)])
def test_hash_never_passes_a_digest_that_was_not_computed(sources):
    """A missing comparison leaves the layer not run, also beside a good source."""
    sha512 = sums((digest_of("sha512"), WHEEL), origin="SHA512SUMS")
    outcome = check(evidence(*sources, sha512), POLICY)
    assert isinstance(outcome, NotRun)
    assert outcome.why == "sha512 asked for by `SHA512SUMS` was not computed"


def test_hash_reports_a_mismatch_beside_a_digest_that_was_not_computed():
    """What is known to be wrong is said, whatever else is unknown."""
    sha512 = sums((digest_of("sha512"), WHEEL), origin="SHA512SUMS")
    assert ids(check(evidence(sums((BAD, WHEEL)), sha512), POLICY)) == ["hash-mismatch"]


def test_hash_takes_the_origin_for_the_source_where_none_is_said():
    """Digests made without a source are each their own witness."""
    expected = [ExpectedHash("sha256", GOOD, "a"), ExpectedHash("sha256", BAD, "b")]
    assert ids(check(evidence(expected=expected), POLICY)) == ["hash-mismatch"]


def test_hash_decides_the_verdict():
    """A mismatch rejects; a silent, weak or uncomputed source leaves a required layer open."""
    assert layer(evidence(sums((BAD, WHEEL)))) == (Status.FAILED, ["hash-mismatch"], Verdict.REJECTED)
    status, found, _ = layer(evidence(sums((GOOD, WHEEL))))
    assert (status, found) == (Status.PASSED, [])
    for source in (sums((GOOD, SDIST)), sums((digest_of("md5"), WHEEL)), sums((digest_of("sha512"), WHEEL))):
        given = evidence(source)
        assert Layer.HASH in required_layers(given, POLICY)
        status, _, verdict = layer(given)
        assert status is Status.NOT_RUN
        assert verdict is not Verdict.VERIFIED


def test_hash_findings_weigh_what_they_should():
    """Only a mismatch is an error."""
    weights = {kind.id: kind.severity for place, kind in catalogue().values() if place is Layer.HASH}
    assert weights == {
        "hash-mismatch": Severity.ERROR,
        "hash-weak-algorithm": Severity.WARNING,
        "hash-source-silent": Severity.WARNING,
    }
