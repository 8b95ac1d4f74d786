"""A file of the editor as a form: one field for each value that a user may change there, and back into the file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Conversion, Converter
from app.workflows.editor.hints import hints_of
from app.workflows.forms.arrangement import Layout, arrange
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Seed, SeedMode, Unknown
from app.workflows.graph import Key
from tests.editor.cases import CASES
from tests.editor.changes import other_values
from tests.editor.classes import CLASSES
from tests.editor.drawing import INSIDE, Drawing
from tests.editor.drawing import key as class_key
from tests.editor.written import write_back

CATALOGUE = Catalogue.parse(CLASSES)


@pytest.fixture(scope="module")
def converter() -> Converter:
    return Converter(CATALOGUE)


def form_of(conversion: Conversion) -> Form:
    return build_form(conversion.workflow, CATALOGUE, hints_of(conversion))


@pytest.mark.parametrize("name", CASES)
def test_each_value_of_the_file_has_one_field(name: str, converter: Converter) -> None:
    conversion = converter.convert(CASES[name]())
    form = form_of(conversion)
    places = [conversion.fields[key].place for key in form.by_key if key in conversion.fields]
    assert len(places) == len(set(places))
    assert set(places) == {item.place for item in conversion.fields.values()}
    for key, item in form.by_key.items():
        if key in conversion.fields:
            assert item.value == conversion.fields[key].value


@pytest.mark.parametrize("name", CASES)
def test_typed_values_are_read_back_from_file(name: str, converter: Converter) -> None:
    file = CASES[name]()
    conversion = converter.convert(file)
    form = form_of(conversion)
    others = {
        key: value
        for key, value in other_values(conversion).items()
        if key in form.by_key and not isinstance(form.by_key[key].kind, Unknown)
    }
    texts = {key: form.by_key[key].kind.text_of(value) for key, value in others.items()}
    texts = {key: text for key, text in texts.items() if form.by_key[key].fault(text) is None}
    values = {key: form.by_key[key].parse(text) for key, text in texts.items()}
    reread = converter.convert(write_back(converter, file, values))
    for key, text in texts.items():
        assert form.by_key[key].kind.text_of(reread.fields[key].value) == text, key


def test_a_value_that_feeds_several_inputs_is_sent_to_all(converter: Converter) -> None:
    shared = [
        (conversion, form)
        for case in CASES.values()
        if (form := form_of(conversion := converter.convert(case()))).hints.shared
    ]
    assert shared
    for _conversion, form in shared:
        for follower, leader in form.hints.shared.items():
            item = form.by_key[leader]
            text = item.text if isinstance(item.kind, Unknown) else _other(item.text)
            if isinstance(item.kind, Unknown) or item.fault(text) is not None:
                continue
            sent = json.loads(form.filled({leader: text}).text)
            assert sent[follower[0]]["inputs"][follower[1]] == sent[leader[0]]["inputs"][leader[1]]


def _other(text: str) -> str:
    return str(int(text) + 1) if text.lstrip("-").isdigit() else f"{text}x"


def test_a_prompt_is_shown_with_its_choices_and_sent_without(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["a {red|green} boat", ""])
    conversion = converter.convert(draw.file())
    form = form_of(conversion)
    assert form.by_key["1", "text"].text == "a {red|green} boat"
    assert conversion.output["1"]["inputs"]["text"] == "a red boat"


@pytest.mark.parametrize("mode", SeedMode)
def test_a_seed_has_the_mode_that_the_file_says(mode: SeedMode, converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseTint", [0.5, 7, mode.value, "soft", ""], image=None)
    kind = form_of(converter.convert(draw.file())).by_key["1", "seed"].kind
    assert isinstance(kind, Seed)
    assert kind.mode is mode


def test_colours_and_the_smallest_group_reach_the_form(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["x", ""])
    draw.node(2, "CaseText", ["y", ""])
    file = draw.file()
    for node, place in zip(file["nodes"], ([10, 10], {"0": 900, "1": 10}), strict=True):
        node["pos"] = place
    file["nodes"][0]["color"] = "#232"
    file["nodes"][1]["color"] = "url(x)"
    file["groups"] = [
        {"title": "All", "bounding": [0, 0, 1000, 1000]},
        {"title": "Left", "bounding": [0, 0, 100, 100]},
        {"title": 7, "bounding": [0, 0, 1, 1]},
        {"title": "Broken", "bounding": ["a"]},
        7,
    ]
    sections = form_of(converter.convert(file)).sections
    assert [(item.colour, item.group) for item in sections] == [("#232", "Left"), ("", "All")]


@pytest.mark.parametrize("groups", [None, 7, [[]], [{"title": "x"}]])
def test_groups_that_cannot_be_read_are_none(groups: Any, converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["x", ""])
    file = {**draw.file(), "groups": groups}
    assert form_of(converter.convert(file)).sections[0].group == ""


def tinting(chosen: list[Any] | None = None) -> dict[str, Any]:
    """A file with a subgraph that shows three inputs, two with labels; and what the author chose for the app mode."""
    file = CASES["values_shown_outside"]()
    ports = {port["name"]: port for port in file["definitions"]["subgraphs"][0]["inputs"]}
    ports["image"]["label"], ports["amount"]["label"], ports["style"]["localized_name"] = (
        "Her photo",
        "how_much",
        "风格",
    )
    file["nodes"][0].update(type="LoadImage", widgets_values=["one.png", "image"])
    if chosen is not None:
        file |= {"id": ROOT, "extra": {"linearData": {"inputs": chosen, "outputs": ["3"]}}}
    return file


ROOT = "e13112f7-3d09-4ae1-9e84-633a0627d945"
SHOWN = {("2:10", "amount"): "How much", ("2:10", "seed"): "Seed", ("2:10", "style"): "风格"}


def top_of(converter: Converter, file: dict[str, Any]) -> dict[Key, str]:
    return {item.key: item.label for item in arrange(form_of(converter.convert(file)), Layout()).first}


def test_what_a_subgraph_shows_is_on_top_with_its_labels(converter: Converter) -> None:
    """After the picture beside it, which has the label of the input that it leads to."""
    assert list(top_of(converter, tinting()).items()) == [(("1", "image"), "Her photo"), *SHOWN.items()]


@pytest.mark.parametrize("names", [("2", "2", "1"), (2, f"{ROOT}:2:amount", "1"), ("10", 10, f"{ROOT}:1:image")])
def test_inputs_of_app_mode_are_the_top_in_their_order(names: tuple[Any, ...], converter: Converter) -> None:
    """By the id of a node, of one inside of a subgraph, or after the id of the graph; what is gone is left out."""
    chosen = [[names[0], "style"], [names[1], "amount", {"height": 80}], ["99", "gone"], [names[2], "image"], "odd", []]
    assert list(top_of(converter, tinting(chosen))) == [("2:10", "style"), ("2:10", "amount"), ("1", "image")]


def test_empty_app_mode_chooses_nothing(converter: Converter) -> None:
    assert top_of(converter, tinting([])) == top_of(converter, tinting())


def test_primitive_is_chosen_for_app_mode_by_its_own_id(converter: Converter) -> None:
    draw = Drawing()
    draw.node(4, "PrimitiveNode", [66, "fixed"], outputs=1)["outputs"][0].update(type="INT", widget={"name": "seed"})
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", [0.5, 7, "fixed", "soft", ""], widgets=("seed",), image=(1, 0), seed=(4, 0))
    draw.node(3, "CaseKeep", images=(2, 0))
    file = draw.file() | {"extra": {"linearData": {"inputs": [["4", "value"]], "outputs": []}}}
    assert list(top_of(converter, file)) == [("2", "seed")]


def test_shown_primitive_is_chosen_for_app_mode_by_its_own_id(converter: Converter) -> None:
    """The editor lets an input of the subgraph replace it, and keeps its id for the app mode."""
    file = CASES["older_shown_primitive"]()
    file |= {"extra": {"linearData": {"inputs": [["12", "even"], ["10", "value"]], "outputs": []}}}
    assert list(top_of(converter, file).items()) == [(("1:12", "even"), "Even"), (("1:11", "small"), "Both")]


def test_widgets_that_older_files_show_are_labelled_by_their_nodes(converter: Converter) -> None:
    """By the author's label there; the number that the editor gives to the second of one name is no label."""
    inner = Drawing(class_key(1), "Colours", first_link=100)
    image = inner.port("image", "IMAGE")
    first = inner.node(10, "CaseTint", [0.75, 5, "randomize", "hard", ""], image=(INSIDE, image))
    inner.node(11, "CaseTint", [0.5, 5, "randomize", "hard", ""], image=(10, 0), title="Edges")
    inner.leave("IMAGE", "IMAGE", 11, 0)
    widget = {"type": "FLOAT", "link": None, "widget": {"name": "amount"}, "localized_name": "amount"}
    first["inputs"].append({**widget, "name": "amount", "label": "grain_amount"})
    draw = Drawing()
    draw.node(1, "CaseSource")
    shown = [["10", "amount"], ["11", "amount"], ["10", "seed"], ["11", "seed"]]
    draw.node(2, class_key(1), image=(1, 0), properties={"proxyWidgets": shown})
    draw.node(3, "CaseKeep", images=(2, 0))
    top = arrange(form_of(converter.convert(draw.hold(inner).file())), Layout()).first
    assert [(item.label, item.about) for item in top if item.key[0].startswith("2:")] == [
        ("Grain amount", ""),
        ("Amount", ""),
        ("Seed", "CaseTint shown"),
        ("Seed", "Edges"),
    ]
