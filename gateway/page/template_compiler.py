"""Compiles a template to Python: a typed function for each macro.

A template is HTML with Jinja2's syntax, parsed by Jinja2. The generated code is not Jinja2's, which would cost each
window 2 MB, and could not be checked by mypy (docs/decisions/0104-markup-in-templates.md).

- Outside macros only imports are allowed, of templates and of Python: `{% from "app/ui/kit/parts.html" import icon %}`.
- The comment at the top has the types of parameters, a line each: `card: app.ui.runs.state.CardView`. `_` is the
  Translator, and a parameter with a default needs no type.
- `kwargs` in a macro takes further named arguments, `caller()` is the content of the `{% call %}`.
- Everything is escaped but the markup of macros. An unknown name is an error.
- A line break between tags is no space, so that templates can be indented; within a tag it is one.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.visitor import NodeVisitor
from markupsafe import escape

_HEAD = re.compile(r"\s*\{#(.*?)#\}", re.DOTALL)
_TYPE = re.compile(r"^\s*(\w+): (.+?)\s*$", re.MULTILINE)
_DOTTED = re.compile(r"\b([\w.]+)\.(\w+)\b")
_TRANSLATOR = "app.ui.kit.i18n.Translator"
_COMPARED = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}


_FILTERS = {"length": "len", "string": "str"}
_BUILTINS = {"enumerate", "isinstance", "max", "range", "reversed", "zip"}  # Python's builtins that templates may use


class TemplateError(Exception):
    """A mistake in a template, with its file and line."""


def compile_template(text: str, name: str) -> str:
    """Return the Python source of a template; `name` is its path below the root."""
    try:
        tree = Environment(autoescape=True).parse(text, name)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{name}:{error.lineno}: {error.message}") from error
    head = _HEAD.match(text)
    return _Module(name, _TYPE.findall(head[1]) if head else []).write(tree)


@dataclass
class _Module:
    """The module that a template becomes."""

    name: str
    declared: list[tuple[str, str]]
    types: dict[str, str] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)  # names by module
    names: set[str] = field(default_factory=set)  # of imports and macros
    macros: set[str] = field(default_factory=set)  # those that return markup

    def write(self, tree: nodes.Template) -> str:
        self._import("markupsafe", "Markup")
        for name in ("as_markup", "escaped"):
            self._import("app.ui.kit.markup", name)
        for name, kind in [("_", _TRANSLATOR), *self.declared]:
            self.types[name] = _DOTTED.sub(lambda found: self._import(found[1], found[2]), kind)
        self.macros |= {macro.name for macro in tree.find_all(nodes.Macro)}
        self.names |= self.macros
        written = [self._read(node) for node in tree.body]
        imports = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(self.imports.items())]
        head = f'"""Made from {self.name} by gateway/page/template_compiler.py."""'
        return "\n".join([head, "from __future__ import annotations", *imports, *filter(None, written), ""])

    def fail(self, node: nodes.Node, message: str) -> NoReturn:
        raise TemplateError(f"{self.name}:{node.lineno}: {message}")

    def _read(self, node: nodes.Node) -> str:
        match node:
            case nodes.Macro():
                return _Function(self, node).write()
            case nodes.FromImport(template=nodes.Const(value=str(path))):
                self._take(node, path)
            case nodes.Output() if all(
                isinstance(item, nodes.TemplateData) and not item.data.strip() for item in node.nodes
            ):
                pass
            case _:
                self.fail(node, "only imports and macros stand outside of a macro")
        return ""

    def _take(self, node: nodes.FromImport, path: str) -> None:
        stem, _, ending = path.rpartition(".")
        if ending not in {"html", "py"}:
            self.fail(node, f"{path} is neither a template nor Python")
        module = stem.removesuffix("/__init__").replace("/", ".") + ("_html" if ending == "html" else "")
        for item in node.names:
            name, alias = item if isinstance(item, tuple) else (item, item)
            self._import(module, name if name == alias else f"{name} as {alias}")
            self.names.add(alias)
            if ending == "html":
                self.macros.add(alias)

    def _import(self, module: str, name: str) -> str:
        self.imports.setdefault(module, set()).add(name)
        return name


class _Function(NodeVisitor):
    """The function that a macro becomes. Visits of statements write lines, visits of expressions return Python."""

    def __init__(self, module: _Module, macro: nodes.Macro) -> None:
        self._module = module
        self._macro = macro
        self._lines: list[str] = []
        self._depth = 1
        self._out = "out"  # the list that the code appends to
        self._pieces: list[str] = []  # to be appended, not written yet
        self._known: set[str] = set()
        self._blocks = 0
        self._is_in_tag = False
        self._quote = ""  # that opened an attribute's value

    def write(self) -> str:
        """Return the function's source."""
        head = f"\n\ndef {_safe(self._macro.name)}({', '.join(self._parameters())}) -> Markup:  # {self._macro.lineno}"
        self._visit_all(self._macro.body)
        if not self._lines:
            return f'{head}\n    return as_markup("".join(({"".join(f"{piece}, " for piece in self._pieces)})))'
        self._line(f'return as_markup("".join({self._out}))')
        return "\n".join([head, f"    {self._out}: list[str] = []", *self._lines])

    def generic_visit(self, node: nodes.Node, *_args: object, **_named: object) -> NoReturn:
        """Refuse nodes without a visitor of their own: our templates do not use them."""
        self._module.fail(node, f"templates have no {type(node).__name__}")

    def _parameters(self) -> Iterator[str]:
        first = len(self._macro.args) - len(self._macro.defaults)
        for number, name in enumerate(argument.name for argument in self._macro.args):
            self._known.add(name)
            default = self._macro.defaults[number - first] if number >= first else None
            kind = self._module.types.get(name)
            if kind is None and isinstance(default, nodes.Const) and default.value is not None:
                kind = type(default.value).__name__
            if kind is None:
                self._module.fail(self._macro, f"the comment at the top has no type for {name}")
            yield f"{_safe(name)}: {kind}" + ("" if default is None else f" = {self.visit(default)}")
        used = {node.name for node in self._macro.find_all(nodes.Name)}
        if "caller" in used:
            yield "*, caller: Markup"
        if "kwargs" in used:
            self._known.add("kwargs")
            yield "**kwargs: str"

    def _line(self, text: str, node: nodes.Node | None = None) -> None:
        self._flush()
        self._lines.append("    " * self._depth + text + (f"  # {node.lineno}" if node is not None else ""))

    def _flush(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._line(f"{self._out} += ({', '.join(pieces)},)")

    def _visit_all(self, body: Iterable[nodes.Node]) -> None:
        for node in body:
            self.visit(node)

    def _block(self, head: str, node: nodes.Node, body: Iterable[nodes.Node]) -> None:
        self._line(head, node)
        self._depth += 1
        before = len(self._lines)
        self._visit_all(body)
        self._flush()
        if len(self._lines) == before:
            self._line("pass")
        self._depth -= 1

    def _captured(self, node: nodes.CallBlock | nodes.AssignBlock) -> str:
        """Write a body to a list of its own, and return the expression of its markup."""
        self._flush()
        self._blocks += 1
        outer, self._out = self._out, f"out_{self._blocks}"
        inner = f'as_markup("".join({self._out}))'
        self._line(f"{self._out}: list[str] = []", node)
        self._visit_all(node.body)
        self._flush()
        self._out = outer
        return inner

    def _target(self, node: nodes.Node) -> str:
        names = list(node.find_all(nodes.Name)) if isinstance(node, nodes.Tuple) else [node]
        if not all(isinstance(name, nodes.Name) for name in names):
            self._module.fail(node, "only names can be set")
        self._known |= {name.name for name in names if isinstance(name, nodes.Name)}
        return ", ".join(_safe(name.name) for name in names if isinstance(name, nodes.Name))

    # Statements

    def visit_Output(self, node: nodes.Output) -> None:
        for item in node.nodes:
            if isinstance(item, nodes.TemplateData):
                data = "".join(self._settled(item.data))
                self._pieces += [repr(data)] if data else []
            else:
                self._pieces.append(self._escaped(item))

    def _escaped(self, node: nodes.Expr) -> str:
        """Return the expression of a value as markup."""
        match node:
            case nodes.Const(value=str(text)):
                return repr(str(escape(text)))
            case nodes.CondExpr():
                other = "''" if node.expr2 is None else self._escaped(node.expr2)
                return f"({self._escaped(node.expr1)} if {self.visit(node.test)} else {other})"
        return self.visit(node) if self._is_markup(node) else f"escaped({self.visit(node)})"

    def _settled(self, data: str) -> Iterator[str]:
        """Yield the text without the line breaks and indents that are no spaces."""
        for piece in re.split(r"(\s+|[<>\"'])", data):
            if piece.isspace() and "\n" in piece and not self._quote:
                yield " " if self._is_in_tag else ""
                continue
            if self._is_in_tag and piece in {'"', "'"} and self._quote in {"", piece}:
                self._quote = "" if self._quote else piece
            elif not self._quote and piece in {"<", ">"}:
                self._is_in_tag = piece == "<"
            yield piece

    def _is_markup(self, node: nodes.Node) -> bool:
        match node:
            case nodes.Call(node=nodes.Name(name=name)):
                return name == "caller" or (name in self._module.macros and name not in self._known)
        return False

    def visit_If(self, node: nodes.If) -> None:
        self._block(f"if {self.visit(node.test)}:", node, node.body)
        for other in node.elif_:
            self._block(f"elif {self.visit(other.test)}:", other, other.body)
        if node.else_:
            self._block("else:", node.else_[0], node.else_)

    def visit_For(self, node: nodes.For) -> None:
        if node.else_ or node.recursive:
            self._module.fail(node, "loops have no else and no recursion")
        values = self.visit(node.iter)
        self._line(f"for {self._target(node.target)} in {values}:", node)
        self._depth += 1
        if node.test is not None:
            self._line(f"if not {self.visit(node.test)}: continue")
        self._visit_all(node.body)
        self._flush()
        self._depth -= 1

    def visit_Assign(self, node: nodes.Assign) -> None:
        value = self.visit(node.node)
        self._line(f"{self._target(node.target)} = {value}", node)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> None:
        inner = self._captured(node)
        self._line(f"{self._target(node.target)} = {inner}", node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> None:
        inner = self._captured(node)
        self._pieces.append(self._call(node.call, f"caller={inner}"))

    # Expressions

    def visit_Const(self, node: nodes.Const) -> str:
        return repr(node.value)

    def visit_TemplateData(self, node: nodes.TemplateData) -> str:
        return repr(node.data)

    def visit_Name(self, node: nodes.Name) -> str:
        if node.name not in self._known | self._module.names | _BUILTINS:
            self._module.fail(node, f"nothing is called {node.name}")
        return _safe(node.name)

    def visit_Getattr(self, node: nodes.Getattr) -> str:
        return f"{self.visit(node.node)}.{node.attr}"

    def visit_Getitem(self, node: nodes.Getitem) -> str:
        return f"{self.visit(node.node)}[{self.visit(node.arg)}]"

    def visit_Slice(self, node: nodes.Slice) -> str:
        return ":".join("" if item is None else self.visit(item) for item in (node.start, node.stop))

    def visit_Compare(self, node: nodes.Compare) -> str:
        tests = "".join(f" {_COMPARED[item.op]} {self.visit(item.expr)}" for item in node.ops)
        return f"({self.visit(node.expr)}{tests})"

    def _binary(self, node: nodes.BinExpr) -> str:
        return f"({self.visit(node.left)} {node.operator} {self.visit(node.right)})"

    visit_Add = visit_Sub = visit_Mul = visit_And = visit_Or = _binary

    def visit_Not(self, node: nodes.Not) -> str:
        return f"(not {self.visit(node.node)})"

    def visit_CondExpr(self, node: nodes.CondExpr) -> str:
        other = "''" if node.expr2 is None else self.visit(node.expr2)
        return f"({self.visit(node.expr1)} if {self.visit(node.test)} else {other})"

    def visit_List(self, node: nodes.List) -> str:
        return f"[{', '.join(map(self.visit, node.items))}]"

    def visit_Tuple(self, node: nodes.Tuple) -> str:
        return f"({''.join(f'{self.visit(item)}, ' for item in node.items)})"

    def visit_Dict(self, node: nodes.Dict) -> str:
        return f"{{{', '.join(f'{self.visit(item.key)}: {self.visit(item.value)}' for item in node.items)}}}"

    def visit_Test(self, node: nodes.Test) -> str:
        if node.name != "none":
            self._module.fail(node, f"templates have no test {node.name}")
        return f"({self.visit(node.node)} is None)"

    def visit_Filter(self, node: nodes.Filter) -> str:
        value = "" if node.node is None else self.visit(node.node)
        arguments = [self.visit(argument) for argument in node.args]
        if node.name in _FILTERS and not arguments:
            return f"{_FILTERS[node.name]}({value})"
        if node.name != "join" or len(arguments) != 1:
            self._module.fail(node, f"templates have no filter {node.name}")
        return f"{arguments[0]}.join({value})"

    def visit_Call(self, node: nodes.Call) -> str:
        return self._call(node)

    def _call(self, node: nodes.Call, *more: str) -> str:
        if isinstance(node.node, nodes.Name) and node.node.name == "caller":
            return "caller"
        named = (f"{_safe(pair.key)}={self.visit(pair.value)}" for pair in node.kwargs)
        return f"{self.visit(node.node)}({', '.join([*map(self.visit, node.args), *named, *more])})"


def _safe(name: str) -> str:
    """Return a name that is valid in Python: `class` may be a macro's parameter."""
    return f"{name}_" if keyword.iskeyword(name) else name
