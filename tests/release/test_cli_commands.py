"""The commands beside the steps: they answer under the same program name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from epochly_release.cli import main

ROOT = Path(__file__).parents[2]


def test_lint_command_finds_our_workflows_clean(capsys):
    """`epochly-release lint` reads this repository's workflows, the release among them, and has nothing to say."""
    assert (ROOT / ".github" / "workflows" / "release.yml").is_file()
    assert main(["lint", str(ROOT / ".github" / "workflows")]) == 0
    assert "no findings in 2 workflows" in capsys.readouterr().out


def test_lint_command_flags_a_bad_workflow(tmp_path):
    """A release from a tag push with a stored password is told, exit 1."""
    workflow = tmp_path / "release.yml"
    workflow.write_text(
        "on: {push: {tags: ['v*']}}\njobs:\n  publish:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: pip install twine && twine upload dist/*\n        env: {TWINE_PASSWORD: '${{ secrets.T }}'}\n"
    )
    assert main(["lint", str(workflow)]) == 1


def test_settings_command_asks_for_what_it_needs():
    """Without the forge's answers there is nothing to compare: a usage error."""
    with pytest.raises(SystemExit) as caught:
        main(["settings"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("command", "library", "extra"), [("rehearse", "uvicorn", "rehearsal"), ("lint", "yaml", "lint")]
)
def test_command_without_its_extra_names_it(command, library, extra):
    """A library that only an extra brings is named with the extra, in one line and with exit code 2."""
    program = f"import sys; sys.modules[{library!r}] = None; from epochly_release.cli import main; sys.exit(main([{command!r}]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == f"epochly-release: `{library}`: is not installed; hint: install `epochly-release[{extra}]`\n"
    )
