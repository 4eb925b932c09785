"""What one call did, and whether two did the same: value, type, bits, exception, memory, identity, warnings.

It refuses to call results equal because they print or compare alike. Which NaN comes out of an operation, its sign and its
payload, is said apart from every other difference (`ONLY_NAN`): LLVM, like IEEE 754, takes all of them for one, so `x - -y`
becomes `x + y`, and of two NaN operands either may come through.
"""

from __future__ import annotations

import struct

import numpy as np

ONLY_NAN = "only the bits of a NaN"


class Outcome:
    """What one call returned or raised, with what it could have changed."""

    __slots__ = ("args", "as_bits", "bases", "error", "rows", "value", "warnings")

    def __init__(self, call, args, bases, log):
        self.args, self.bases, self.value, self.error = args, bases, None, None
        self.as_bits = False  # whether ints of 64 bits among the arguments may be the bits of floats
        self.rows = {
            id(row): (at, number)
            for at, arg in enumerate(args)
            if type(arg) is list
            for number, row in enumerate(arg)
        }
        log.clear()
        try:
            self.value = call(*args)
        except Exception as error:  # noqa: BLE001 - whatever it raises is what is compared
            self.error = error
        self.warnings = [(each.category, str(each.message), each.lineno) for each in log] if log else log[:]


def difference(due, found, *, as_bits=False):
    """How two outcomes of the same call differ, in words; empty if they do not.

    With `as_bits`, ints of 64 bits may be the bits of floats.
    """
    due.as_bits = as_bits
    if due.warnings != found.warnings:
        return f"warnings {found.warnings}, not {due.warnings}"
    if (due.error is None) != (found.error is None):
        return f"{said(found)}, not {said(due)}"
    only_nan = ""
    if due.error is not None:
        same = type(due.error) is type(found.error) and str(due.error) == str(found.error)
        if not same:
            return f"{said(found)}, not {said(due)}"
    else:
        only_nan = value_difference(due.value, found.value, due, found)
        if only_nan not in ("", ONLY_NAN):
            return only_nan
    for one, other in zip(due.bases, found.bases, strict=True):
        if one.tobytes() != other.tobytes():
            if not same_but_for_nans(one, other, as_bits=as_bits):
                return f"an array is {other.tolist()} afterwards, not {one.tolist()}"
            only_nan = ONLY_NAN
    for one, other in zip(due.args, found.args, strict=True):
        if type(one) is list:
            told = value_difference(one, other, due, found)
            if told and told != ONLY_NAN:
                return f"a list afterwards: {told}"
            only_nan = only_nan or told
    return only_nan


def same_but_for_nans(one, other, *, as_bits=False):
    """Whether two arrays of one dtype and shape are the same once every NaN is the same NaN."""
    if as_bits and one.dtype == "i8":
        one, other = one.view("f8"), other.view("f8")
    if one.dtype.kind not in "fc":
        return False
    parts = [array.copy().reshape(-1).view(array.real.dtype) for array in (one, other)]
    for part in parts:
        part[np.isnan(part)] = np.nan
    return parts[0].tobytes() == parts[1].tobytes()


def value_difference(one, other, due, found):
    """How two values differ, in words."""
    kind = type(one)
    if kind is not type(other):
        return f"{_shown(other)} of {type(other).__name__}, not {_shown(one)} of {kind.__name__}"
    if kind is int or kind is bool or one is None:
        return "" if one == other else f"{_shown(other)}, not {_shown(one)}"
    if isinstance(one, (float, np.floating, complex, np.complexfloating)):
        return "" if bits(one) == bits(other) else f"{other!r}, not {one!r}"
    if kind is tuple or kind is list:
        if place(one, due.args) != place(other, found.args) or len(one) != len(other):
            return f"{other!r}, not {one!r}, or another object"
        if identities(one, due) != identities(other, found):
            return f"{other!r}, not {one!r}, with other rows in it"
        told = [value_difference(mine, theirs, due, found) for mine, theirs in zip(one, other, strict=True)]
        return min((each for each in told if each), key=lambda each: each == ONLY_NAN, default="")
    if isinstance(one, np.ndarray):
        for what in (described, memory):
            mine = what(one) if what is described else memory(one, due)
            theirs = what(other) if what is described else memory(other, found)
            if mine != theirs:
                return f"an array {theirs}, not {mine}"
        if one.tobytes() == other.tobytes():
            return ""
        as_bits = due.as_bits and place(one, due.args) is not None
        return ONLY_NAN if same_but_for_nans(one, other, as_bits=as_bits) else f"{other!r}, not {one!r}"
    if isinstance(one, np.generic):
        same = one.dtype == other.dtype and one.tobytes() == other.tobytes()
        return "" if same else f"{other!r}, not {one!r}"
    return "" if repr(one) == repr(other) else f"{other!r}, not {one!r}"


def bits(value):
    """A float's or complex number's bits; every NaN is the same."""
    if isinstance(value, (complex, np.complexfloating)):
        return bits(value.real), bits(value.imag)
    return "nan" if value != value else struct.pack("d", value)  # noqa: PLR0124 - only NaN differs from itself


def place(value, args):
    """Which argument a value is, if it is one."""
    return next((at for at, arg in enumerate(args) if arg is value), None)


def identities(items, outcome):
    """Of each list in a list or tuple: which row of which argument it was, or which list in it is the same one."""
    lists = [id(item) for item in items if type(item) is list]
    return [(outcome.rows.get(each), lists.index(each)) for each in lists]


def described(array):
    """What a program can ask an array about itself."""
    return array.dtype, array.shape, array.strides, array.flags.num


def memory(array, outcome):
    """Which argument an array is, and where in whose memory it lies."""
    start = array.__array_interface__["data"][0]
    for number, base in enumerate(outcome.bases):
        first = base.__array_interface__["data"][0]
        if base.nbytes and first <= start < first + base.nbytes:
            return place(array, outcome.args), number, start - first
    return place(array, outcome.args), None, 0


def said(outcome):
    """An outcome in words."""
    if outcome.error is not None:
        return f"{type(outcome.error).__name__}: {outcome.error}"
    return _shown(outcome.value)


def _shown(value):
    """A value as it prints, or an int too long to print by its length."""
    try:
        return repr(value)
    except ValueError:
        return f"{type(value).__name__} too long to print ({value.bit_length() if isinstance(value, int) else '?'} bits)"
