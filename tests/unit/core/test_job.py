"""The cost of a workflow: its family, its size, and the models that it loads."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.job import costly_nodes, job_of
from app.core.model import Job
from app.core.workflow import parse_workflow

PICTURE: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sub/large.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "dunes.pt at dusk", "clip": ["1", 1]}},
    "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 1024, "height": 512, "batch_size": 2}},
    "4": {
        "class_type": "KSampler",
        "inputs": {"seed": 7, "steps": 20, "model": ["5", 0], "positive": ["2", 0], "latent_image": ["3", 0]},
    },
    "5": {"class_type": "LoraLoaderModelOnly", "inputs": {"lora_name": "style.safetensors", "model": ["1", 0]}},
    "6": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "out"}},
}


def job(**changes: Any) -> Job:
    """The job of the picture with inputs changed: `n4_steps=30`."""
    graph = copy.deepcopy(PICTURE)
    for name, value in changes.items():
        node_id, _, input_name = name[1:].partition("_")
        graph[node_id]["inputs"][input_name] = value
    return job_of(parse_workflow(graph))


def test_a_job_names_its_models_and_its_size() -> None:
    assert job().models == ("sub/large.safetensors",)
    assert job().size == 20 * 1024 * 512 * 2


@pytest.mark.parametrize("change", [{"n4_seed": 8}, {"n7_filename_prefix": "b"}, {"n5_lora_name": "b.safetensors"}])
def test_inputs_without_cost_do_not_change_kind(change: dict[str, Any]) -> None:
    assert job(**change).kind == job().kind


def test_a_text_that_names_no_model_makes_no_other_kind() -> None:
    assert job(n2_text="a rose").kind == job().kind


@pytest.mark.parametrize("change", [{"n4_steps": 30}, {"n3_width": 512}, {"n3_batch_size": 1}])
def test_steps_and_pixels_change_kind_within_family(change: dict[str, Any]) -> None:
    assert job(**change).kind != job().kind
    assert job(**change).family == job().family


def test_spelling_of_a_model_makes_no_other_kind() -> None:
    assert job(n1_ckpt_name="sub\\large.safetensors") == job()


def test_another_model_is_another_family() -> None:
    other = job(n1_ckpt_name="huge.gguf")
    assert other.models == ("huge.gguf",)
    assert other.family != job().family


def test_order_and_ids_of_nodes_do_not_matter() -> None:
    graph = {f"1{node_id}": node for node_id, node in reversed(PICTURE.items())}
    assert job_of(parse_workflow(graph)) == job()


def test_steps_of_several_nodes_add_up() -> None:
    graph = {**PICTURE, "8": PICTURE["4"]}
    assert job_of(parse_workflow(graph)).size == 2 * job().size


@pytest.mark.parametrize("value", [["3", 0], True, "20", -1, 0, 1e300, float("nan"), None])
def test_values_that_are_no_count_do_not_count(value: object) -> None:
    assert job(n4_steps=value).size == 1024 * 512 * 2


def test_costly_nodes_have_steps_or_feed_outputs() -> None:
    assert costly_nodes(parse_workflow(PICTURE)) == {"4", "6"}


@given(
    st.dictionaries(st.text(max_size=3), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=8))
)
def test_any_inputs_make_some_job(inputs: dict[str, Any]) -> None:
    workflow = parse_workflow(json.dumps({"1": {"class_type": "SaveImage", "inputs": {**inputs, "steps": inputs}}}))
    assert job_of(workflow).size == 1.0
    assert isinstance(costly_nodes(workflow), frozenset)
