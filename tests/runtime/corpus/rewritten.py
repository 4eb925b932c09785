"""Python's own test modules, with each operator and each numeric function going through a compiled one-liner.

The source is read from the interpreter's own library when the test runs, changed as a syntax tree, and executed under
another name: `a + b` becomes `served_add(a, b)`, `round(x)` and `math.sqrt(x)` become `through(round, x)`. It refuses to
change an assertion, a literal, or a call whose arguments are starred or named.
"""

from __future__ import annotations

import ast
import builtins
import collections
import importlib.util
import math
import operator
import types
from pathlib import Path

SYMBOLS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
UNARY = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not "}
BUILTINS = ("abs", "bool", "divmod", "float", "int", "max", "min", "pow", "round")
FUNCTIONS = {getattr(builtins, name): name for name in BUILTINS} | {
    function: f"math.{name}"
    for name, function in vars(math).items()
    if isinstance(function, types.BuiltinFunctionType)
}
WORDS = {
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.LtE: "le",
    ast.GtE: "ge",
    ast.NotEq: "ne",
    ast.Not: "not_",
    ast.Invert: "invert",
    ast.USub: "neg",
    ast.UAdd: "pos",
}
OPERATORS = {getattr(operator, WORDS.get(kind, kind.__name__.lower())): kind for kind in (*SYMBOLS, *UNARY)}
MODULES = (math, operator)


def one_liner(name, parameters, body):
    """A function with one statement, as a user would have written it."""
    space = {"math": math}
    exec(f"def {name}({', '.join(parameters)}):\n    {body}\n", space)
    return space[name]


class Operations:
    """The one-liners, made when they are first needed; `wrap` makes each of them a served function."""

    def __init__(self, wrap):
        self.wrap = wrap
        self.made = {}

    def get(self, name, parameters, body):
        """The served one-liner of that name and arity."""
        key = (name, len(parameters))
        if key not in self.made:
            self.made[key] = self.wrap(one_liner(name, parameters, body))
        return self.made[key]

    def through(self, function, *args):
        """`function(*args)`, served if it is one that has a one-liner."""
        if isinstance(function, Through):
            return function(*args)
        hashable = isinstance(function, collections.abc.Hashable)
        kind = OPERATORS.get(function) if hashable else None
        if kind is not None and len(args) == (1 if kind in UNARY else 2):
            return self.operation(kind)(*args)
        named = FUNCTIONS.get(function) if hashable else None
        if named is None or not 1 <= len(args) <= 4:
            return function(*args)
        parameters = "abcd"[: len(args)]
        body = f"return {named}({', '.join(parameters)})"
        return self.get("call_" + named.replace(".", "_"), parameters, body)(*args)

    def operation(self, kind):
        """The one-liner of an operator."""
        if kind in UNARY:
            return self.get(f"op_{kind.__name__}", "a", f"return {UNARY[kind]}a")
        return self.get(f"op_{kind.__name__}", "ab", f"return a {SYMBOLS[kind]} b")

    def names(self):
        """What rewritten source may mention."""
        plain = {f"served_{kind.__name__}": self.operation(kind) for kind in (*SYMBOLS, *UNARY)}
        in_place = {
            f"served_i{kind.__name__}": self.get(f"op_i{kind.__name__}", "ab", f"a {symbol}= b; return a")
            for kind, symbol in SYMBOLS.items()
            if issubclass(kind, ast.operator)
        }
        return plain | in_place | {"served_through": self.through}


class Through:
    """A function of `math` or `operator` that tests also hand around; called, it is served."""

    def __init__(self, operations, function):
        self.operations, self.function = operations, function
        self.__name__ = function.__name__

    def __call__(self, *args, **keywords):
        return self.function(*args, **keywords) if keywords else self.operations.through(self.function, *args)


class ThroughModule:
    """Stands for `math` or `operator`: the same constants, and functions that are served."""

    def __init__(self, operations, module):
        self.operations, self.module = operations, module

    def __getattr__(self, name):
        value = getattr(self.module, name)
        return Through(self.operations, value) if isinstance(value, types.BuiltinFunctionType) else value


class Rewriter(ast.NodeTransformer):
    """Turns operators and numeric calls into calls of served functions."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return self.call(node, type(node.op), node.left, node.right) if type(node.op) in SYMBOLS else node

    def visit_UnaryOp(self, node):
        self.generic_visit(node)
        return self.call(node, type(node.op), node.operand)

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in SYMBOLS:
            return node
        return self.call(node, type(node.ops[0]), node.left, node.comparators[0])

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name) or type(node.op) not in SYMBOLS:
            return node
        before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        value = self.call(node, type(node.op), before, node.value, prefix="served_i")
        return ast.copy_location(ast.Assign([node.target], value), node)

    def visit_Call(self, node):
        self.generic_visit(node)
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args) or not node.args:
            return node
        if not isinstance(node.func, ast.Name) or node.func.id not in BUILTINS:
            return node
        function = ast.copy_location(ast.Name("served_through", ast.Load()), node)
        return ast.copy_location(ast.Call(function, [node.func, *node.args], []), node)

    def call(self, node, kind, *args, prefix="served_"):
        """`served_Kind(args)` where `node` was."""
        name = ast.copy_location(ast.Name(f"{prefix}{kind.__name__}", ast.Load()), node)
        return ast.copy_location(ast.Call(name, list(args), []), node)


def plain_module(name, rewrite=None, names=()):
    """A module of Python's library executed afresh, from its source, outside `sys.modules`."""
    spec = importlib.util.find_spec(name)
    tree = ast.parse(Path(spec.origin).read_bytes(), spec.origin)
    if rewrite is not None:
        tree = ast.fix_missing_locations(rewrite.visit(tree))
    module = types.ModuleType(name)
    module.__file__, module.__package__, module.__spec__ = spec.origin, name.rpartition(".")[0], spec
    vars(module).update(names)
    exec(compile(tree, spec.origin, "exec"), vars(module))
    return module


def served_module(name, operations):
    """The module with everything served: operators and calls rewritten; `math`, `operator` and their names replaced."""
    module = plain_module(name, Rewriter(), operations.names())
    for bound, value in list(vars(module).items()):
        if any(value is each for each in MODULES):
            setattr(module, bound, ThroughModule(operations, value))
        elif isinstance(value, types.BuiltinFunctionType) and value.__module__ == "math":
            setattr(module, bound, Through(operations, value))
    return module
