"""An opened workflow has the same links that ComfyUI follows."""

from __future__ import annotations

import json

import pytest

from app.core.workflow import parse_workflow
from app.workflows.graph import open_graph
from tests.kit.links import ODD_IDS, ODD_LINKS


@pytest.mark.parametrize(("value", "is_link"), ODD_LINKS, ids=ODD_IDS)
def test_odd_links_are_read_as_comfyui_does(value: object, is_link: bool) -> None:
    text = json.dumps({"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B", "inputs": {"x": value}}})
    node = open_graph(parse_workflow(text))["2"]
    assert ("x" in node.links, "x" in node.values) == (is_link, not is_link)


@pytest.mark.parametrize("slot", ["NaN", "1e999", "-1e999", "1" + 400 * "0"])
def test_slot_of_any_size_is_read(slot: str) -> None:
    text = f'{{"2": {{"class_type": "B", "inputs": {{"x": ["1", {slot}]}}}}}}'
    assert open_graph(parse_workflow(text))["2"].links["x"].node_id == "1"


def test_workflow_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def count(text: str) -> object:
        parsed.append(text)
        return json.JSONDecoder().decode(text)

    work = parse_workflow('{"once": {"class_type": "A", "inputs": {"steps": 4}}}')
    monkeypatch.setattr("app.workflows.graph.json.loads", count)
    assert open_graph(work)["once"].values == open_graph(work)["once"].values == {"steps": 4}
    assert len(parsed) == 1
