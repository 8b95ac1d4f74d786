"""The output cache: what makes a node new, and what is forgotten."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from demo_comfyui.model.prompts import is_link
from demo_comfyui.model.results import Cached, OutputCache
from tests.kit.links import ROWS

PROMPT: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "color": 1}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
}


def filled(prompt: dict[str, Any] | None = None) -> OutputCache:
    cache = OutputCache()
    cache.set_prompt(prompt or PROMPT, {})
    for node_id in prompt or PROMPT:
        ui = {"images": [node_id]} if node_id == "9" else None
        cache.put(node_id, Cached((node_id,), ui, {"node_id": node_id} if ui else None))
    return cache


def known(cache: OutputCache, prompt: dict[str, Any]) -> list[str]:
    cache.set_prompt(prompt, {})
    return [node_id for node_id in prompt if cache.get(node_id)]


def changed(node_id: str, name: str, value: Any) -> dict[str, Any]:
    prompt = copy.deepcopy(PROMPT)
    prompt[node_id]["inputs"][name] = value
    return prompt


def test_an_identical_prompt_is_known_whole() -> None:
    cache = filled()
    assert known(cache, copy.deepcopy(PROMPT)) == ["1", "2", "9"]
    assert list(cache.shown()) == ["9"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (changed("1", "color", 2), []),
        (changed("9", "filename_prefix", "y"), ["1", "2"]),
        (changed("1", "unknown", 0), []),
        (changed("2", "image", ["1", 1]), ["1"]),
        (changed("1", "color", "1"), []),
    ],
)
def test_a_change_makes_the_node_and_all_below_it_new(prompt: dict[str, Any], expected: list[str]) -> None:
    assert known(filled(), prompt) == expected


def test_other_ids_for_the_same_nodes_are_known() -> None:
    prompt = {
        "a": PROMPT["1"],
        "b": {"class_type": "ImageInvert", "inputs": {"image": ["a", 0]}},
    }
    assert known(filled(), prompt) == ["a", "b"]


def test_only_the_latest_prompt_is_kept() -> None:
    cache = filled()
    assert known(cache, {"1": {"class_type": "EmptyImage", "inputs": {}}}) == []
    assert known(cache, PROMPT) == []


def test_a_file_that_changed_makes_its_reader_new() -> None:
    marks = ["first"]
    prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}}
    cache = OutputCache()
    for mark, expected in (("first", None), ("first", True), ("second", None)):
        marks[0] = mark
        cache.set_prompt(prompt, {"LoadImage": lambda _: marks[0]})
        assert (cache.get("1") is not None) is bool(expected)
        cache.put("1", Cached((), None, None))


def test_what_cannot_be_signed_is_never_known() -> None:
    def unreadable(_: dict[str, Any]) -> str:
        raise OSError

    prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}, "2": {"class_type": "SaveImage"}}
    cache = OutputCache()
    for _ in range(2):
        cache.set_prompt(prompt, {"LoadImage": unreadable})
        assert cache.get("1") is None
        cache.put("1", Cached((), None, None))
    prompt = {"9": {"class_type": "SaveImage", "inputs": {"images": ["nowhere", 0]}}}
    assert known(filled(prompt), prompt) == []


def test_a_long_chain_is_signed() -> None:
    prompt: dict[str, Any] = {"0": PROMPT["1"]}
    for index in range(1, 1500):
        prompt[str(index)] = {"class_type": "ImageInvert", "inputs": {"image": [str(index - 1), 0]}}
    last = dict(list(prompt.items())[-1:])
    cache = OutputCache()
    cache.set_prompt({**last, "0": prompt["0"]}, {})
    cache.put("0", Cached((), None, None))
    assert cache.get("0") and not cache.get("1499")


def test_a_node_remembers_while_it_stays() -> None:
    cache = filled()
    cache.memory("9", "SaveImage")["letters"] = "abcde"
    cache.set_prompt(PROMPT, {})
    assert cache.memory("9", "SaveImage") == {"letters": "abcde"}
    cache.set_prompt({}, {})
    assert cache.memory("9", "SaveImage") == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(row["value"], row["link"]) for row in ROWS if "__value__" not in str(row["value"])],
)
def test_what_a_link_is(value: Any, expected: bool) -> None:
    assert is_link(value) is expected
