"""The rules of imports, read from the sources, and the few rules of form that a linter does not know."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("app", "gateway", "demo_comfyui")
SHIPPED = (*PROGRAMS, "wire")

# core <- workflows <- session <- ui <- main; browser stands beside them and knows the ports, not the rules.
LAYERS = {
    "app.core": set[str](),
    "app.workflows": {"app.core"},
    "app.session": {"app.core", "app.workflows"},
    "app.ui": {"app.core", "app.workflows", "app.session"},
    "app.scripting": {"app.core"},  # in a worker of its own
    # Beside the gateway, in CPython: a page without a browser, that follows the fleet as any other does.
    "app.prerender": {"app.core", "app.workflows", "app.session", "app.ui", "app.browser.fleet"},
}
PURE = {
    "__future__", "base64", "collections", "contextlib", "dataclasses", "email", "enum", "functools", "hashlib",
    "itertools", "json", "math", "operator", "re", "string", "types", "typing", "urllib", "zlib",
}  # fmt: skip
# Files that contain a workflow may be compressed, lists of prompts are tables, and searches fold full-width letters.
MORE_FOR_WORKFLOWS = {"csv", "decimal", "fnmatch", "io", "struct", "unicodedata"}
MODEL = ("demo_comfyui.model", "demo_comfyui.object_info")  # of ComfyUI, and the node classes of real servers
MORE_FOR_MODEL = {"copy", "heapq", "mimetypes", "posixpath", "struct", "traceback", "uuid"}
PORTS = "app.core.ports"
# What an adapter needs besides the ports and their values: formats (of ComfyUI, of the store), and the readers of what
# the page itself probes on a server. Never a rule, such as what a window may do or when a task has ended.
FORMATS = {"app.core.comfy", "app.core.direct", "app.core.errors", "app.core.records"}
# What the parts of a session share: the attribute of `State` and name of the module, and the class.
PARTS_OF_THE_STATE = {"records": "Records", "live": "Live", "servers": "Servers"}
CHANGING = {
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "insert", "intersection_update",
    "pop", "popitem", "popleft", "remove", "reverse", "setdefault", "sort", "symmetric_difference_update", "update",
}  # fmt: skip
JAVASCRIPT = {"js", "pyodide", "pyodide_js", "pyscript", "_pyodide"}


@dataclass(frozen=True)
class Import:
    """One imported module, with its line. `from a import b` counts as `a` and, if it is a module, `a.b`."""

    name: str
    line: int


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path

    @property
    def source(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree. It is not kept: a million nodes would slow down all tests that follow."""
        return ast.parse(self.source)

    @cache  # noqa: B019 - the modules live as long as the tests
    def imports(self) -> tuple[Import, ...]:
        """Everything it imports, anywhere in the file."""
        return tuple(self._find_imports())

    def _find_imports(self) -> Iterator[Import]:
        for node in ast.walk(self.tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                names = [base, *(f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in modules())]
            for name in names:
                yield Import(name, getattr(node, "lineno", 0))

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


@cache
def modules() -> dict[str, Module]:
    """Return all modules of this repository that ship or test, by name."""
    found = {}
    for folder in (*SHIPPED, "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, path)
    found["serve"] = Module("serve", ROOT / "serve.py")
    return found


def inside(package: str) -> list[Module]:
    return [module for name, module in modules().items() if _belongs(name, package)]


def _belongs(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def wrong(found: list[Module], is_allowed: object) -> list[str]:
    """Return each forbidden import, as `module:line imports name`."""
    assert found, "a rule about nothing holds always"
    assert callable(is_allowed)
    return [
        f"{module.name}:{item.line} imports {item.name}"
        for module in found
        for item in module.imports()
        if not is_allowed(module, item.name)
    ]


def test_wire_is_pure() -> None:
    """It imports nothing of ours, and of the standard library no I/O, clock or randomness."""

    def is_allowed(module: Module, name: str) -> bool:
        return name.split(".", maxsplit=1)[0] in PURE | {"wire"}

    assert wrong(inside("wire"), is_allowed) == []


def test_the_core_is_pure() -> None:
    """No await, no clock, no randomness, no browser, nothing from outside: values in, values out."""

    def is_allowed(module: Module, name: str) -> bool:
        return _belongs(name, "app.core") or name.split(".", maxsplit=1)[0] in PURE | {"wire"}

    assert wrong(inside("app.core"), is_allowed) == []


def test_workflows_are_as_pure_as_the_core() -> None:
    def is_allowed(module: Module, name: str) -> bool:
        own = _belongs(name, "app.core") or _belongs(name, "app.workflows")
        return own or name.split(".", maxsplit=1)[0] in PURE | {"wire"} | MORE_FOR_WORKFLOWS

    assert wrong(inside("app.workflows"), is_allowed) == []


def test_core_workflows_and_wire_await_nothing() -> None:
    """Except for the ports, which declare what others await."""
    synchronous = [module for module in inside("app.core") if not _belongs(module.name, PORTS)]
    for module in synchronous + inside("app.workflows") + inside("wire"):
        found = [node for node in ast.walk(module.tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
        assert found == [], module.name


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_layers_import_downwards_only(layer: str) -> None:
    below = LAYERS[layer]

    def is_allowed(module: Module, name: str) -> bool:
        return not _belongs(name, "app") or any(_belongs(name, package) for package in {layer, *below})

    assert wrong(inside(layer), is_allowed) == []


def test_features_of_the_page_import_no_circle() -> None:
    """Features import the kit and a few other features; the page composes them, and nothing below imports it."""
    imported: dict[str, set[str]] = {_feature(module.name): set() for module in inside("app.ui")}
    for module in inside("app.ui"):
        imported[_feature(module.name)] |= {_feature(item.name) for item in module.imports()}
    imported = {name: (others & imported.keys()) - {name, ""} for name, others in imported.items() if name}
    assert imported["kit"] == set()
    assert [name for name, others in imported.items() if "page" in others] == []
    order = order_of(imported)
    assert (order[0], order[-1]) == ("kit", "page")


def test_page_names_features_in_one_list() -> None:
    """`page/` is loops over that list; every other module of it imports only the kit."""

    def is_allowed(module: Module, name: str) -> bool:
        is_list = module.name == "app.ui.page.features" and name.endswith(".feature")
        return is_list or _feature(name) in {"", "kit", "page"}

    assert wrong(inside("app.ui.page"), is_allowed) == []


def test_every_folder_of_the_page_exports_its_feature() -> None:
    folders = {_feature(module.name) for module in inside("app.ui")} - {"", "kit", "page"}
    assert folders == {_feature(item.name) for item in modules()["app.ui.page.features"].imports()} - {
        "",
        "kit",
        "page",
    }


def test_only_the_owner_of_a_slice_replaces_it() -> None:
    """Others call a function of its folder: `form/changes.py`, `runs/changes.py`."""
    owners = {
        node.name: _feature(module.name)
        for module in inside("app.ui")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and "Slice" in {ast.unparse(base) for base in node.bases}
    }
    assert {"FormState", "RunsState", "Settings"} <= owners.keys()
    found = [
        f"{module.name}:{call.lineno} replaces {kind}"
        for module in inside("app.ui")
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call, kind in _replaced_slices(function, owners.keys())
        if _feature(module.name) != owners[kind]
    ]
    assert found == []


def _replaced_slices(function: ast.AST, kinds: Collection[str]) -> Iterator[tuple[ast.Call, str]]:
    """Find `replace(slice, …)`, `slice.with_…(…)` and `Slice(…)`; a slice is `….of(Slice)`, or a name for it."""
    names: dict[str, str] = {}

    def kind_of(node: ast.expr) -> str:
        match node:
            case ast.Name(name):
                return names.get(name, "")
            case ast.Call(ast.Attribute(attr="of"), [ast.Name(name)]) if name in kinds:
                return name
        return ""

    for node in ast.walk(function):
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                names |= {ast.unparse(name): kind_of(value) for name, value in zip(targets, values, strict=True)}
            case ast.Assign([name], value) | ast.NamedExpr(name, value):
                names[ast.unparse(name)] = kind_of(value)
            case ast.arg(name, ast.Name(kind)) if kind in kinds:
                names[name] = kind
    for node in ast.walk(function):
        match node:
            case ast.Call(ast.Name("replace"), [value, *_]):
                kind = kind_of(value)
            case ast.Call(ast.Attribute(value, attr)) if attr.startswith("with_"):
                kind = kind_of(value)
            case ast.Call(ast.Name(kind)) if kind in kinds:
                pass
            case _:
                continue
        if kind:
            yield node, kind


def test_parts_of_the_state_are_changed_by_their_own_methods() -> None:
    """What others read of the records, of what is live and of the servers, they do not write."""
    found = [
        f"{module.name}:{line} changes {what}"
        for module in inside("app")
        for part, kind in PARTS_OF_THE_STATE.items()
        if module.name != f"app.session.{part}"
        for line, what in _changes_of(module.tree, part, kind)
    ]
    assert found == []


@pytest.mark.parametrize(
    "change",
    [
        "state.live.runs = {}",
        "self._state.live.stalled |= {1}",
        "del state.live.runs",
        "state.live.runs[1] = run",
        "del self._state.live.runs[1]",
        "state.live.runs.pop(1)",
        "state.live.noticed[1].signs.append(2)",
        "setattr(state.live, 'runs', {})",
        "live = self._state.live; live.runs = {}",
        "def show(live: Live) -> None: live.runs[1] = 2",
        "def __init__(self, live: Live) -> None: self.known = live; self.known.runs[1] = 2",
        "state.live.first, other = 1, 2",
        "for state.live.first in runs: pass",
    ],
)
def test_change_of_a_part_of_the_state_is_found(change: str) -> None:
    assert [line for line, _ in _changes_of(ast.parse(change), "live", "Live")] == [1]


@pytest.mark.parametrize("reading", ["state.live.forget(1)", "found = state.live.runs[1]", "self.live = Live()"])
def test_use_of_a_part_of_the_state_is_no_change(reading: str) -> None:
    assert not list(_changes_of(ast.parse(reading), "live", "Live"))


def _changes_of(tree: ast.AST, part: str, kind: str) -> Iterator[tuple[int, str]]:
    """Find what sets, deletes or changes an attribute of `….state.part`, or of a name for it, or something in one."""
    names = {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and node.annotation is not None and ast.unparse(node.annotation) == kind
    }

    def is_part(node: ast.expr) -> bool:
        match node:
            case ast.Attribute(ast.Name("state" | "_state") | ast.Attribute(attr="state" | "_state"), attr=name):
                return name == part
            case ast.Name() | ast.Attribute():
                return ast.unparse(node) in names
        return False

    def is_of_part(node: ast.expr) -> bool:
        match node:
            case ast.Attribute(value):
                return is_part(value) or is_of_part(value)
            case ast.Subscript(value):
                return is_of_part(value)
        return False

    for node in ast.walk(tree):
        match node:
            case ast.Assign([name], value) | ast.NamedExpr(name, value) if is_part(value):
                names.add(ast.unparse(name))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                is_change = is_of_part(node)
            case ast.Call(ast.Attribute(value, attr)) if attr in CHANGING:
                is_change = is_of_part(value)
            case ast.Call(ast.Name("setattr" | "delattr"), [value, *_]):
                is_change = is_part(value)
            case _:
                continue
        if is_change:
            yield node.lineno, ast.unparse(node)


def test_folders_of_the_gateway_import_no_circle() -> None:
    """`server` joins the parts: what carries requests knows no fleet, and neither of them knows users."""
    imported: dict[str, set[str]] = {_part(module.name): set() for module in inside("gateway")}
    for module in inside("gateway"):
        imported[_part(module.name)] |= {_part(item.name) for item in module.imports()}
    imported = {name: (others & imported.keys()) - {name, ""} for name, others in imported.items() if name}
    assert {"http", "fleet", "people", "site", "install", "page", "export", "check"} < set(order_of(imported))
    assert imported["platforms"] == set()
    assert imported["http"] <= {"child_process", "errors", "flags", "platforms", "tasks"}
    assert imported["fleet"] <= {*imported["http"], "http", "install", "whole_file"}


def _part(name: str) -> str:
    """Return the folder or module below `gateway` that a module is in; empty if it is in none."""
    parts = name.split(".")
    return parts[1] if parts[0] == "gateway" and len(parts) > 1 else ""


def order_of(imported: dict[str, set[str]]) -> list[str]:
    """Return the names so that each imports earlier ones only; fail with the circle if there is one."""
    try:
        return list(TopologicalSorter(imported).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _feature(name: str) -> str:
    """Return the folder below `app.ui` that a module is in; empty if it is in none."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["app", "ui"] and len(parts) > 2 else ""


def test_every_part_of_the_app_has_a_rule() -> None:
    parts = {".".join(name.split(".")[:2]) for name in modules() if _belongs(name, "app") and name != "app"}
    assert parts == {*LAYERS, "app.browser", "app.composition", "app.main"}


def test_browser_imports_only_ports_their_values_and_formats() -> None:
    values = {item.name for module in inside(PORTS) for item in module.imports() if _belongs(item.name, "app")}
    allowed = {PORTS, "app.browser", *values, *FORMATS}

    def is_allowed(module: Module, name: str) -> bool:
        is_worker = module.name == "app.browser.scripting" and _belongs(name, "app.scripting")
        return is_worker or not _belongs(name, "app") or any(_belongs(name, package) for package in allowed)

    assert wrong(inside("app.browser"), is_allowed) == []


def test_browser_uses_each_listed_format() -> None:
    used = {item.name for module in inside("app.browser") for item in module.imports()}
    assert used >= FORMATS


def test_javascript_is_imported_only_in_the_browser_folder() -> None:
    def is_allowed(module: Module, name: str) -> bool:
        is_edge = _belongs(module.name, "app.browser") or module.name == "app.main"
        return is_edge or name.split(".", maxsplit=1)[0] not in JAVASCRIPT

    assert wrong([module for package in SHIPPED for module in inside(package)], is_allowed) == []
    assert any(item.name == "js" for module in inside("app.browser") for item in module.imports())


@pytest.mark.parametrize("package", PROGRAMS)
def test_the_three_programs_never_import_each_other(package: str) -> None:
    others = [other for other in (*PROGRAMS, "tests", "serve") if other != package]

    def is_allowed(module: Module, name: str) -> bool:
        return not any(_belongs(name, other) for other in others)

    assert wrong(inside(package), is_allowed) == []


def test_fake_servers_take_only_constants_from_wire() -> None:
    """Demo servers, and the self-check's. A server that encodes with the decoder's code would repeat its mistakes."""
    found = [
        f"{module.name}:{node.lineno} imports {ast.unparse(node)}"
        for module in inside("demo_comfyui") + inside("app.session.memory.sandbox")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and not _is_constants_of_wire(node)
    ]
    assert found == []


def _is_constants_of_wire(node: ast.Import | ast.ImportFrom) -> bool:
    """Return whether this imports constants, if anything, from `wire`."""
    if isinstance(node, ast.Import):
        return not any(_belongs(alias.name, "wire") for alias in node.names)
    return not _belongs(node.module or "", "wire") or all(alias.name.isupper() for alias in node.names)


def test_only_main_imports_the_composition_root() -> None:
    """Of all modules only those are parsed that have the word: most are tests."""
    roots = ("app.composition", "app.main")

    def is_allowed(module: Module, name: str) -> bool:
        return not any(_belongs(name, root) for root in roots)

    words = [root.split(".")[1] for root in roots]
    having = [module for module in modules().values() if any(word in module.source for word in words)]
    assert wrong([module for module in having if module.name != "app.main"], is_allowed) == []


def test_page_does_not_load_the_scripting_console() -> None:
    """Its Python runs in a worker, started by its adapter in `app.browser`; nothing else imports either."""

    def is_allowed(module: Module, name: str) -> bool:
        is_own = module.name == "app.browser.scripting" or _belongs(module.name, "app.scripting")
        return is_own or not (_belongs(name, "app.scripting") or name == "app.browser.scripting")

    assert wrong(inside("app"), is_allowed) == []


def test_model_of_comfyui_is_pure() -> None:
    """No clock, no randomness, no I/O: demo servers and simulated ones give it theirs."""

    def is_allowed(module: Module, name: str) -> bool:
        return (
            _belongs(name, "demo_comfyui.model") or name.split(".", maxsplit=1)[0] in PURE | {"wire"} | MORE_FOR_MODEL
        )

    assert wrong(inside("demo_comfyui.model"), is_allowed) == []


def test_simulated_server_imports_only_the_model_of_comfyui() -> None:
    def is_allowed(module: Module, name: str) -> bool:
        is_own = any(_belongs(name, own) for own in ("tests.simulation.server", *MODEL))
        return is_own or name == "demo_comfyui" or not any(_belongs(name, package) for package in (*SHIPPED, "tests"))

    assert wrong(inside("tests.simulation.server"), is_allowed) == []


def test_set_up_needs_only_the_standard_library() -> None:
    """It runs before anything is installed; `tests/unit/test_commands.py` runs each command without packages."""

    def is_allowed(module: Module, name: str) -> bool:
        return name.split(".", maxsplit=1)[0] in sys.stdlib_module_names or any(
            _belongs(name, part) for part in ("gateway.install", "gateway.commands", "gateway.platforms")
        )

    assert wrong([modules()["serve"], modules()["gateway.install"], *inside("gateway.platforms")], is_allowed) == []


def test_gateway_reads_json_in_one_place() -> None:
    readers = {
        module.name
        for module in inside("gateway")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"json.loads", "json.load", "msgspec.json.decode"}
    }
    # Set-up reads what it and its child processes wrote, with the standard library only.
    assert {name for name in readers if not name.startswith("gateway.install.")} == {"gateway.http.json_reader"}


def test_every_module_has_a_docstring() -> None:
    silent = [
        module.name for module in modules().values() if module.source.strip() and not module.source.startswith('"""')
    ]
    assert silent == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
    assert [name for name in modules() if name.split(".")[-1] in drawers] == []


def test_no_two_fixtures_do_the_same() -> None:
    first, same = dict[str, str](), list[str]()
    for module in inside("tests"):
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (text := _work_of_fixture(node)):
                place = f"{module.name}.{node.name}"
                if first.setdefault(text, place) is not place:
                    same.append(f"{first[text]} and {place}")
    assert same == [], "one of them belongs in a conftest above both, or in tests/kit"


def _work_of_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return how a fixture is made, without its name and docstring; empty if this is none."""
    how = [ast.unparse(item) for item in function.decorator_list]
    if not any("fixture" in item for item in how):
        return ""
    body = function.body[bool(ast.get_docstring(function)) :]
    return "\n".join(
        [*how, ast.unparse(function.args), ast.unparse(function.returns or function), *map(ast.unparse, body)]
    )
