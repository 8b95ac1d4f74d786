"""Which node classes of a prompt run, and where a key is written into it. Pure; neither function knows a key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway.fleet.catalogue_contents import NodeClasses
from gateway.http.json_reader import build
from wire.partner import API_KEY

NO_CLASS = ""  # of a node without one, which a server refuses


def running_classes(body: bytes, classes: NodeClasses) -> frozenset[str]:
    """Return the classes of the nodes that an output of this prompt depends on; no others run."""
    submitted = build(body)
    prompt: Mapping[str, Any] = submitted["prompt"]
    targets = submitted.get("partial_execution_targets")
    ends = [
        node_id
        for node_id, node in prompt.items()
        if _is_end(_class_of(node), classes) and (not isinstance(targets, list) or node_id in targets)
    ]
    reached: set[str] = set()
    while ends:
        node_id = ends.pop()
        if node_id not in reached and node_id in prompt:
            reached.add(node_id)
            ends += _linked(prompt[node_id])
    return frozenset(_class_of(prompt[node_id]) for node_id in reached)


def _is_end(class_type: str, classes: NodeClasses) -> bool:
    """Whether runs may start here: from an output, or a class that may be replaced by one."""
    return class_type in classes.outputs or class_type not in classes.names


def _class_of(node: object) -> str:
    class_type = node.get("class_type") if isinstance(node, dict) else None
    return class_type if isinstance(class_type, str) else NO_CLASS


def _linked(node: object) -> Iterator[str]:
    inputs = node.get("inputs") if isinstance(node, dict) else None
    for value in inputs.values() if isinstance(inputs, dict) else ():
        if isinstance(value, list) and value and isinstance(value[0], str):
            yield value[0]


def split_at_key(body: bytes) -> tuple[bytes, bytes]:
    """Return the parts of a prompt's body before and after the key."""
    submitted = build(body, is_strict=True)
    extra = submitted.pop("extra_data", {})
    before = _opened({**submitted, "extra_data": 0})[: -len("0")] + _opened(extra)
    return f'{before}{", " if extra else ""}"{API_KEY}": "'.encode(), b'"}}'


def _opened(value: Collection[Any]) -> str:
    """Return an object's JSON without its closing brace."""
    return json.dumps(value)[:-1]
