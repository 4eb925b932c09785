"""The text report: one readable screen an artifact, with or without colour, whatever the artifact holds."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace

import pytest
from render_reports import (
    BUNDLE,
    INCONCLUSIVE,
    OPTIONS,
    PUBLISH,
    REJECTED,
    SLSA,
    UNREADABLE,
    VERIFIED,
    WHEEL,
    attested,
    finding,
    hostile_artifact,
    report,
    with_status,
)

from epochly_verify.model import Finding, Layer, Severity, Status
from epochly_verify.render import FORMATS
from epochly_verify.render.text import MAX_SHOWN_PER_ID, MAX_SHOWN_SIGNERS, render_text

ANSI = re.compile("\x1b\\[[0-9;]*m")


def test_text_of_a_verified_artifact_is_one_screen():
    """A line a layer, who signed what in words with the same statement told once, and what follows."""
    signed = tuple(
        attested(kind, origin=VERIFIED.path + suffix)
        for kind, suffix in (
            (PUBLISH, ".provenance"),
            (SLSA, ".slsa.attestation"),
            (PUBLISH, ".publish.attestation"),
        )
    )
    assert render_text(report(replace(VERIFIED, signed=signed)), OPTIONS) == textwrap.dedent("""\
        VERIFIED  dist/rfc8785-0.1.2-py3-none-any.whl
                  sha256 c4a92e9ec828bef4aebc0b93bb7f3a6bcebe0f5a8a7f9d9e38c1c6b8b3b1a1b1, 9,190 bytes

          - hash        not run  no digest was given
          + archive     passed   11 members, read both ways
          + record      passed
          + metadata    passed
          + install     passed
          + signature   passed
          + identity    passed
          - provenance  not run  no SLSA provenance among the evidence

          signed by GitHub workflow `release.yml` of `trailofbits/rfc8785.py`, at tag `v0.1.2` (commit
            d8b4a6445f38), started by `release`
            run https://github.com/trailofbits/rfc8785.py/actions/runs/8351058501/attempts/1
            - publish attestation, on 2024-03-19 22:41 UTC, logged at rekor.sigstore.dev index 79605083
              in `*.provenance` and `*.publish.attestation`
            - SLSA provenance v1, on 2024-03-19 22:41 UTC, logged at rekor.sigstore.dev index 79605083
              in `*.slsa.attestation`

          verified: every required layer passed (archive, record, metadata, install, signature, identity),
            and the signer is one that `policy.toml, rule 1` accepts
        """)


def test_text_of_a_rejected_artifact_groups_findings_by_weight():
    """Errors stand before warnings and infos, each with its hint; what the policy changed is said."""
    findings = (
        finding("zip-note", Severity.INFO, layer=Layer.ARCHIVE),
        finding(
            "start-up-hook", Severity.WARNING, usual=Severity.ERROR, subject="x y.pth", layer=Layer.INSTALL
        ),
        finding(),
        finding(subject="demo/b.py"),
    )
    refused = replace(
        BUNDLE, problems=(Finding("log-unknown", "x", "m"), Finding("signature-invalid", "x", "m"))
    )
    artifact = replace(REJECTED, findings=findings, signed=(refused,))
    out = render_text(report(artifact, changes={"start-up-hook": Severity.WARNING}), OPTIONS)
    assert "  x record      FAILED   record-digest: demo/a.py\n" in out
    assert out.partition("sbom")[0].endswith(
        textwrap.dedent("""
          not authentic: `rfc8785-0.1.2-py3-none-any.whl.sigstore.json` (log-unknown, signature-invalid)

          2 errors
            record-digest  demo/a.py: sha256 is `oQ3f`, RECORD says `47DE`
            record-digest  demo/b.py: sha256 is `oQ3f`, RECORD says `47DE`
              hint: get the file again from its publisher

          1 warning
            start-up-hook  `x y.pth`: sha256 is `oQ3f`, RECORD says `47DE` [usually an error]
              hint: get the file again from its publisher

          1 info
            zip-note  demo/a.py: sha256 is `oQ3f`, RECORD says `47DE`
              hint: get the file again from its publisher

          rejected: record failed; do not install this file

        severities changed by the policy: `start-up-hook` is a warning
        """).replace("\n  ", "\n  ")
    )


def test_text_claims_nothing_of_a_signature_that_is_not_authentic():
    """What a refused certificate says is not repeated, not even as hearsay."""
    refused = replace(BUNDLE, problems=(Finding("signature-invalid", "x", "m"),))
    assert "trailofbits" not in render_text(report(replace(REJECTED, signed=(refused,))), OPTIONS)


def test_text_says_which_required_layer_did_not_run():
    """A layer that was asked for and did not run is told apart from one nobody asked for."""
    out = render_text(report(INCONCLUSIVE), OPTIONS)
    assert "  - identity    not run  required, but no policy names a signer of rfc8785\n" in out
    assert "  - hash        not run  no digest was given\n" in out


def test_text_of_a_batch_is_a_line_for_each_verified_artifact():
    """Verified artifacts take a line, others their screen, in the order given, and a last line counts them."""
    warned = replace(VERIFIED, findings=(finding(severity=Severity.WARNING),))
    out = render_text(report(VERIFIED, warned, REJECTED, VERIFIED, UNREADABLE), OPTIONS)
    blocks = out.split("\n\n")
    line = f"VERIFIED  dist/{WHEEL}  sha256 c4a92e9ec828bef4..."
    assert blocks[0] == f"{line}\n{line}, 1 warning"
    assert blocks[1].startswith("REJECTED  demo_pkg-1.0-py3-none-any.whl\n")
    assert blocks[-3] == line
    assert (
        blocks[-2]
        == "INCONCLUSIVE  gone.whl\n  inconclusive: nothing was judged; could not be read: no such file"
    )
    assert blocks[-1] == "5 artifacts: 3 verified, 1 rejected, 1 inconclusive\n"


def test_text_of_nothing_is_not_verified():
    """A run without artifacts says that it judged nothing."""
    assert render_text(report(), OPTIONS) == "inconclusive: no artifact was given, so nothing was judged\n"


def test_text_has_the_same_words_with_and_without_colour():
    """Colour adds nothing but colour, and is there only when asked for."""
    made = report(VERIFIED, REJECTED, INCONCLUSIVE, UNREADABLE, changes={"a-b": Severity.INFO})
    plain = render_text(made, OPTIONS)
    painted = render_text(made, replace(OPTIONS, colour=True))
    assert "\x1b" not in plain
    assert "\x1b[32m" in painted
    assert ANSI.sub("", painted) == plain


def test_text_is_ascii_unless_marks_beyond_it_are_allowed():
    """On an output that knows ASCII only, the renderer's own words are ASCII."""
    assert render_text(report(REJECTED), OPTIONS).isascii()
    assert "✗ record" in render_text(report(REJECTED), replace(OPTIONS, unicode=True))


