"""The shipped workflows, opened like any other."""

from __future__ import annotations

import json

import pytest

from app.ui.form.open_workflow import OpenWorkflow, open_workflow, shaped
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.kinds import Choice, Media, Upload, Whole
from app.workflows.needs import Lacks, check
from app.workflows.published import parse_published
from tests import recordings
from tests.kit.page.stills import ROOT, checkpoint_sample, workflows

SHIPPED = {item.workflow_id: item for item in workflows()}


def test_four_workflows_are_shipped_and_two_run_on_any_server() -> None:
    assert [item.workflow_id for item in workflows() if not item.needs_demo] == ["enlarge", "blend"]
    assert [item.workflow_id for item in workflows() if item.needs_demo] == ["text", "slow"]


@pytest.mark.parametrize("opened", workflows(), ids=lambda item: item.workflow_id)
def test_defaults_can_be_sent_as_they_are(opened: OpenWorkflow) -> None:
    assert opened.form.filled({}).text == opened.workflow.text
    assert opened.workflow.expected_outputs


@pytest.mark.parametrize("opened", workflows(), ids=lambda item: item.workflow_id)
def test_every_field_on_top_is_an_input_of_its_node(opened: OpenWorkflow) -> None:
    graph = json.loads(opened.workflow.text)
    assert opened.arranged.first
    assert all(item.input_name in graph[item.node_id]["inputs"] for item in opened.arranged.first)


def test_nodes_and_values_are_those_of_a_plain_comfyui() -> None:
    known = Catalogue.parse(recordings.catalogue_text())
    for opened in (SHIPPED["enlarge"], SHIPPED["blend"]):
        for node in json.loads(opened.workflow.text).values():
            node_class = known.get(node["class_type"])
            assert node_class is not None
            assert {spec.name for spec in node_class.inputs} == set(node["inputs"])
        plain = open_workflow(parse_published("x", json.dumps({**_raw(opened), "fields": []})), known)
        for item in opened.arranged.first:
            theirs = plain.form.by_key[item.key].kind
            match item.kind, theirs:
                case Choice(options), Choice(known_options):
                    assert set(options) <= set(known_options)
                case Upload(media), Upload(known_media):
                    assert media is known_media
                case ours, _:
                    assert theirs.minimum <= ours.minimum <= ours.maximum <= theirs.maximum


def test_checkpoint_sample_takes_the_first_one_that_the_server_lists() -> None:
    opened = checkpoint_sample("sd15/photo.safetensors", "other.safetensors")
    field = opened.form.by_key["1", "ckpt_name"]
    assert isinstance(field.kind, Choice) and field.text_in({}) == "sd15/photo.safetensors"
    sent = json.loads(opened.form.filled({}).text)
    assert sent["1"]["inputs"]["ckpt_name"] == "sd15/photo.safetensors"
    assert not opened.lacks_checkpoint
    assert check(opened.workflow, opened.catalogue) == Lacks()


def test_checkpoint_sample_is_left_where_there_is_no_checkpoint() -> None:
    assert checkpoint_sample().lacks_checkpoint


def _raw(opened: OpenWorkflow) -> dict[str, object]:
    text = (ROOT / f"static/workflows/{opened.workflow_id}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_seed_keeps_all_64_bits() -> None:
    filled = SHIPPED["text"].form.filled({("1", "seed"): "18446744073709551615"})
    assert '"seed": 18446744073709551615' in filled.text


def test_file_fields_are_in_the_order_of_the_form() -> None:
    catalogue = Catalogue.parse({"Load": {"input": {"required": {"image": [[], {"image_upload": True}]}}}})
    graph = {name: {"class_type": "Load", "inputs": {"image": ""}} for name in ("1", "2")}
    published = parse_published("x", json.dumps({"title": "x", "about": "", "fields": [], "workflow": graph}))
    opened = open_workflow(published, catalogue, Layout(first=(("2", "image"),)))
    assert [item.node_id for item in opened.uploads] == ["2", "1"]
    assert {item.kind.media for item in opened.uploads if isinstance(item.kind, Upload)} == {Media.PICTURE}


def test_choice_adds_its_inputs() -> None:
    options = [
        {"key": "plain", "inputs": {"required": {}}},
        {"key": "sized", "inputs": {"required": {"width": ["INT", {"default": 8}]}}},
    ]
    catalogue = Catalogue.parse(
        {"Dyn": {"input": {"required": {"mode": ["COMFY_DYNAMICCOMBO_V3", {"options": options}]}}}}
    )
    graph = {"1": {"class_type": "Dyn", "inputs": {"mode": "plain"}}}
    published = parse_published("x", json.dumps({"title": "x", "about": "", "fields": [], "workflow": graph}))
    opened = open_workflow(published, catalogue)
    assert shaped(opened, {("2", "x"): "y"}) is opened
    texts = {("1", "mode"): "sized"}
    assert isinstance(shaped(opened, texts).form.by_key["1", "mode.width"].kind, Whole)
    assert shaped(opened, texts) is shaped(opened, dict(texts))
    assert ("1", "mode.width") not in opened.form.by_key
