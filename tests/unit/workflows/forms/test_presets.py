"""Presets and recent values: saved by name, applied, and bounded in number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.records import encode
from app.core.workflow import parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form, Hints
from app.workflows.forms.kinds import SeedMode
from app.workflows.forms.presets import (
    LONGEST,
    RECENT_EACH,
    RECENT_INPUTS,
    Preset,
    Recent,
    RecentInput,
    noted,
    preset_of,
)
from app.workflows.forms.records import Undecoded, from_text, to_text

CATALOGUE = Catalogue.parse(
    {
        "A": {
            "input": {
                "required": {
                    "seed": ["INT", {"min": 0}],
                    "text": ["STRING", {}],
                    "image": [["a.png"], {"image_upload": True}],
                }
            }
        }
    }
)
TEXT, SEED, IMAGE = ("1", "text"), ("1", "seed"), ("1", "image")


@pytest.fixture
def seeded_form() -> Form:
    raw = {
        "1": {"class_type": "A", "inputs": {"seed": 1, "text": "one", "image": "a.png"}},
        "2": {"class_type": "Foreign", "inputs": {"x": 1}},
    }
    return build_form(parse_workflow(raw), CATALOGUE, Hints(seeds={SEED: SeedMode.RANDOM}))


def kept(form: Form, **more: Any) -> Preset:
    facts = {"preset_id": "p", "name": " Night ", "workflow_key": "k", **more}
    return preset_of(form, {TEXT: "two"}, {SEED: SeedMode.UP}, **facts)


def test_preset_stores_values_but_no_files(seeded_form: Form) -> None:
    preset = kept(seeded_form)
    assert preset.name == "Night"
    assert preset.texts == ((*SEED, "1"), (*TEXT, "two"))
    assert preset.modes == ((*SEED, SeedMode.UP.value),)
    untouched = preset_of(seeded_form, {}, {}, preset_id="q", name="Day", workflow_key="k")
    assert untouched.modes == ((*SEED, SeedMode.RANDOM.value),)


def test_preset_is_applied_over_form_values(seeded_form: Form) -> None:
    texts, modes = kept(seeded_form).over({TEXT: "three", IMAGE: "b.png", ("9", "x"): "far"}, {})
    assert texts == {SEED: "1", TEXT: "two", IMAGE: "b.png", ("9", "x"): "far"}
    assert modes == {SEED: SeedMode.UP}
    assert json.loads(seeded_form.filled(texts).text)["1"]["inputs"]["text"] == "two"


def test_preset_keeps_newer_fields_in_store(seeded_form: Form) -> None:
    record = {**encode(kept(seeded_form)), "later": [1]}
    found = from_text(Preset, json.dumps(record))
    assert isinstance(found, Preset)
    assert found.texts == kept(seeded_form).texts
    assert json.loads(to_text(found)) == record


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset_id": 7},
        {"texts": [["1", "text"]]},
        {"texts": [["1", "text", 5]]},
        {"modes": [["1", "seed", "backwards"]]},
        {"name": None},
    ],
)
def test_unreadable_preset_of_newer_version_is_reported(wrong: dict[str, Any]) -> None:
    record = {"v": 2, "preset_id": "p", "name": "n", **wrong}
    found = from_text(Preset, json.dumps(record))
    assert isinstance(found, Undecoded)
    assert found.is_newer
    assert found.detail.startswith("Preset")


def test_recent_values_are_those_that_were_typed_the_latest_first(seeded_form: Form) -> None:
    recent = Recent()
    for text in ("two", "three", "two"):
        recent = noted(recent, seeded_form, {TEXT: text, SEED: "1", IMAGE: "b.png", ("2", "x"): "5", ("9", "y"): "z"})
    assert recent.of("A", "text") == ("two", "three")
    assert recent.of("A", "seed") == ()  # never changed
    assert recent.of("A", "image") == ()
    assert [item.input_name for item in recent.inputs] == ["text"]


def test_recent_model_is_one_whichever_way_it_was_spelled() -> None:
    forms = [
        build_form(
            parse_workflow({"1": {"class_type": "A", "inputs": {"model": "old"}}}),
            Catalogue.parse({"A": {"input": {"required": {"model": [["old", *names]]}}}}),
        )
        for names in (("xl/a", "xl/b"), ("xl\\a", "xl\\b"))
    ]
    recent = Recent()
    for form, text in ((forms[0], "xl/a"), (forms[0], "xl/b"), (forms[1], "xl/a")):
        recent = noted(recent, form, {("1", "model"): text})
    assert recent.of("A", "model") == ("xl\\a", "xl/b")


def test_recent_values_are_bounded(seeded_form: Form) -> None:
    recent = Recent(tuple(RecentInput("Old", str(number), ("x",)) for number in range(RECENT_INPUTS)))
    for number in range(RECENT_EACH + 5):
        recent = noted(recent, seeded_form, {TEXT: f"text {number}"})
    recent = noted(recent, seeded_form, {TEXT: "x" * (LONGEST + 1)})
    assert len(recent.of("A", "text")) == RECENT_EACH
    assert recent.of("A", "text")[0] == f"text {RECENT_EACH + 4}"
    assert len(recent.inputs) == RECENT_INPUTS
    assert recent.of("Old", str(RECENT_INPUTS - 1)) == ()


def test_recent_values_keep_newer_fields_in_store(seeded_form: Form) -> None:
    record = encode(noted(Recent(), seeded_form, {TEXT: "two"}))
    record["inputs"][0]["stars"] = 5
    found = from_text(Recent, json.dumps(record))
    assert isinstance(found, Recent)
    encoded = encode(noted(found, seeded_form, {TEXT: "three"}))
    assert encoded["inputs"] == [
        {"class_type": "A", "input_name": "text", "texts": ["three", "two"], "stars": 5},
    ]
