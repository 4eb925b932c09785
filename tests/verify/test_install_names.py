"""Whose top-level names they are: `checks/install_names.py` and its table."""

from __future__ import annotations

import re
import sys

import pytest
from install_inputs import DATA, fails, findings, ids

from epochly_verify.checks.install_names import may_own, name_table, parse_name_table


@pytest.mark.parametrize(
    ("project", "path"),
    [
        ("pillow", "PIL/Image.py"),
        ("pillow_simd", "PIL/Image.py"),
        ("PyYAML", "yaml/__init__.py"),
        ("opencv_python_headless", "cv2/cv2.abi3.so"),
        ("attrs", "attr/__init__.py"),
        ("setuptools", "pkg_resources/__init__.py"),
        ("setuptools", "_distutils_hack/__init__.py"),
        ("pytest", "py.py"),
        ("pywin32", "adodbapi/__init__.py"),
        ("intel_tensorflow", "tensorflow/__init__.py"),
        ("apache_airflow_providers_http", "airflow/providers/http/__init__.py"),
        ("protobuf", "google/protobuf/__init__.py"),
        ("some_plugin", "twisted/plugins/some.py"),
        ("some_plugin", "mpl_toolkits/some/__init__.py"),
        ("types_requests", "requests-stubs/__init__.pyi"),
        ("unheard_of", "whatever/__init__.py"),
        ("dataclasses", "dataclasses.py"),
        ("legacy_cgi", "cgi.py"),
        ("docs", "docs/__init__.py"),
        ("demo_pkg", "requests/data.txt"),
        ("demo_pkg", "demo_pkg/requests/__init__.py"),
    ],
)
def test_names_of_plausible_owners_pass(project, path):
    """Owners, forks, plug-ins, namespaces, stubs and unknown names are no reason to warn."""
    assert ids({path: ""}, f"{project}-1.0-py3-none-any.whl") == []


@pytest.mark.parametrize(
    ("project", "path", "owner"),
    [
        ("demo_pkg", "pip/__init__.py", "pip"),
        ("pip_extras", "pip/__init__.py", "pip"),
        ("demo_pkg", "numpy/evil.py", "numpy"),
        ("demo_pkg", "PIL/__init__.py", "pillow"),
        ("demo_pkg", "six.py", "six"),
        ("requests2", "requests/__init__.py", "requests"),
        ("demo_pkg", "_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi"),
        ("demo_pkg", "twisted_plugin/../yaml/x.py", None),
    ],
)
def test_names_of_other_projects_are_told(project, path, owner):
    """A name that belongs to a known project is a warning, an error under `--strict`; trusted names only to their own."""
    found = findings({path: ""}, f"{project}-1.0-py3-none-any.whl")
    if owner is None:
        assert found == ()
        return
    (finding,) = found
    assert finding.id == "foreign-top-level"
    assert f"belongs to the project `{owner}`" in finding.message
    assert not fails("foreign-top-level")
    assert fails("foreign-top-level", strict=True)


def test_names_that_belong_to_python_itself_are_told():
    """Nobody may bring `ensurepip`."""
    (finding,) = findings({"ensurepip/__init__.py": ""})
    assert (finding.id, finding.subject) == ("foreign-top-level", "ensurepip/__init__.py")
    assert "belongs to Python itself" in finding.message


@pytest.mark.parametrize("path", ["json.py", "socket/__init__.py", f"{DATA}/purelib/os.py"])
def test_names_of_the_standard_library_are_told(path):
    """A module named like one of Python's is a warning, an error under `--strict`."""
    assert ids({path: ""}) == ["stdlib-top-level"]
    assert not fails("stdlib-top-level")
    assert fails("stdlib-top-level", strict=True)


@pytest.mark.parametrize(
    "path", ["tests/test_a.py", "docs/conf.py", "examples/a.py", "test/a.py", "src/demo_pkg/a.py"]
)
def test_names_that_say_nothing_are_noted(path):
    """A stray folder of tests is a note, never more."""
    assert ids({path: ""}) == ["generic-top-level"]
    assert not fails("generic-top-level", strict=True)


def test_names_are_told_once():
    """One finding a name, however many files it has."""
    assert ids({"yaml/__init__.py": "", "yaml/a.py": "", "yaml/b.py": ""}) == ["foreign-top-level"]


def test_name_table_is_well_formed():
    """Owners are normalised, no name stands twice, and every stdlib name is one of this Python's."""
    table = name_table()
    assert len(table.owners) > 350
    for name, owners in table.owners.items():
        assert name.isidentifier()
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", owner) for owner in owners), name
        assert name in table.exact or owners, name
    assert table.stdlib <= sys.stdlib_module_names
    assert not table.owners.keys() & (table.stdlib | table.generic | table.shared)


def test_name_table_refuses_a_line_without_a_section():
    """A slip in the table is seen when it is read."""
    with pytest.raises(ValueError, match="no known section"):
        parse_name_table("[nowhere]\npip pip\n")
    assert parse_name_table("# nothing\n\n[projects]\n=a b c\n").owners_of("a") == ("b", "c")


def test_may_own_needs_more_than_two_letters():
    """Containment means something only for names that are not in everything."""
    assert may_own("onnxruntime-gpu", "onnxruntime")
    assert may_own("pyjwt", "jwt")
    assert may_own("py", "py")
    assert not may_own("py", "pyarrow")
    assert not may_own("demo-pkg", "os")
