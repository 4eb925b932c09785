"""What a step is given besides the plan, and what it gives back. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Places:
    """Where a release happens on this machine; none of it may change what comes out.

    Attributes:
        repository: the git repository's top folder.
        out: folder for files and journal.
        build_root: folder for clones and builds, the same on every machine that compares.
        pythons: interpreters that build; the first one's describes itself in the record first.
        index: address that outranks the configuration's, or empty.
        tools: `lock` to install the build tools from the build lock, `installed` to use what the interpreters have.
        any_tree: the commit was named, so the working tree does not matter.
        trust_config: file with a Sigstore client trust configuration, or empty for the public instance.
        rebuilt: folder with what an independent builder made, or empty.
        upload_url: address that outranks the configuration's, or empty.
    """

    repository: str
    out: str
    build_root: str
    pythons: tuple[str, ...]
    index: str = ""
    tools: str = "lock"
    any_tree: bool = False
    trust_config: str = ""
    rebuilt: str = ""
    upload_url: str = ""

    @property
    def built(self) -> str:
        """Where the build leaves its files, before they are described."""
        return f"{self.out}/built"

    @property
    def confirmed(self) -> str:
        """Where the files lie that came back from the index."""
        return f"{self.out}/confirmed"


@dataclass(frozen=True, slots=True)
class StepResult:
    """The sha256 of each file the step leaves in `Places.out`, by name, and what it has to say."""

    files: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
