"""The contents of a catalogue: the nodes of an `/object_info`, and its lists of files. Pure."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.fleet.node_inputs import is_file_choice, is_unexamined, named_files
from gateway.fleet.server_answers import NotComfyError, parse_json
from gateway.http.json_reader import build

_KEY = "API_KEY_COMFY_ORG"  # the kind of a hidden input


def is_any(_name: str) -> bool:
    """Return True for every file."""
    return True


@dataclass(frozen=True, slots=True)
class NodeClasses:
    """The names of a catalogue's node classes."""

    names: frozenset[str]
    outputs: frozenset[str] = frozenset()  # those that runs start from
    partner: frozenset[str] = frozenset()  # those that run elsewhere, with a key
    others_with_key: frozenset[str] = frozenset()  # no partner nodes, and yet they ask for the key
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)  # the inputs that name files, by class
    unexamined: frozenset[str] = frozenset()  # of ComfyUI's own that may read or write files in an unknown way

    @classmethod
    def of(cls, classes: Mapping[str, Any]) -> NodeClasses:
        """Sort the classes of a catalogue."""
        nodes = {name: node for name, node in classes.items() if isinstance(node, dict)}
        with_key = frozenset(name for name, node in nodes.items() if _asks_for_key(node))
        partner = frozenset(name for name in with_key if nodes[name].get("api_node") is True)
        outputs = frozenset(name for name, node in nodes.items() if node.get("output_node"))
        files = {name: inputs for name, node in nodes.items() if (inputs := named_files(node))}
        unexamined = frozenset(name for name, node in nodes.items() if is_unexamined(name, node))
        return cls(frozenset(classes), outputs, partner, with_key - partner, files, unexamined)


def _asks_for_key(node: Mapping[str, Any]) -> bool:
    groups = node.get("input")
    hidden = groups.get("hidden") if isinstance(groups, dict) else None
    kinds = hidden.values() if isinstance(hidden, dict) else ()
    return any(_KEY in (kind if isinstance(kind, list) else [kind]) for kind in kinds)  # newer classes have lists


@dataclass(frozen=True, slots=True)
class Content:
    """One catalogue or one set of file lists, compressed for sending."""

    hash: str
    packed: bytes  # gzip

    @classmethod
    def of(cls, classes: Mapping[str, Any]) -> Content:
        """Make a content from the classes, in order of their names."""
        text = "".join(_lines(classes)).encode("ascii")
        return cls(hashlib.sha256(text).hexdigest(), gzip.compress(text, compresslevel=5, mtime=0))

    def plain(self) -> bytes:
        """Return the uncompressed bytes."""
        return gzip.decompress(self.packed)

    def classes(self) -> dict[str, Any]:
        """Return the classes that it was made from."""
        lines = self.plain().decode("ascii").splitlines()
        return build(f"{{{','.join(lines)}}}".encode())  # type: ignore[no-any-return]


def read_contents(
    body: bytes | bytearray, shows: Callable[[str], bool], private: str = ""
) -> tuple[Content, Content, NodeClasses]:
    """Read the nodes and the file lists of an `/object_info`.

    `shows` says which files all users may see, `private` is the folder of users' uploads, which nothing else names.
    """
    found = parse_json(body, "/object_info")
    if not isinstance(found, dict):
        raise NotComfyError("/object_info is not ComfyUI's")
    nodes, files = split_files(found)
    shown = {
        name: {key: [one for one in names if shows(str(one))] for key, names in lists.items()}
        for name, lists in files.items()
    }
    if private:
        nodes = without_folder(nodes, private)
    return Content.of(nodes), Content.of(shown), NodeClasses.of(nodes)


def without_folder(value: Any, folder: str) -> Any:
    """Return a part of a catalogue without the choices, defaults, keys and other texts that name a folder."""
    match value:
        case dict():
            return {key: without_folder(item, folder) for key, item in value.items() if not _names(key, folder)}
        case list():
            return [without_folder(item, folder) for item in value if not _names(item, folder)]
        case _:
            return "" if _names(value, folder) else value


def _names(item: object, folder: str) -> bool:
    return isinstance(item, str) and folder in item.lower()


def split_files(found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the catalogue with empty lists of files, and those lists: `{class: {input: [names]}}`.

    `wire.catalogue_files.with_files` is the reverse.
    """
    nodes: dict[str, Any] = {}
    files: dict[str, Any] = {}
    for name, node in found.items():
        lists: dict[str, Any] = {}
        nodes[name] = _without_files(name, node, lists)
        if lists:
            files[name] = lists
    return nodes, files


def _without_files(class_type: str, node: Any, lists: dict[str, Any]) -> Any:
    groups = node.get("input") if isinstance(node, dict) else None
    if not isinstance(groups, dict):
        return node
    parted = {
        group: {name: _input_without(class_type, name, spec, lists) for name, spec in inputs.items()}
        if isinstance(inputs, dict)
        else inputs
        for group, inputs in groups.items()
    }
    return {**node, "input": parted} if lists else node


def _input_without(class_type: str, name: str, spec: Any, lists: dict[str, Any]) -> Any:
    """Return an input's spec; move the list of a choice of files, in either form, into `lists`."""
    if not is_file_choice(class_type, name, spec):
        return spec
    kind = spec[0]
    if isinstance(kind, list):
        lists[name] = kind
        return [[], *spec[1:]]
    lists[name] = spec[1]["options"]
    return [kind, {**spec[1], "options": []}, *spec[2:]]


def _lines(classes: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(classes):
        yield f"{json.dumps(name)}:{json.dumps(classes[name], separators=(',', ':'))}\n"
