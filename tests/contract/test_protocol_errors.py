"""Errors before a run: refused prompts, and node errors word by word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.peer import Peer, entry, invert, post, quick, save, submit


def with_input(name: str, value: Any) -> dict[str, Any]:
    workflow = quick(color=1)
    workflow["1"]["inputs"][name] = value
    return workflow


REFUSED: list[tuple[str, Any, str, str]] = [
    ("no prompt", {}, "no_prompt", "No prompt provided"),
    ("a list", [1], "no_prompt", "No prompt provided"),
    ("an empty prompt", {"prompt": {}}, "prompt_no_outputs", ""),
    ("no output", {"prompt": {"1": quick()["1"]}}, "prompt_no_outputs", ""),
    ("unknown target", {"prompt": quick(), "partial_execution_targets": ["77"]}, "prompt_no_outputs", ""),
]
REFUSED_BY_VERSION = {
    "a list as prompt": {"prompt": []},
    "an editor's workflow": {"prompt": {"nodes": [{"id": 1}], "links": []}},
    "no class": {"prompt": {"1": {"inputs": {}}}},
    "unknown class": {"prompt": {"1": {"class_type": "Nope", "inputs": {}}}},
}
TROUBLE = b"500 Internal Server Error\n\nServer got itself in trouble"


@pytest.mark.parametrize(("body", "kind", "details"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_prompt_refused_as_a_whole(peer: Peer, body: Any, kind: str, details: str) -> None:
    answer = await post(peer, "/prompt", body)
    assert answer.status == 400
    assert list(answer.json()) == ["error", "node_errors"]
    error = answer.json()["error"]
    assert list(error) == ["type", "message", "details", "extra_info"]
    assert (error["type"], error["details"], error["extra_info"]) == (kind, details, {})
    assert answer.json()["node_errors"] == {}


@pytest.mark.parametrize("case", REFUSED_BY_VERSION)
async def test_refusal_explains_what_its_version_explains(peer: Peer, case: str) -> None:
    answer = await post(peer, "/prompt", REFUSED_BY_VERSION[case])
    expected = peer.expected.refusals[case]
    if expected is None:
        assert (answer.status, answer.body) == (500, TROUBLE)
        return
    error = answer.json()["error"]
    assert (answer.status, answer.json()["node_errors"]) == (400, {})
    assert (error["type"], error["details"], error["extra_info"]) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"",
        b'{"prompt": null}',
        b"null",
        b"5",
        b'"prompt"',
        b'["prompt"]',
        b'{"prompt": {}, "number": "x"}',
    ],
)
async def test_malformed_submit_is_a_500(peer: Peer, body: bytes) -> None:
    answer = await peer.request("POST", "/prompt", body=body)
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == TROUBLE


WIDTH = ["INT", {"default": 512, "min": 1, "max": 16384, "step": 1}]
CROP = [["disabled", "center"], {}]
SCALE = {
    "class_type": "ImageScale",
    "inputs": {"image": ["1", 0], "upscale_method": "area", "width": 8, "height": 8, "crop": "never"},
}
NODE_ERRORS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "too small",
        with_input("width", 0),
        "1",
        {
            "type": "value_smaller_than_min",
            "message": "Value 0 smaller than min of 1",
            "details": "width",
            "extra_info": {"input_name": "width", "input_config": WIDTH, "received_value": 0},
        },
    ),
    (
        "too big",
        with_input("width", 16385),
        "1",
        {
            "type": "value_bigger_than_max",
            "message": "Value 16385 bigger than max of 16384",
            "details": "width",
            "extra_info": {"input_name": "width", "input_config": WIDTH, "received_value": 16385},
        },
    ),
    (
        "no number",
        with_input("width", "abc"),
        "1",
        {
            "type": "invalid_input_type",
            "message": "Failed to convert an input value to a INT value",
            "details": "width, abc, invalid literal for int() with base 10: 'abc'",
            "extra_info": {
                "input_name": "width",
                "input_config": WIDTH,
                "received_value": "abc",
                "exception_message": "invalid literal for int() with base 10: 'abc'",
            },
        },
    ),
    (
        "null",
        with_input("width", None),
        "1",
        {
            "type": "invalid_input_type",
            "message": "Failed to convert an input value to a INT value",
            "details": (
                "width, None, int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"
            ),
            "extra_info": {
                "input_name": "width",
                "input_config": WIDTH,
                "received_value": None,
                "exception_message": (
                    "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"
                ),
            },
        },
    ),
    (
        "not in the list",
        {**quick(), "2": SCALE, "9": save("2", "x")},
        "2",
        {
            "type": "value_not_in_list",
            "message": "Value not in list",
            "details": "crop: 'never' not in ['disabled', 'center']",
            "extra_info": {"input_name": "crop", "input_config": CROP, "received_value": "never"},
        },
    ),
    (
        "a link of another type",
        {
            **quick(),
            "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 1]}},
            "2": {"class_type": "LoadImage", "inputs": {"image": "any.png"}},
        },
        "1",
        {
            "type": "return_type_mismatch",
            "message": "Return type mismatch between linked nodes",
            "details": "image, received_type(MASK) mismatch input_type(IMAGE)",
            "extra_info": {
                "input_name": "image",
                "input_config": ["IMAGE", {}],
                "received_type": "MASK",
                "linked_node": ["2", 1],
            },
        },
    ),
    (
        "a link of three",
        {**quick(), "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0, 1]}}},
        "9",
        {
            "type": "bad_linked_input",
            "message": "Bad linked input, must be a length-2 list of [node_id, slot_index]",
            "details": "images",
            "extra_info": {"input_name": "images", "input_config": ["IMAGE", {}], "received_value": ["1", 0, 1]},
        },
    ),
    (
        "no such file",
        {"1": {"class_type": "LoadImage", "inputs": {"image": "nope.png"}}, "9": save("1", "x")},
        "1",
        {
            "type": "custom_validation_failed",
            "message": "Custom validation failed for node",
            "details": "image - Invalid image file: nope.png",
            "extra_info": {"input_name": "image"},
        },
    ),
]


@pytest.mark.parametrize(
    ("workflow", "node", "expected"), [case[1:] for case in NODE_ERRORS], ids=[case[0] for case in NODE_ERRORS]
)
async def test_invalid_inputs_are_reported_by_node(
    peer: Peer, workflow: dict[str, Any], node: str, expected: dict[str, Any]
) -> None:
    answer = await post(peer, "/prompt", {"prompt": workflow})
    assert answer.status == 400
    error = answer.json()["error"]
    assert (error["type"], error["message"]) == ("prompt_outputs_failed_validation", "Prompt outputs failed validation")
    found = answer.json()["node_errors"]
    assert list(found) == [node]
    assert found[node] == {
        "errors": [expected],
        "dependent_outputs": ["9"],
        "class_type": workflow[node]["class_type"],
    }


EXCEPTIONS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("no inputs", {"9": {"class_type": "SaveImage"}}, "exception_during_validation", "KeyError", "'inputs'"),
    ("a link to no node", {"9": save("99")}, "exception_during_validation", "KeyError", "'99'"),
    (
        "a link to no slot",
        {**quick(), "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 7]}}},
        "exception_during_validation",
        "IndexError",
        "tuple index out of range",
    ),
    (
        "a picture without a name",
        {"1": {"class_type": "LoadImage", "inputs": {}}, "9": save("1", "x")},
        "exception_during_inner_validation",
        "TypeError",
        "LoadImage.VALIDATE_INPUTS() missing 1 required positional argument: 'image'",
    ),
    (
        "a picture by a link",
        {**quick(), "2": {"class_type": "LoadImage", "inputs": {"image": ["1", 0]}}, "9": save("2", "x")},
        "exception_during_inner_validation",
        "AttributeError",
        "'NoneType' object has no attribute 'endswith'",
    ),
    (
        "a link of a newer class to no slot",
        {
            **quick(),
            "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 1, "sigma": 1.0}},
            "9": {"class_type": "PreviewImage", "inputs": {"images": ["2", 7]}},
        },
        "exception_during_validation",
        "IndexError",
        "list index out of range",
    ),
]


@pytest.mark.parametrize(
    ("workflow", "kind", "exception", "details"),
    [case[1:] for case in EXCEPTIONS],
    ids=[case[0] for case in EXCEPTIONS],
)
async def test_exception_during_validation_is_reported_by_its_name(
    peer: Peer, workflow: dict[str, Any], kind: str, exception: str, details: str
) -> None:
    answer = await post(peer, "/prompt", {"prompt": workflow})
    assert answer.status == 400
    ((error,),) = [node["errors"] for node in answer.json()["node_errors"].values()]
    assert (error["type"], error["details"]) == (kind, details)
    more = {"input_name", "input_config", "exception_message", "linked_node"} if "inner" in kind else set()
    assert set(error["extra_info"]) == {"exception_type", "traceback"} | more
    assert error["extra_info"]["exception_type"] == exception


async def test_cycle_is_refused(peer: Peer) -> None:
    answer = await post(peer, "/prompt", {"prompt": {"1": invert("2"), "2": invert("1"), "9": save("2")}})
    assert answer.status == 400
    assert answer.json()["error"] == {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    }
    nodes = answer.json()["node_errors"]
    assert {key: [error["type"] for error in node["errors"]] for key, node in nodes.items()} == peer.expected.cycle


async def test_values_are_converted_and_unknown_inputs_ignored(peer: Peer) -> None:
    prompt_id = await submit(peer, {**with_input("width", "40"), "9": save("1")}, client_id="c")
    found = await entry(peer, prompt_id)
    assert found["prompt"][2]["1"]["inputs"]["width"] == 40
    await submit(peer, with_input("foo", 1))
