"""Level 1 on loops: which list comprehensions and append-loops of a function may start calls before others returned.

`[read(name) for name in names]` and `found = []`, `for name in names: found.append(read(name))` become loops that give each
call to `threading.Overlap`, if at the time of the call `read` is marked `@epochly.io`; else they run as written. The source
is parsed and compiled again, and used only if, unchanged, it gives the very code that the function has.

What is safe is decided narrowly. Besides the call there is nothing in the loop: no condition, no second loop, no `else`.
Callee and arguments are evaluated in the loop's order in the calling thread, and can run no code of anybody's: they are
names, constants, and operators or f-strings over them, which are left to the plain loop unless all operands are exact
numbers or text at that moment; of the callee, an attribute of a name may be asked for, as in `self.read`. Names are the
loop's own, globals, parameters or assigned before in the same block or one around it. The list of an append-loop is made by
the statement before it, and the loop's variables are used nowhere else. All else is left alone. The mark itself promises that
calls may overlap, and that none changes what the loop goes over, or what the arguments of a later one are.

It refuses to run anything and to change the function: what it gives is another one.
"""

from __future__ import annotations

import ast
from linecache import getlines
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOOK = "epochly: overlapping calls"  # stands for the hook until the constant is replaced
RUN, SOURCE = "epochly_run", "epochly_source"
LOOKS_AT_NAMES = {
    "locals",
    "vars",
    "dir",
    "eval",
    "exec",
    "globals",
}  # a program that uses these may see the difference
MOST_BYTES = 2**21  # of a source file; compiling more takes seconds


def overlapping(function: FunctionType, hook: object) -> FunctionType | None:
    """A function like this one whose loops go through `hook.listed` and `hook.extend`; None where there are no such loops."""
    code = function.__code__
    text = "".join(getlines(code.co_filename, function.__globals__))
    if not text or len(text) > MOST_BYTES or RUN in text or LOOKS_AT_NAMES & set(code.co_names):
        return None
    try:
        tree = ast.parse(text)
        if _same(code, compile(tree, code.co_filename, "exec", dont_inherit=True)) is None:
            return None
        found = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and _is_it(each, code)]
        if len(found) != 1 or not _Rewriter(found[0], code).rewritten():
            return None
        whole = compile(ast.fix_missing_locations(tree), code.co_filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    made = [
        each
        for each in _inside(whole)
        if (each.co_qualname, each.co_firstlineno, each.co_freevars)
        == (code.co_qualname, code.co_firstlineno, code.co_freevars)
    ]
    if len(made) != 1:
        return None
    constants = tuple(hook if type(each) is str and each == HOOK else each for each in made[0].co_consts)
    other = FunctionType(
        made[0].replace(co_consts=constants),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    other.__kwdefaults__, other.__qualname__, other.__module__ = (
        function.__kwdefaults__,
        function.__qualname__,
        function.__module__,
    )
    return other


def _is_it(node: ast.FunctionDef, code: CodeType) -> bool:
    if node.name != code.co_name:
        return False
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    return first == code.co_firstlineno


def _same(code: CodeType, whole: CodeType) -> CodeType | None:
    return next(
        (each for each in _inside(whole) if each == code and each.co_qualname == code.co_qualname), None
    )


def _inside(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _inside(each)


class _Rewriter:
    """Rewrites the loops of one function, in place."""

    def __init__(self, function: ast.FunctionDef, code: CodeType) -> None:
        self.function = function
        arguments = function.args
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        self.known = {each.arg for each in every if each is not None}
        self.local = {*code.co_varnames, *code.co_cellvars}
        self.deleted = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)
        }
        self.deleted |= {
            node.name for node in ast.walk(function) if isinstance(node, ast.ExceptHandler) and node.name
        }
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        nested = [node for node in ast.walk(function) if isinstance(node, inner) and node is not function]
        self.elsewhere = {
            name
            for node in ast.walk(function)
            if isinstance(node, ast.Global | ast.Nonlocal)
            for name in node.names
        }
        self.elsewhere |= {
            each.id for node in nested for each in ast.walk(node) if isinstance(each, ast.Name)
        }
        self.count = 0

    def rewritten(self) -> bool:
        """Whether there was anything to rewrite."""
        self._block(self.function.body, set(self.known))
        return self.count > 0

    def _block(self, body: list[ast.stmt], known: set[str]) -> None:
        for place, statement in enumerate(body):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if (
                isinstance(statement, ast.For)
                and place
                and (made := self._appending(statement, body[place - 1], known))
            ):
                body[place] = made
                continue
            for field, value in ast.iter_fields(statement):
                if (
                    isinstance(value, ast.ListComp)
                    and field == "value"
                    and (listed := self._listing(value, known))
                ):
                    setattr(statement, field, listed)
                elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    self._block(value, set(known))
            if isinstance(statement, ast.Try):
                for handler in statement.handlers:
                    self._block(handler.body, set(known))
            if isinstance(statement, ast.Assign):
                known |= {each.id for each in statement.targets if isinstance(each, ast.Name)}

    def _listing(self, node: ast.ListComp, known: set[str]) -> ast.expr | None:
        """`[call for names in source]`."""
        (first, *more) = node.generators
        if more or first.ifs or first.is_async:
            return None
        own = _names_of(first.target)
        pair = None if own is None else self._call(node.elt, own, known)
        return (
            None
            if pair is None
            else ast.copy_location(self._hooked([], first.iter, first.target, pair), node)
        )

    def _appending(self, node: ast.For, before: ast.stmt, known: set[str]) -> ast.stmt | None:
        """`found = []`, then `for names in source: found.append(call)`, also by way of a name."""
        match before:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List(elts=[])):
                pass
            case _:
                return None
        match node.body:
            case [
                ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=into), attr="append"), args=[call], keywords=[]
                    )
                )
            ]:
                between: set[str] = set()
            case [
                ast.Assign(targets=[ast.Name(id=result)], value=call),
                ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=into), attr="append"),
                        args=[ast.Name(id=appended)],
                        keywords=[],
                    )
                ),
            ] if result == appended:
                between = {result}
            case _:
                return None
        own = _names_of(node.target)
        if (
            own is None
            or into != name
            or node.orelse
            or name in self.elsewhere
            or name in own | between
            or own & between
        ):
            return None
        everywhere = [each.id for each in ast.walk(self.function) if isinstance(each, ast.Name)]
        here = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
        outside = (own | between) & self.elsewhere
        if outside or any(everywhere.count(each) != here.count(each) for each in own | between):
            return None
        iterated = {each.id for each in ast.walk(node.iter) if isinstance(each, ast.Name)}
        pair = self._call(call, own, known)
        if pair is None or (own | between | {name}) & iterated or _names_used(call) & (between | {name}):
            return None
        made = self._hooked([ast.Name(name, ast.Load())], node.iter, node.target, pair)
        return ast.copy_location(ast.Expr(ast.copy_location(made, node)), node)

    def _call(self, node: ast.expr, own: set[str], known: set[str]) -> tuple[ast.expr, ast.expr] | None:
        """The question that has to come before the call, and its arguments and keywords."""
        if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
            return None
        callee = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        operands: list[ast.expr] = []
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not isinstance(callee, ast.Name) or not all(_simple(each, operands) for each in parts):
            return None
        for name in _names_used(node):
            if name in own or name not in self.local:
                continue
            if name not in known or name in self.deleted or name in self.elsewhere:
                return None
        keywords = ast.Dict(
            [ast.Constant(keyword.arg) for keyword in node.keywords],
            [keyword.value for keyword in node.keywords],
        )
        rest = ast.Tuple([ast.Tuple(list(node.args), ast.Load()), keywords], ast.Load())
        asked: list[ast.expr] = [callee]
        if isinstance(node.func, ast.Attribute):
            if node.func.attr.startswith("__"):  # a class may give it another name
                return None
            asked.append(ast.Constant(node.func.attr))
        question = "ready" if node.func is callee else "method"
        ready = ast.Call(
            ast.Attribute(ast.Name(RUN, ast.Load()), question, ast.Load()), [*asked, *operands], []
        )
        return ready, rest

    def _hooked(
        self, into: list[ast.expr], source: ast.expr, target: ast.expr, pair: tuple[ast.expr, ast.expr]
    ) -> ast.expr:
        """`HOOK.extend(into, source, lambda run, source: (run.ready(f) and (args, keywords) for target in source))`."""
        ready, rest = pair
        asked = ast.BoolOp(ast.And(), [ready, rest])
        calls = ast.GeneratorExp(asked, [ast.comprehension(target, ast.Name(SOURCE, ast.Load()), [], 0)])
        arguments = ast.arguments([], [ast.arg(RUN), ast.arg(SOURCE)], None, [], [], None, [])
        hook = ast.Attribute(ast.Constant(HOOK), "extend" if into else "listed", ast.Load())
        self.count += 1
        return ast.Call(hook, [*into, source, ast.Lambda(arguments, calls)], [])


