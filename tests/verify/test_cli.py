"""The command as a user meets it: exit codes, one clear line for every bad input, data and words kept apart."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from sigstore_instance import Instance, new_key, pem
from wheels import build_wheel

from epochly_verify import cli
from epochly_verify.cli import main

VECTORS = Path(__file__).parents[1] / "vectors"
RFC8785 = VECTORS / "signed" / "rfc8785" / "rfc8785-0.1.2-py3-none-any.whl"
SDIST = VECTORS / "signed" / "pypi-attestations-0.0.19" / "pypi_attestations-0.0.19.tar.gz"
CIRCLE = VECTORS / "signed" / "circleci" / "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
PLAIN = VECTORS / "attack-wheels" / "00_ok" / "demo_pkg-1.0-py3-none-any.whl"
BUNDLE = f"{RFC8785}.sigstore.json"
TRUSTED = ("--repository", "trailofbits/rfc8785.py", "--workflow", "release.yml")
SIGNED = (str(RFC8785), "--bundle", BUNDLE)
FORMATS = ("text", "json", "sarif", "vsa")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((*SIGNED, *TRUSTED), 0),
        ((*SIGNED, "--repository", "trailofbits/other"), 1),
        (SIGNED, 3),
        ((str(PLAIN),), 3),
        ((str(PLAIN), "--require", "integrity"), 0),
        ((str(PLAIN), "--hash", f"sha256:{'0' * 64}"), 1),
    ],
)
def test_cli_exit_code_says_the_verdict_in_every_format(arguments, code, form, capsys):
    """0 verified, 1 rejected, 3 inconclusive, whatever is printed."""
    assert main([*arguments, "--format", form]) == code
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    "identity",
    [
        ("--repository", "https://github.com/trailofbits/rfc8785.py"),
        ("--repository", "trailofbits/rfc8785.py", "--ref", "refs/tags/v*"),
        (
            "--identity",
            "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
            "--issuer",
            "https://token.actions.githubusercontent.com",
        ),
    ],
)
def test_cli_right_identity_is_verified(identity):
    """The flags name the same signer in several ways."""
    assert main([*SIGNED, *identity]) == 0


@pytest.mark.parametrize(
    "identity",
    [
        ("--repository", "trailofbits/rfc8785"),
        ("--repository", "https://gitlab.com/trailofbits/rfc8785.py"),
        ("--repository", "trailofbits/rfc8785.py", "--workflow", "ci.yml"),
        ("--repository", "trailofbits/rfc8785.py", "--ref", "refs/heads/*"),
        ("--repository", "trailofbits/rfc8785.py", "--environment", "pypi"),
        (
            "--identity",
            "https://github.com/trailofbits/rfc8785.py",
            "--issuer",
            "https://accounts.google.com",
        ),
    ],
)
def test_cli_wrong_identity_is_rejected(identity, capsys):
    """A valid signature by somebody else is rejected with `identity-mismatch`, and nothing else."""
    assert main([*SIGNED, *identity, "--format", "json"]) == 1
    (artifact,) = json.loads(capsys.readouterr().out)["artifacts"]
    assert {finding["id"] for finding in artifact["findings"] if finding["severity"] == "error"} == {
        "identity-mismatch"
    }


@pytest.mark.parametrize(
    ("artifact", "evidence", "flags"),
    [
        (
            SDIST,
            ".provenance",
            ("--repository", "trailofbits/pypi-attestations", "--workflow", "release.yml"),
        ),
        (SDIST, ".slsa.attestation", ("--repository", "trailofbits/pypi-attestations")),
        (
            CIRCLE,
            ".provenance",
            (
                "--identity",
                (
                    "https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b/"
                    "pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f"
                ),
                "--issuer",
                "https://oidc.circleci.com",
            ),
        ),
    ],
)
def test_cli_attestations_are_verified(artifact, evidence, flags):
    """PEP 740 evidence of a real sdist and a real CircleCI wheel, by whichever option it is given."""
    for option in ("--provenance", "--bundle"):
        assert main([str(artifact), option, f"{artifact}{evidence}", *flags]) == 0


def test_cli_evidence_beside_the_artifact_is_all_judged(tmp_path, capsys):
    """A good bundle does not hide a foreign attestation that lies beside it: here one of the staging instance."""
    shutil.copy(RFC8785, tmp_path)
    shutil.copy(BUNDLE, tmp_path)
    wheel = str(tmp_path / RFC8785.name)
    assert main([wheel, *TRUSTED]) == 0
    shutil.copy(f"{RFC8785}.publish.attestation", tmp_path)
    assert main([wheel, *TRUSTED]) == 1
    assert "log-unknown" in capsys.readouterr().out
    (tmp_path / f"{RFC8785.name}.publish.attestation").unlink()
    (tmp_path / f"{RFC8785.name}.provenance").write_text('{"version": 1, "attestation_bundles": []}')
    assert main([wheel, *TRUSTED]) == 1
    assert "evidence-empty" in capsys.readouterr().out


def test_cli_staging_evidence_needs_the_staging_root():
    """The same wheel's attestation of the staging instance counts with `--staging` only."""
    flags = ("--identity", "william@yossarian.net", "--issuer", "https://github.com/login/oauth")
    evidence = ("--provenance", f"{RFC8785}.publish.attestation")
    assert main([str(RFC8785), *evidence, *flags]) == 1
    assert main([str(RFC8785), *evidence, *flags, "--staging"]) == 0
    root = str(VECTORS / "trust-roots" / "staging" / "trusted_root.json")
    assert main([str(RFC8785), *evidence, *flags, "--trusted-root", root]) == 0


