"""Published workflows: the same form as any other, as its author wants it shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import BadInput
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import arrange
from app.workflows.forms.kinds import Choice, Decimal, Media, Seed, SeedMode, Switch, Text, Unknown, Upload, Whole
from app.workflows.published import Published, parse_published
from tests import recordings

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = {
    path.stem: parse_published(path.stem, path.read_text("utf-8"))
    for path in sorted((ROOT / "static/workflows").glob("*.json"))
}
CATALOGUE = Catalogue.parse(
    {
        "Draw": {
            "input": {
                "required": {
                    "steps": ["INT", {"default": 20, "min": 1, "max": 10000, "tooltip": "How many."}],
                    "method": [["a", "b", "c"]],
                    "image": [["old.png"], {"image_upload": True}],
                }
            },
            "display_name": "Draw it",
        }
    }
)


def published(*fields: dict[str, Any], **more: Any) -> Published:
    graph = {"1": {"class_type": "Draw", "inputs": {"steps": 20, "method": "a", "image": ""}}}
    return parse_published(
        "own", json.dumps({"v": 1, "title": "Own", "about": "", "fields": fields, "workflow": graph, **more})
    )


@pytest.mark.parametrize("item", SHIPPED.values(), ids=SHIPPED)
def test_shipped_forms_work_without_catalogue(item: Published) -> None:
    form = item.form()
    arranged = arrange(form, item.layout)
    assert [field.key for field in arranged.first] == list(item.looks)
    unknown = [field.key for field in arranged.first if isinstance(field.kind, Unknown)]
    assert unknown == ([("1", "ckpt_name")] if item.needs_checkpoint else []), "only the server knows its checkpoints"
    assert form.faults({}) == {}
    assert form.filled({}).text == item.workflow.text


@pytest.mark.parametrize("item", SHIPPED.values(), ids=SHIPPED)
def test_shipped_forms_match_catalogue_of_real_server(item: Published) -> None:
    real = Catalogue.parse(recordings.catalogue_text())
    before, after = (arrange(item.form(catalogue), item.layout).first for catalogue in (None, real))
    assert [(field.key, field.label) for field in before] == [(field.key, field.label) for field in after]
    assert all(type(one.kind) in {type(other.kind), Unknown} for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"kind": "picture"}, Upload(Media.PICTURE)),
        ({"kind": "video"}, Upload(Media.VIDEO)),
        ({"kind": "audio"}, Upload(Media.AUDIO)),
        ({"kind": "mask"}, Upload(Media.MASK)),
        ({"kind": "text"}, Text(is_multiline=True)),
        ({"kind": "integer", "min": 0, "max": 9}, Whole(0, 9)),
        ({"kind": "number", "min": 0.5}, Decimal(0.5)),
        ({"kind": "number", "min": 1, "whole": True}, Whole(1)),
        ({"kind": "slider", "min": 0, "max": 1, "step": 0.1}, Decimal(0, 1, 0.1, is_slider=True)),
        ({"kind": "slider", "min": 0, "max": 9, "step": 3, "whole": True}, Whole(0, 9, 3, is_slider=True)),
        ({"kind": "seed"}, Seed(mode=SeedMode.RANDOM)),
        ({"kind": "seed", "max": 99, "mode": "increment"}, Seed(0, 99, SeedMode.UP)),
        ({"kind": "switch"}, Switch()),
        ({"kind": "choice", "options": [{"value": "a", "label": "A"}]}, Choice(("a",), ("A",))),
    ],
)
def test_author_may_set_kind_of_field(field: dict[str, Any], kind: object) -> None:
    item = published({"node": "1", "input": "steps", **field})
    assert item.form(CATALOGUE).by_key["1", "steps"].kind == kind
    assert item.form().by_key["1", "steps"].kind == kind


def test_catalogue_fills_what_author_left_open() -> None:
    field = published({"node": "1", "input": "steps", "label": "Passes"}).form(CATALOGUE).by_key["1", "steps"]
    assert (field.kind, field.label, field.hint) == (Whole(1, 10000), "Passes", "How many.")
    image = published({"node": "1", "input": "image", "kind": "picture"}).form(CATALOGUE).by_key["1", "image"]
    assert image.kind == Upload(options=("old.png",))


def test_fields_not_named_by_author_come_below() -> None:
    item = published({"node": "1", "input": "method"})
    arranged = arrange(item.form(CATALOGUE), item.layout)
    assert [field.input_name for field in arranged.first] == ["method"]
    assert [field.input_name for field in arranged.sections[0].fields] == ["steps", "image"]


def test_author_without_fields_leaves_top_to_guess() -> None:
    item = published()
    assert len(arrange(item.form(CATALOGUE), item.layout).first) == 3


def test_an_author_may_give_presets() -> None:
    values = [{"node": "1", "input": "steps", "value": 5}, {"node": "1", "input": "method", "value": "b"}]
    (preset,) = published(presets=[{"name": "Quick", "values": values}]).presets
    texts, _ = preset.over({}, {})
    assert (preset.name, preset.preset_id) == ("Quick", "own/1")
    assert json.loads(published().form(CATALOGUE).filled(texts).text)["1"]["inputs"]["steps"] == 5


GRAPH = {"1": {"class_type": "SaveImage"}}
FIELD = {"node": "1", "input": "a"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "[" * 100_000,
        json.dumps({"title": "x"}),
        json.dumps({"title": "x", "about": "", "fields": [], "workflow": {}}),
        json.dumps({"title": "x", "about": "", "fields": [7], "workflow": GRAPH}),
        json.dumps({"title": "x", "about": "", "fields": [{"node": 1, "input": "a"}], "workflow": GRAPH}),
        *(
            json.dumps({"title": "x", "about": "", "fields": [{**FIELD, "kind": kind, **more}], "workflow": GRAPH})
            for kind, more in (
                ("integer", {"min": "0"}),
                ("integer", {"max": 1.5}),
                ("number", {"min": True}),
                ("seed", {"mode": "backwards"}),
                ("choice", {"options": [7]}),
                ("choice", {}),
            )
        ),
        json.dumps({"title": "x", "about": "", "fields": [{"node": "9", "input": "a"}], "workflow": GRAPH}),
        json.dumps(
            {"title": "x", "about": "", "fields": [{"node": "1", "input": "a", "kind": "hologram"}], "workflow": GRAPH}
        ),
        json.dumps({"title": "x", "about": "", "fields": [], "presets": [{"name": "x"}], "workflow": GRAPH}),
    ],
)
def test_one_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_published("broken", text)
    assert refused.value.cause == "bad-workflow"
