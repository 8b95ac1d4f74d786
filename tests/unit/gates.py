"""Finds what makes one piece of work wait for another: locks, semaphores, events, queues, lanes, budgets.

`find_gates` reads the sources of the page, the scripts and the gateway, and knows a gate by how it is made. Each must
have a row in docs/concurrency.md (`tests/unit/test_concurrency.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeGuard

FOLDERS = {"app": ("*.py",), "gateway": ("*.py",), "static/js": ("*.js", "*.mjs")}
OWN = re.compile(
    r"(Lane|Lanes|Turns?|Budget|Lock|Locks|Mutex|Gate|Semaphore|Slots?|Permits?|Limiter|Throttle|Backlog|Once"
    r"|Places?|Room|Reads|Checks|Queue)$"
)
_OF_MODULES = {
    "asyncio": {
        "Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier", "Queue", "LifoQueue", "PriorityQueue",
        "Future",
    },
    "threading": {"Lock", "RLock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier"},
    "multiprocessing": {"Lock", "RLock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier", "Queue"},
    "queue": {"Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"},
    "fcntl": {"flock", "lockf"},
}  # fmt: skip
_FILE_LOCKS = {"flock", "lockf", "locking", "exclusive"}  # `exclusive` is gateway/install/exclusion.py
_HELD_WHERE_USED = _FILE_LOCKS | {"request", "shield"}  # a row names the function, and not what it gets
_JS_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\])//[^\n]*", re.DOTALL)
_JS_FUNCTION = re.compile(
    r"^(?:export )?(?:async )?(?:function\*? |const |let )(\w+)|^  (?:async )?#?(\w+)\(.*\{$", re.M
)
_JS_GATES = (
    re.compile(r"(?P<locks>\blocks\.request\()|\bnavigator\.(?P<taken>locks)\b"),
    re.compile(r"\b(?P<chain>\w+) (?:\?\?|\|\|)?= [^;\n]*\b(?P=chain)\b[^;\n]*\.then\("),  # each begins after the last
    re.compile(r"\b(?P<once>\w+) (?:\?\?|\|\|)= (?:new Promise|import\(|fetch\(|\w*[oO]pen\w*\(|start\w*\()"),
    re.compile(r"\b(?P<kept>\w+) = (?:resolve|reject|done|tell)\b;"),  # another function lets it continue
    re.compile(r"\b(?P<many>\w+)\.(?:push|add|set)\((?:\w+, )?(?:resolve|done|\(\w*\) => \[[^\]]*\bresolve\b)"),
    re.compile(r"\b(?P<made>\w+) = Promise\.withResolvers\("),
    re.compile(r"\bAtomics\.(?P<atomics>wait\w*|notify)\("),
)
_JS_FLAG = re.compile(r"\b(\w+) = true;(?=.*\bawait\b.*\b\1 = false;)", re.DOTALL)
_JS_OWN = re.compile(r"\bclass (\w+)|(\w+) = new (\w+)\(")


class Gate(NamedTuple):
    """One gate: its file, and the name of the class, variable, attribute or function that has it."""

    file: str
    name: str


def find_gates(root: Path) -> frozenset[Gate]:
    """Return every gate in the sources below `root`."""
    files = [path for folder, names in FOLDERS.items() for name in names for path in (root / folder).rglob(name)]
    texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in files}
    return gates_in(texts)


def gates_in(texts: dict[str, str]) -> frozenset[Gate]:
    """Return every gate in these sources, which are given by the names of their files."""
    trees = {file: ast.parse(text) for file, text in texts.items() if file.endswith(".py")}
    own = {Gate(file, node.name) for file, tree in trees.items() for node in ast.walk(tree) if _is_own(node)}
    found = {Gate(file, name) for file, tree in trees.items() for name in _Python(file, tree, own).names}
    scripts = {file: text for file, text in texts.items() if not file.endswith(".py")}
    return frozenset(found | {Gate(file, name) for file, text in scripts.items() for name in _in_script(text)})


def _is_own(node: ast.AST) -> TypeGuard[ast.ClassDef]:
    """Whether this is a class of our own that is a gate by its name; a value or an error is none."""
    if not isinstance(node, ast.ClassDef) or not OWN.search(node.name):
        return False
    bases = " ".join(map(ast.unparse, node.bases))
    is_value = any("frozen=True" in ast.unparse(item) for item in node.decorator_list)
    return not is_value and not re.search(r"Enum|Error|Exception|Refused|Protocol|NamedTuple|TypedDict", bases)


class _Python(ast.NodeVisitor):
    """The names of the gates in one module."""

    def __init__(self, file: str, tree: ast.Module, own: set[Gate]) -> None:
        self.names: set[str] = set()
        self._around: list[ast.AST] = []
        self._imported: dict[str, str] = {}  # an own name of what a module of Python has
        self._own = {gate.name for gate in own if gate.file == file}  # classes, as they are called here
        self._raised: set[str] = set()
        self._lowered: set[str] = set()
        for node in ast.walk(tree):
            for item in node.names if isinstance(node, ast.ImportFrom) and node.module else ():
                if item.name in _OF_MODULES.get(str(node.module), ()):
                    self._imported[item.asname or item.name] = item.name
                if Gate(f"{str(node.module).replace('.', '/')}.py", item.name) in own:
                    self._own.add(item.asname or item.name)
        self.visit(tree)
        if re.search(r"^import asyncio|^from contextlib|^import contextlib", ast.unparse(tree), re.MULTILINE):
            self.names |= self._raised & self._lowered  # a count of what is under way

    def generic_visit(self, node: ast.AST) -> None:
        """Visit what is below, except for annotations: a type is no gate."""
        self._around.append(node)
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns"}:
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, ast.AST):
                        self._visit_child(node, item)
        self._around.pop()

    def _visit_child(self, parent: ast.AST, node: ast.AST) -> None:
        if _is_own(node):
            self.names.add(node.name)
        elif isinstance(node, ast.AugAssign) and not self._is_within_own() and not isinstance(node.target, ast.Name):
            (self._raised if isinstance(node.op, ast.Add) else self._lowered).add(_last_name(node.target))
        elif not self._is_within_own() and self._is_gate(parent, node):
            self.names.add(self._name_of(node))
        self.visit(node)

    def _is_gate(self, parent: ast.AST, node: ast.AST) -> bool:
        """Whether this makes a gate here; with a type in brackets, only where it is called."""
        if isinstance(node, ast.Subscript):
            return isinstance(parent, ast.Call) and parent.func is node and self._makes(node.value)
        return not isinstance(parent, ast.Subscript | ast.BinOp) and self._makes(node)

    def _makes(self, node: ast.AST) -> bool:
        """Whether this expression is what makes a gate: a class, or a function that is called."""
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in _OF_MODULES.get(module, ()):
                return True
            case ast.Attribute(attr="create_future" | "shield"):
                return True
            case ast.Attribute(attr=name) if name in _FILE_LOCKS:
                return True
            case ast.Attribute(value=value, attr="request") if re.search(r"\b_?locks$", ast.unparse(value)):
                return True
            case ast.Name(id=name, ctx=ast.Load()) if name in self._imported:
                return True
            case ast.Name(id=name, ctx=ast.Load()):
                return name in _FILE_LOCKS or self._is_made_here(name)
        return False

    def _is_made_here(self, name: str) -> bool:
        """Whether a class of our own is called here, or given as what makes a value."""
        if name not in self._own:
            return False
        above = self._around[-1]
        if isinstance(above, ast.Subscript):
            above = self._around[-2]
        return isinstance(above, ast.Call | ast.keyword) and not (
            isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id in {"isinstance", "cast"}
        )

    def _is_within_own(self) -> bool:
        return any(_is_own(node) for node in self._around)

    def _name_of(self, node: ast.AST) -> str:
        """Return the name that a gate is given: the target of its assignment, or the function around it."""
        below = node
        is_used = isinstance(node, ast.Attribute | ast.Name) and _last_name(node) in _HELD_WHERE_USED
        for above in reversed(self._around):
            match above:
                case ast.Assign() | ast.AnnAssign() if is_used:
                    pass
                case ast.Call(func=ast.Attribute(value=value, attr="setdefault")) if below is not above.func:
                    return _last_name(value)
                case ast.Assign(targets=targets, value=ast.Tuple(elts=values)) if isinstance(targets[-1], ast.Tuple):
                    return _last_name(targets[-1].elts[_index(values, node)])
                case ast.Assign(targets=targets):
                    return _last_name(targets[-1])
                case ast.AnnAssign(target=target):
                    return _last_name(target)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    return name
            below = above
        return "<module>"


def _index(values: list[ast.expr], node: ast.AST) -> int:
    return next(index for index, value in enumerate(values) if any(item is node for item in ast.walk(value)))


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Subscript(value=value):
            return _last_name(value)
    return ast.unparse(node)


def _in_script(text: str) -> Iterator[str]:
    """Return the names of the gates in one script."""
    text = _JS_COMMENT.sub("", text)
    functions = [(0, "<module>"), *((found.start(), found[1] or found[2]) for found in _JS_FUNCTION.finditer(text))]
    for pattern in _JS_GATES:
        for found in pattern.finditer(text):
            if found.lastgroup in {"locks", "taken", "atomics"}:
                yield max(one for one in functions if one[0] <= found.start())[1]
            else:
                yield found[str(found.lastgroup)]
    for (start, _), (end, _) in pairwise([*functions, (len(text), "")]):
        yield from _JS_FLAG.findall(text[start:end])
    for declared, name, made in _JS_OWN.findall(text):
        if declared and OWN.search(declared):
            yield declared
        elif made and OWN.search(made):
            yield name
