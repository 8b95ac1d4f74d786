"""The order of nodes: outputs first, then what leads to one soonest, ties by order of adding."""

from __future__ import annotations

from typing import Any

from demo_comfyui.catalogue import catalogue_of
from demo_comfyui.model.plan import Plan
from wire.versions import OLDEST


def image(source: str) -> dict[str, Any]:
    return {"class_type": "ImageInvert", "inputs": {"image": [source, 0]}}


def output(source: str) -> dict[str, Any]:
    return {"class_type": "PreviewImage", "inputs": {"images": [source, 0]}}


SOURCE = {"class_type": "EmptyImage", "inputs": {"width": 1}}


def order(prompt: dict[str, Any], outputs: list[str], cached: tuple[str, ...] = ()) -> list[str]:
    plan = Plan(prompt, outputs, lambda node_id: node_id in cached, catalogue_of(OLDEST).is_output)
    found = []
    while plan:
        found.append(plan.next())
        plan.done(found[-1])
    return found


def test_a_ready_output_goes_before_everything_else() -> None:
    prompt = {"1": SOURCE, "2": image("1"), "3": output("2"), "4": output("1")}
    assert order(prompt, ["3", "4"]) == ["1", "4", "2", "3"]


def test_what_leads_to_an_output_soonest_goes_first() -> None:
    prompt = {"1": SOURCE, "2": image("1"), "3": image("2"), "8": output("3"), "5": SOURCE, "9": output("5")}
    assert order(prompt, ["8", "9"]) == ["5", "9", "1", "2", "3", "8"]


def test_cached_sources_are_not_run_but_cached_outputs_are_visited() -> None:
    prompt = {"1": SOURCE, "2": image("1"), "3": output("2")}
    assert order(prompt, ["3"], ("1",)) == ["2", "3"]
    assert order(prompt, ["3"], ("1", "2", "3")) == ["3"]


def test_only_what_the_outputs_need_is_run() -> None:
    prompt = {"1": SOURCE, "2": image("1"), "3": output("1")}
    assert order(prompt, ["3"]) == ["1", "3"]


def test_a_diamond_runs_each_node_once() -> None:
    blend = {"class_type": "ImageBlend", "inputs": {"image1": ["2", 0], "image2": ["3", 0]}}
    prompt = {"1": SOURCE, "2": image("1"), "3": image("1"), "4": blend, "5": output("4")}
    found = order(prompt, ["5"])
    assert sorted(found) == ["1", "2", "3", "4", "5"]
    assert found[0] == "1" and found[-2:] == ["4", "5"]
