"""Where a workflow says that its models can be downloaded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.form.open_workflow import GivenWorkflow, open_given
from app.workflows.model_sources import MOST_MODELS, ModelSource, find_model_source, read_model_sources
from app.workflows.published import parse_published

SD15 = {"name": "sd15.safetensors", "url": "https://huggingface.co/a/sd15.safetensors", "directory": "checkpoints"}
FOUND = ModelSource("sd15.safetensors", "https://huggingface.co/a/sd15.safetensors", "checkpoints")


def node(*models: object) -> dict[str, Any]:
    return {"id": 1, "type": "Load", "properties": {"models": list(models)}}


@pytest.mark.parametrize(
    "graph",
    [
        {"nodes": [node(SD15)]},
        {"nodes": [], "models": [SD15]},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "x", "nodes": [node(SD15)]}]}},
        {"nodes": [node(SD15, SD15)], "models": [SD15]},
    ],
    ids=["node", "workflow", "subgraph", "several times"],
)
def test_model_is_read_wherever_it_is_named(graph: dict[str, Any]) -> None:
    assert read_model_sources(graph) == (FOUND,)


def test_facts_of_a_model_are_read() -> None:
    full = {**SD15, "name": "xl\\a.safetensors", "hash": "ab", "size": 5}
    assert read_model_sources({"models": [full]}) == (ModelSource("xl/a.safetensors", FOUND.url, "checkpoints", 5),)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"url": "javascript:alert(1)"}, {"url": ""}),
        ({"url": 5}, {"url": ""}),
        ({"url": "https://x/\u202e.safetensors"}, {"url": ""}),
        ({"url": f"https://x/{'a' * 3000}"}, {"url": ""}),
        ({"directory": ["x"]}, {"folder": ""}),
        ({"directory": "../custom_nodes"}, {"folder": ""}),
        ({"directory": "/etc"}, {"folder": ""}),
        ({"directory": "C:\\x"}, {"folder": ""}),
        ({"directory": "Custom_Nodes/pack"}, {"folder": ""}),
        ({"directory": "loras\\xl"}, {"folder": "loras/xl"}),
        ({"size": True}, {"size": 0}),
        ({"size": -1}, {"size": 0}),
        ({"size": 10**400}, {"size": 0}),
        ({"size": "4 GB"}, {"size": 0}),
    ],
)
def test_invalid_fact_is_left_out(changes: dict[str, object], found: dict[str, object]) -> None:
    (model,) = read_model_sources({"models": [{**SD15, **changes}]})
    assert {name: getattr(model, name) for name in found} == found


@pytest.mark.parametrize("item", [None, "a", [], {}, {"name": ""}, {"name": 5}, {"name": "x" * 300}, {"name": "a\n"}])
def test_entry_without_a_name_is_no_model(item: object) -> None:
    assert read_model_sources({"models": [item]}) == ()


def test_number_of_models_is_bounded() -> None:
    assert len(read_model_sources({"models": [{"name": f"{number}"} for number in range(2000)]})) == MOST_MODELS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["nodes", "models", "properties", "definitions", "subgraphs", "name", "url", "size"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["nodes", "models", "definitions"]), JSON))
def test_any_graph_is_read(graph: dict[str, Any]) -> None:
    assert all(model.name for model in read_model_sources(graph))


def test_model_is_found_by_its_name_and_folder() -> None:
    vae = ModelSource("a.safetensors", "https://x/vae", "vae")
    clip = ModelSource("a.safetensors", "https://x/clip", "clip_vision")
    deep = ModelSource("night/a.safetensors", "https://x/deep", "loras")
    models = (vae, clip, deep)
    assert find_model_source(models, "a.safetensors") == vae
    assert find_model_source(models, "a.safetensors", "clip_vision") == clip
    assert find_model_source(models, "night\\a.safetensors") == deep
    assert find_model_source(models, "day/a.safetensors") == vae, "the same file in a folder of its own"
    assert find_model_source(models, "b.safetensors") is None


def test_models_are_kept_with_a_workflow() -> None:
    graph = {"nodes": [node(SD15)], "links": [], "version": 0.4}
    api = {"1": {"class_type": "Load", "inputs": {}}}
    broken = GivenWorkflow(
        "a", "A", json.dumps(api), graph=json.dumps({**graph, "nodes": [{**node(SD15), "id": None}]})
    )
    assert broken.models == (FOUND,), "even if the graph cannot be converted"
    assert GivenWorkflow("a", "A", json.dumps(api)).models == ()
    opened = open_given(GivenWorkflow("a", "A", json.dumps(api)), None)
    assert opened is not None
    assert opened.published.models == ()
    text = {"v": 1, "title": "A", "about": "", "fields": [], "workflow": api, "models": [SD15]}
    assert parse_published("a", json.dumps(text)).models == (FOUND,)
