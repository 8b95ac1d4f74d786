"""Small changes of a module, one at a time, each as the whole changed source.

    for mutant in mutants_of("app/core/truth.py", text): ...

Comparisons and `and`/`or` are turned around, conditions negated, numbers moved by one, keywords of `replace` dropped,
statements left out. What only logs is left alone: no test should hang on it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_REPORTS_ONLY = frozenset({"log", "note", "debug", "info", "warning", "error"})
_KEPT = frozenset({"changed"})  # telling listeners that are not there changes nothing

Change = tuple[str, Callable[[ast.AST], None]]


@dataclass(frozen=True)
class Place:
    """What a mutant changes: `what` says how, `where` in which function, "" at the level of a module or a class.

    `lines` are those of the changed statement, of a compound one its head; none of what runs at import only.
    """

    file: str
    line: int
    what: str
    where: str = ""
    lines: range = range(0)


@dataclass(frozen=True)
class Mutant(Place):
    """One changed source."""

    source: str = ""


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    for place, index, number in _found(file, text):
        changed = ast.parse(text)
        node = _nodes(changed)[index]
        _changes(node)[number][1](node)
        source = ast.unparse(ast.fix_missing_locations(changed))
        yield Mutant(place.file, place.line, place.what, place.where, place.lines, source)


def places_of(file: str, text: str) -> Iterator[Place]:
    """The same without the sources, which take longer."""
    return (place for place, _, _ in _found(file, text))


def _found(file: str, text: str) -> list[tuple[Place, int, int]]:
    """What there is to change: the place, its node, and which of that node's changes."""
    tree = ast.parse(text)
    outer = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for index, node in enumerate(_nodes(tree)):
        for number, (what, _) in enumerate(_changes(node) if isinstance(node, ast.expr | ast.stmt) else ()):
            statement, where = _place_of(node, outer)
            label = f"{what} in: {_name(statement).split(':')[0]}" if isinstance(node, ast.Constant) else what
            lines = _head_of(statement) if where else range(0)
            found.append((Place(file, node.lineno, label, where, lines), index, number))
    return sorted(found, key=lambda item: (item[0].line, *item[1:]))


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """Every node that may be changed, always in the same order."""
    found: list[ast.AST] = []

    def walk(node: ast.AST) -> None:
        if _only_reports(node) or isinstance(node, ast.arg) or _is_annotation(node):
            return
        found.append(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "type_params"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    walk(child)

    walk(tree)
    return found


def _place_of(node: ast.AST, outer: dict[ast.AST, ast.AST]) -> tuple[ast.stmt, str]:
    """The smallest statement that a node stands in, and the function whose body that is in, as Class.function."""
    path = [node]
    while path[0] in outer:
        path.insert(0, outer[path[0]])
    names, where = [], ""
    for around, inner in pairwise(path):
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(around.name)
            if not isinstance(around, ast.ClassDef) and inner in around.body:
                where = ".".join(names)
    return next(item for item in reversed(path) if isinstance(item, ast.stmt)), where


def _head_of(statement: ast.stmt) -> range:
    """The lines of a statement; of one with a body, those before it."""
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    if not body:
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    return range(statement.lineno, max(statement.lineno + 1, first.lineno))


def _is_annotation(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef) and not getattr(node, "body", None)


def _only_reports(node: ast.AST) -> bool:
    """A statement that logs, or a docstring."""
    if not isinstance(node, ast.Expr):
        return False
    called = node.value.value if isinstance(node.value, ast.Await) else node.value
    if isinstance(called, ast.Constant):
        return True
    if not isinstance(called, ast.Call) or not isinstance(called.func, ast.Attribute):
        return False
    is_log = isinstance(called.func.value, ast.Name) and called.func.value.id == "log"
    return is_log or called.func.attr in _REPORTS_ONLY | _KEPT


def _changes(node: ast.AST) -> list[Change]:  # noqa: PLR0912 - one case per kind of node
    match node:
        case ast.Compare(ops=ops):
            return [(_name(node), _turn(place)) for place in range(len(ops))]
        case ast.BoolOp(op=ast.And()):
            return [(f"or: {_name(node)}", _set("op", ast.Or()))]
        case ast.BoolOp():
            return [(f"and: {_name(node)}", _set("op", ast.And()))]
        case ast.Constant(value=bool() as value):
            return [(f"{value} is {not value}", _set("value", not value))]
        case ast.Constant(value=int() | float() as value):
            return [(f"{value} is {value + 1}", _set("value", value + 1))]
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            return [(f"not: {_name(test)}", _negate)]
        case ast.comprehension(ifs=[_, *_]):
            return []
        case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
            return [(f"returns None: {_name(node)}", _set("value", ast.Constant(None)))]
        case ast.Call(func=ast.Name(id="replace"), keywords=keywords):
            return [(f"without {item.arg}: {_name(node)}", _drop(place)) for place, item in enumerate(keywords)]
        case ast.BinOp(op=ast.Add()):
            return [(f"minus: {_name(node)}", _set("op", ast.Sub()))]
        case ast.BinOp(op=ast.Sub()):
            return [(f"plus: {_name(node)}", _set("op", ast.Add()))]
        case ast.Expr() | ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Break() | ast.Continue():
            return [(f"left out: {_name(node)}", _leave_out)]
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return [(f"left out: {_name(node)}", _leave_out)]
        case _:
            return []


def _name(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) < 90 else f"{text[:87]}..."


def _is_nothing(value: ast.expr) -> bool:
    """None, and False, which no caller here distinguishes from it; True has a mutant of its own."""
    return isinstance(value, ast.Constant) and (value.value is None or value.value is False)


def _set(name: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, value)


def _turn(place: int) -> Callable[[ast.AST], None]:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Compare)
        node.ops[place] = _OPPOSITE[type(node.ops[place])]()

    return change


def _drop(place: int) -> Callable[[ast.AST], None]:
    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.Call)
        del node.keywords[place]

    return change


def _negate(node: ast.AST) -> None:
    assert isinstance(node, ast.If | ast.While | ast.IfExp)
    is_not = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
    inner = node.test.operand if is_not else node.test  # type: ignore[attr-defined]
    node.test = inner if is_not else ast.UnaryOp(ast.Not(), inner)


def _leave_out(node: ast.AST) -> None:
    """A statement becomes one that does nothing, in its place."""
    line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
    node.__class__ = ast.Expr
    node.__dict__.clear()
    node.value = ast.Constant(None)  # type: ignore[attr-defined]
    node.lineno, node.col_offset = line, column  # type: ignore[attr-defined]
    ast.fix_missing_locations(node)
