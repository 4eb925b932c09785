"""What `.data` would overwrite: `checks/install_prefix.py` and `parse/installplan.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from install_inputs import DATA, fails, findings, ids, member

from epochly_verify.parse.installplan import Root, import_name, install_plan


@pytest.mark.parametrize(
    "path",
    [
        "data/share/jupyter/kernels/demo/kernel.json",
        "data/share/man/man1/demo.1",
        "data/share/applications/demo.desktop",
        "data/etc/jupyter/jupyter_server_config.d/demo.json",
        "data/etc/conda/activate.d/demo.sh",
        "data/lib/libdemo.so.1",
        "data/lib/cmake/demo/demo.cmake",
        "data/lib/pkgconfig/demo.pc",
        "data/lib/demo.jl",
        "data/lib64/libdemo.so",
        "data/include/demo.h",
        "data/include/site/python3.11/demo/demo.h",
        "data/Library/bin/demo.dll",
        "data/msvcp140.dll",
        "data/LICENSE",
        "headers/demo.h",
        "purelib/demo_pkg/more.py",
        "platlib/demo_pkg/_speed.so",
        "purelib/demo_pkg-1.0.dist-info/x",
        "purelib/unheard_of/__init__.py",
        "purelib/twisted/plugins/demo.py",
        "scripts/demo",
        "nosuch/x",
    ],
)
def test_prefix_lets_pass_what_honest_wheels_bring(path):
    """Documents, desktop files, libraries, headers and the project's own modules are what `.data` is for."""
    assert ids({f"{DATA}/{path}": ""}) == []


@pytest.mark.parametrize(
    "path",
    [
        "purelib/pip/__init__.py",
        "platlib/numpy/core/x.so",
        "purelib/six.py",
        "purelib/pip/_vendor/certifi/cacert.pem",
        "purelib/pip-24.0.dist-info/RECORD",
        "platlib/requests.egg-info/PKG-INFO",
        "data/lib/python3.11/site-packages/requests/api.py",
    ],
)
def test_prefix_refuses_files_of_other_projects(path):
    """Writing into another project's package or record through `.data` is an error."""
    assert ids({f"{DATA}/{path}": ""}) == ["data-overwrites-project"]
    assert fails("data-overwrites-project")


def test_prefix_names_the_project_it_would_overwrite():
    """The message says where the file goes and whose it is, once for each project."""
    found = findings({f"{DATA}/purelib/yaml/__init__.py": "", f"{DATA}/purelib/yaml/more.py": ""})
    assert [finding.message for finding in found] == [
        "goes to `yaml/__init__.py`, which belongs to the project `pyyaml`"
    ]


@pytest.mark.parametrize(
    "path",
    [
        "lib/python3.11/site-packages/evil/__init__.py",
        "Lib/site-packages/evil.py",
        "usr/lib/python3/dist-packages/e.pth",
    ],
)
def test_prefix_refuses_modules_by_path(path):
    """Modules smuggled into site-packages through `data` are an error, whatever they are called."""
    assert ids({f"{DATA}/data/{path}": ""}) == ["data-into-site-packages"]
    assert fails("data-into-site-packages")


def test_prefix_knows_the_wheels_own_package():
    """The same way to the wheel's own package harms nobody."""
    assert ids({f"{DATA}/data/lib/python3.11/site-packages/demo_pkg/x.txt": ""}) == []
    own = {"other/__init__.py": "", f"{DATA}/data/lib/python3.11/site-packages/other/x.txt": ""}
    assert ids(own) == []


@pytest.mark.parametrize(
    "path",
    [
        "lib/python3.11/os.py",
        "lib/python3.13t/sitecustomize.py",
        "lib64/python3.12/lib-dynload/_ssl.so",
        "include/python3.11/Python.h",
        "Lib/json/__init__.py",
        "lib/os.py",
        "DLLs/_ssl.pyd",
        "pyvenv.cfg",
        "python311._pth",
        "python.exe",
        "python311.dll",
    ],
)
def test_prefix_refuses_files_of_the_interpreter(path):
    """Python's own library, headers and start files are not a wheel's to write."""
    assert ids({f"{DATA}/data/{path}": ""}) == ["data-overwrites-python"]
    assert fails("data-overwrites-python")


@pytest.mark.parametrize(
    "path", ["bin/ls", "bin/python", "bin/python3.11", "Scripts/pip.exe", "usr/bin/sudo", "sbin/ssh"]
)
def test_prefix_refuses_programs_of_the_system(path):
    """A program of that name in the environment's folder of commands is an error."""
    assert ids({f"{DATA}/data/{path}": ""}) == ["data-overwrites-program"]
    assert fails("data-overwrites-program")


def test_prefix_notes_other_programs_once():
    """Programs of other names are worth one note, as honest packages of compiled tools bring them."""
    (finding,) = findings({f"{DATA}/data/bin/mpiexec": "", f"{DATA}/data/bin/mpirun": ""})
    assert finding.id == "data-into-scripts"
    assert finding.message == "`bin/mpiexec` and 1 more become commands without being declared as scripts"
    assert not fails("data-into-scripts", strict=True)


def placed(name):
    """Where one member goes, as (root, path), or `None`."""
    found = install_plan([member(name)]).placed
    return (found[0].root, found[0].path) if found else None


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a/b.py", (Root.SITE, "a/b.py")),
        ("./a//b.py", (Root.SITE, "a/b.py")),
        ("x-1.data/purelib/a.py", (Root.SITE, "a.py")),
        ("x-1.data/scripts/a", (Root.SCRIPTS, "a")),
        ("x-1.data/headers/a.h", (Root.HEADERS, "a.h")),
        ("x-1.data/data/share/a", (Root.PREFIX, "share/a")),
        ("x-1.data/data/lib/python3.11/site-packages/a.py", (Root.SITE, "a.py")),
        ("x-1.data/a.py", (Root.SITE, "x-1.data/a.py")),
        ("x-1.data/nosuch/a", None),
        ("x-1.data/purelib/../../a.py", None),
        ("../a.py", None),
        ("/a.py", None),
        ("./..", None),
    ],
)
def test_plan_places_members(name, place):
    """Each member goes where an installer puts it, and what none would install goes nowhere."""
    assert placed(name) == place


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.py", "a"),
        ("a/b/c.py", "a"),
        ("a.cpython-311-x86_64-linux-gnu.so", "a"),
        ("a.pyd", "a"),
        ("a/data.txt", ""),
        ("a.txt", ""),
        ("a.pyi", ""),
        ("__pycache__/a.cpython-311.pyc", ""),
        ("demo.libs/libx.so", ""),
        ("a-stubs/b.py", ""),
    ],
)
def test_plan_knows_importable_names(path, name):
    """Only what Python would import has a top-level name."""
    assert import_name(path) == name


@given(st.text(max_size=60))
def test_plan_any_name_has_a_place_or_none(name):
    """Any name can be placed or left out, and a place never climbs or starts at the root."""
    for each in install_plan([member(name)]).placed:
        assert ".." not in each.path.split("/")
        assert not each.path.startswith("/")