def test_cli_trust_config_is_a_trust_root(tmp_path):
    """A client trust configuration serves as well; its signing part is ignored."""
    root = json.loads((VECTORS / "trust-roots" / "public-good" / "trusted_root.json").read_bytes())
    config = {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": {},
    }
    path = tmp_path / "trust.json"
    path.write_text(json.dumps(config))
    assert main([*SIGNED, *TRUSTED, "--trust-config", str(path)]) == 0


def test_cli_changed_wheel_is_rejected_by_record_and_signature(tmp_path, capsys):
    """One changed byte of content shows in both layers."""
    data = bytearray(PLAIN.read_bytes())
    position = data.index(b"x = 1")
    data[position + 4] ^= 1
    wheel = tmp_path / PLAIN.name
    wheel.write_bytes(bytes(data))
    assert main([str(wheel), "--require", "integrity", "--format", "json"]) == 1
    (artifact,) = json.loads(capsys.readouterr().out)["artifacts"]
    failed = {layer["id"] for layer in artifact["layers"] if layer["status"] == "failed"}
    assert failed == {"archive", "record"}


def unreadable_policy(tmp_path: Path) -> str:
    """A policy file that is no TOML."""
    path = tmp_path / "policy.toml"
    path.write_text("= nonsense")
    return str(path)


def policy_with_unknown_key(tmp_path: Path) -> str:
    """A policy with a misspelt key."""
    path = tmp_path / "policy.toml"
    path.write_text('schema = "epochly-verify/policy/v1"\nrequires = ["integrity"]\n')
    return str(path)


def not_json(tmp_path: Path) -> str:
    """A file that is no JSON."""
    path = tmp_path / "x.json"
    path.write_text("{")
    return str(path)


