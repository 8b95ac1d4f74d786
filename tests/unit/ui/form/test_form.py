"""The form of any workflow: every kind of field, folded nodes, and the search."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from app.session import Picked
from app.ui.form.field_html import field
from app.ui.form.input_labels import input_labels
from app.ui.form.node_labels import node_labels
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.projection import SHORT, SMALL, needs_file
from app.ui.form.state import NODES_AT_FIRST, Draft, FieldView, FormState, Picture
from app.ui.kit.state import UiState
from app.ui.runs.state import Blocker
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import arrange
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import SeedMode, Text, Upload
from app.workflows.forms.labels import label_of
from tests import recordings
from tests.kit.page.anything import ANYTHING, LORAS, anything, unfolded
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import (
    ENGLISH,
    Bytes,
    StillPictures,
    StillSession,
    translator,
    window,
)
from tests.kit.page.views import Seen, markup, project

UPLOADS = [("1", "image"), ("1", "film"), ("1", "sound"), ("mask", "image")]


def page(opened: OpenWorkflow, ui: UiState | None = None, **more: Any) -> Seen:
    session = StillSession(window=window())
    ui = ui or UiState().with_slices(FormState(workflow_id=ANYTHING))
    return project(session, ui, workflows=(opened,), pictures=StillPictures(), language="en", **more)


def with_draft(**facts: Any) -> UiState:
    return UiState().with_slices(FormState(workflow_id=ANYTHING, drafts={ANYTHING: Draft(**facts)}))


@pytest.mark.parametrize(
    ("name", "tag", "facts"),
    [
        ("prompt", "textarea", {"data-input": "field"}),
        ("name", "input", {"type": "text", "data-input": "field"}),
        ("steps", "input", {"type": "number", "min": "1", "max": "100", "step": "1", "value": "20"}),
        ("wide", "input", {"type": "text", "inputmode": "numeric"}),
        ("share", "input", {"type": "range", "step": "0.05"}),
        ("power", "input", {"type": "number", "step": "any", "inputmode": "decimal"}),
        ("seed", "input", {"type": "text", "inputmode": "numeric"}),
        ("on", "input", {"type": "checkbox", "role": "switch", "data-change": "switch"}),
        ("method", "select", {"data-input": "field"}),
        ("lora", "input", {"role": "combobox", "data-change": "field", "aria-expanded": "false"}),
        ("remote", "input", {"role": "combobox"}),
        ("film", "input", {"type": "file", "accept": "video/*"}),
        ("sound", "input", {"type": "file", "accept": "audio/*"}),
        ("more", "input", {"type": "number", "value": "", "placeholder": "5"}),
    ],
)
def test_each_kind_of_field_has_its_native_control(name: str, tag: str, facts: dict[str, str]) -> None:
    control = element(markup(page(anything(first=(name,))), "form"), tag, id=f"field-1-{name}")
    assert {key: control.attributes.get(key) for key in facts} == facts


def test_unknown_input_is_shown_read_only() -> None:
    control = element(markup(page(anything(), unfolded()), "nodes"), "input", id="field-odd-thing")
    assert control["value"] == '{"a": "Shown so"}'
    assert "readonly" in control and "data-input" not in control


def test_every_control_has_a_label() -> None:
    view = page(anything(), unfolded())
    text = markup(view, "nodes")
    labelled = {item.attributes.get("for") for item in elements(text, "label")}
    for item in elements(text):
        if item.tag in {"input", "textarea", "select"}:
            names = item.attributes
            assert names.get("id") in labelled or names.get("aria-label") or names.get("aria-labelledby"), names


def test_long_list_of_choices_is_written_once() -> None:
    opened = anything(nodes=3)
    ui = with_draft(unfolded=frozenset({"1", "2", "3"}))
    view = page(opened, ui)
    assert [item.list_id for item in view.lists] == [
        "options-Every-lora",
        "options-Every-remote",
        "options-Every-image",
    ]
    assert "style/2999" not in markup(view, "nodes")
    assert json.loads(element(markup(view, "lists"), id="options-Every-lora").text)[:3000] == LORAS
    assert page(opened).lists == ()


def test_menu_has_its_value_even_if_no_server_has_it() -> None:
    view = page(anything(first=("method",)), with_draft(values={("1", "method"): "z"}))
    options = elements(markup(view, "form"), "option")
    assert len(options) <= SHORT
    found = [(item["value"], "selected" in item) for item in options]
    assert found == [("z", True), ("a", False), ("b", False), ("Shown so", False)]


def test_model_in_another_spelling_is_shown_as_chosen() -> None:
    view = page(anything(first=("lora",)), with_draft(values={("1", "lora"): LORAS[7].replace("/", "\\")}))
    (shown,) = view.form.fields
    assert (shown.value, shown.fault) == (LORAS[7], None)
    assert element(markup(view, "form"), role="combobox")["value"] == LORAS[7]


def test_nodes_are_folded_at_first() -> None:
    view = page(anything(first=("prompt",)))
    assert [(node.node_id, node.fields, node.count) for node in view.nodes.nodes] == [
        ("1", None, 15), ("mask", None, 1), ("odd", None, 1),
    ]  # fmt: skip
    button, *_ = elements(markup(view, "nodes"), data_action="fold-node")
    assert not elements(markup(view, "nodes"), "label")
    assert (button["aria-expanded"], button["aria-controls"]) == ("false", "fold-1")
    opened = page(anything(first=("prompt",)), with_draft(unfolded=frozenset({"mask"}))).nodes.nodes
    assert [node.fields is None for node in opened] == [True, False, True]


def test_only_the_first_nodes_are_drawn() -> None:
    opened = anything(nodes=500)
    view = page(opened)
    assert (len(view.nodes.nodes), view.nodes.more) == (NODES_AT_FIRST, 502 - NODES_AT_FIRST)
    assert element(markup(view, "nodes"), data_action="more-nodes").text == "Show 462 more nodes"
    more = page(opened, UiState().with_slices(FormState(workflow_id=ANYTHING, nodes_shown=600))).nodes
    assert (len(more.nodes), more.more) == (502, 0)


def test_search_finds_inputs_on_top_folded_and_hidden() -> None:
    opened = anything(first=("prompt", "steps"))
    layout = opened.layout.hide(("1", "seed"))
    hidden = replace(opened, layout=layout, arranged=arrange(opened.form, layout))
    view = page(hidden, UiState().with_slices(FormState(workflow_id=ANYTHING, query="seed")))
    assert view.form.fields == ()
    assert [(node.node_id, [item.field.input_name for item in node.fields or ()]) for node in view.nodes.nodes] == [
        ("1", ["seed"])
    ]
    assert view.nodes.is_found
    assert not elements(markup(view, "nodes"), data_action="fold-node")
    view = page(
        hidden, UiState().with_slices(FormState(workflow_id=ANYTHING, query="步数")), word=lambda text: f"{text} 步数"
    )
    assert [item.field.input_name for item in view.form.fields] == ["prompt", "steps"]
    assert "Nothing found below." in markup(
        page(opened, UiState().with_slices(FormState(workflow_id=ANYTHING, query="prompt zzz"))), "nodes"
    )


def test_only_large_forms_have_a_search() -> None:
    assert elements(markup(page(anything(nodes=2)), "form"), id="form-search")
    small = anything()
    assert (len(small.form.by_key) > SMALL) is bool(elements(markup(page(small), "form"), id="form-search"))


def test_ids_are_unique_in_the_whole_form() -> None:
    view = page(anything(first=("prompt", "image")), unfolded())
    text = "".join(markup(view, region) for region in ("form", "nodes", "lists"))
    ids = [item["id"] for item in elements(text) if "id" in item]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("filled", "blocker"),
    [
        ([], Blocker.NO_PICTURE),
        (UPLOADS[:1], Blocker.NO_FILE),
        (UPLOADS[:3], Blocker.NO_PICTURE),
        (UPLOADS, None),
    ],
)
def test_run_needs_every_file_of_the_workflow(filled: list[Any], blocker: Blocker | None) -> None:
    photo = Picture(Picked(Bytes(), "a.png"), "blob:1")
    view = page(anything(), with_draft(pictures=dict.fromkeys(filled, photo)))
    assert view.run.blocker is blocker


def test_file_on_the_server_is_enough() -> None:
    photo = Picture(Picked(Bytes(), "a.png"), "blob:1")
    draft = {"pictures": dict.fromkeys(UPLOADS[1:], photo), "values": {("1", "image"): "old.png"}}
    assert page(anything(), with_draft(**draft)).run.blocker is None


def test_invalid_value_anywhere_blocks_the_run() -> None:
    photo = Picture(Picked(Bytes(), "a.png"), "blob:1")
    draft = {"pictures": dict.fromkeys(UPLOADS, photo), "values": {("1", "steps"): "101"}}
    view = page(anything(), with_draft(**draft))
    assert view.run.blocker is Blocker.BAD_VALUE
    assert page(anything(), with_draft(**draft)).run == view.run


def test_equal_forms_are_equal_slices() -> None:
    opened = anything(first=("steps",))
    ui = unfolded()
    assert page(opened, ui) == page(opened, ui)
    assert isinstance(page(opened, ui).nodes.nodes[0].fields, tuple)
    fields = page(opened, ui).form.fields
    assert fields
    assert isinstance(fields[0], FieldView)
    assert fields[0].fault is not None


def form_rig(opened: OpenWorkflow) -> PageRig:
    """Return a page on this workflow."""
    return PageRig(ANYTHING, workflows=(opened,), session=StillSession())


async def test_switches_choices_and_folds_are_kept() -> None:
    rig = form_rig(anything())
    rig.actions.act("switch", {"node": "1", "name": "on", "checked": False, "value": "true"})
    rig.actions.act("field", {"node": "1", "name": "lora", "value": LORAS[5]})
    assert rig.draft.values == {("1", "on"): "false", ("1", "lora"): LORAS[5]}
    rig.actions.act("fold-node", {"node": "1"})
    assert rig.draft.unfolded == {"1"}
    rig.actions.act("fold-node", {"node": "1"})
    assert rig.draft.unfolded == frozenset()


@pytest.mark.parametrize(
    ("media_type", "name", "place"),
    [
        ("image/png", "a.png", ("1", "image")),
        ("video/mp4", "a.mp4", ("1", "film")),
        ("audio/flac", "a.flac", ("1", "sound")),
        ("", "a.png", ("1", "image")),
    ],
)
async def test_dropped_file_goes_into_a_field_of_its_kind(media_type: str, name: str, place: tuple[str, str]) -> None:
    rig = form_rig(anything())
    rig.actions.take_files(None, [(Bytes(b"picture", media_type), name)])
    await rig.done()
    assert set(rig.draft.pictures) == {place}


async def test_several_pictures_fill_empty_fields_in_order() -> None:
    rig = form_rig(anything())
    rig.actions.take_files(None, [(Bytes(b"picture"), f"{number}.png") for number in range(3)])
    await rig.done()
    names = {key: picture.picked.name for key, picture in rig.draft.pictures.items()}
    assert names == {("1", "image"): "0.png", ("mask", "image"): "1.png"}


@pytest.mark.parametrize(
    ("key", "cause"),
    [(("1", "film"), "not-a-film"), (("1", "sound"), "not-a-sound"), (("1", "image"), "not-a-picture")],
)
async def test_file_of_another_kind_is_an_error_of_the_field(key: tuple[str, str], cause: str) -> None:
    rig = form_rig(anything())
    rig.actions.take_files(key, [(Bytes(b"text", "text/plain"), "notes.txt")])
    await rig.done()
    assert {at: getattr(fault, "cause", "") for at, fault in rig.draft.faults.items()} == {key: cause}


async def test_typed_values_are_sent_exactly() -> None:
    rig = form_rig(anything())
    for key, kind in zip(UPLOADS, ("image/png", "video/mp4", "audio/flac", "image/png"), strict=True):
        rig.actions.take_files(key, [(Bytes(b"picture", kind), "x")])
    await rig.done()
    rig.actions.act("field", {"node": "1", "name": "wide", "value": "18446744073709551615"})
    rig.actions.act("switch", {"node": "1", "name": "plain", "checked": True, "value": ""})
    rig.actions.act("seed-mode", {"node": "1", "name": "seed", "value": "decrement"})
    rig.actions.act("run", {})
    await rig.done()
    (_verb, workflow, _title, inputs, _server) = rig.session.calls[0]
    sent = json.loads(workflow.text)
    assert (sent["1"]["inputs"]["wide"], sent["1"]["inputs"]["plain"]) == (2**64 - 1, True)
    assert sent["odd"]["inputs"] == {"thing": {"a": "Shown so"}}
    assert set(inputs) == set(UPLOADS)
    assert rig.draft.values["1", "seed"] == "6"
    assert rig.draft.modes == {("1", "seed"): SeedMode.DOWN}


def test_translated_labels_are_those_of_real_inputs() -> None:
    real = Catalogue.parse(recordings.catalogue_text())
    classes = [found for name in real.names if (found := real.get(name)) is not None]
    known = {label_of(spec.name) for found in classes for spec in found.inputs} | {
        "Negative prompt",
        "Picture of the scene",
    }
    assert set(input_labels(ENGLISH)) <= known
    assert set(node_labels(ENGLISH)) <= {found.display_name for found in classes}


def test_commonest_names_of_nodes_and_inputs_are_translated() -> None:
    names = {*input_labels(ENGLISH), *node_labels(ENGLISH)}
    assert len(names) >= 79
    left = {name for name in names if translator("zh-CN").known(name) == name}
    assert left <= {"CFG"}, "what the field calls alike in both languages"


@pytest.mark.parametrize(("kind", "is_needed"), [(Upload(), True), (Upload(is_optional=True), False)])
def test_only_a_file_that_the_node_requires_is_needed(kind: Upload, is_needed: bool) -> None:
    item = Field(node_id="1", input_name="mask", kind=kind, label="Mask", value="")
    assert needs_file(item, Draft()) is is_needed


@pytest.mark.parametrize("hint", ["A photo.", "A photo whose sky is replaced; the rest of it stays as it was taken."])
@pytest.mark.parametrize("kind", [Upload(), Text()])
def test_field_is_described_by_its_hint(kind: Upload | Text, hint: str) -> None:
    item = Field(node_id="1", input_name="photo", kind=kind, label="Photo", value="", hint=hint)
    html = str(field(FieldView(field=item), ENGLISH))
    (control,) = [tag for tag in re.findall(r"<(?:input|textarea)[^>]*>", html) if "aria-describedby" in tag]
    assert "field-1-photo-hint" in control
    assert re.search(rf'<p [^>]*id="field-1-photo-hint"[^>]*>{re.escape(hint)}</p>', html)