@pytest.mark.parametrize("width", [1, 40, 72, 100, 200])
def test_text_keeps_addresses_whole_at_any_width(width):
    """A narrow terminal breaks lines between words, never inside a URL or a digest."""
    out = render_text(report(VERIFIED), replace(OPTIONS, width=width))
    assert BUNDLE.claims.run_invocation_uri in out
    assert VERIFIED.sha256 in out
    prose = [line for line in out.splitlines()[2:] if "https://" not in line and "`" not in line]
    assert all(len(line) <= max(width, 40) for line in prose)


def test_text_of_a_hostile_artifact_is_printable_in_every_line():
    """No control character, bidi override, invisible character or forged line gets out of any name."""
    artifact = hostile_artifact()
    out = render_text(report(artifact, artifact), OPTIONS)
    assert all(line.isprintable() for line in out.split("\n"))
    assert not re.search("[\u0300-\u036f\u0590-\u06ff\u3164]", out)
    assert not re.search(r"^\s*rejected: no", out, re.MULTILINE)
    out.encode("utf-8")


def test_text_puts_no_name_where_a_hint_is_expected():
    """A name made to wrap at a chosen word still stands deeper than the hints."""
    trap = finding(subject="a" * 80 + " hint: run this instead")
    out = render_text(report(replace(REJECTED, findings=(trap,))), OPTIONS)
    hints = [line for line in out.splitlines() if line.startswith("      hint: ")]
    assert hints == ["      hint: get the file again from its publisher"]


def test_text_bounds_what_one_kind_takes_of_the_screen():
    """Of many findings of one id some are shown, with the last one, which may count what was never listed."""
    many = tuple(finding(subject=f"demo/{number}.py") for number in range(50))
    out = render_text(report(replace(REJECTED, findings=many)), OPTIONS)
    assert out.count("record-digest  ") == MAX_SHOWN_PER_ID
    assert "demo/49.py: " in out
    assert f"and {50 - MAX_SHOWN_PER_ID} more of `record-digest`, listed by --format json" in out
    assert out.count("hint: ") == 1


def test_text_bounds_signers_and_evidence():
    """A provenance of hundreds of attestations does not push the verdict off the screen."""
    strangers = tuple(
        replace(
            BUNDLE,
            claims=replace(BUNDLE.claims, issuer="https://issuer.example", san=f"{number}@example.org"),
        )
        for number in range(30)
    )
    refused = tuple(replace(BUNDLE, problems=(Finding("log-unknown", "x", "m"),)) for _ in range(30))
    kinds = tuple(attested(f"https://example.org/{number}") for number in range(30))
    out = render_text(report(replace(VERIFIED, signed=(*kinds, *strangers, *refused))), OPTIONS)
    assert out.count("signed by ") == out.count("not authentic: ") == MAX_SHOWN_SIGNERS
    assert "and 26 more (signers), listed by --format json" in out
    assert "and 25 more (what it signed), listed by --format json" in out
    assert "and 25 more (evidence that is not authentic), listed by --format json" in out
    assert out.count("\n") < 80


def test_text_wraps_long_reasons_under_their_column():
    """A long reason stays in its column."""
    artifact = replace(VERIFIED, layers=with_status(VERIFIED.layers, hash=(Status.NOT_RUN, "word " * 40)))
    lines = render_text(report(artifact), OPTIONS).splitlines()
    assert lines[4].startswith(" " * 25 + "word word")


def test_formats_are_the_four_and_their_renderers_load_on_use():
    """The command line offers what is in `FORMATS`."""
    assert list(FORMATS) == ["text", "json", "sarif", "vsa"]
    for render in FORMATS.values():
        assert render(report(VERIFIED, REJECTED, INCONCLUSIVE, UNREADABLE), OPTIONS).endswith("\n")