BAD_INPUT = {
    "no artifact": lambda _: [],
    "missing file": lambda tmp: [str(tmp / "demo-1.0-py3-none-any.whl")],
    "directory": lambda tmp: [str(tmp)],
    "no artifact by its name": lambda tmp: [not_json(tmp)],
    "unknown option": lambda _: [str(PLAIN), "--nonsense"],
    "unknown format": lambda _: [str(PLAIN), "--format", "xml"],
    "unknown layer": lambda _: [str(PLAIN), "--require", "nonsense"],
    "unknown finding": lambda _: ["--explain", "nonsense"],
    "bad jobs": lambda _: [str(PLAIN), "--jobs", "0"],
    "words for jobs": lambda _: [str(PLAIN), "--jobs", "many"],
    "short hash": lambda _: [str(PLAIN), "--hash", "sha256:abcd"],
    "hash of two": lambda _: [str(PLAIN), str(PLAIN), "--hash", f"sha256:{'0' * 64}"],
    "missing hashes": lambda tmp: [str(PLAIN), "--hashes", str(tmp / "none")],
    "unreadable hashes": lambda tmp: [str(PLAIN), "--hashes", not_json(tmp)],
    "missing bundle": lambda tmp: [str(PLAIN), "--bundle", str(tmp / "none")],
    "bundle is a directory": lambda tmp: [str(PLAIN), "--bundle", str(tmp)],
    "missing trust root": lambda tmp: [str(PLAIN), "--trusted-root", str(tmp / "none")],
    "wrong JSON for trust root": lambda tmp: [str(PLAIN), "--trusted-root", not_json(tmp)],
    "bundle for trust root": lambda _: [str(PLAIN), "--trusted-root", BUNDLE],
    "missing key": lambda tmp: [str(PLAIN), "--key", str(tmp / "none")],
    "key is no key": lambda tmp: [*SIGNED, "--key", not_json(tmp)],
    "missing policy": lambda tmp: [str(PLAIN), "--policy", str(tmp / "none")],
    "unreadable policy": lambda tmp: [str(PLAIN), "--policy", unreadable_policy(tmp)],
    "unknown policy key": lambda tmp: [str(PLAIN), "--policy", policy_with_unknown_key(tmp)],
    "policy and flags": lambda tmp: [str(PLAIN), "--policy", unreadable_policy(tmp), "--repository", "a/b"],
    "repository without owner": lambda _: [str(PLAIN), "--repository", "nonsense"],
    "identity without issuer": lambda _: [str(PLAIN), "--identity", "somebody@example.com"],
    "issuer alone": lambda _: [str(PLAIN), "--issuer", "https://accounts.google.com"],
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_cli_bad_input_is_one_clear_line(name, tmp_path, capsys):
    """Exit 2, one line on stderr that names the thing and gives a hint, no traceback, no half answer on stdout."""
    try:
        code = main(BAD_INPUT[name](tmp_path))
    except SystemExit as stopped:
        code = stopped.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("epochly-verify: ")
    assert "hint: " in captured.err
    assert "Traceback" not in captured.err


def test_cli_truncated_wheel_is_rejected_not_an_error(tmp_path, capsys):
    """Half a wheel is a bad wheel: a finding and exit 1."""
    wheel = tmp_path / PLAIN.name
    wheel.write_bytes(PLAIN.read_bytes()[:200])
    assert main([str(wheel), "--require", "integrity", "--format", "json"]) == 1
    (artifact,) = json.loads(capsys.readouterr().out)["artifacts"]
    assert any(finding["layer"] == "archive" for finding in artifact["findings"])


@pytest.mark.parametrize("content", [b"", b"PK", b"\x00" * 1000, b"not a zip at all"])
def test_cli_any_bytes_as_a_wheel_are_rejected(content, tmp_path):
    """What is no archive is rejected, never verified, never a traceback."""
    wheel = tmp_path / PLAIN.name
    wheel.write_bytes(content)
    assert main([str(wheel), "--require", "integrity"]) == 1


def test_cli_fifo_does_not_block(tmp_path, capsys):
    """A named pipe in place of an artifact is refused at once."""
    os.mkfifo(tmp_path / PLAIN.name)
    assert main([str(tmp_path / PLAIN.name)]) == 2
    assert "not a regular file" in capsys.readouterr().err


def test_cli_batch_reports_every_artifact_in_order(tmp_path, capsys):
    """One unreadable artifact does not hide the others, and the exit code is not that of the good ones."""
    missing = str(tmp_path / "gone-1.0-py3-none-any.whl")
    code = main(
        [str(PLAIN), missing, str(PLAIN), "--require", "integrity", "--format", "json", "--jobs", "2"]
    )
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert code == 2
    assert captured.err.count("\n") == 1
    assert [artifact["path"] for artifact in report["artifacts"]] == [str(PLAIN), missing, str(PLAIN)]
    assert [artifact["verdict"] for artifact in report["artifacts"]] == [
        "verified",
        "inconclusive",
        "verified",
    ]
    assert report["verdict"] == "inconclusive"


def test_cli_rejected_outweighs_unreadable(tmp_path):
    """In a batch, something wrong (1) is said before something missing (2)."""
    bad = VECTORS / "attack-wheels" / "r03_hash_mismatch" / PLAIN.name
    assert main([str(bad), str(tmp_path / "gone-1.0-py3-none-any.whl"), "--require", "integrity"]) == 1


def test_cli_our_own_bug_is_exit_70_and_an_id(monkeypatch, capsys):
    """A bug is said to be one, with an id to report; there is no verdict and no traceback."""

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(cli, "examine", broken)
    assert main([str(PLAIN)]) == 70
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "internal error" in captured.err
    assert "no verdict was reached" in captured.err
    assert "Traceback" not in captured.err


def test_cli_hostile_file_name_cannot_write_to_the_terminal(tmp_path, capsys):
    """Escape sequences in a name are shown, not sent."""
    wheel = tmp_path / "a\x1b[31m\u202e-1.0-py3-none-any.whl"
    shutil.copy(PLAIN, wheel)
    main([str(wheel)])
    main([str(wheel) + "x"])
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_cli_explain_says_what_a_finding_means(capsys):
    """`--explain ID` prints meaning, weight, source and hint."""
    assert main(["--explain", "evidence-empty"]) == 0
    text = capsys.readouterr().out
    assert "evidence-empty" in text
    assert "what to do" in text


def test_cli_policy_can_change_a_severity_and_the_report_says_so(tmp_path, capsys):
    """A severity of the policy file is applied and shown."""
    wheel = VECTORS / "attack-wheels" / "r03_hash_mismatch" / PLAIN.name
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "epochly-verify/policy/v1"\nrequire = ["integrity"]\n[severity]\nrecord-hash-mismatch = "warning"\n'
    )
    assert main([str(wheel), "--policy", str(policy)]) == 0
    assert "record-hash-mismatch" in capsys.readouterr().out
    main([str(wheel), "--policy", str(policy), "--format", "json"])
    assert json.loads(capsys.readouterr().out)["severity_changes"] == {"record-hash-mismatch": "warning"}


