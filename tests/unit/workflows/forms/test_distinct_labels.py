"""What tells fields with the same label apart."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.workflow import parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout, arrange
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Hints
from app.workflows.graph import Key

LOADER = {"input": {"required": {"image": [["a.png"], {"image_upload": True}]}}, "output": ["IMAGE"]}
ENCODER = {
    "input": {"required": {"text": ["STRING", {"multiline": True}], "clip": ["CLIP", {}]}},
    "output": ["CONDITIONING"],
}
SAMPLER = {
    "input": {
        "required": {
            "steps": ["INT", {}],
            **{name: ["CONDITIONING", {}] for name in ("positive", "negative")},
            **{name: ["IMAGE", {}] for name in ("start_image", "end_image")},
        }
    },
    "output": ["IMAGE"],
}
CATALOGUE = Catalogue.parse(
    {
        "Load": {**LOADER, "display_name": "Load Image"},
        "Encode": ENCODER,
        "Sample": SAMPLER,
        "Float": {"input": {"required": {"value": ["FLOAT", {}]}}, "output": ["FLOAT"], "display_name": "Float"},
    }
)


def node(kind: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


def labels(raw: dict[str, Any], hints: Hints | None = None) -> dict[Key, tuple[str, str]]:
    form = build_form(parse_workflow(raw), CATALOGUE, hints)
    return {item.key: (item.label, item.about) for item in arrange(form, Layout()).first}


def test_prompts_are_labelled_by_where_they_lead() -> None:
    found = labels(
        {
            "1": node("Encode", text="a"),
            "2": node("Encode", text="b"),
            "3": node("Sample", steps=1, positive=["1", 0], negative=["2", 0]),
        }
    )
    assert (found["1", "text"], found["2", "text"]) == (("Prompt", ""), ("Negative prompt", ""))


@pytest.mark.parametrize(
    ("titles", "links", "about"),
    [
        (("Her cat", "The style"), {}, ("Her cat", "The style")),
        (("", ""), {"start_image": ["1", 0], "end_image": ["2", 0]}, ("Start image", "End image")),
        (("", ""), {}, ("Load #1", "Load #2")),
        (("Image", "Other"), {}, ("Image #1", "Other #2")),  # its own label says nothing new
    ],
)
def test_fields_are_told_apart(titles: tuple[str, str], links: dict[str, Any], about: tuple[str, str]) -> None:
    loaders = {number: node("Load", title, image="a.png") for number, title in zip("12", titles, strict=True)}
    found = labels({**loaders, "3": node("Sample", steps=1, **links)})
    assert (found["1", "image"], found["2", "image"]) == (("Image", about[0]), ("Image", about[1]))


def test_inputs_of_one_node_are_told_apart_by_their_names() -> None:
    hints = Hints(labels={("1", "image"): "Strength", ("2", "steps"): "Strength"}, titles={("1", "image"): "Sample"})
    found = labels({"1": node("Load", "Sample", image="a.png"), "2": node("Sample", steps=1)}, hints)
    assert found == {("1", "image"): ("Strength", "Image"), ("2", "steps"): ("Strength", "Steps")}


def test_value_of_primitive_is_labelled_by_its_title() -> None:
    raw = {"1": node("Float", "frame_rate", value=24.0), "2": node("Float", "Float", value=1.0)}
    assert labels(raw) == {("1", "value"): ("Frame rate", ""), ("2", "value"): ("Value", "")}
