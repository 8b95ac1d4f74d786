"""Which nodes of a prompt run, and the place of a key in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fleet.catalogue_contents import NodeClasses
from gateway.partner.prompts import running_classes, split_at_key

CLASSES = NodeClasses(frozenset({"Partner", "Model", "Save", "Blur"}), frozenset({"Model", "Save"}))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def running(prompt: dict[str, Any], **more: object) -> set[str]:
    return set(running_classes(json.dumps({"prompt": prompt, **more}).encode(), CLASSES))


def node(class_type: object, *links: str) -> dict[str, Any]:
    return {
        "class_type": class_type,
        "inputs": {f"i{link}": [link, 0] for link in links} | {"text": "1", "n": [3, "1"]},
    }


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ({"1": node("Partner"), "2": node("Save", "1")}, {"Partner", "Save"}),
        ({"1": node("Partner"), "2": node("Save")}, {"Save"}),
        ({"1": node("Model")}, {"Model"}),
        ({"1": node("Partner"), "2": node("Blur", "1"), "3": node("OldSave", "2")}, {"Partner", "Blur", "OldSave"}),
        ({"1": node("Blur", "2"), "2": node("Save", "1"), "3": node("Partner", "1")}, {"Blur", "Save"}),
        ({"1": node("Partner"), "2": node("Save", "9")}, {"Save"}),
        ({"1": node(3), "2": {}, "3": [], "4": {"class_type": "Save", "inputs": []}}, {"", "Save"}),
        ({}, set()),
    ],
)
def test_nodes_run_that_an_output_depends_on(prompt: dict[str, Any], expected: set[str]) -> None:
    assert running(prompt) == expected


def test_targets_limit_what_runs() -> None:
    prompt = {"1": node("Partner"), "2": node("Save", "1"), "3": node("Save")}
    assert running(prompt, partial_execution_targets=["3"]) == {"Save"}
    assert running(prompt, partial_execution_targets=["2"]) == {"Save", "Partner"}
    for odd in ("2", None, {}):
        assert running(prompt, partial_execution_targets=odd) == {"Save", "Partner"}


@given(
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.none() | st.dictionaries(st.text(), VALUES, max_size=3)
)
def test_key_is_added_and_nothing_else_is_changed(body: dict[str, Any], extra: dict[str, Any] | None) -> None:
    body.pop("extra_data", None)
    sent = body if extra is None else {**body, "extra_data": extra}
    before, after = split_at_key(json.dumps(sent).encode())
    assert json.loads(before + b"a-key" + after) == {
        **body,
        "extra_data": {**(extra or {}), "api_key_comfy_org": "a-key"},
    }
