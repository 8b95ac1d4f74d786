"""Presets: applied in one step, shared by all windows, and errors when they cannot be saved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.preset_actions import PresetActions
from app.ui.form.presets import Ask, PresetsDialog
from app.ui.form.state import FormState
from app.workflows.forms.kinds import SeedMode
from app.workflows.forms.presets import PRESET_KIND, Preset
from app.workflows.forms.records import to_text
from tests.kit.page.anything import ANYTHING, LORAS, anything
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import StillPictures, StillSession, translator
from tests.kit.page.views import markup, project
from tests.ports.memory_documents import MemoryDocuments

PROMPT, STEPS, SEED, LORA = ("1", "prompt"), ("1", "steps"), ("1", "seed"), ("1", "lora")


def with_authors(*presets: Preset) -> OpenWorkflow:
    opened = anything(first=("prompt", "steps", "seed"))
    return replace(opened, published=replace(opened.published, presets=presets))


class PresetsRig(Rig):
    """One window with its documents; another window of the same browser shares the store."""

    def __init__(self, opened: OpenWorkflow | None = None, shelf: dict[tuple[str, str], str] | None = None) -> None:
        self.opened = opened or with_authors()
        super().__init__(ANYTHING, workflows=(self.opened,), documents=MemoryDocuments(shelf))
        self.made = 0
        self.table.add(PresetActions(self.documents, self.context, self.screen, self._mint, self.deletions))

    def _mint(self) -> str:
        self.made += 1
        return f"minted-{self.made}-{id(self)}"

    async def save(self, name: str) -> None:
        await self.act("open-presets")
        await self.act("preset-name", value=name)
        await self.act("save-preset")

    def fill(self, **texts: str) -> None:
        for name, text in texts.items():
            self.type(("1", name), text)

    @property
    def dialog(self) -> PresetsDialog:
        assert isinstance(self.ui.dialog, PresetsDialog)
        return self.ui.dialog

    @property
    def names(self) -> list[str]:
        return [item.name for item in self.ui.of(FormState).known.presets]

    def drawn(self) -> str:
        return self.markup("dialogs")

    def shown(self) -> str:
        return element(self.drawn(), "dialog").text


async def test_preset_is_saved_and_applied_in_one_step() -> None:
    rig = PresetsRig()
    rig.fill(prompt="a harbour", steps="30")
    await rig.save(" Night ")
    assert rig.names == ["Night"]
    assert rig.dialog.name == ""
    assert rig.screen.changes == [{"texts": [{"node": "", "name": "preset-name", "text": ""}]}]  # it has the focus
    rig.fill(prompt="a storm", steps="5", lora="style/7.safetensors")
    before = rig.draft
    (preset,) = rig.ui.of(FormState).known.presets
    await rig.act("apply-preset", preset=preset.preset_id)
    assert rig.ui.dialog is None
    assert [rig.draft.values[key] for key in (PROMPT, STEPS, LORA)] == [
        "a harbour",
        "30",
        "style/0.safetensors",
    ]
    texts = rig.screen.changes[-1]["texts"]
    assert {"node": "1", "name": "prompt", "text": "a harbour"} in texts  # type: ignore[operator]
    assert {item["name"] for item in texts} == {"prompt", "steps", "lora"}  # type: ignore[attr-defined]
    undone = rig.draft.undo()
    assert (undone.values, undone.modes) == (before.values, before.modes)
    assert undone.redo().values[STEPS] == "30"


async def test_dialog_of_another_window_has_the_preset() -> None:
    shelf: dict[tuple[str, str], str] = {}
    mine, other = PresetsRig(shelf=shelf), PresetsRig(shelf=shelf)
    await other.act("open-presets")
    mine.fill(steps="44")
    await mine.save("Mine")
    assert other.names == []
    await other.act("open-presets")
    assert other.names == ["Mine"]
    await other.act("apply-preset", preset=other.ui.of(FormState).known.presets[0].preset_id)
    assert other.ui.of(FormState).draft.values[STEPS] == "44"


async def test_presets_of_another_shape_are_not_offered() -> None:
    rig = PresetsRig()
    foreign = Preset("x", "Foreign", "some other shape", texts=(("1", "steps", "9"),))
    rig.documents.shelf[PRESET_KIND, "x"] = to_text(foreign)
    await rig.act("open-presets")
    assert "Foreign" not in rig.shown()
    await rig.act("apply-preset", preset="x")
    assert STEPS not in rig.draft.values


async def test_unreadable_preset_is_kept_and_hides_no_other() -> None:
    rig = PresetsRig()
    newer = json.dumps({"v": 99, "preset_id": "n", "name": 7})
    rig.documents.shelf[PRESET_KIND, "n"], rig.documents.shelf[PRESET_KIND, "broken"] = newer, "{"
    await rig.save("Mine")
    assert rig.names == ["Mine"]
    assert (rig.documents.shelf[PRESET_KIND, "n"], rig.documents.shelf[PRESET_KIND, "broken"]) == (newer, "{")


async def test_authors_presets_come_first_and_are_read_only() -> None:
    rig = PresetsRig(with_authors(Preset("anything/1", "Quick", texts=(("1", "steps", "4"), ("1", "seed", "11")))))
    await rig.save("A mine")
    rows = elements(rig.drawn(), data_action="apply-preset")
    assert [facts["data-preset"] for facts in rows] == ["anything/1", rig.ui.of(FormState).known.presets[0].preset_id]
    await rig.act("ask-preset", ask="delete", preset="anything/1")
    assert rig.dialog.ask is None
    await rig.act("apply-preset", preset="anything/1")
    assert (rig.draft.values[STEPS], rig.draft.values[SEED]) == ("4", "11")
    assert rig.draft.modes[SEED] is SeedMode.FIXED  # otherwise the next run would draw another seed


async def test_presets_are_changed_only_after_a_question() -> None:
    rig = PresetsRig()
    rig.fill(steps="10")
    await rig.save("One")
    preset_id = rig.ui.of(FormState).known.presets[0].preset_id
    await rig.act("ask-preset", ask="rename", preset=preset_id)
    assert (rig.dialog.ask, rig.dialog.new_name) == (Ask.RENAME, "One")
    rig.table.act("preset-new-name", {"value": "Two"})
    await rig.act("rename-preset")
    assert (rig.names, rig.dialog.ask) == (["Two"], None)
    rig.fill(steps="20")
    await rig.act("ask-preset", ask="replace", preset=preset_id)
    await rig.act("leave-preset")
    assert ("1", "steps", "10") in rig.ui.of(FormState).known.presets[0].texts
    await rig.act("ask-preset", ask="replace", preset=preset_id)
    await rig.act("replace-preset")
    assert ("1", "steps", "20") in rig.ui.of(FormState).known.presets[0].texts
    assert rig.names == ["Two"]
    await rig.act("ask-preset", ask="delete", preset=preset_id)
    await rig.act("delete-preset")
    assert (rig.names, rig.documents.shelf) == ([], {})


async def test_saving_under_an_existing_name_replaces_that_preset() -> None:
    rig = PresetsRig()
    rig.fill(steps="10")
    await rig.save("One")
    rig.fill(steps="20")
    rig.table.act("preset-name", {"value": "One"})
    assert element(rig.drawn(), data_action="save-preset").text == "Replace"
    await rig.act("save-preset")
    assert rig.names == ["One"]
    assert ("1", "steps", "20") in rig.ui.of(FormState).known.presets[0].texts


async def test_names_of_presets_are_unique() -> None:
    rig = PresetsRig()
    await rig.save("One")
    await rig.save("Two")
    two = next(item for item in rig.ui.of(FormState).known.presets if item.name == "Two")
    await rig.act("ask-preset", ask="rename", preset=two.preset_id)
    rig.table.act("preset-new-name", {"value": " One "})
    await rig.act("rename-preset")
    assert rig.names == ["One", "Two"]


@pytest.mark.parametrize("name", ["", "   "])
async def test_preset_needs_a_name(name: str) -> None:
    rig = PresetsRig()
    await rig.save(name)
    assert rig.documents.shelf == {}


async def test_full_store_is_shown_in_the_dialog_and_keeps_the_text() -> None:
    rig = PresetsRig()
    rig.documents.is_full = True
    await rig.save("Night")
    assert rig.dialog.name == "Night"
    assert "storage is full" in rig.shown()
    rig.documents.is_full = False
    await rig.act("save-preset")
    assert (rig.names, rig.dialog.error) == (["Night"], None)


async def test_error_after_closing_the_dialog_is_shown() -> None:
    rig = PresetsRig()
    rig.documents.is_full = True
    await rig.act("open-presets")
    rig.table.act("preset-name", {"value": "Night"})
    rig.table.act("save-preset", {})
    rig.ui = replace(rig.ui, dialog=None)
    await rig.done()
    assert rig.ui.errors


async def test_preset_equal_to_the_form_is_marked() -> None:
    rig = PresetsRig()
    rig.fill(steps="10", lora=LORAS[1])
    await rig.save("One")
    assert "in the form now" in rig.shown()
    rig.fill(lora=LORAS[1].replace("/", "\\"))
    assert "in the form now" in rig.shown(), "as a Windows server spells it"
    rig.fill(steps="11")
    assert "in the form now" not in rig.shown()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_dialog_is_translated_and_names_are_not(language: str) -> None:
    rig = PresetsRig(with_authors(Preset("anything/1", "<b>Quick</b>", texts=(("1", "steps", "4"),))))
    await rig.save("Schnell")
    view = project(StillSession(), rig.ui, workflows=(rig.opened,), pictures=StillPictures(), language=language)
    _ = translator(language)
    text = markup(view, "dialogs", _)
    assert [item.text for item in elements(text, class_="preset-name")] == ["<b>Quick</b>", "Schnell"]
    assert element(text, id="presets-title").text.startswith(_("Presets"))
