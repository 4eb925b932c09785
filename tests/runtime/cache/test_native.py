"""Machine code as bytes: what would not survive its process is not kept, and what is no machine code is not linked."""

from __future__ import annotations

import types

import numpy as np
import pytest

from epochly._cache.native import LENGTH, Unkept, loaded, packed
from epochly._exact.kinds import OPAQUE, Items, Iterator
from epochly._exact.made import Made


def helper():
    """A function of Python's."""


def made_by_numba(*, variables=(), **changes):
    """What numba might have compiled."""
    library = types.SimpleNamespace(
        has_dynamic_globals=changes.pop("dynamic", False),
        _get_compiled_object=lambda: b"",
        _final_module=types.SimpleNamespace(
            global_variables=[types.SimpleNamespace(name=name) for name in variables]
        ),
    )
    result = types.SimpleNamespace(
        library=library,
        environment=types.SimpleNamespace(consts=changes.pop("consts", [])),
        reload_init=changes.pop("reload_init", []),
        fndesc=types.SimpleNamespace(llvm_cpython_wrapper_name="entry", env_name="environment"),
    )
    plain = {"entry": print, "written": (), "returned": None, "return_type": "none", "helpers": ()}
    return Made(**{**plain, **changes}, result=result)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dynamic": True}, "address of this process"),
        ({"reload_init": [print]}, "initialiser"),
        ({"variables": ["other", "_ZN08NumbaEnvOfNobody"]}, "environment that is gone"),
        ({"consts": [object()]}, "type `object`"),
        ({"consts": [np.dtype("V8")]}, "type `"),
        ({"helpers": (helper,)}, "does not describe"),
        ({"returned": Iterator(OPAQUE)}, "cannot be described"),
        ({"returned": Items((None,))}, "cannot be described"),
        ({}, "not a readable object"),
    ],
)
def test_code_that_belongs_to_its_process_is_not_kept(changes, reason):
    """Addresses, initialisers and Python objects do not survive a process, so code with them is not kept."""
    with pytest.raises(Unkept, match=reason):
        packed(made_by_numba(**changes), ())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0\0\0\2[]",
        b"\0\0\0\1{",
        b"\xff\xff\xff\xff",
        LENGTH.pack(4) + b"null",
        LENGTH.pack(3) + b"\xff\xff\xff",
    ],
)
def test_any_bytes_are_loaded_or_refused(payload):
    """A payload that is no description and object file is refused before anything is linked."""
    with pytest.raises(Unkept):
        loaded(payload, helper, ())