def _names_of(target: ast.expr) -> set[str] | None:
    """The names that a loop binds; None where it binds anything else."""
    if isinstance(target, ast.Name):
        return {target.id}
    if isinstance(target, ast.Tuple | ast.List) and all(isinstance(each, ast.Name) for each in target.elts):
        return {each.id for each in target.elts if isinstance(each, ast.Name)}
    return None


def _names_used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _simple(node: ast.expr, operands: list[ast.expr]) -> bool:
    """Whether evaluating it runs nobody's code, provided that `operands` are numbers and text."""
    if isinstance(node, ast.Name | ast.Constant):
        return True
    inner: list[ast.expr]
    match node:
        case ast.BinOp(left=left, right=right):
            inner = [left, right]
        case ast.UnaryOp(operand=operand):
            inner = [operand]
        case ast.JoinedStr(values=values):
            inner = list(values)
        case ast.FormattedValue(value=value, format_spec=None):
            inner = [value]
        case _:
            return False
    operands += [each for each in inner if isinstance(each, ast.Name)]
    return all(_simple(each, operands) for each in inner)


class Hook:
    """What rewritten loops call. `workers` is asked at each loop: 1 or less runs it as written."""

    __slots__ = ("_workers",)

    def __init__(self, workers: Callable[[], int]) -> None:
        self._workers = workers

    def listed(self, source: Any, calls: Callable[[Any, Any], Iterator[Any]]) -> list[Any]:
        """A list comprehension."""
        found: list[Any] = []
        self.extend(found, source, calls)
        return found

    def extend(self, found: list[Any], source: Any, calls: Callable[[Any, Any], Iterator[Any]]) -> None:
        """An append-loop."""
        from epochly._levels.threading import Overlap  # noqa: PLC0415 - only a loop pays for it

        run = Overlap(self._workers(), found)
        run.run(calls(run, source))
