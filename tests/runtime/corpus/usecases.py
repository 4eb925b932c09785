"""The functions that numba's own test-suite tries, found in the installed package by looking, not by a list.

Module-level functions, and functions defined inside tests that close over nothing. It refuses every function whose
names, or whose helpers' names, could read a clock, a random number, a file, or memory nobody has written: the interpreter
would not agree with itself. numba's files are imported and never changed.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import math
import operator
import pkgutil
import random
import types

import numpy as np

MOST_PARAMETERS = 4
STARRED = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE
STARRED |= inspect.CO_ASYNC_GENERATOR
# Names of attributes that touch the world, change what others see, or read memory nobody has written.
IMPURE = {
    "empty", "empty_like", "ndarray", "random", "rand", "seed", "save", "load", "tofile", "fromfile", "savetxt",
    "loadtxt", "memmap", "seterr", "ctypes", "setflags", "resize", "getbuffer", "data", "base", "__array_interface__",
    "set_printoptions", "default_rng", "errstate", "setattr", "delattr", "fromstring", "frombuffer", "put",
    "lookup", "flags",
}  # fmt: skip
BUILTINS = {
    "abs", "all", "any", "bool", "complex", "divmod", "enumerate", "float", "int", "isinstance", "len", "list", "map",
    "max", "min", "pow", "range", "reversed", "round", "slice", "sorted", "sum", "tuple", "type", "zip", "dict", "set",
    "filter", "iter", "next", "ord", "chr", "str", "bytes", "bytearray",
    "ValueError", "TypeError", "IndexError", "KeyError", "ZeroDivisionError", "Exception", "AssertionError",
    "OverflowError", "StopIteration", "RuntimeError", "NotImplementedError",
}  # fmt: skip
VALUES = (int, float, bool, complex, str, np.generic, np.ufunc)


def modules():
    """Names of the modules of numba's test-suite."""
    from numba import tests

    return sorted(each.name for each in pkgutil.iter_modules(tests.__path__) if not each.ispkg)


def functions(module_name):
    """`name, function` of what the module defines, plain Python and pure; each name once."""
    module = importlib.import_module(f"numba.tests.{module_name}")
    found = {}
    for name, value in vars(module).items():
        function = getattr(value, "py_func", value)
        if isinstance(function, types.FunctionType) and function.__module__ == module.__name__:
            found.setdefault(name, function)
            nested(function.__code__, name, vars(module), found)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for method_name, method in vars(value).items():
                if isinstance(method, staticmethod) and isinstance(method.__func__, types.FunctionType):
                    found.setdefault(f"{name}.{method_name}", method.__func__)
                elif isinstance(method, types.FunctionType):
                    nested(method.__code__, f"{name}.{method_name}", vars(module), found)
    return {name: function for name, function in found.items() if is_usable(function)}


def nested(code, path, space, found):
    """Functions that `code` would define, as far as they need nothing of its locals."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            name = f"{path}.{constant.co_name}"
            if not constant.co_freevars and constant.co_name.isidentifier():
                while name in found:
                    name += "_"
                found[name] = types.FunctionType(constant, space, constant.co_name)
            nested(constant, name, space, found)


def is_usable(function):
    """Whether a function can be called with a table of arguments, and gives the same each time."""
    code = function.__code__
    count = code.co_argcount
    if not 1 <= count <= MOST_PARAMETERS or code.co_flags & STARRED or code.co_kwonlyargcount:
        return False
    return code.co_varnames[0] != "self" and is_pure(function, set())


def is_pure(function, seen):
    """Whether every name of a function is a number, a plain function of ours, or known to be pure."""
    if function in seen:
        return True
    seen.add(function)
    names = names_of(function.__code__)
    if names & IMPURE:
        return False
    space = function.__globals__
    return all(is_known(space[name], seen) for name in names if name in space) and all(
        name in BUILTINS or not hasattr(builtins, name) for name in names if name not in space
    )


def names_of(code):
    """Every global and attribute name a code object and those in it mention."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(names_of, inner))


def is_known(value, seen):
    """Whether a global can be no surprise; one that numba has compiled is."""
    if value in (math, operator, np) if isinstance(value, types.ModuleType) else value is None:
        return True
    if isinstance(value, VALUES) or (
        isinstance(value, tuple) and all(is_known(item, seen) for item in value)
    ):
        return True
    if isinstance(value, np.ndarray):
        return not value.flags.writeable
    if isinstance(value, types.FunctionType):
        return value.__module__.startswith("numba.tests.") and is_pure(value, seen)
    return isinstance(value, type) and issubclass(value, (range, np.generic))


def listed(steps=None, most=None, seed=0):
    """`[module, name]` of every usable function of the modules that can be imported here, each text of code once.

    With `steps`, only of the modules named, and of each only every `steps[module]`-th. With `most`, at most so many of a
    module, chosen by the seed.
    """
    found, texts = [], set()
    for module_name in modules() if steps is None else steps:
        try:
            usable = list(functions(module_name).items())
        except (ImportError, OSError):  # it needs a library or a program that is not installed
            continue
        if most is not None and len(usable) > most:
            usable = random.Random(f"{seed} {module_name}").sample(usable, most)
        for name, function in usable[:: steps[module_name] if steps else 1]:
            text = text_of(function.__code__)
            if text not in texts:
                texts.add(text)
                found.append([module_name, name])
    return found


def text_of(code):
    """What a code object says, wherever it was written and whatever its names of arguments are."""
    constants = [text_of(each) if isinstance(each, types.CodeType) else repr(each) for each in code.co_consts]
    return repr((code.co_argcount, code.co_code, constants, code.co_names))
