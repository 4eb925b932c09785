"""Functions of whole numbers: `divmod`, `pow` with a modulus, and `math.gcd`, `lcm`, `isqrt`, `factorial`, `comb`, `perm`.

Written in Python and compiled by numba; whatever leaves 64 bits, or raises, is left to the interpreter. It refuses NumPy's
numbers in `divmod` and `pow`. Sources: the Python library reference of `math`, the language reference 6.5 and 6.7.
"""

from __future__ import annotations

import builtins
import math
import operator
from typing import TYPE_CHECKING, Any

from epochly._exact import Deopt
from epochly._exact.kinds import PYTHON, Items, Kind, Number, words
from epochly._exact.lowering import F64, FLOAT, INT, Implementation, Key, numba_types, primitive
from epochly._exact.operators import division, float_floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from epochly._exact.check import Checker

MOST = 2**63 - 1
ROOT = 3_037_000_499  # of MOST, rounded down: products of two up to here fit
FACTORIALS = 20  # the largest n whose factorial fits
WIDE = "an int does not fit into 64 bits"


def _gcd(a: int, b: int) -> int:
    if a < -MOST or b < -MOST:
        raise Deopt(WIDE)
    a, b = abs(a), abs(b)
    while b:
        a, b = b, a % b
    return a


def _lcm(a: int, b: int) -> int:
    if a < -MOST or b < -MOST:
        raise Deopt(WIDE)
    if a == 0 or b == 0:
        return 0
    a, b = abs(a), abs(b)
    x, y = a, b
    while y:
        x, y = y, x % y
    a //= x
    if a > MOST // b:
        raise Deopt(WIDE)
    return a * b


def _isqrt(n: int) -> int:
    if n < 0:
        raise Deopt("the square root of a negative number")
    root = min(int(math.sqrt(n)), ROOT)
    while root * root > n:
        root -= 1
    while root < ROOT and (root + 1) * (root + 1) <= n:
        root += 1
    return root


def _factorial(n: int) -> int:
    if n < 0 or n > FACTORIALS:
        raise Deopt(WIDE)
    result = 1
    for i in range(2, n + 1):
        result *= i
    return result


def _comb(n: int, k: int) -> int:
    if n < 0 or k < 0:
        raise Deopt("`math.comb` of a negative number")
    if k > n:
        return 0
    k = min(k, n - k)
    result = 1
    for i in range(1, k + 1):
        factor = n - k + i
        if result > MOST // factor:
            raise Deopt(WIDE)
        result = result * factor // i
    return result


def _perm(n: int, k: int) -> int:
    if n < 0 or k < 0:
        raise Deopt("`math.perm` of a negative number")
    if k > n:
        return 0
    result = 1
    for i in range(k):
        if result > MOST // (n - i):
            raise Deopt(WIDE)
        result *= n - i
    return result


def _power(base: int, exponent: int, modulus: int) -> int:
    size = abs(modulus)
    if exponent < 0 or size == 0 or size > ROOT or modulus < -ROOT:
        raise Deopt("`pow` with a negative exponent, or a modulus that is 0 or beyond 31 bits")
    result, base = 1 % size, base % size
    while exponent:
        if exponent & 1:
            result = result * base % size
        base = base * base % size
        exponent >>= 1
    return result + modulus if modulus < 0 and result else result


def _compiled(function: Callable[..., Any]) -> Implementation:
    return lambda context, builder, signature, args: context.compile_internal(
        builder, function, signature, args
    )


def _both(quotient: Implementation, remainder: Implementation) -> Implementation:
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        result = signature.return_type
        operands = [
            builder.sitofp(arg, F64) if kind == INT and result.dtype == FLOAT else arg
            for kind, arg in zip(signature.args, args, strict=True)
        ]
        parts = [part(context, builder, signature, operands) for part in (quotient, remainder)]
        return context.make_tuple(builder, result, parts)

    return lower


_INTS, _FLOATS = numba_types.UniTuple(INT, 2), numba_types.UniTuple(FLOAT, 2)
_float_both = _both(float_floor(want_quotient=True), float_floor(want_quotient=False))
DIVMOD: Key = primitive(
    "divmod",
    {(INT, INT): (_INTS, _both(division(want_quotient=True), division(want_quotient=False)))}
    | dict.fromkeys(((FLOAT, FLOAT), (INT, FLOAT), (FLOAT, INT)), (_FLOATS, _float_both)),
)
POWER: Key = primitive("pow_modulo", {(INT, INT, INT): (INT, _compiled(_power))})
REPLACED: dict[Any, Key] = {
    function: primitive(f"math_{function.__name__}", {(INT,) * arity: (INT, _compiled(ours))})
    for function, ours, arity in (
        (math.gcd, _gcd, 2),
        (math.lcm, _lcm, 2),
        (math.isqrt, _isqrt, 1),
        (math.factorial, _factorial, 1),
        (math.comb, _comb, 2),
        (math.perm, _perm, 2),
    )
} | {builtins.divmod: DIVMOD}
CALLS = {*REPLACED.values(), POWER}


def call(checker: Checker, key: Key, expr: Any) -> Kind | None:
    """The kind of a call's result."""
    for arg in expr.args:
        kind, what = checker.not_literal(arg), checker.type_of(arg)
        if kind is None:
            return None
        if what != INT and not (key is DIVMOD and what == FLOAT):
            raise checker.reject(f"a function of ints on {words(what)}")
        if key in (DIVMOD, POWER) and isinstance(kind, Number) and kind.may_be_numpy:
            raise checker.reject("`divmod` or `pow` of one of NumPy's numbers")
    return Items((PYTHON, PYTHON)) if key is DIVMOD else PYTHON


def powers(statement: Any, function: Any) -> bool:
    """Let a call of `pow` be the operator, or ours if there is a modulus; whether it is."""
    call = statement.value
    if function.value is not builtins.pow or call.kws or call.vararg is not None:
        return False
    if len(call.args) == 3:
        function.value, function.name = POWER, POWER.__name__
    elif len(call.args) == 2:
        statement.value = type(call).binop(operator.pow, *call.args, statement.loc)
    return True
