"""Member names as a tree of numbered nodes, so that comparing paths costs no more than reading them once.

Built for hostile names: a thousand names of two thousand components each must not become two million strings.
"""

from __future__ import annotations


class NameTree:
    """Paths to numbers: equal paths have equal numbers, and every folder above a path has one too. The root is 0."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[int, str], int] = {}
        self._folders: dict[str, int] = {"": 0}
        self.parents: set[int] = set()  # nodes that have something below them

    def place(self, path: str) -> int:
        """The number of a path (no trailing `/`), after adding it and its folders."""
        folder, _, base = path.rpartition("/")
        parent = self._folders.get(folder)
        if parent is None:
            parent = 0
            for part in folder.split("/"):
                parent = self.below(parent, part)
            self._folders[folder] = parent
        return self.below(parent, base)

    def __len__(self) -> int:
        """How many nodes there are besides the root."""
        return len(self._nodes)

    def below(self, parent: int, part: str) -> int:
        """The number of a component below a node, after adding it."""
        self.parents.add(parent)
        return self._nodes.setdefault((parent, part), len(self._nodes) + 1)
