"""One line of start-up code: does it hide what it does, or reach for programs, the network or packed data?

Read as a syntax tree, with every string in it that is itself code; never executed. It finds what hides or reaches, not
what is good: a plain `import x` can do anything, and says so by being reported as executed code.

Attack: litellm 1.82.8 (a `.pth` line that started a process with a Base64 payload).
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 2_000  # characters; the longest honest line seen has 900 (a nested namespace package)
MAX_ESCAPES = 8  # `\x41` and the like in one line; honest lines have none
_DEPTH = 4  # code in a string in a string; honest lines have one level

_MODULES = frozenset(
    """
    aiohttp asyncore base64 binascii bz2 cffi codecs ctypes ftplib gzip http httpx lzma marshal
    multiprocessing pickle pty requests runpy smtplib socket ssl subprocess telnetlib urllib urllib2
    urllib3 webbrowser xmlrpc zipimport zlib
    """.split()  # noqa: SIM905 - easier to read than a column of strings
)
_CALLS = frozenset(
    """
    a85decode b16decode b32decode b64decode b85decode check_call check_output decodebytes decompress
    execl execle execlp execv execve execvp execvpe fork forkpty fromhex popen Popen posix_spawn
    posix_spawnp spawnl spawnle spawnv spawnve standard_b64decode startfile system unhexlify urlopen
    urlretrieve urlsafe_b64decode
    """.split()  # noqa: SIM905 - easier to read than a column of strings
)
_HARMLESS = "platform"  # its `system()` names the operating system
_INTERNALS = frozenset({"__builtins__", "__globals__", "__subclasses__", "__code__"})
_BUILDERS = frozenset({"chr", "compile"})  # built-in functions that make text or code of something else
_RUNNERS = frozenset({"exec", "eval"})
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{|[0-7]{3})")
_WORD = re.compile(r"\w+")


def hidden_in(line: str) -> str:
    """What the line hides or reaches for, as words for a person; empty when nothing is found. Raises nothing."""
    if len(line) > MAX_LINE:
        return f"is {len(line)} characters long"
    if len(_ESCAPE.findall(line)) >= MAX_ESCAPES:
        return "is written in escape sequences"
    for found in _hidden(line, 0):
        return found
    return ""


def _hidden(code: str, depth: int) -> Iterator[str]:
    tree = _parsed(code)
    if tree is None:
        if depth == 0:  # perhaps code for another Python; text inside a string is mostly just text
            yield from (f"names `{word}`" for word in _WORD.findall(code) if word in _MODULES | _CALLS)
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"imports `{name.name}`" for name in names if _reaches(name.name))
            case ast.ImportFrom(module=str(module), names=names) if module != _HARMLESS:
                if _reaches(module):
                    yield f"imports `{module}`"
                yield from (f"imports `{name.name}`" for name in names if name.name in _CALLS)
            case ast.Call(func=func, args=args):
                yield from _call(func, args)
            case ast.Subscript(slice=ast.Constant(value=str(name))) if _reaches(name):
                yield f"looks up `{name}`"
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _INTERNALS:
                yield f"uses `{name}`"
            case ast.Constant(value=str() | bytes() as text) if depth < _DEPTH and len(text) <= MAX_LINE:
                yield from _hidden(text if isinstance(text, str) else text.decode("latin-1"), depth + 1)


def _call(func: ast.expr, args: list[ast.expr]) -> Iterator[str]:
    match func:
        case ast.Attribute(value=ast.Name(id=module)) if module == _HARMLESS:
            return
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case _:
            return
    first = args[0] if args else None
    if name in _CALLS or (name in _BUILDERS and isinstance(func, ast.Name)):
        yield f"calls `{name}`"
    elif name in {"__import__", "import_module", "getattr"}:
        wanted = args[1] if name == "getattr" and len(args) > 1 else first
        if not isinstance(wanted, ast.Constant):
            yield f"calls `{name}` with a computed name"
        elif isinstance(wanted.value, str) and (_reaches(wanted.value) or wanted.value in _CALLS):
            yield f"calls `{name}` for `{wanted.value}`"
    elif name in _RUNNERS and isinstance(func, ast.Name) and not _readable(first):
        yield f"calls `{name}` on computed text"


def _readable(argument: ast.expr | None) -> bool:
    """Whether what is executed stands in the line, or in a file, as it is."""
    match argument:
        case ast.Constant() | ast.Name() | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="format")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="open")), attr="read")):
            return True
        case _:
            return False


def _reaches(module: str) -> bool:
    return module.partition(".")[0] in _MODULES


def _parsed(code: str) -> ast.AST | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
