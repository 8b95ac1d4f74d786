"""The settings in which two results differ."""

from __future__ import annotations

import json
from typing import Any

from app.core.model import Task
from app.ui.results.differences import LONGEST, Difference, differences
from tests.kit.page.stills import ended


def _run(**nodes: dict[str, Any]) -> Task:
    graph = {
        node_id: {"class_type": "KSampler", "inputs": inputs, "_meta": {"title": f"Node {node_id}"}}
        for node_id, inputs in nodes.items()
    }
    return ended(workflow=json.dumps(graph))


def test_only_other_values_are_differences() -> None:
    one = _run(a={"steps": 20, "ckpt_name": "x.safetensors", "model": ["b", 0]}, b={"text": "a dune"})
    other = _run(a={"steps": 30, "ckpt_name": "x.safetensors", "model": ["c", 0]}, b={"text": "a boat"})
    assert differences(one, other) == (
        Difference("Node a", "Steps", "20", "30"),
        Difference("Node b", "Text", "a dune", "a boat"),
    )
    assert differences(one, one) == ()


def test_inputs_of_one_run_alone_are_differences() -> None:
    assert differences(_run(a={"steps": 20}), _run(a={"cfg": 1.5}, b={"seed": 7})) == (
        Difference("Node a", "Steps", "20", ""),
        Difference("Node a", "CFG", "", "1.5"),
        Difference("Node b", "Seed", "", "7"),
    )


def test_invalid_records_and_long_texts_are_bounded() -> None:
    assert differences(ended(workflow="nothing"), ended(workflow="[1]")) == ()
    (found,) = differences(_run(a={"text": "long " * 1000}), _run(a={"text": ""}))
    assert len(found.one) <= LONGEST + 2
    assert len(differences(_run(a={f"n{number}": 1 for number in range(500)}), _run())) < 100
