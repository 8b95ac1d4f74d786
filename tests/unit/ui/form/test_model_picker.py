"""Model pickers: files are read when one is opened, metadata when a choice is marked, and words go into the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import ConnectError
from app.core.model import ServerId
from app.core.model_facts import ModelFacts
from app.core.workflow import parse_workflow
from app.session import ModelFile
from app.ui.form.model_picker import ModelPicker
from app.ui.form.models import has_word, with_or_without
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import StillModels

INK, NEON = "styles/ink.safetensors", "neon.safetensors"
LIST = "options-Load-lora"


def file(name: str, **more: Any) -> ModelFile:
    return ModelFile(ServerId("a"), "/servers/a", "loras", name, 144, f"/servers/a/preview/{name}", **more)


def opened(*prompts: str, value: str = INK) -> OpenWorkflow:
    """Return a workflow with a loader of LoRAs, and long texts of these names."""
    texts = {name: ["STRING", {"multiline": True}] for name in prompts}
    inputs = {"lora": [[INK, NEON, "None"]], **texts}
    catalogue = Catalogue.parse({"Load": {"input": {"required": inputs}, "output": ["MODEL"]}})
    graph = {"1": {"class_type": "Load", "inputs": {"lora": value, **dict.fromkeys(prompts, "a cat")}}}
    layout = Layout(first=tuple(("1", name) for name in ("lora", *prompts)))
    return open_workflow(Published("own", "Own", "", False, parse_workflow(graph), layout), catalogue)


class PickerRig(Rig):
    """A page with the form, and its picker."""

    def __init__(self, *prompts: str, models: StillModels | None = None) -> None:
        super().__init__("own", workflows=(opened(*prompts),))
        facts = {INK: ModelFacts(words=("ink wash",), tags=("mist",), base="sdxl", resolution=(1024, 768))}
        self.models = models or StillModels({INK: file(INK), NEON: file(NEON)}, facts)
        self.picker = ModelPicker(self.models, self.context, self.screen)

    async def mark(self, choice: str) -> None:
        await self.picker.open("1", "lora")
        await self.picker.mark("1", "lora", choice)


def test_few_models_have_a_picker_too() -> None:
    rig = PickerRig()
    control = element(rig.markup("form"), role="combobox")
    assert control["value"] == INK and "data-models" in control
    assert json.loads(element(rig.markup("lists"), id=LIST).text) == [INK, NEON, "None"]
    assert rig.models.asked == [], "nothing is asked for before it is opened"
    assert elements(rig.markup("marked")) == []


async def test_opened_picker_has_pictures_and_sizes() -> None:
    rig = PickerRig()
    await rig.picker.open("1", "lora")
    rows = json.loads(element(rig.markup("lists"), id=LIST).text)
    assert rows == [
        [INK, INK, f"/servers/a/preview/{INK}", "144 B"],
        [NEON, NEON, f"/servers/a/preview/{NEON}", "144 B"],
        ["None", "None"],
    ]
    assert rig.models.asked == [("Load", "lora", 3)]
    before = rig.ui
    await rig.picker.open("1", "lora")
    assert rig.ui is before, "the same answer changes nothing"


async def test_marked_model_is_described_and_searchable_by_its_words() -> None:
    rig = PickerRig()
    await rig.mark(INK)
    shown = rig.markup("marked")
    holder = element(shown, id="marked-model")
    assert (holder["data-list"], holder["data-choice"]) == (LIST, INK)
    assert "sdxl" in shown and "1024 × 768" in shown
    assert json.loads(element(shown, id="marked-words").text) == {INK: "ink wash mist"}
    await rig.picker.mark("1", "lora", NEON)
    assert json.loads(element(rig.markup("marked"), id="marked-words").text) == {INK: "ink wash mist"}
    await rig.picker.mark("1", "lora", "None")
    assert rig.view.marked.model is None


async def test_chosen_model_is_described_below_its_field() -> None:
    rig = PickerRig()
    assert not elements(rig.markup("form"), data_testid="model")
    await rig.mark(INK)
    described = element(rig.markup("form"), data_testid="model")
    assert "sdxl · 1024 × 768 · 144 B" in described.text


@pytest.mark.parametrize(
    ("prompts", "target"),
    [
        ((), None),
        (("text",), "text"),
        (("text", "negative"), "text"),
        (("text", "text_2"), None),
    ],
)
async def test_words_go_into_the_only_prompt_or_are_copied(prompts: tuple[str, ...], target: str | None) -> None:
    rig = PickerRig(*prompts)
    await rig.mark(INK)
    words = [item for item in elements(rig.markup("marked"), "button") if item.text == "ink wash"]
    assert [item.attributes.get("data-name") for item in words] == [target]
    assert [("data-copy" in item) for item in words] == [target is None]


async def test_word_is_added_to_the_prompt_and_taken_out() -> None:
    rig = PickerRig("text")
    await rig.mark(INK)
    for text, is_used in (("a cat, ink wash", "true"), ("a cat", "false")):
        rig.picker.use("1", "text", "ink wash")
        assert rig.draft.values["1", "text"] == text
        assert rig.screen.changes[-1] == {"texts": [{"node": "1", "name": "text", "text": text}]}
        (chip,) = elements(rig.markup("form"), data_text="ink wash")
        assert chip["aria-pressed"] == is_used
    assert rig.draft.history.can_undo


async def test_error_is_shown_in_the_picker() -> None:
    rig = PickerRig(models=StillModels(refusal=ConnectError(ServerId("a"), "connect-failed")))
    await rig.mark(INK)
    assert "Its metadata could not be read" in rig.markup("marked")
    assert json.loads(element(rig.markup("lists"), id=LIST).text) == [INK, NEON, "None"]
    rig.models.refusal, rig.models.files = None, {INK: file(INK)}
    await rig.mark(INK)
    assert "could not be read" not in rig.markup("marked")


async def test_too_large_metadata_is_reported() -> None:
    rig = PickerRig(models=StillModels({INK: file(INK)}, {INK: ModelFacts(is_too_large=True)}))
    await rig.mark(INK)
    for region in ("marked", "form"):
        assert "too large to be shown" in rig.markup(region)


async def test_hostile_metadata_stays_text() -> None:
    word = "<img src=x onerror=alert(1)>"
    rig = PickerRig(models=StillModels({INK: file(INK)}, {INK: ModelFacts(words=(word,), base='"><script>')}))
    await rig.mark(INK)
    for region in ("marked", "form"):
        text = rig.markup(region)
        assert "<img" not in text and "<script" not in text
        assert any(item.text == word for item in elements(text, "button"))


@pytest.mark.parametrize(
    ("text", "word", "after"),
    [
        ("", "ink", "ink"),
        ("a cat", "ink", "a cat, ink"),
        ("a cat, ", "ink", "a cat, ink"),
        ("ink, a cat", "ink", "a cat"),
        ("a cat, Ink , a dog", "ink", "a cat, a dog"),
        ("a cat,\nink\na dog", "ink", "a cat,\n\na dog"),
        ("pink, inky", "ink", "pink, inky, ink"),
        ("a (b", "(b", "a (b, (b"),
    ],
)
def test_words_are_separated_by_commas(text: str, word: str, after: str) -> None:
    assert with_or_without(text, word) == after
    assert has_word(after, word) is not has_word(text, word)
