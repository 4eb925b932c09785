"""Commands that take another program's place: `checks/install_commands.py`."""

from __future__ import annotations

import pytest
from install_inputs import DATA, INFO, fails, findings, ids

HONEST = [
    "cmake", "ninja", "ruff", "black", "httpx", "ipython", "bpython", "ptpython", "python-zig", "python-argcomplete",
    "pip-compile", "pip-sync", "pipdeptree", "pythonify", "pypyr", "pytest", "py.test", "nosetests", "jupyter", "sentry-cli",
    "gitlint", "git-lfs", "sshuttle", "lsd", "catalog", "activate-global-python-argcomplete", "f2py", "2to3", "node", "npm",
]  # fmt: skip


def script(name):
    """The ids for a wheel with this script."""
    return ids({f"{DATA}/scripts/{name}": "#!python\n"})


def entry_point(name, group="console_scripts"):
    """The ids for a wheel with this entry point."""
    return ids({f"{INFO}/entry_points.txt": f"[{group}]\n{name} = demo_pkg:main\n"})


@pytest.mark.parametrize("name", HONEST)
def test_commands_of_honest_wheels_pass(name):
    """Names that merely look alike are nobody else's."""
    assert script(name) == []
    assert entry_point(name) == []


@pytest.mark.parametrize(
    "name",
    [
        "python", "python3", "python3.11", "python3.14t", "pythonw", "python3-config", "pypy3", "pip", "pip3", "pip3.12",
        "Python", "sh", "bash", "sudo", "ssh", "git", "env", "activate", "activate.fish", "Activate.ps1", "activate_this.py",
        "deactivate.bat", "python.exe", "pip-script.py", "bash.cmd",
    ],
)  # fmt: skip
def test_commands_refuse_interpreters_and_trusted_programs(name):
    """A wheel may not bring its own Python, pip, shell or program that takes secrets."""
    assert script(name) == ["script-shadows-interpreter"]
    assert entry_point(name) == ["script-shadows-interpreter"]
    assert entry_point(name, "gui_scripts") == ["script-shadows-interpreter"]
    assert fails("script-shadows-interpreter")


@pytest.mark.parametrize(
    "name", ["ls", "cat", "rm", "curl", "make", "gcc", "docker", "uv", "uvx", "twine", "LS.exe"]
)
def test_commands_warn_of_system_programs(name):
    """Other well-known programs are a matter of policy."""
    assert script(name) == ["script-shadows-command"]
    assert entry_point(name) == ["script-shadows-command"]
    assert not fails("script-shadows-command")
    assert fails("script-shadows-command", strict=True)


@pytest.mark.parametrize(
    ("project", "name", "expected"),
    [
        ("pip", "pip3", []),
        ("pip_tools", "pip", ["script-shadows-interpreter"]),
        ("uv", "uvx", []),
        ("uv", "python", ["script-shadows-interpreter"]),
        ("Twine", "twine", []),
        ("make_wheel", "make", []),
        ("makefile", "make", ["script-shadows-command"]),
        ("python", "python", ["script-shadows-interpreter"]),
    ],
)
def test_commands_of_a_project_itself_pass(project, name, expected):
    """The project pip may install pip, and any project the command of its name; nobody may install Python."""
    assert ids({f"{project}-1.0.data/scripts/{name}": ""}, f"{project}-1.0-py3-none-any.whl") == expected


def test_commands_in_other_groups_are_none():
    """Only the two script groups become programs."""
    assert entry_point("python", "pytest11") == []
    assert (
        ids({"demo_pkg/vendored-1.0.dist-info/entry_points.txt": "[console_scripts]\npython = a:b\n"}) == []
    )


def test_commands_say_which_way_they_come():
    """The message tells a script from an entry point."""
    (finding,) = findings({f"{INFO}/entry_points.txt": "[console_scripts]\npython = demo_pkg:main\n"})
    assert finding.subject == f"{INFO}/entry_points.txt"
    assert finding.message.startswith(
        "the entry point of `[console_scripts]` `python` would be run in place of"
    )
    (finding,) = findings({f"{DATA}/scripts/ls": ""})
    assert finding.message == "the script `ls` would be run in place of the system's program of that name"


def test_commands_take_the_last_part_of_a_path():
    """A traversing name is the metadata layer's finding; where it would land as `python` it is one here too."""
    assert entry_point("../../x") == []
    assert entry_point("../bin/python") == ["script-shadows-interpreter"]


def test_commands_in_subfolders_are_told():
    """Scripts are flat."""
    assert script("sub/tool") == ["script-in-subfolder"]
    assert not fails("script-in-subfolder")
    assert fails("script-in-subfolder", strict=True)


def test_commands_survive_broken_entry_points():
    """An unreadable file has no commands, and is the metadata layer's finding."""
    assert ids({f"{INFO}/entry_points.txt": b"\xff\xfe[console_scripts]\npython = a:b"}) == []
    assert ids({f"{INFO}/entry_points.txt": "python = a:b\n[console_scripts\n=\n= =\n"}) == []