def test_cli_integrity_only_does_not_import_the_signing_library():
    """Without evidence, neither the signing library nor `cryptography` is loaded."""
    import subprocess
    import sys

    code = (
        "import sys; from epochly_verify.cli import main; "
        f"code = main([{str(PLAIN)!r}, '--require', 'integrity']); "
        "loaded = {'sigstore', 'cryptography', 'pydantic', 'requests', 'tuf', 'rfc3161_client'} & set(sys.modules); "
        "sys.exit(code or bool(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cli_unwritable_and_missing_home_are_fine(tmp_path, monkeypatch):
    """Nothing is read from or written to the home directory."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("HOME", str(home))
    assert main([*SIGNED, *TRUSTED]) == 0
    assert list(home.iterdir()) == []
    monkeypatch.setenv("HOME", "/nonexistent")
    assert main([*SIGNED, *TRUSTED]) == 0


def test_cli_managed_key_is_whom_to_trust(tmp_path, capsys):
    """With `--key` the key itself is the identity: the right one verifies, another one rejects."""
    instance = Instance()
    wheel = tmp_path / PLAIN.name
    wheel.write_bytes(build_wheel({"demo_pkg/__init__.py": "x = 1\n"}))
    root, key, other = tmp_path / "root.json", tmp_path / "key.pub", tmp_path / "other.pub"
    root.write_text(json.dumps(instance.trust_root()))
    Path(f"{wheel}.sigstore.json").write_text(json.dumps(instance.bundle(wheel.read_bytes(), managed=True)))
    key.write_bytes(pem(instance.signer))
    other.write_bytes(pem(new_key()))
    arguments = [str(wheel), "--trusted-root", str(root)]
    assert main([*arguments, "--key", str(key)]) == 0
    assert main([*arguments, "--key", str(other)]) == 1
    assert main(arguments) == 1
    assert "managed-key-not-given" in capsys.readouterr().out


def test_cli_policy_that_requires_only_provenance_still_asks_who():
    """Asking for provenance asks for a signature and an identity too: anybody can state a provenance."""
    assert main([*SIGNED, "--require", "provenance"]) == 3
    assert main([str(SDIST), "--bundle", f"{SDIST}.slsa.attestation", "--require", "provenance"]) == 3
    trusted = ("--repository", "trailofbits/pypi-attestations")
    assert (
        main([str(SDIST), "--bundle", f"{SDIST}.slsa.attestation", "--require", "provenance", *trusted]) == 0
    )
