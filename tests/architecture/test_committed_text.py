"""What no committed text may say: where packages are fetched from, or where on somebody's machine it was written.

The words are put together from pieces here, so that this file does not hold them itself.
"""

from __future__ import annotations

import re

import pytest

DOT, SLASH = r"\.", "/"
REGISTRIES = {
    "the Python index": rf"(?<!docs{DOT})\bpypi{DOT}(?:org|io|python{DOT}org)\b|\bpythonhosted{DOT}org\b",
    "a JavaScript registry": rf"\b(?:registry{DOT}npmjs{DOT}(?:org|com)|registry{DOT}yarnpkg{DOT}com|npm{DOT}jsr{DOT}io)\b",
    "a crate registry": rf"\b(?:index{DOT})?crates{DOT}io\b",
    "a Go proxy": rf"\b(?:proxy|sum){DOT}golang{DOT}org\b",
    "a container registry": rf"\b(?:ghcr{DOT}io|quay{DOT}io|docker{DOT}io|gcr{DOT}io)\b",
    "a conda channel": rf"\b(?:conda{DOT})?anaconda{DOT}org\b",
}
PLACES = {
    "a path of one machine": rf"(?<![\w.~}}])[{SLASH}](?:work|root|home/\w+|Users/\w+|tmp/s)(?:{SLASH}|\b(?!\w))",
    "a folder outside the repository": r"\.\./" + r"(?:shared|design)\b",
}
EVIDENCE = re.compile(r"tests/vectors/(?!README\.md)")  # other people's bytes, judged as they are


def telltales(path, data):
    """Places and registries a file names, one line each; binary files say nothing."""
    if EVIDENCE.match(path) or b"\0" in data:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        for what, pattern in (REGISTRIES | PLACES).items():
            found = re.search(pattern, line)
            if found:
                yield f"{path}:{number}: {what}: {found[0]}"


def workflow_faults(text):
    """What is loose in a workflow: rights it does not need, or code that can change under its name."""
    if not re.search(r"^permissions: \{\}", text, re.MULTILINE):
        yield "rights are not empty at the top"
    uses = re.findall(r"uses:\s*(\S+)(.*)", text)
    yield from (
        f"{name} is not pinned by commit" for name, _ in uses if not re.search(r"@[0-9a-f]{40}$", name)
    )
    yield from (
        f"{name} does not say which version it is" for name, rest in uses if not re.search(r"# v\d", rest)
    )
    if text.count("actions/checkout@") != text.count("persist-credentials: false"):
        yield "a checkout leaves its token behind"
    if re.search(r"pull_request_target|workflow_run", text):
        yield "foreign code would run with the repository's rights"
    if re.search(r"run:.*\$\{\{|^\s+\$\{\{", text, re.MULTILINE):
        yield "a shell command is put together from an expression"


def test_committed_text_names_no_registry_and_no_machine(committed):
    """A clone works from any index and any folder, and tells nothing about where it was written."""
    faults = [fault for path, data in committed.items() for fault in telltales(path, data)]
    assert not faults, "\n".join(faults)


def test_workflows_hold_no_rights_and_run_no_moving_code(committed):
    """What runs on the forge runs pinned code with no rights it does not name."""
    workflows = {
        path: data.decode() for path, data in committed.items() if path.startswith(".github/workflows/")
    }
    assert workflows
    assert [f"{path}: {fault}" for path, text in workflows.items() for fault in workflow_faults(text)] == []


@pytest.mark.parametrize(
    "pieces",
    [
        ("https://", "pypi", ".org/simple"),
        ("https://test.", "pypi", ".org/legacy/"),
        ("see https://files.python", "hosted.org/x.whl"),
        ("registry.npm", "js.org"),
        ("FROM ", "ghcr", ".io/owner/image"),
        ("see ", "/wo", "rk/main/verify"),
        ("cd ", "/ro", "ot"),
        ("open('", "/ho", "me/alice/x')"),
        ("[notes](", "../", "design/notes.md)"),
    ],
)
def test_telltales_sees_a_planted_line(pieces):
    """The rule catches registries and machine paths of every kind."""
    assert len(list(telltales("planted.md", "".join(pieces).encode()))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "https://docs.pypi.org/attestations/publish/v1",
        "https://packaging.python.org/en/latest/specifications/",
        "src/work/home.py and docs/" + "root/x, `~/work/`",
        "pkg:pypi/demo@1.0",
    ],
)
def test_telltales_allows_specifications_and_relative_paths(line):
    """Type URIs, specifications and the repository's own folders may be named."""
    assert list(telltales("planted.md", line.encode())) == []


def test_workflow_faults_sees_planted_faults():
    """The rule catches each loose thing, and lets a tight workflow pass."""
    tight = (
        "permissions: {}\njobs:\n  a:\n    steps:\n"
        f"      - uses: actions/checkout@{'0' * 40} # v1\n        with:\n          persist-credentials: false\n"
        "      - run: make test\n"
    )
    assert list(workflow_faults(tight)) == []
    for old, new in [
        ("permissions: {}", "permissions: write-all"),
        ("0" * 40, "main"),
        (" # v1", ""),
        ("persist-credentials: false", "fetch-depth: 0"),
        ("jobs:", "on: pull_request_target\njobs:"),
        ("make test", "echo ${{ github.head_ref }}"),
    ]:
        assert len(list(workflow_faults(tight.replace(old, new)))) == 1
