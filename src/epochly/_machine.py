"""What this computer and this Python are: cores, interpreter, and the versions of numba and NumPy that are installed.

It refuses to import a library to learn its version: installed metadata tells it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
else:
    from epochly._records import dataclass

TESTED_NUMBA = ((0, 68),)  # major, minor; the exact compiler reads numba's internals, so others are not tried
TESTED_PYTHON = ((3, 11), (3, 12), (3, 13))  # the design was measured on these


@dataclass(frozen=True, slots=True)
class Machine:
    """Python as (major, minor, micro); versions as text, or None where the library is not installed."""

    cores: int
    python: tuple[int, int, int]
    implementation: str
    free_threaded: bool
    numba: str | None
    numpy: str | None


def read_machine(
    *,
    version_of: Callable[[str], str | None],
    cores: int,
    python: tuple[int, int, int],
    implementation: str,
    free_threaded: bool,
) -> Machine:
    """The machine, with versions as `version_of` tells them; it says None of what is not installed."""
    return Machine(
        cores=max(1, cores),
        python=python,
        implementation=implementation,
        free_threaded=free_threaded,
        numba=version_of("numba"),
        numpy=version_of("numpy"),
    )


def why_no_compiler(machine: Machine) -> str | None:
    """Why nothing is compiled here, with a hint; None where the exact compiler may be tried."""
    if machine.implementation != "cpython" or machine.python[:2] not in TESTED_PYTHON:
        seen = f"{machine.implementation} {'.'.join(map(str, machine.python))}"
        return f"{seen} is untested, levels 0 and 1 work; hint: use CPython 3.11 to 3.13"
    if machine.free_threaded:
        return "this Python is free-threaded, levels 0 and 1 work; hint: compiled code was tested with the GIL only"
    if machine.numba is None or machine.numpy is None:
        missing = "numba" if machine.numba is None else "numpy"
        return f"`{missing}` is not installed, levels 0 and 1 work; hint: install `{missing}` to compile"
    if _leading(machine.numba) not in TESTED_NUMBA:
        tested = " or ".join(".".join(map(str, pair)) for pair in TESTED_NUMBA)
        return f"numba `{machine.numba}` is untested, levels 0 and 1 work; hint: install numba {tested}"
    return None


def _leading(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(number) for number in numbers if number.isascii() and number.isdigit())
