"""The arguments of a call: mild ones, edges, arrays of every memory layout, views that share memory, and odd ones.

A `Parameter` says what a program expects; a `Call` holds the values that were drawn and makes the arguments afresh as often
as needed, each time with the same values, layout and sharing of memory. Arrays come from pools, since drawing eight numbers
costs more than the call. Sources of the edges: IEEE 754, two's complement, NumPy's memory layouts.
"""

from __future__ import annotations

import math
import random
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import numpy as np

INTS = [0, 1, 2, 3, 5, 8, -1, -7, 100, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**31), -2]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e10,
    1e308,
    -1e308,
    -1e-300,
    5e-324,
    3.0,
    math.inf,
    -math.inf,
    math.nan,
    2.5,
    2.0**53,
]
MILD_FLOATS = [0.5, 1.0, -1.5, 0.1, 3.0, 2.5, -0.25, 7.75, 1e-3, 12.0]
COMPLEXES = [
    0j,
    1j,
    1 + 2j,
    -0.0 + 0j,
    complex(math.inf, 1),
    complex(math.nan, 0),
    1e300 + 1e300j,
    -1.5 - 0.5j,
]
SHAPES = {  # long ones reach the blocks that sums and vector code work in
    1: [(8,)] * 40 + [(0,), (1,), (3,), (17,)] * 2 + [(150,), (300,)],
    2: [(3, 3)] * 18 + [(2, 4), (0, 3), (1, 1), (4, 3)] * 2 + [(12, 13)],
    3: [(2, 3, 2)] * 8 + [(1, 1, 1), (2, 0, 2)],
}
POOL = 48  # arrays of one dtype, shape and mood
LAYOUTS = ("C", "C", "C", "C", "F", "strided", "reversed", "offset", "read-only", "transposed", "turned")
SCALARS = {"i8": "int", "f8": "float", "b1": "bool", "c16": "complex"}  # what an element is, to a program
NARROW = ("i1", "i2", "i4", "u1", "u2", "u4", "u8", "f4")

# Numbers that only an exact comparison, quotient or remainder tells apart: an int, and what lies around it.
NEAR = [0, 1, -1, 2, 3, 7, 100, 2**31, 2**53, -(2**53), 2**62, 2**63 - 2]
CLOSE = {
    "int": lambda near: [near, near + 1, near - 1, -near],
    "float": lambda near: [
        float(near),
        math.nextafter(near, math.inf),
        math.nextafter(near, -math.inf),
        near + 0.5,
        -float(near),
    ],
}


class Metres(float):
    """A float that is not quite a float."""

    def __mul__(self, other):
        return Metres(float.__mul__(self, other))


class Count(int):
    """An int that is not quite an int."""

    def __add__(self, other):
        return "count"


@dataclass(frozen=True)
class Parameter:
    """What a program expects: `kind` is a scalar's, or `f8[1]`, an array of a dtype and dimensions, or `list[int]`."""

    name: str
    kind: str
    layout: str = "C"
    numpy: bool = False  # a scalar of NumPy's

    @property
    def dtype(self):
        """The dtype of an array."""
        return self.kind.partition("[")[0]

    @property
    def dimensions(self):
        """Of an array; none of anything else."""
        return 0 if "[" not in self.kind or self.kind.startswith("list") else int(self.kind[-2])


