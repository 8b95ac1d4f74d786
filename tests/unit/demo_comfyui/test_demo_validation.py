"""Validation: a table of prompts and the errors they get. The exact texts are in the contract suite."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from demo_comfyui.catalogue import catalogue_of
from demo_comfyui.model.description import system_stats
from demo_comfyui.model.validation import Verdict, validate_prompt
from demo_comfyui.model.versions import NEW, OLD, VERSIONS, Version
from demo_comfyui.models import MODELS
from demo_comfyui.routes_info import machine_of
from demo_comfyui.settings import Settings


def validate(prompt: Any, targets: list[str] | None = None, *, exists: bool = True) -> Verdict:
    return validate_prompt(prompt, targets, lambda _: exists, OLD, catalogue_of(OLD.number))


def empty(**inputs: Any) -> dict[str, Any]:
    values = {"width": 8, "height": 8, "batch_size": 1, "color": 0, **inputs}
    return {"class_type": "EmptyImage", "inputs": values}


def shown(source: str, slot: Any = 0) -> dict[str, Any]:
    return {"class_type": "PreviewImage", "inputs": {"images": [source, slot]}}


def errors(verdict: Verdict) -> dict[str, list[str]]:
    return {node: [error["type"] for error in entry["errors"]] for node, entry in verdict.node_errors.items()}


def test_a_good_prompt_has_its_outputs_and_no_errors() -> None:
    verdict = validate({"1": empty(), "2": shown("1"), "3": shown("1")})
    assert (verdict.outputs, verdict.error, verdict.node_errors) == (["2", "3"], None, {})


def test_targets_limit_the_outputs() -> None:
    prompt = {"1": empty(), "2": shown("1"), "3": shown("1")}
    assert validate(prompt, ["3"]).outputs == ["3"]
    refused = validate(prompt, ["1"])
    assert refused.error is not None and refused.error["type"] == "prompt_no_outputs"


SCALE = {"upscale_method": "area", "width": 8, "height": 8, "crop": "center"}
SAMPLER = {"text": "x", "seed": 18446744073709551615, "steps": 1, "width": 64, "height": 64}


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        (empty(), None),
        (empty(width="12"), None),
        (empty(width=12.9), None),
        (empty(width={"__value__": 5}), None),
        (empty(width=True), None),
        (empty(width=0), "value_smaller_than_min"),
        (empty(height=16385), "value_bigger_than_max"),
        (empty(width="12.5"), "invalid_input_type"),
        (empty(width=None), "invalid_input_type"),
        (empty(width={}), "invalid_input_type"),
        (empty(width=float("inf")), "invalid_input_type"),
        (empty(width=["1"]), "bad_linked_input"),
        (empty(width=["2", 0]), "return_type_mismatch"),
        (empty(extra=["ignored"]), None),
        ({"class_type": "EmptyImage", "inputs": {}}, "required_input_missing"),
        ({"class_type": "ImageScale", "inputs": {"image": ["2", 0], **SCALE}}, None),
        ({"class_type": "ImageScale", "inputs": {"image": ["2", 0], **SCALE, "crop": "x"}}, "value_not_in_list"),
        ({"class_type": "ImageScale", "inputs": {"image": "text", **SCALE}}, None),
        ({"class_type": "LoadImage", "inputs": {"image": "there.png"}}, None),
        ({"class_type": "DemoSampler", "inputs": SAMPLER}, None),
        ({"class_type": "DemoSampler", "inputs": {**SAMPLER, "text": 5}}, None),
        ({"class_type": "DemoSampler", "inputs": {**SAMPLER, "seed": 2**64}}, "value_bigger_than_max"),
        ({"class_type": "DemoSampler", "inputs": {**SAMPLER, "width": 4096}}, "value_bigger_than_max"),
    ],
)
def test_a_table_of_inputs(node: dict[str, Any], kind: str | None) -> None:
    verdict = validate({"1": node, "2": empty(), "9": shown("1")})
    found = errors(verdict)
    if kind is None:
        assert found == {} and verdict.outputs == ["9"]
    else:
        assert list(found) == ["1"] and set(found["1"]) == {kind}
        assert verdict.error is not None
        assert verdict.error["type"] == "prompt_outputs_failed_validation"


def test_a_file_that_is_not_there_is_a_custom_error() -> None:
    verdict = validate({"1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}, "9": shown("1")}, exists=False)
    assert errors(verdict) == {"1": ["custom_validation_failed"]}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ({"9": shown("99")}, {"9": ["exception_during_validation"]}),
        ({"1": empty(), "9": shown("1", 5)}, {"9": ["exception_during_validation"]}),
        ({"1": empty(), "9": shown("1", "0")}, {"9": ["exception_during_validation"]}),
        ({"9": {"class_type": "SaveImage"}}, {"9": ["exception_during_validation"]}),
        ({"1": {"class_type": "EmptyImage"}, "9": shown("1")}, {"1": ["exception_during_inner_validation"]}),
    ],
)
def test_an_exception_is_its_nodes_error(prompt: dict[str, Any], expected: dict[str, list[str]]) -> None:
    assert errors(validate(prompt)) == expected


def test_a_cycle_has_no_reasons() -> None:
    invert = {"class_type": "ImageInvert"}
    prompt = {"1": {**invert, "inputs": {"image": ["2", 0]}}, "2": {**invert, "inputs": {"image": ["1", 0]}}}
    verdict = validate({**prompt, "9": shown("1")})
    assert verdict.error is not None and verdict.error["details"] == ""
    assert verdict.node_errors == {}


def test_a_cycle_does_not_hinder_another_output() -> None:
    loop = {"1": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}}, "8": shown("1")}
    assert validate({**loop, "2": empty(), "9": shown("2")}).outputs == ["9"]


def test_a_chain_longer_than_the_recursion_limit_is_an_error_not_a_crash() -> None:
    prompt: dict[str, Any] = {"0": empty()}
    for index in range(1, 3000):
        prompt[str(index)] = {"class_type": "ImageInvert", "inputs": {"image": [str(index - 1), 0]}}
    verdict = validate({**prompt, "out": shown("2999")})
    assert verdict.outputs == [] and verdict.error is not None


def test_every_output_that_a_bad_node_spoils_is_named() -> None:
    verdict = validate({"1": empty(width=0), "2": shown("1"), "3": shown("1"), "4": empty(), "5": shown("4")})
    assert verdict.outputs == ["5"] and verdict.error is None
    assert verdict.node_errors["1"]["dependent_outputs"] == ["2", "3"]


def test_values_are_converted_in_place() -> None:
    prompt = {"1": empty(width="40", color=7.9), "9": shown("1")}
    validate(prompt)
    assert prompt["1"]["inputs"]["width"] == 40
    assert prompt["1"]["inputs"]["color"] == 7


def test_definitions_are_never_changed_by_validation() -> None:
    before = repr(catalogue_of(OLD.number))
    validate({"1": empty(width=0), "9": shown("1")})
    assert repr(catalogue_of(OLD.number)) == before


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_each_server_accepts_only_its_own_spelling_of_models(version: Version) -> None:
    name, servers = MODELS["checkpoints"][0].name, (version, version.on_windows())
    for spelling, accepted in ((name, [True, False]), (name.replace("/", "\\"), [False, True])):
        tinted = {"class_type": "DemoModel", "inputs": {"image": ["1", 0], "ckpt_name": spelling}}
        prompt = {"1": empty(), "2": tinted, "9": shown("2")}
        verdicts = [
            validate_prompt(
                copy.deepcopy(prompt), None, lambda _: True, server, catalogue_of(server.number, server.separator)
            )
            for server in servers
        ]
        assert [verdict.error is None for verdict in verdicts] == accepted


@pytest.mark.parametrize(("version", "name"), [(OLD, "nt"), (NEW, "win32")])
def test_server_with_windows_paths_runs_on_windows(version: Version, name: str, tmp_path: Path) -> None:
    settings = Settings("127.0.0.1", 1, tmp_path, version=version.on_windows())
    assert system_stats(version, machine_of(settings))["system"]["os"] == name
