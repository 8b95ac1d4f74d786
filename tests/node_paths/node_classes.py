"""The node classes of one version of ComfyUI, and what the inputs of each are used for, as its sources show."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.node_paths.flow import Class, Sources
from wire.paths import Use

PARTS = (
    "nodes.py", "node_helpers.py", "folder_paths.py", "comfy_extras", "comfy_api_nodes", "comfy_api", "comfy/utils.py",
    "comfy/sd.py",
)  # fmt: skip
# The methods that ComfyUI calls with a node's inputs, beside the one that FUNCTION names.
CALLED = ("execute", "VALIDATE_INPUTS", "IS_CHANGED", "validate_inputs", "fingerprint_inputs", "check_lazy_status")
_VERSION = re.compile(r'__version__ = "([0-9.]+)"')


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in one version: each class of nodes, with the uses of its inputs that become paths."""

    version: str
    classes: Mapping[str, Mapping[str, frozenset[Use]]]


def examine(folder: Path) -> Examined:
    """Examine a checkout of ComfyUI."""
    found = _VERSION.search((folder / "comfyui_version.py").read_text("utf-8"))
    assert found is not None, f"{folder} is no checkout of ComfyUI"
    sources = Sources(folder, _modules(folder))
    return Examined(found[1], {name: _uses(sources, owner) for name, owner in _nodes(sources)})


def _modules(folder: Path) -> Iterator[Path]:
    for part in PARTS:
        path = folder / part
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _nodes(sources: Sources) -> Iterator[tuple[str, Class]]:
    """Yield each class of nodes with the name that prompts use."""
    for owners in sources.classes.values():
        for owner in owners:
            for name in (*_schema_ids(sources, owner), *_own_ids(owner)):
                yield name, owner
    for module, tree in sources.trees.items():
        for name, class_name in _mapped(tree):
            for owner in sources.classes.get(class_name, ()):
                if owner.module == module and "define_schema" not in owner.methods:
                    yield name, owner


def _schema_ids(sources: Sources, owner: Class) -> list[str]:
    """Return the `node_id` that a class of the newer kind declares, in its schema or as an attribute."""
    found: list[str] = []
    for item in ast.walk(owner.methods["define_schema"].node) if "define_schema" in owner.methods else ():
        match item:
            case ast.keyword(arg="node_id", value=ast.Constant(value=str(name))):
                found.append(name)
            case ast.Assign(targets=[ast.Attribute(attr="node_id")], value=ast.Constant(value=str(name))):
                found.append(name)
    is_newer = sources.method(owner, "define_schema") is not None
    for statement in owner.node.body if is_newer else ():
        match statement:
            case ast.Assign(targets=[ast.Name(id="node_id")], value=ast.Constant(value=str(name))):
                found.append(name)
    return found


def _own_ids(owner: Class) -> Iterator[str]:
    """Yield the `NodeId` of a class that a loop puts into the mapping."""
    for statement in owner.node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="NodeId")], value=ast.Constant(value=str(name))):
                yield name


def _mapped(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the items of every `NODE_CLASS_MAPPINGS`."""
    for item in tree.body:
        match item:
            case ast.Assign(targets=[ast.Name(id="NODE_CLASS_MAPPINGS")], value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Name):
                        yield key.value, value.id


def _uses(sources: Sources, owner: Class) -> Mapping[str, frozenset[Use]]:
    found: dict[str, set[Use]] = defaultdict(set)
    for name in (*CALLED, *_function_names(sources, owner)):
        method = sources.method(owner, name)
        for parameter, uses in method.uses.items() if method is not None else ():
            if method is not None and parameter in (*method.parameters, *method.rest):
                found[parameter] |= uses
    return {name: frozenset(uses) for name, uses in sorted(found.items()) if uses}


def _function_names(sources: Sources, owner: Class) -> Iterator[str]:
    for one in sources.family(owner):
        for statement in one.node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="FUNCTION")], value=ast.Constant(value=str(name))):
                    yield name
