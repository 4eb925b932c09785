"""MUST: whatever is in the files a user names, the command ends with an answer, never with a bug.

Every kind of file the command reads is spoilt in turn. Exit code 70 would be our own bug; 2 comes with one clear line.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import any_bytes, any_json, any_lines, any_pem, any_zip
from pipeline import validator
from specimens import PUBLIC_GOOD, VECTORS, signed

from epochly_verify.cli import main

pytestmark = pytest.mark.filterwarnings("ignore")  # as in production: a warning is no error

SPECIMEN = signed()[0]
POLICY = (
    b"schema = 'epochly-verify/policy/v1'\n[[rule]]\nprojects = ['*']\n[[rule.identity]]\nkind = 'github'\n"
    b"repository = 'trailofbits/rfc8785.py'\nworkflow = 'release.yml'\n"
)
KEY = next((VECTORS / "sigstore-conformance").glob("*/key.pub")).read_bytes()
SUMS = f"{hashlib.sha256(SPECIMEN.data).hexdigest()}  {SPECIMEN.filename}\n{'0' * 64} *x\n".encode()
SBOM = b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "x", "type": "library"}]}'
# option -> (honest content, how it is spoilt)
FILES = {
    "artifact": (SPECIMEN.data, any_zip),
    "--bundle": (SPECIMEN.evidence.data, any_json),
    "--provenance": (signed()[1].evidence.data, any_json),
    "--policy": (POLICY, any_lines),
    "--trusted-root": (PUBLIC_GOOD.read_bytes(), any_json),
    "--key": (KEY, any_pem),
    "--hashes": (SUMS, any_lines),
    "--sbom": (SBOM, any_json),
}


def run(files, *options):
    """Exit code, stdout and stderr of the command over these files."""
    out, err = io.StringIO(), io.StringIO()
    handlers = list(logging.getLogger("sigstore").handlers)
    with tempfile.TemporaryDirectory() as folder:
        arguments = list(options)
        for option, data in files.items():
            name = SPECIMEN.filename if option == "artifact" else option.strip("-")
            path = Path(folder) / name
            path.write_bytes(data)
            arguments += [str(path)] if option == "artifact" else [option, str(path)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(arguments)
            except SystemExit as exit_:
                code = exit_.code
    logging.getLogger("sigstore").handlers[:] = handlers
    return code, out.getvalue(), err.getvalue()


def assert_answered(code, out, err):
    """A verdict on stdout, or one line with a hint on stderr."""
    assert code in {0, 1, 2, 3}, err
    assert "Traceback" not in err
    if code == 2:
        lines = err.splitlines()
        assert lines, out
        assert all(line.startswith("epochly-verify: ") and line.isprintable() for line in lines), err
        assert "hint: " in lines[-1]
    if out:
        validator().validate(json.loads(out))


def test_honest_files_are_verified():
    """The start of the property: the specimen as it was published, with a policy that names its publisher."""
    files = {"artifact": SPECIMEN.data, "--bundle": SPECIMEN.evidence.data, "--policy": POLICY}
    code, out, err = run(files, "--format", "json")
    assert (code, err) == (0, "")
    assert_answered(code, out, err)


@pytest.mark.parametrize("option", FILES)
@given(data=st.data())
def test_any_bytes_in_any_file_give_an_answer(option, data):
    """MUST: any bytes in any file give a report or one clear line, and the right exit code."""
    honest, mutate = FILES[option]
    r = data.draw(st.randoms(use_true_random=False))
    spoilt = (
        data.draw(st.binary(max_size=100))
        if r.randrange(10) == 0
        else r.choice((mutate, any_bytes))(honest, r)
    )
    files = {"artifact": SPECIMEN.data, "--bundle": SPECIMEN.evidence.data, "--policy": POLICY}
    if option == "--key":
        del files["--policy"]
    files[option] = spoilt
    code, out, err = run(files, "--format", "json")
    assert_answered(code, out, err)
    # What says how to judge may be changed without a trace; the artifact and its evidence may not.
    if option == "artifact" and spoilt != honest:
        assert code in {1, 2}


def test_libraries_do_not_speak_on_stderr():
    """A certificate that makes the library warn is a finding, and nothing else is printed."""
    document = json.loads(SPECIMEN.evidence.data)
    certificate = document["verificationMaterial"]["x509CertificateChain"]["certificates"][0]
    der = bytearray(base64.b64decode(certificate["rawBytes"]))
    serial = der.index(bytes.fromhex("a003020102")) + 5
    assert der[serial] == 2  # an INTEGER
    der[serial + 2] |= 0x80  # now negative
    certificate["rawBytes"] = base64.b64encode(der).decode()
    with tempfile.TemporaryDirectory() as folder:
        artifact, bundle = Path(folder) / SPECIMEN.filename, Path(folder) / "bundle"
        artifact.write_bytes(SPECIMEN.data)
        bundle.write_text(json.dumps(document))
        start = "import sys; from epochly_verify.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", start, str(artifact), "--bundle", str(bundle)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_panic_of_a_library_is_our_bug(monkeypatch):
    """What Rust code raises when it panics derives from `BaseException`: it ends with 70, never with a verdict."""

    class PanicException(BaseException):
        pass

    def examine(*_):
        raise PanicException("called `Result::unwrap()` on an `Err` value")

    monkeypatch.setattr("epochly_verify.cli.examine", examine)
    code, out, err = run({"artifact": SPECIMEN.data}, "--format", "json")
    assert (code, out) == (70, "")
    assert "internal error" in err
