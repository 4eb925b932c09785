"""`.pth` files, and what a line of code in one hides: nothing is raised."""

from __future__ import annotations

from mutations import any_lines

from epochly_verify.parse.onelinecode import hidden_in
from epochly_verify.parse.pth import declares_namespace, leaves_site_packages, parse_pth

mutate = any_lines


def one_input(data: bytes) -> None:
    """Read it, and look at every line both as code and as a path."""
    for line in parse_pth(data).lines:
        assert line.text.strip()
        hidden_in(line.text)
        declares_namespace(line.text)
        leaves_site_packages(line.text)
