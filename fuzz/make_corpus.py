"""Writes `fuzz/corpus/`: small honest inputs a target, taken out of `tests/vectors` or written here.

Run by hand after a vector or a target was added. Inputs that once broke a target are named `found-*` and are kept.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import marshal
import struct
import tarfile
import zipfile
from pathlib import Path

from mutations import places
from specimens import PUBLIC_GOOD, VECTORS, bundles, signed, wheels

CORPUS = Path(__file__).resolve().parent / "corpus"
SHA256 = hashlib.sha256(b"x = 1\n").hexdigest()
ROW = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
SMALL = 20_000  # bytes; larger seeds slow the search down


def main() -> None:
    """Write every seed."""
    for folder in CORPUS.iterdir() if CORPUS.exists() else ():
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
    _signatures()
    _archives()
    for target, seeds in _texts().items():
        for name, seed in seeds.items():
            _write(target, name, seed)
    total = sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file())
    print(f"{sum(1 for path in CORPUS.rglob('*') if path.is_file())} seeds, {total} bytes")


def _write(target: str, name: str, seed: bytes | str) -> None:
    data = seed if isinstance(seed, bytes) else seed.encode()
    if len(data) <= SMALL:
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        (CORPUS / target / name).write_bytes(data)


def _signatures() -> None:
    """Bundles, attestations, and what is packed in them."""
    for case in bundles():
        _write("bundle", case.name, case.bundle)
        _write("signature", case.name, case.bundle)
        _unpack(case.name, json.loads(case.bundle))
    refused = sorted((VECTORS / "sigstore-conformance").glob("*_fail/bundle.sigstore.json"))
    for path in refused[::4]:
        _write("bundle", path.parent.name, path.read_bytes())
    for number, specimen in enumerate(signed()):
        name = f"{specimen.evidence.kind}-{number}"
        if specimen.evidence.kind == "bundle":
            _write("bundle", name, specimen.evidence.data)
            continue
        _write("attestation", name, specimen.evidence.data)
        _unpack(name, json.loads(specimen.evidence.data))
    document = json.loads(PUBLIC_GOOD.read_bytes())
    _write("trustroot", "public-good", PUBLIC_GOOD.read_bytes())
    small = {key: value[-1:] if isinstance(value, list) else value for key, value in document.items()}
    config = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    _write("trustroot", "config", json.dumps({"mediaType": config, "trustedRoot": small}))
    for number, log in enumerate(document["tlogs"] + document["ctlogs"]):
        _write("key", f"log-{number}.der", base64.b64decode(log["publicKey"]["rawBytes"]))
    for path in sorted((VECTORS / "sigstore-conformance").glob("*/key.pub"))[:1]:
        _write("key", "managed.pem", path.read_bytes())
    for number, authority in enumerate(document["certificateAuthorities"]):
        for place, each in enumerate(authority["certChain"]["certificates"]):
            _write("certificate", f"authority-{number}-{place}", base64.b64decode(each["rawBytes"]))


def _unpack(name: str, document: object) -> None:
    for path, value in places(document):
        if not isinstance(value, str):
            continue
        match path[-1]:
            case "rawBytes" | "certificate":
                _write("certificate", name, base64.b64decode(value))
            case "signedTimestamp":
                _write("timestamp", f"{name}-{path[-2]}", base64.b64decode(value))
            case "canonicalizedBody":
                _write("log_entry", name, base64.b64decode(value))
            case "payload" | "statement":
                payload = base64.b64decode(value)
                _write("statement", name, payload)
                if (predicate := json.loads(payload).get("predicate")) is not None:
                    _write("slsa", name, json.dumps(predicate))
            case "envelope":
                _write("checkpoint", name, value)


def _archives() -> None:
    for path in sorted(VECTORS.glob("zip-framing/*/*.zip")):
        _write("zip", path.stem, path.read_bytes())
    for path in sorted(VECTORS.glob("attack-wheels/*/*.whl")):
        if path.stat().st_size < 3_000:
            _write(
                "zip" if path.parent.name.startswith("z") else "wheel", path.parent.name, path.read_bytes()
            )
    with zipfile.ZipFile(io.BytesIO(wheels()[0])) as archive:
        files = [(info.filename, archive.read(info)) for info in archive.infolist()]
    _write("contents", "ok", b"\n".join(b"=== %b\n%b" % (name.encode(), data) for name, data in files))
    for name, data in files:
        target = {"RECORD": "record", "METADATA": "metadata", "WHEEL": "wheel_file"}.get(
            name.rpartition("/")[2]
        )
        if target:
            _write(target, "ok", data)
    for target, form in (
        ("tar", tarfile.PAX_FORMAT),
        ("tar", tarfile.GNU_FORMAT),
        ("sdist", tarfile.PAX_FORMAT),
    ):
        packed = gzip.compress(_tar(form), 9, mtime=0)
        _write(target, f"format-{form}.tar.gz", packed)
        _write("tar", f"format-{form}.tar", _tar(form))


def _tar(form: int) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for name, data in (
            ("PKG-INFO", b"Metadata-Version: 2.2\nName: demo_pkg\nVersion: 1.0\n"),
            ("src/" + "long/" * 30 + "x.py", b"x = 1\n"),
            ("\u00e9.py", b""),
        ):
            info = tarfile.TarInfo(f"demo_pkg-1.0/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("demo_pkg-1.0/link")
        link.type, link.linkname = tarfile.SYMTYPE, "PKG-INFO"
        tar.addfile(link)
    return raw.getvalue()


def _texts() -> dict[str, dict[str, bytes | str]]:
    """Seeds that no vector holds."""
    info = "demo_pkg-1.0.dist-info"
    code = compile(
        "def f(x, *, y=1):\n    return [x ** y for z in (1, 2.5, 'a', b'b', None, 1j)]\n", "x.py", "exec"
    )
    pyc = struct.pack("<H2sI8s", 3495, b"\r\n", 0, bytes(8)) + marshal.dumps(code)

    wheel = "demo_pkg-1.0-py3-none-any.whl"
    slsa = {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/tags/v1",
                    "repository": "https://github.com/o/r",
                    "path": ".github/workflows/w.yml",
                }
            },
            "internalParameters": {
                "github": {"event_name": "push", "repository_id": "1", "repository_owner_id": "2"}
            },
            "resolvedDependencies": [
                {"uri": "git+https://github.com/o/r@refs/tags/v1", "digest": {"gitCommit": "0" * 40}}
            ],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/actions/runner/github-hosted"},
            "metadata": {"invocationId": "x"},
        },
    }
    sbom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {
            "component": {
                "bom-ref": "r",
                "type": "library",
                "name": "demo-pkg",
                "version": "1.0",
                "purl": "pkg:pypi/demo-pkg@1.0",
            }
        },
        "components": [
            {
                "bom-ref": "c",
                "type": "file",
                "name": "demo_pkg/__init__.py",
                "hashes": [{"alg": "SHA-256", "content": SHA256}],
            }
        ],
        "dependencies": [{"ref": "r", "dependsOn": ["c"]}],
    }
    files = [{"filename": wheel, "hashes": {"sha256": SHA256}, "url": f"https://files.example/{wheel}"}]
    urls = [
        {"filename": wheel, "digests": {"sha256": SHA256, "md5": "0" * 32}, "url": "https://files.example/x"}
    ]
    lock = (
        "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'demo-pkg'\nversion = '1.0'\n"
        "attestation-identities = [{kind = 'GitHub', repository = 'o/r', workflow = 'w.yml'}]\n"
        f"wheels = [{{name = '{wheel}', hashes = {{sha256 = '{SHA256}'}}}}]\n"
        f"[packages.sdist]\nname = 'demo_pkg-1.0.tar.gz'\nhashes = {{sha256 = '{SHA256}'}}\n"
    )
    rules = (
        "schema = 'epochly-verify/policy/v1'\nrequire = ['integrity', 'signature']\nstrict = true\n"
        "[severity]\ndata-descriptor = 'info'\n[limits]\nmembers = 100\n"
        "[[rule]]\nprojects = ['demo-*']\n[[rule.identity]]\nkind = 'github'\nrepository = 'o/r'\nworkflow = 'w.yml'\n"
        "ref = ['refs/tags/v*']\ntag-matches-version = true\n[[rule.identity]]\nkind = 'email'\nsubject = 'a@b.example'\n"
    )

    contents = (
        f"=== demo_pkg/__init__.py\nx = 1\n=== demo_pkg.pth\nimport demo_pkg\n../x\n"
        f"=== demo_pkg-1.0.data/scripts/demo\n#!python\nx\n=== demo_pkg-1.0.data/purelib/y.py\n\n"
        f"=== {info}/METADATA\nMetadata-Version: 2.4\nName: demo-pkg\nVersion: 1.0\nLicense-File: LICENSE\n\nText\n"
        f"=== {info}/WHEEL\nWheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        f"=== {info}/entry_points.txt\n[console_scripts]\ndemo = demo_pkg:main\n=== {info}/licenses/LICENSE\nx\n"
        f"=== {info}/sboms/x.cdx.json\n{json.dumps(sbom)}\n=== {info}/RECORD\ndemo_pkg/__init__.py,{ROW},6\n{info}/RECORD,,\n"
    )
    return {
        "contents": {"layers": contents},
        "record": {"quoted": f'"a,b.py",{ROW},6\nx.py,{ROW}=,6\r\n../y,sha512=AA,\n{info}/RECORD,,\n'},
        "metadata": {
            "long": "Metadata-Version: 2.4\nName: Demo.Pkg\nVersion: 1.0\nRequires-Python: >=3.8\nRequires-Dist: a>=1; extra == 'x'\n"
            "Provides-Extra: x\nLicense-Expression: MIT\nLicense-File: LICENSE\nDynamic: Version\nDescription: a\n  b\n\nbody\n"
        },
        "wheel_file": {"tags": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py2.py3-none-any\nTag: cp311-abi3-linux_x86_64\nBuild: 1\n"},
        "entry_points": {"all": "# x\n[console_scripts]\na = b.c:d.e [x,y]\n\n[gui_scripts]\nf=g:h\n[x.y]\nz = q\n  more\n"},
        "pth": {
            "code": "import sys; exec('import os')\n# x\n../up\nimport\tbase64\n\u00e9\n",
            "namespace": "import sys, types, os;p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('a', 'b'));m = 1\n",
        },
        "pyc": {"code": pyc, "checked": pyc[:4] + b"\x03\0\0\0" + pyc[8:]},
        "filename": {"wheel": f"{wheel}\na/b.py\nA/b.py\n../x\nC:\\x\nnul.txt\ncafe\u0301\ncaf\u00e9\n", "sdist": "demo_pkg-1.0.tar.gz\nx/./y"},
        "sums": {"plain": f"{SHA256}  {wheel}\n{SHA256} *x\n\\{SHA256}  a\\nb\n", "bsd": f"SHA256 ({wheel}) = {SHA256}\n# x\n"},
        "requirements": {
            "lines": f"--index-url https://index.example\ndemo-pkg==1.0 ; python_version > '3' \\\n  --hash=sha256:{SHA256} # x\n"
            f"x @ https://files.example/{wheel}#sha256={SHA256}\n-e .\n"
        },
        "pylock": {"lock": lock},
        "index_json": {"simple": json.dumps({"meta": {"api-version": "1.1"}, "files": files}), "project": json.dumps({"info": {}, "urls": urls, "releases": {"1.0": urls}})},
        "sbom": {"cyclonedx": json.dumps(sbom), "spdx": "SPDXVersion: SPDX-2.3\n", "xml": "<bom xmlns='http://cyclonedx.org/schema/bom/1.6'/>"},
        "json": {"all": '{"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"], "b": {"c": {}}}'},
        "toml": {"all": 'a.b."c.d" = 1\n[x]\ny = [1, 2.5, 1979-05-27T07:32:00Z, {z = true}]\n[[q]]\ns = """\nt\\u00e9"""\nu = \'\'\'v\'\'\'\n'},
        "policy": {"all": rules},
        "slsa": {"github": json.dumps(slsa)},
        "sdist": {"bad.tar.gz": gzip.compress(_tar(tarfile.USTAR_FORMAT)[:3000], 9, mtime=0)},
    }  # fmt: skip


if __name__ == "__main__":
    main()
