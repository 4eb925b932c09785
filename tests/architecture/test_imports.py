"""The arrows: which package may import which, and which part of `epochly_verify` may import which other part."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from fnmatch import fnmatchcase

import pytest

BETWEEN = {
    "epochly": set(),
    "epochly_verify": set(),
    "epochly_sbom": set(),
    "epochly_release": {"epochly_verify", "epochly_sbom"},
    "epochly_service": set(),
}

VALUES = {"model", "errors", "limits", "policy"}
INSIDE_VERIFY = {
    "data": set(),
    "errors": set(),
    "limits": set(),
    "model": set(),
    "policy": {"model", "limits", "errors"},
    "findings": {"model"},
    "parse": VALUES,
    "checks": {"parse", *VALUES},
    "run": {"checks", "parse", "findings", *VALUES},
    "render": {"model", "findings", "errors"},
    "authenticity": {"parse", *VALUES},
    "signatures": {"authenticity", "parse", *VALUES},
    "gather": {"parse", "data", *VALUES},
    "progress": set(),
    "refresh": {"gather", *VALUES},
    "api": {"gather", "signatures", "authenticity", "run", "parse", *VALUES},
    "__init__": {"api", "gather", *VALUES},
    "conformance": {"gather", "signatures", "authenticity", "parse", *VALUES},
    "cli": {
        "__init__",
        "api",
        "gather",
        "progress",
        "run",
        "render",
        "refresh",
        "conformance",
        "parse",
        *VALUES,
    },
    "__main__": {"cli"},
}
EXCEPTED = {  # (importer, imported) -> why
    (
        "epochly_verify.parse.policy",
        "epochly_verify.findings.catalogue",
    ): "a policy may weigh only ids that exist",
}

# Who may import a library that is heavy, or that judges signatures. Everybody else gets values.
OUR_JUDGE, THEIR_JUDGE, REFRESH, SIGNING, REHEARSAL = (
    "epochly_verify.authenticity.*",
    "epochly_verify.signatures",
    "epochly_verify.refresh",
    "epochly_release.signing",  # the maker's own wrapper: it signs, it judges nothing
    "epochly_release.rehearsal.*",  # plays the other side: it issues what the judge judges
)
LICENSING, SERVICE = "epochly.licensing.*", "epochly_service.*"  # the two ends of epochly-pop v1
GATEWAY = "epochly.net.gateway"  # the one door out of the runtime
KEEPERS = {
    "cryptography": (OUR_JUDGE, REHEARSAL, LICENSING, SERVICE),
    "httpx": (GATEWAY,),
    "httpcore": (GATEWAY,),
    "rfc3161_client": (OUR_JUDGE,),
    "sigstore": (THEIR_JUDGE, SIGNING),
    "sigstore_models": (THEIR_JUDGE, SIGNING),
    "tuf": (REFRESH,),
}
OF_PYTHON = {"_imp", "_xxsubinterpreters"}  # CPython's own, which its list of modules leaves out
PART_OF = {  # import name -> the distribution that brings it
    "sigstore_models": "sigstore",  # the types in a declared library's own interface
    "cyclonedx": "cyclonedx_python_lib",
    "packageurl": "packageurl_python",
    "yaml": "pyyaml",
    "llvmlite": "numba",  # its back end, in the one version that numba asks for
    "httpcore": "httpx",  # its lower layer, which lets a caller own the sockets
}


def imported(module):
    """Every absolute dotted name a module imports, wherever the statement stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.name.split(".")
                kept = parents[: len(parents) - node.level + module.is_package]
                base = ".".join([*kept, base] if base else kept)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def packages_crossed(module):
    """Imports from one of our packages to another that no arrow allows."""
    for name in imported(module):
        target = name.partition(".")[0]
        if target in BETWEEN and target != module.package and target not in BETWEEN[module.package]:
            yield f"{module.name} imports {name}"


def parts_crossed(module, parts):
    """Imports inside `epochly_verify` that no arrow allows; a part the table does not know is one too."""
    if module.part not in INSIDE_VERIFY:
        yield f"{module.name}: `{module.part}` has no place in the table of arrows"
        return
    for name in imported(module):
        head, _, rest = name.partition(".")
        if head != module.package:
            continue
        target = rest.partition(".")[0]
        if target not in parts:
            target = "__init__"
        if target in {module.part, *INSIDE_VERIFY[module.part]} or (module.name, name) in EXCEPTED:
            continue
        yield f"{module.name} imports {name}"


def libraries_misplaced(module):
    """Imports of a kept library outside its keepers."""
    for name in imported(module):
        keepers = KEEPERS.get(name.partition(".")[0])
        if keepers is not None and not any(fnmatchcase(module.name, keeper) for keeper in keepers):
            yield f"{module.name} imports {name}"


def libraries_undeclared(module, declared):
    """Imports of a library that the distribution's `pyproject.toml` does not ask for."""
    for name in imported(module):
        library = name.partition(".")[0]
        library = PART_OF.get(library, library)
        if (
            library not in {*sys.stdlib_module_names, *OF_PYTHON}
            and library not in BETWEEN
            and library not in declared
        ):
            yield f"{module.name} imports {name}"


def declared_libraries(pyproject):
    """Import names of a project's dependencies; ours are spelled like their distributions."""
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    asked = [
        *project.get("dependencies", []),
        *(line for extra in project.get("optional-dependencies", {}).values() for line in extra),
    ]
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0].replace("-", "_") for requirement in asked}


