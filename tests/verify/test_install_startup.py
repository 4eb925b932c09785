"""What runs when Python starts: `checks/install_startup.py`, `parse/pth.py`, `parse/onelinecode.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from install_inputs import DATA, fails, findings, ids, member, members_judged

from epochly_verify.checks.install_startup import MAX_BYTES, MAX_FILES, MAX_LINES
from epochly_verify.parse.onelinecode import MAX_LINE, hidden_in
from epochly_verify.parse.pth import declares_namespace, leaves_site_packages, parse_pth

NAMESPACE = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir'], "
    "*('google',));importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('google', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('google', [os.path.dirname(p)])));m = m or sys.modules.setdefault("
    "'google', types.ModuleType('google'));mp = (m or []) and m.__dict__.setdefault('__path__',[]);"
    "(p not in mp) and mp.append(p)"
)
NESTED = (
    NAMESPACE.replace("'google',)", "'google', 'cloud')")
    .replace("'google'", "'google.cloud'")
    .replace("*('google.cloud', 'cloud')", "*('google', 'cloud')")
    + ";m and setattr(sys.modules['google'], 'cloud', m)"
)
# Shaped after lines of published, honest wheels: setuptools, coverage, hunter, manhole, pytest-cov, pip-system-certs, virtualenv.
HONEST = [
    """import os; var = 'X'; enabled = os.environ.get(var) == 'local'; enabled and __import__('_distutils_hack').add_shim(); """,
    r"""import sys; exec('import os\n\nif os.getenv("C"):\n try:\n  import coverage\n except:\n  pass\n else:\n  coverage.process_startup(slug="pth")')""",
    """import hunter; hunter._embed_via_environment()""",
    r"""import os, sys;exec('if "M" in os.environ:\n try:\n  from manhole import install\n  eval("install({0[M]})".format(os.environ))\n except Exception as exc:\n  sys.stderr.write("Failed {!r}\\n".format(exc))\n')""",
    r"""import os, sys;exec('if "C" in os.environ:\n sys.stderr.write(\n "Failed to set up subprocess coverage on your system (or unset it) {0!r}\\n".format(os))\n')""",
    """import os, sys; __import__('certs.bootstrap') and sys.modules['certs.bootstrap'].bootstrap()""",
    """import _virtualenv""",
    """import platform; platform.system() == 'Windows' and __import__('demo_pkg')""",
    """import sys; exec(open('hook.py').read())""",
]
HIDING = [
    "import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', 'pass'])",
    "import base64; exec(base64.b64decode('cHJpbnQoMSk='))",
    "import os; os.system('true')",
    "import os; __import__('sub' + 'process').run('true')",
    "import os; __import__('subprocess').run('true')",
    "import os; getattr(os, 'sys' + 'tem')('true')",
    "import os; getattr(os, 'system')('true')",
    "import sys; exec('import urllib.request as u')",
    "import sys; x = 'from zlib import decompress'; exec(x)",
    "import sys; exec(b'import socket')",
    "import sys; exec(''.join(map(chr, [112, 97])))",
    "import sys; exec('1 tnirp'[::-1])",
    "import sys; exec('\\x69\\x6d\\x70\\x6f\\x72\\x74\\x20\\x6f\\x73')",
    "import sys; exec(compile('pass', 'x', 'exec'))",
    "import sys; bytes.fromhex('00')",
    "import sys; sys.modules['ctypes'].CDLL('x')",
    "import sys; ().__class__.__base__.__subclasses__()",
    "import socket  # syntax of another Python: t'",
    "import os; from os import system as s",
    "import importlib; importlib.import_module(name)",
    "import x " + "#" * MAX_LINE,
]


def pth(text, name="demo.pth"):
    """The ids for a wheel with this `.pth` at its top."""
    return ids({name: text})


@pytest.mark.parametrize("line", HONEST)
def test_startup_only_warns_of_honest_lines(line):
    """A line as honest packages ship it is executed code, and nothing worse."""
    assert pth(f"{line}\n") == ["pth-executes-code"]
    assert not fails("pth-executes-code")
    assert fails("pth-executes-code", strict=True)


@pytest.mark.parametrize("line", HIDING)
def test_startup_refuses_lines_that_hide_or_reach_out(line):
    """Packed data, programs, connections and computed code have no place in a start-up line."""
    assert pth(f"{line}\n") == ["pth-obfuscated-code"]
    assert fails("pth-obfuscated-code")


def test_startup_says_what_a_line_hides():
    """The message names the line and what it reaches for."""
    (finding,) = findings({"demo.pth": "# fine\n\nimport os; os.system('true')\n"})
    assert (
        finding.message == "line 3, executed at every start, calls `system`: `import os; os.system('true')`"
    )


@pytest.mark.parametrize(
    "text", [NAMESPACE, f"{NAMESPACE}\n{NAMESPACE}\n{NESTED}\n", NAMESPACE.replace("google", "zope")]
)
def test_startup_knows_the_namespace_line(text):
    """A namespace package of old setuptools is worth a note, not a warning."""
    assert pth(text, "demo_pkg-1.0-py3.9-nspkg.pth") == ["pth-namespace"]
    assert not fails("pth-namespace", strict=True)


@pytest.mark.parametrize(
    "text",
    [
        f"{NAMESPACE}; import evil",
        NAMESPACE.replace("'importlib.util'", "'evil'"),
        NAMESPACE.replace("'sitedir'", "'google'"),
        f"{NAMESPACE}\nimport evil",
        "import sys, types, os; *('google',)",
    ],
)
def test_startup_takes_no_other_line_for_a_namespace(text):
    """One changed word makes it executed code again."""
    assert pth(text, "demo_pkg-1.0-py3.9-nspkg.pth") == ["pth-executes-code"]


def test_startup_lets_paths_and_comments_pass():
    """Folders inside site-packages, comments, blank lines and an indented `import` run nothing."""
    assert pth("# import os\n\nwin32\nwin32\\lib\n./demo\na/../b\n import os\n\ufeff\n") == []


@pytest.mark.parametrize("line", ["/tmp/x", "../x", "a/../../x", "..\\x", "C:\\x", "\\\\host\\share", "~/x"])
def test_startup_warns_of_paths_outside(line):
    """A folder that others may write to does not belong on the import path."""
    assert pth(f"{line}\n") == ["pth-path-outside"]
    assert not fails("pth-path-outside")
    assert fails("pth-path-outside", strict=True)


@pytest.mark.parametrize(
    "separator", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028"]
)
def test_startup_splits_lines_as_every_python_does(separator):
    """A line that only some Pythons see is seen."""
    assert pth(f"demo{separator}import os{separator}") == ["pth-executes-code"]


def test_startup_sees_tabs_and_byte_order_marks():
    """`import` and a tab is executed too, and so is what follows a byte order mark."""
    assert pth("import\tos") == ["pth-executes-code"]
    assert pth(b"\xef\xbb\xbfimport os") == ["pth-executes-code"]


def test_startup_refuses_code_in_an_unclear_encoding():
    """Executed text that is not UTF-8 means something else on every machine."""
    found = pth(b"import os\n# \xe9\xff\n")
    assert found == ["pth-obfuscated-code", "pth-executes-code"]
    assert pth(b"caf\xe9\n") == []


@pytest.mark.parametrize(
    "place",
    [
        "demo.pth",
        f"{DATA}/purelib/demo.pth",
        f"{DATA}/platlib/demo.pth",
        f"{DATA}/purelib/./demo.pth",
    ],
)
def test_startup_finds_pth_files_wherever_they_land(place):
    """Every way to the top of site-packages counts."""
    assert ids({place: "import os"}) == ["pth-executes-code"]


@pytest.mark.parametrize(
    "place",
    [
        f"{DATA}/data/lib/python3.12/site-packages/demo_pkg.pth",
        f"{DATA}/data/Lib/site-packages/demo_pkg.pth",
        f"{DATA}/data/lib/python3/dist-packages/demo_pkg.pth",
        f"{DATA}/data/local/lib/python3.13t/site-packages/demo_pkg.pth",
    ],
)
def test_startup_finds_pth_files_placed_by_path(place):
    """A site-packages folder spelled out below `.data/data` counts as well."""
    assert ids({place: "import os"}) == ["pth-executes-code"]


@pytest.mark.parametrize("place", ["demo_pkg/model.pth", f"{DATA}/data/share/x.pth", f"{DATA}/scripts/x.pth"])
def test_startup_leaves_other_pth_files_alone(place):
    """A model file of that ending, or one nobody executes, is no start-up file."""
    assert ids({place: "import os"}) == []


def test_startup_bounds_what_it_reads():
    """A file too large or too many to read is refused, and so is one whose content was not kept."""
    assert pth("demo\n" * MAX_BYTES) == ["pth-obfuscated-code"]
    assert pth("".join(f"import a{i}\n" for i in range(MAX_LINES + 1))) == [
        "pth-obfuscated-code",
        "pth-executes-code",
    ]
    many = {f"a{i:03}.pth": "demo\n" for i in range(MAX_FILES + 1)}
    assert ids(many) == ["pth-obfuscated-code"]
    assert members_judged([member("demo.pth", b"demo", kept=False)]) == ["pth-obfuscated-code"]


@pytest.mark.parametrize("content", [b"demo_pkg:main\n", b"# nothing\n", b"\xff\n"])
def test_startup_warns_of_start_files(content):
    """A `.start` file names functions that Python calls (PEP 829)."""
    assert members_judged([member("demo.start", content)]) == ["start-file-runs-code"]
    assert members_judged([member("demo.start", content, kept=False)]) == ["start-file-runs-code"]
    assert members_judged([member("demo_pkg/demo.start", content)]) == []
    assert not fails("start-file-runs-code")
    assert fails("start-file-runs-code", strict=True)


@pytest.mark.parametrize(
    "path",
    [
        "sitecustomize.py",
        "usercustomize.py",
        "sitecustomize/__init__.py",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        f"{DATA}/purelib/usercustomize.py",
    ],
)
def test_startup_warns_of_customize_modules(path):
    """A module that Python imports at every start is told, however it is packed."""
    assert ids({path: "x = 1\n"}) == ["sitecustomize-installed"]
    assert not fails("sitecustomize-installed")
    assert fails("sitecustomize-installed", strict=True)


def test_startup_leaves_customize_modules_inside_packages_alone():
    """Only the top level is imported."""
    assert ids({"demo_pkg/sitecustomize.py": "x = 1\n", "sitecustomize.pyi": ""}) == []


@given(st.binary(max_size=400))
def test_startup_any_bytes_give_lines(data):
    """Any bytes are some lines, and each is judged without an error."""
    for line in parse_pth(data).lines:
        assert isinstance(hidden_in(line.text), str)
        assert declares_namespace(line.text) is False
        assert leaves_site_packages(line.text) in {True, False}


@given(st.text(max_size=300))
def test_startup_any_text_gives_a_judgement(text):
    """Any text after `import` is judged without an error."""
    assert isinstance(hidden_in(f"import {text}"), str)
