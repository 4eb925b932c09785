"""Who/what/where in words, and the one gate that hostile text passes on its way to a terminal."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_reports import (
    BUNDLE,
    CIRCLECI,
    EMAIL,
    GITHUB,
    GITLAB,
    GOOGLE,
    HOSTILE,
    INCONCLUSIVE,
    LAYERS_PASSED,
    PUBLISH,
    REJECTED,
    SLSA,
    UNREADABLE,
    VERIFIED,
    WORKFLOW,
    attested,
    with_status,
)

from epochly_verify.model import Claims, Layer, Status
from epochly_verify.render.words import moment, printable, run, said, shown, size, verdict_sentence, what, who


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("demo/naïve_模块.py", "demo/naïve_模块.py"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("\r\n\t\x00\x7f\x9b", r"\r\n\t\x00\x7f\x9b"),
        ("evil\u202egpj.exe", r"evil\u202egpj.exe"),
        ("\u2066\u200b\ufeff\u2028", r"\u2066\u200b\ufeff\u2028"),
        ("e\u0301", r"e\u0301"),
        ("a\u05d01", r"a\u05d01"),
        ("\u3164\u2800", r"\u3164\u2800"),
        ("\udcff\U000e0041", r"\udcff\U000e0041"),
    ],
)
def test_printable_escapes_what_a_terminal_acts_on_hides_or_reorders(text, expected):
    """Controls, bidi overrides, invisible and combining characters come out as escapes; honest letters stay."""
    assert printable(text) == expected


@given(st.text(st.characters(max_codepoint=sys.maxunicode)))
def test_printable_holds_for_any_text(text):
    """Any text gives text that is printable in one line, encodable, and unchanged by a second pass."""
    out = printable(text)
    assert out.isprintable()
    out.encode("utf-8")
    assert printable(out) == out


def test_shown_leaves_out_the_middle_of_long_names():
    """A name of any length costs a bounded part of the screen, and both its ends stay."""
    out = shown("a" * 5000 + "z" * 5000, 90)
    assert out.startswith("a" * 60)
    assert out.endswith("z" * 30)
    assert "9910 more" in out
    assert len(out) < 130


def test_who_names_workflow_repository_tag_commit_and_trigger():
    """A GitHub signature is told with workflow, repository, tag, commit and trigger, the run by its address."""
    assert who(BUNDLE) == (
        "GitHub workflow `release.yml` of `trailofbits/rfc8785.py`, at tag `v0.1.2` (commit d8b4a6445f38), "
        "started by `release`"
    )
    assert run(BUNDLE) == "https://github.com/trailofbits/rfc8785.py/actions/runs/8351058501/attempts/1"


def test_who_tells_a_reusable_workflow_apart_from_the_source():
    """A shared builder that signed for a repository is named beside the repository, not instead of it."""
    builder = "https://github.com/shared/builder/.github/workflows/build.yml@refs/tags/v2"
    signed = replace(BUNDLE, claims=replace(GITHUB, san=builder, build_signer_uri=builder, build_trigger=""))
    assert who(signed) == (
        "GitHub workflow `release.yml` of `trailofbits/rfc8785.py`, at tag `v0.1.2` (commit d8b4a6445f38), "
        "through the reusable workflow `shared/builder/.github/workflows/build.yml@refs/tags/v2`"
    )


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        (
            Claims(san=WORKFLOW, issuer=GITHUB.issuer),
            "GitHub workflow `release.yml` of `trailofbits/rfc8785.py`, at tag `v0.1.2`",
        ),
        (
            replace(
                GITHUB,
                runner_environment="self-hosted",
                deployment_environment="pypi",
                source_repository_ref="refs/heads/x",
            ),
            (
                "GitHub workflow `release.yml` of `trailofbits/rfc8785.py`, at branch `x` (commit d8b4a6445f38), "
                "in environment `pypi`, started by `release`, on a self-hosted runner"
            ),
        ),
        (GITLAB, "GitLab pipeline `.gitlab-ci.yml` of `group/demo`, at branch `main` (commit abababababab)"),
        (
            CIRCLECI,
            (
                "CircleCI pipeline `8e4f8ab2` of project `fdd9283f`, source "
                "`github.com/CircleCI-Public/sign-and-publish-examples`, at branch `pypi`"
            ),
        ),
        (EMAIL, "`william@yossarian.net`, vouched for by `https://github.com/login/oauth`"),
        (GOOGLE, "Google account `robot@demo.iam.gserviceaccount.com`"),
        (
            replace(
                GITHUB, issuer="https://token.actions.githubusercontent.com.evil.example", build_trigger=""
            ),
            (
                f"`{WORKFLOW}` for `https://github.com/trailofbits/rfc8785.py`, vouched for by "
                "`https://token.actions.githubusercontent.com.evil.example`, at tag `v0.1.2` (commit d8b4a6445f38)"
            ),
        ),
        (Claims(), "``, vouched for by an issuer it does not name"),
    ],
)
def test_who_speaks_of_each_issuer_in_its_own_terms(claims, expected):
    """Only the issuer decides whose workflow it is called; a look-alike issuer is quoted as it is."""
    assert who(replace(BUNDLE, claims=claims)) == expected


def test_who_names_a_managed_key_by_its_digest():
    """A signature without a certificate says nothing of a person, only of a key."""
    assert who(replace(BUNDLE, claims=None, key_id="ab" * 32)) == f"the holder of key sha256 {'ab' * 32}"
    assert who(replace(BUNDLE, claims=None)) == "the holder of the given key"


@pytest.mark.parametrize("issuer", [HOSTILE, GITHUB.issuer, GITLAB.issuer, CIRCLECI.issuer, GOOGLE.issuer])
def test_who_lets_no_raw_claim_through(issuer):
    """Whatever a certificate holds, the sentence is printable."""
    fields = dict.fromkeys(Claims.__dataclass_fields__, HOSTILE) | {"issuer": issuer}
    signed = replace(BUNDLE, claims=Claims(**fields), log=HOSTILE)
    assert who(signed).isprintable()
    assert run(signed).isprintable()
    assert what(signed).isprintable()


@pytest.mark.parametrize(
    ("predicate_type", "expected"),
    [
        (PUBLISH, "publish attestation"),
        (SLSA, "SLSA provenance v1"),
        ("https://slsa.dev/verification_summary/v1", "SLSA verification summary v1"),
        ("https://cyclonedx.org/bom", "CycloneDX SBOM"),
        ("https://spdx.dev/Document/v2.3", "SPDX SBOM"),
        ("https://spdx.dev/Documents", "attestation of type `https://spdx.dev/Documents`"),
    ],
)
def test_said_names_the_predicate(predicate_type, expected):
    """A statement is called by what it states; an unknown kind by its type."""
    assert said(attested(predicate_type)) == expected
    assert said(BUNDLE) == "signature over the file"


def test_what_tells_the_time_and_the_log_entry():
    """The earliest trusted time is told in UTC, the log by its host and index."""
    later = datetime(2024, 3, 20, 0, 45, tzinfo=timezone(timedelta(hours=2)))
    assert what(replace(BUNDLE, times=(later, *BUNDLE.times))) == (
        "signature over the file, on 2024-03-19 22:41 UTC, logged at rekor.sigstore.dev index 79605083"
    )
    assert what(replace(BUNDLE, times=(), log="", log_index=None)) == "signature over the file"
    assert moment(later) == "2024-03-19 22:45 UTC"


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(0, "0 bytes"), (1, "1 byte"), (10_239, "10,239 bytes"), (10_240, "10 KiB"), (2 << 30, "2,048 MiB")],
)
def test_size_is_told_in_a_readable_unit(size_bytes, expected):
    """Small lengths are exact, large ones short."""
    assert size(size_bytes) == expected


@pytest.mark.parametrize(
    ("artifact", "expected"),
    [
        (
            VERIFIED,
            (
                "verified: every required layer passed (archive, record, metadata, install, signature, identity), "
                "and the signer is one that `policy.toml, rule 1` accepts"
            ),
        ),
        (
            replace(
                VERIFIED,
                required=(Layer.ARCHIVE,),
                layers=with_status(LAYERS_PASSED, identity=(Status.NOT_RUN, "")),
            ),
            "verified: every required layer passed (archive); who made the file was not asked",
        ),
        (REJECTED, "rejected: record failed; do not install this file"),
        (
            INCONCLUSIVE,
            "inconclusive: the signature is valid, but nobody said whom to trust; give --repository or --policy",
        ),
        (
            replace(
                INCONCLUSIVE,
                layers=with_status(INCONCLUSIVE.layers, signature=(Status.NOT_RUN, "no evidence")),
            ),
            (
                "inconclusive: nothing wrong was found, but who made the file is not known (no evidence); "
                "give --bundle or --provenance, or say --require integrity if that is enough"
            ),
        ),
        (
            replace(
                INCONCLUSIVE,
                layers=with_status(
                    INCONCLUSIVE.layers, signature=(Status.NOT_RUN, ""), record=(Status.NOT_RUN, "")
                ),
            ),
            (
                "inconclusive: nothing wrong was found, but who made the file is not known (no signature was judged); "
                "not run either: record; give --bundle or --provenance, or say --require integrity if that is enough"
            ),
        ),
        (
            replace(INCONCLUSIVE, layers=LAYERS_PASSED, required=(Layer.SBOM,)),
            "inconclusive: nothing wrong was found, but a required layer did not run (sbom: not run)",
        ),
        (
            replace(INCONCLUSIVE, required=()),
            "inconclusive: no layer was required, so nothing was asked; give --require or a policy",
        ),
        (UNREADABLE, "inconclusive: nothing was judged; could not be read: no such file"),
    ],
)
def test_verdict_sentence_says_what_follows(artifact, expected):
    """Each verdict ends in one sentence that says what it rests on, or what to do for a better one."""
    assert verdict_sentence(artifact) == expected
