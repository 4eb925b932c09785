"""Findings of the layer `install`. One table of texts, which makes it long."""

from __future__ import annotations

from epochly_verify.findings import Kind
from epochly_verify.model import Severity

_DATA = 'binary distribution format, "The .data directory"'
_SITE = "the `site` module's documentation; MITRE ATT&CK T1546.018"

KINDS: tuple[Kind, ...] = (
    Kind(
        "pth-executes-code",
        Severity.WARNING,
        "A `.pth` file directly in site-packages has a line that begins with `import`. Python executes such lines every "
        "time it starts in that environment, whether or not the package is ever used. Tools such as coverage and "
        "setuptools do this honestly; so did several pieces of malware.",
        "read the line, and install the wheel only if you want it to run at every start",
        _SITE,
        strict=Severity.ERROR,
    ),
    Kind(
        "pth-obfuscated-code",
        Severity.ERROR,
        "A `.pth` line that Python executes at every start hides what it does, or starts programs, opens connections or "
        "unpacks data. No honest package needs that in a start-up line; a stolen release of litellm worked exactly so.",
        "do not install the wheel, and tell its maintainers and the index",
        "litellm 1.82.8 (2026-03); " + _SITE,
    ),
    Kind(
        "pth-namespace",
        Severity.INFO,
        "A `.pth` file holds only the well-known line with which old versions of setuptools declare a namespace package. "
        "It runs at every start, and does nothing else.",
        "nothing needs to be done",
        "setuptools, `namespace_packages`",
    ),
    Kind(
        "pth-path-outside",
        Severity.WARNING,
        "A `.pth` file puts a folder on Python's import path that lies outside site-packages. Whoever can write to that "
        "folder decides what is imported. Wheels of editable installs look like this, and they are not meant to be published.",
        "ask the publisher for a wheel that was not built from an editable install",
        "the `site` module's documentation",
        strict=Severity.ERROR,
    ),
    Kind(
        "start-file-runs-code",
        Severity.WARNING,
        "A `.start` file directly in site-packages names functions that Python 3.15 and later calls every time it "
        "starts, whether or not the package is ever used.",
        "read what the named function does, and install the wheel only if you want it to run at every start",
        "PEP 829",
        strict=Severity.ERROR,
    ),
    Kind(
        "sitecustomize-installed",
        Severity.WARNING,
        "The wheel installs a module called `sitecustomize` or `usercustomize`. Python imports these every time it "
        "starts; they are meant for whoever runs the machine, not for packages.",
        "install the wheel only if you want its code to run at every start",
        _SITE,
        strict=Severity.ERROR,
    ),
    Kind(
        "script-shadows-interpreter",
        Severity.ERROR,
        "The wheel installs a command named like Python, pip, a shell, or a program that takes secrets, such as `sudo` "
        "or `ssh`. The folder of an environment's commands is searched first, so this one would be run in place of "
        "the real one by people and by tools.",
        "do not install the wheel",
        "attack: script or entry point named `python`",
    ),
    Kind(
        "script-shadows-command",
        Severity.WARNING,
        "The wheel installs a command with the name of a system program or well-known tool that its project does not "
        "provide. It would be run in place of that program wherever the environment is active.",
        "check that the project means to replace that program",
        "attack: scripts that shadow system commands",
        strict=Severity.ERROR,
    ),
    Kind(
        "script-in-subfolder",
        Severity.WARNING,
        "A file lies in a subfolder of `.data/scripts`. Scripts are flat: installers disagree about such files, and one "
        "may write a folder into the environment's commands that another leaves out.",
        "ask the publisher to place the script directly in `.data/scripts`",
        _DATA,
        strict=Severity.ERROR,
    ),
    Kind(
        "data-overwrites-project",
        Severity.ERROR,
        "Through its `.data` folder the wheel puts files into the package, or the installation record, of another "
        "project. Installing it would change or replace that project's code without its name appearing anywhere.",
        "do not install the wheel",
        f"{_DATA}; attack: `.data/purelib/pip/__init__.py`",
    ),
    Kind(
        "data-into-site-packages",
        Severity.ERROR,
        "Through `.data/data` the wheel writes into site-packages by spelling out its path. Modules belong in the wheel "
        "itself; this way round they escape what reviewers and tools look at.",
        "do not install the wheel unless its publisher explains the file",
        f"{_DATA}; attack: `.data/data/lib/python3.11/site-packages/evil.pth`",
    ),
    Kind(
        "data-overwrites-python",
        Severity.ERROR,
        "Through `.data/data` the wheel writes into Python's own library or headers, or over a file that makes an "
        "environment what it is, such as `pyvenv.cfg`. Installing it would change the interpreter.",
        "do not install the wheel",
        f"{_DATA}; attack: `.data/data` over the interpreter",
    ),
    Kind(
        "data-overwrites-program",
        Severity.ERROR,
        "Through `.data/data` the wheel writes a program with the name of a system command or interpreter into the "
        "environment's folder of commands, where it would be found first.",
        "do not install the wheel",
        f"{_DATA}; attack: `.data/data/bin/ls`",
    ),
    Kind(
        "data-into-scripts",
        Severity.INFO,
        "Through `.data/data` the wheel writes programs into the environment's folder of commands without declaring "
        "them as scripts. Some packages of compiled programs do so honestly; none of the names is one to worry about.",
        "declare them in `.data/scripts` if the wheel is yours",
        _DATA,
        strict=Severity.WARNING,
    ),
    Kind(
        "foreign-top-level",
        Severity.WARNING,
        "The wheel installs a top-level package or module that is known to belong to another project. Importing that "
        "name would give this wheel's code, and whichever of the two is installed later overwrites the other.",
        "check that the project means to provide this name, for instance as a fork",
        "attack: a wheel that brings its own `pip`",
        strict=Severity.ERROR,
    ),
    Kind(
        "stdlib-top-level",
        Severity.WARNING,
        "The wheel installs a top-level package or module with the name of one of the standard library. Usually the "
        "standard library's own is imported, but not under every import path.",
        "ask the publisher to move the module into a package",
        "attack: shadowing of the standard library",
        strict=Severity.ERROR,
    ),
    Kind(
        "generic-top-level",
        Severity.INFO,
        "The wheel installs a top-level folder such as `tests` or `docs`. It is nearly always a packaging mistake; two "
        "such wheels overwrite each other's files.",
        "leave the folder out of the wheel if it is yours",
        "packaging practice",
    ),
    Kind(
        "pyc-differs-from-source",
        Severity.ERROR,
        "A `.pyc` holds other code than the `.py` beside it compiles to, or no code a compiler writes. Python runs the "
        "`.pyc` while people and scanners read the `.py`.",
        "do not install the wheel",
        "PEP 552; attack: unchecked-hash `.pyc` that hides other code",
    ),
    Kind(
        "pyc-unchecked-hash",
        Severity.ERROR,
        "A `.pyc` is marked so that Python never compares it with its source, and it could not be shown to hold the "
        "same code. What runs may be anything.",
        "run the check under the Python the `.pyc` is for, or remove the `.pyc`",
        "PEP 552; attack: unchecked-hash `.pyc` that hides other code",
    ),
    Kind(
        "pyc-without-source",
        Severity.WARNING,
        "A `.pyc` comes without the `.py` it belongs to, so nobody can read what would run.",
        "ask the publisher for the source, or trust the signature alone",
        "PEP 3147",
        strict=Severity.ERROR,
    ),
    Kind(
        "pyc-not-comparable",
        Severity.WARNING,
        "A `.pyc` is for another Python than the one this check runs under, so its code cannot be compared with its source.",
        "run the check under that Python",
        "PEP 552",
        strict=Severity.ERROR,
    ),
    Kind(
        "pyc-not-verified",
        Severity.WARNING,
        "A `.pyc` could not be compared with its source: one of them is too large or too costly to compile within the "
        "bounds kept for hostile input, the source is in an unusual encoding, or the name is one no Python looks for.",
        "remove the `.pyc`, which Python makes itself when it needs it",
        "PEP 552",
        strict=Severity.ERROR,
    ),
    Kind(
        "pyc-unread",
        Severity.ERROR,
        "A `.pyc` is too large to be read, or so many files come before it that it was not, or its content is broken. "
        "What Python would run from it is unknown. Honest ones are about as long as their source.",
        "do not install the wheel, or remove the `.pyc`",
        "PEP 552; attack: padding that keeps a `.pyc` from being looked at",
    ),
    Kind(
        "pyc-malformed",
        Severity.WARNING,
        "A `.pyc` does not begin as one of any supported Python does. Python would ignore it or fail on it; it is dead weight at best.",
        "remove the `.pyc`, which Python makes itself when it needs it",
        "PEP 552",
        strict=Severity.ERROR,
    ),
    Kind(
        "pyc-stale",
        Severity.WARNING,
        "A `.pyc` says it was made from a source of another size or hash than the one in the wheel. Python will not use "
        "it where it looks, but it was not made from this source.",
        "remove the `.pyc`, which Python makes itself when it needs it",
        "PEP 552",
        strict=Severity.ERROR,
    ),
    Kind(
        "installers-disagree",
        Severity.ERROR,
        "Readers of this archive do not all get the same file under this name: one keeps the first of two entries, "
        "another the last, a third reads without the central directory. The wheel is two packages in one, and a check "
        "with one installer says nothing about another.",
        "do not install the wheel with any installer",
        "CVE-2025-54368; attack: duplicate entries with different contents",
    ),
)