def test_packages_import_each_other_only_along_the_arrows(modules):
    """`release` may use `verify` and `sbom`; nothing else crosses, so one bug cannot hide itself."""
    faults = [fault for module in modules for fault in packages_crossed(module)]
    assert not faults, "\n".join(faults)


def test_parts_of_verify_import_each_other_only_along_the_arrows(modules):
    """Bytes enter at the edge, are parsed, judged and rendered, and no part reaches around that."""
    ours = [module for module in modules if module.package == "epochly_verify"]
    parts = {module.part for module in ours}
    faults = [fault for module in ours for fault in parts_crossed(module, parts)]
    assert not faults, "\n".join(faults)


def test_signing_libraries_are_imported_by_the_signature_wrapper_alone(modules):
    """Who wants integrity only never pays for the signing library, and its types go nowhere else."""
    faults = [fault for module in modules for fault in libraries_misplaced(module)]
    assert not faults, "\n".join(faults)


def rehearsal_known(module):
    """Imports of the rehearsal by the tool it rehearses; only its own command may start it."""
    if module.package != "epochly_release" or module.part in {"rehearsal", "cli"}:
        return
    for name in imported(module):
        if name.startswith("epochly_release.rehearsal"):
            yield f"{module.name} imports {name}"


def test_no_step_of_a_release_knows_that_it_is_rehearsed(modules):
    """What is rehearsed is what runs: nothing in the tool can tell the two apart."""
    faults = [fault for module in modules for fault in rehearsal_known(module)]
    assert not faults, "\n".join(faults)


def test_rehearsal_known_sees_a_planted_import(plant):
    """The rule catches a step that reaches for the other side, also late."""
    text = "def run():\n    from epochly_release.rehearsal.oidc import ISSUER"
    assert len(list(rehearsal_known(plant("epochly_release.steps.attest", text)))) == 1
    assert list(rehearsal_known(plant("epochly_release.rehearsal.jobs", text))) == []


def test_every_imported_library_is_a_declared_dependency(modules, root):
    """Nothing works only because a dependency happens to bring another one along."""
    declared = {
        package: declared_libraries(root / folder / "pyproject.toml")
        for package, folder in zip(BETWEEN, (".", "verify", "sbom", "release", "service"), strict=True)
    }
    faults = [fault for module in modules for fault in libraries_undeclared(module, declared[module.package])]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly", "import epochly_verify"),
        ("epochly_verify.run", "from epochly import jit"),
        ("epochly_verify.run", "def late():\n    import epochly_sbom.cli"),
        ("epochly_sbom", "from epochly_verify.parse import zip"),
        ("epochly_service.store", "import epochly"),
    ],
)
def test_packages_crossed_sees_a_planted_import(plant, name, text):
    """The rule catches each forbidden direction, also inside a function."""
    assert len(list(packages_crossed(plant(name, text)))) == 1


def test_packages_crossed_allows_release_to_use_the_judge(plant):
    """The two arrows there are stay open."""
    text = "import epochly_verify\nfrom epochly_sbom import compare"
    assert list(packages_crossed(plant("epochly_release.plan", text))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly_verify.parse.zip", "from epochly_verify.checks import archive"),
        ("epochly_verify.parse.zip", "from epochly_verify import render"),
        ("epochly_verify.parse.zip", "from ..gather import read"),
        ("epochly_verify.parse.zip", "import epochly_verify"),
        ("epochly_verify.checks.record", "from epochly_verify.run import judge"),
        ("epochly_verify.render.text", "from epochly_verify.policy import Policy"),
        ("epochly_verify.findings.record", "from epochly_verify.errors import InputError"),
        ("epochly_verify.model", "def f():\n    from epochly_verify.policy import Policy"),
        ("epochly_verify.tricks", ""),
    ],
)
def test_parts_crossed_sees_a_planted_import(plant, name, text):
    """The rule catches absolute, relative and late imports against the arrows, and a part it does not know."""
    assert len(list(parts_crossed(plant(name, text), set(INSIDE_VERIFY)))) == 1


def test_every_excepted_import_is_still_there(modules):
    """An exception that nobody needs any more is taken out of the table."""
    there = {(module.name, name) for module in modules for name in imported(module)}
    assert set(EXCEPTED) <= there


def test_parts_crossed_allows_the_arrows(plant):
    """What the picture in `docs/architecture.md` draws is allowed."""
    text = "from epochly_verify.parse.zip import read\nfrom ..model import Ran\nfrom . import hash"
    assert list(parts_crossed(plant("epochly_verify.checks.archive", text), set(INSIDE_VERIFY))) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("epochly_verify.checks.signature", "from sigstore.verify import Verifier"),
        ("epochly_verify.parse.der", "def f():\n    from cryptography import x509"),
        ("epochly_verify.cli", "import rfc3161_client as tsa"),
        ("epochly", "import sigstore"),
        ("epochly", "from cryptography.hazmat.primitives.asymmetric import ed25519"),
        ("epochly.licensing.client", "import httpx"),
    ],
)
def test_libraries_misplaced_sees_a_planted_import(plant, name, text):
    """The rule catches a signing library outside the wrapper, also when it is imported late."""
    assert len(list(libraries_misplaced(plant(name, text)))) == 1


def test_libraries_undeclared_sees_a_planted_import(plant):
    """The rule catches a library that only a dependency of ours asks for."""
    module = plant("epochly_verify.signatures", "import pydantic\nimport json\nimport sigstore")
    assert list(libraries_undeclared(module, {"sigstore"})) == ["epochly_verify.signatures imports pydantic"]
