"""Python words for instructions that the exact compiler never takes, each with what its writer could do instead.

A table, and refuses to be more: what depends on types, only the compiler knows.
"""

from __future__ import annotations

from typing import NamedTuple


class Block(NamedTuple):
    """What keeps a line in the interpreter, and a fix."""

    what: str
    fix: str


OPERATIONS = {
    "BUILD_MAP": Block("makes a dict", "use an array, or make it outside of the loop's function"),
    "BUILD_CONST_KEY_MAP": Block("makes a dict", "use an array, or make it outside of the loop's function"),
    "BUILD_SET": Block("makes a set", "use an array of flags"),
    "BUILD_STRING": Block("makes text", "return numbers, and make text of them in the caller"),
    "FORMAT_VALUE": Block("makes text", "return numbers, and make text of them in the caller"),
    "FORMAT_SIMPLE": Block("makes text", "return numbers, and make text of them in the caller"),
    "IMPORT_NAME": Block("imports", "import at the top of the file"),
    "STORE_GLOBAL": Block("changes a global variable", "return the value instead"),
    "DELETE_GLOBAL": Block("deletes a global variable", "do it in the caller"),
    "STORE_DEREF": Block("changes a variable of an enclosing function", "return the value instead"),
    "STORE_ATTR": Block("changes an attribute", "work on a local variable, and set the attribute afterwards"),
    "DELETE_ATTR": Block("deletes an attribute", "do it in the caller"),
    "DELETE_SUBSCR": Block("deletes an item", "mark it instead"),
    "MAKE_FUNCTION": Block("defines a function", "define it outside, and give it what it needs as arguments"),
    "LOAD_BUILD_CLASS": Block("defines a class", "define it outside"),
    "BEFORE_WITH": Block("has a `with` block", "put the loop into a function that is called inside of it"),
    "LOAD_SPECIAL": Block("has a `with` block", "put the loop into a function that is called inside of it"),
    "CHECK_EXC_MATCH": Block("handles an exception", "put the loop into a function without `try`"),
    "YIELD_VALUE": Block("is a generator", "fill an array and return it"),
    "GET_AWAITABLE": Block("awaits", "put the loop into a plain function"),
    "CALL_FUNCTION_EX": Block("calls with `*` or `**`", "write the arguments out"),
    "MATCH_MAPPING": Block("matches a mapping", "use plain comparisons"),
    "MATCH_CLASS": Block("matches a class", "use plain comparisons"),
    "MATCH_SEQUENCE": Block("matches a sequence", "use plain comparisons"),
}
GLOBALS = {
    "print": Block("prints", "print in the caller"),
    "input": Block("waits for input", "read it in the caller"),
    "open": Block("opens a file", "read it in the caller, and pass arrays"),
    "isinstance": Block("asks for a type", "write one function a type"),
    "getattr": Block("looks an attribute up by name", "pass the value"),
    "setattr": Block("sets an attribute by name", "return the value"),
    "sorted": Block("sorts", "sort in the caller"),
    "random": Block("draws random numbers", "draw them in the caller, and pass an array"),
    "time": Block("reads a clock", "read it in the caller"),
    "re": Block("matches text", "do it in the caller"),
    "json": Block("handles JSON", "do it in the caller"),
    "os": Block("talks to the system", "do it in the caller"),
    "dict": Block("makes a dict", "use an array"),
    "set": Block("makes a set", "use an array of flags"),
    "str": Block("makes text", "do it in the caller"),
    "repr": Block("makes text", "do it in the caller"),
}