def number(chooser, kind, mood):
    """One scalar; `mild` is small and harmless, `wide` is anything."""
    if kind == "int":
        return chooser.randint(-4, 20) if mood == "mild" else chooser.choice(INTS)
    if kind == "float":
        return chooser.choice(MILD_FLOATS) if mood == "mild" else chooser.choice(FLOATS)
    if kind == "bool":
        return chooser.random() < 0.5
    if kind == "complex":
        return (
            complex(chooser.choice(MILD_FLOATS), chooser.choice(MILD_FLOATS))
            if mood == "mild"
            else chooser.choice(COMPLEXES)
        )
    if kind == "f4":
        with np.errstate(all="ignore"):
            return np.float32(number(chooser, "float", mood))
    info = np.iinfo(kind)
    if mood == "mild":
        return chooser.randint(max(info.min, -4), 20)
    return chooser.choice([info.min, info.max, 0, 1, info.max // 2 + 1, info.min // 2, 7])


@cache
def pool(dtype, shape, mood):
    """Arrays to choose from, the same in every run."""
    chooser = random.Random(f"{dtype}{shape}{mood}")
    kind, size = SCALARS.get(dtype, dtype), math.prod(shape)
    made = []
    for _ in range(POOL):
        rough = mood == "wide"
        values = [
            number(chooser, kind, "wide" if rough and chooser.random() < 0.4 else "mild") for _ in range(size)
        ]
        made.append(np.array(values, dtype).reshape(shape))
    return made


def laid_out(values, layout):
    """A fresh array with these values in that layout, and the memory it lies in."""
    if layout == "F":
        array = base = values.copy(order="F")
    elif layout == "strided":
        base = np.ones((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        array = base[..., ::2]
        array[...] = values
    elif layout == "reversed":
        base = values[..., ::-1].copy()
        array = base[..., ::-1]
    elif layout == "offset":
        base = np.ones(values.size + 2, values.dtype)
        array = base[1:-1].reshape(values.shape)
        array[...] = values
    elif layout == "transposed":
        base = values.T.copy()
        array = base.T
    elif layout == "turned":  # as a part of what is transposed
        turned = values.T
        base = np.ones((*turned.shape[:-1], 2 * turned.shape[-1]), values.dtype)
        array = base[..., ::2].T
        array[...] = values
    else:
        array = base = values.copy()
        array.flags.writeable = layout != "read-only"
    return array, base


@dataclass
class Call:
    """The values of one call."""

    parameters: tuple[Parameter, ...]
    values: list
    shared: tuple[int, int, str] | None = None  # the second shares the memory of the first, and how
    twice: tuple[int, int] | None = None  # the second is the list that the first is

    def make(self):
        """Fresh arguments, and the memory behind the arrays among them."""
        args, bases = [], []
        for parameter, value in zip(self.parameters, self.values, strict=True):
            if isinstance(value, np.ndarray) and parameter.dimensions:
                array, base = laid_out(value, parameter.layout)
                args.append(array)
                bases.append(base)
            elif isinstance(value, np.ndarray):
                args.append(value.copy())
                bases.append(args[-1])
            else:
                args.append(deepcopy(value) if type(value) is list else value)
        if self.twice is not None:
            args[self.twice[1]] = args[self.twice[0]]
        if self.shared is not None:
            first, second, how = self.shared
            args[second] = shared_with(args, bases, first, how)
        return tuple(args), bases


def shared_with(args, bases, first, how):
    """An argument that lies in the memory of another, whose layout it does not change."""
    array = args[first]
    if how == "same":
        return array
    if how == "bits":
        return array.view("i8" if array.dtype == "f8" else "f8")
    if how == "mirrored":
        return array[::-1]
    steps = 2 if how in ("woven", "behind") else 1
    base = np.resize(array, (len(array) + 2) * steps) if len(array) else np.ones(2 * steps, array.dtype)
    args[first] = base[: len(array) * steps : steps]
    args[first][...] = array
    bases.append(base)
    start = 1 if how in ("woven", "shifted") else 2
    return base[start : start + len(array) * steps : steps]


def sharing(chooser, parameters):
    """Two arrays of a program that could be one, or lie in the same memory, if there are two."""
    places = [place for place, each in enumerate(parameters) if each.dimensions]
    chooser.shuffle(places)
    for first in places:
        for second in places:
            one, other = parameters[first], parameters[second]
            layouts = (
                "C" if one.layout == "offset" else one.layout,
                "C" if other.layout == "offset" else other.layout,
            )
            if first == second:
                continue
            if one.kind == other.kind and layouts[0] == layouts[1] and layouts[0] != "read-only":
                vector = one.dimensions == 1
                hows = {"C": ["same", "shifted"], "strided": ["same", "woven", "behind"]}.get(
                    layouts[0], ["same"]
                )
                return first, second, chooser.choice(hows if vector else ["same"])
            if one.kind == other.kind and layouts == ("C", "reversed") and one.dimensions == 1:
                return first, second, "mirrored"
            if {one.kind, other.kind} == {"f8[1]", "i8[1]"} and layouts == ("C", "C"):
                return first, second, "bits"
    return None


def drawn(chooser, parameters, mood):
    """The arguments of one call: harmless ones if it is `mild`, edges if `wide`, numbers beside each other if `close`."""
    values = []
    near = chooser.choice(NEAR)
    for each in parameters:
        here = "wide" if mood == "wide" and chooser.random() < 0.6 else "mild"
        if mood == "close" and each.kind in CLOSE:
            value = chooser.choice(CLOSE[each.kind](near))
            values.append(as_numpy(value, each.kind) if each.numpy else value)
            continue
        if each.dimensions:
            shape = chooser.choice(SHAPES[each.dimensions])
            values.append(chooser.choice(pool(each.dtype, shape, here)))
        elif each.kind.startswith("list"):
            values.append(listed(chooser, each.kind[5:-1], here))
        else:
            value = number(chooser, each.kind, here)
            values.append(as_numpy(value, each.kind) if each.numpy else value)
    share = sharing(chooser, parameters) if chooser.random() < 0.15 else None
    lists = [place for place, each in enumerate(parameters) if each.kind.startswith("list")]
    alike = [(a, b) for a in lists for b in lists if a < b and parameters[a].kind == parameters[b].kind]
    return Call(
        parameters, values, share, chooser.choice(alike) if alike and chooser.random() < 0.1 else None
    )


def listed(chooser, kind, mood):
    """A list of numbers, or of such lists, mostly of one length."""
    if not kind.startswith("list"):
        length = chooser.choice([8, 8, 8, 8, 3, 1, 0] if mood == "wide" else [8, 8, 8, 8, 8, 3, 1])
        return [number(chooser, kind, mood) for _ in range(length)]
    count, length = chooser.choice([(3, 3), (3, 3), (3, 3), (2, 4), (1, 3), (4, 1)])
    rows = [[number(chooser, kind[5:-1], mood) for _ in range(length)] for _ in range(count)]
    if mood == "wide" and chooser.random() < 0.1:
        rows[-1] = chooser.choice([rows[0], rows[0][:1], []])  # the same row twice, or another length
    return rows


def as_numpy(value, kind):
    """NumPy's scalar of a value."""
    dtype = {"int": "i8", "float": "f8", "bool": "b1", "complex": "c16"}.get(kind, kind)
    return np.dtype(dtype).type(value)


def odd(chooser, call):
    """The same call with one argument of a type that nobody compiled for."""
    place = chooser.randrange(len(call.parameters))
    each, value = call.parameters[place], call.values[place]
    if each.dimensions:
        choices = [
            None,
            1.5,
            value.tolist(),
            value.astype("f4" if value.dtype != "f4" else "f8"),
            value.astype(value.dtype.newbyteorder()),
            value[..., None],
            value.reshape(-1).view(np.matrix) if value.ndim == 1 else value.view(np.recarray),
            np.ma.masked_array(value),
        ]
    else:
        choices = [
            True, 3, 2.5, 2**70, -(2**63) - 1, None, "text", np.int64(4), np.float64(0.5), np.bool_(True), np.float32(0.1),
            np.uint8(200), Metres(2.0), Count(3), 1j, np.array(3), [1, 2], (1,),
        ]  # fmt: skip
    values = list(call.values)
    values[place] = chooser.choice(choices)
    parameters = tuple(
        Parameter(one.name, "odd") if at == place else one for at, one in enumerate(call.parameters)
    )
    return Call(parameters, values)
