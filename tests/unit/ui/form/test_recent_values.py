"""Recent values: noted from what the user typed, offered at fields, deleted on request."""

from __future__ import annotations

import json
from dataclasses import replace

from app.ui.form.recent_values import NAME, Recents
from app.ui.form.state import Draft, FormState
from app.ui.results.storage import KeepingDialog
from app.workflows.forms.kinds import SeedMode
from app.workflows.forms.presets import RECENT_KIND
from tests.kit.page.anything import ANYTHING, LORAS, anything
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig, Rig
from tests.kit.page.views import markup
from tests.ports.memory_documents import MemoryDocuments

FIRST = ("prompt", "steps", "seed", "lora", "method", "on")


class RecentsRig(Rig):
    """One window; others of the same browser share its store."""

    def __init__(self, shelf: dict[tuple[str, str], str] | None = None) -> None:
        self.opened = anything(first=FIRST)
        super().__init__(ANYTHING, workflows=(self.opened,), documents=MemoryDocuments(shelf))
        self.recents = Recents(self.documents, self.context, self.screen, self.deletions)
        self.table.add(self.recents)

    async def run(self, **texts: str) -> None:
        for name, text in texts.items():
            self.type(("1", name), text)
        self.recents.note(self.opened, self.draft)
        await self.done()

    def offered(self) -> dict[str, list[str]]:
        """Return the values that the form offers, by input."""
        found: dict[str, list[str]] = {}
        for item in elements(self.markup("form"), data_action="use-recent"):
            found.setdefault(str(item["data-name"]), []).append(str(item["data-text"]))
        return found


async def test_typed_values_are_offered_after_a_run_latest_first() -> None:
    rig = RecentsRig()
    await rig.run(prompt="a harbour", steps="30")
    assert rig.offered() == {}
    await rig.run(prompt="a storm", steps="31")
    await rig.run(prompt="a calm")
    assert rig.offered() == {"prompt": ["a storm", "a harbour"], "steps": ["30"]}


async def test_menus_switches_and_drawn_seeds_are_not_noted() -> None:
    rig = RecentsRig()
    rig.draft = rig.draft.with_mode(("1", "seed"), SeedMode.RANDOM)
    for number in range(3):
        await rig.run(
            method="ab"[number % 2], on="false" if number else "true", seed=str(number + 50), lora=LORAS[number]
        )
    assert rig.offered() == {"lora": [LORAS[1]]}  # without the workflow's own and the present one
    rig.draft = rig.draft.with_mode(("1", "seed"), SeedMode.FIXED)
    await rig.run(seed="7000")
    await rig.run(seed="8000")
    assert rig.offered()["seed"] == ["7000"]


async def test_recent_models_are_offered_as_the_server_spells_them() -> None:
    rig = RecentsRig()
    for lora in (LORAS[1], LORAS[2].replace("/", "\\"), LORAS[3]):
        await rig.run(lora=lora)
    draft = Draft(values={("1", "lora"): LORAS[3].replace("/", "\\")})
    rig.draft = draft
    assert rig.offered()["lora"] == [LORAS[2], LORAS[1]]


async def test_recent_value_is_used_and_undone() -> None:
    rig = RecentsRig()
    await rig.run(prompt="a harbour")
    await rig.run(prompt="a storm")
    await rig.act("use-recent", node="1", name="prompt", text="a harbour")
    assert rig.draft.values["1", "prompt"] == "a harbour"
    assert rig.screen.changes == [{"texts": [{"node": "1", "name": "prompt", "text": "a harbour"}]}]
    assert rig.draft.undo().values["1", "prompt"] == "a storm"


async def test_reused_seed_stays_fixed() -> None:
    rig = RecentsRig()
    await rig.act("use-recent", node="1", name="seed", text="99")
    assert rig.draft.modes["1", "seed"] is SeedMode.FIXED


async def test_all_windows_share_recent_values() -> None:
    shelf: dict[tuple[str, str], str] = {}
    one, other = RecentsRig(shelf), RecentsRig(shelf)
    await one.run(steps="30")
    await other.run(steps="40")
    third = RecentsRig(shelf)
    await third.recents.load()
    assert third.offered() == {"steps": ["40", "30"]}


async def test_two_consecutive_runs_are_both_noted() -> None:
    rig = RecentsRig()
    for steps in ("30", "40"):
        rig.recents.note(rig.opened, rig.draft.with_value(("1", "steps"), steps))
    await rig.done()
    assert rig.offered() == {"steps": ["40", "30"]}


async def test_dialog_counts_and_deletes_recent_values() -> None:
    rig = RecentsRig()
    await rig.run(steps="30", prompt="a harbour")
    rig.ui = replace(rig.ui, dialog=KeepingDialog())
    view = rig.view
    assert "Recent values of 2 inputs" in element(markup(view, "dialogs"), "dialog").text
    await rig.act("forget-recent")
    assert (rig.documents.shelf, rig.ui.of(FormState).known.recent) == ({}, {})
    view = rig.view
    assert "Recent values" not in element(markup(view, "dialogs"), "dialog").text


async def test_failed_deletion_is_shown_and_hides_nothing() -> None:
    rig = RecentsRig()
    await rig.run(steps="30")
    rig.documents.is_full = True
    await rig.act("forget-recent")
    assert rig.ui.errors
    assert rig.ui.of(FormState).known.recent == {("Every", "steps"): ("30",)}


async def test_full_store_or_newer_document_does_not_stop_a_run() -> None:
    rig = RecentsRig()
    rig.documents.is_full = True
    await rig.run(steps="30")
    assert rig.ui.errors == ()
    newer = json.dumps({"v": 99, "inputs": 7})
    rig = RecentsRig({(RECENT_KIND, NAME): newer})
    await rig.run(steps="30")
    assert rig.documents.shelf == {(RECENT_KIND, NAME): newer}
    rig = RecentsRig({(RECENT_KIND, NAME): "{"})
    await rig.run(steps="30")
    assert rig.offered() == {}
    assert rig.ui.of(FormState).known.recent == {("Every", "steps"): ("30",)}


async def test_only_possible_runs_are_noted() -> None:
    rig, noted = PageRig("text"), list[str]()
    rig.actions.runs._note_values = lambda chosen, _draft: noted.append(chosen.workflow_id)
    await rig.act("run")
    rig.actions.act("run-count", {"value": "3"})
    await rig.act("run")
    assert noted == ["text", "text"]
    rig = PageRig("enlarge")
    rig.actions.runs._note_values = lambda chosen, _draft: noted.append(chosen.workflow_id)
    await rig.act("run")  # it has no picture
    assert len(noted) == 2


async def test_recent_value_is_never_markup() -> None:
    rig = RecentsRig()
    await rig.run(prompt='<b onclick="x">bold</b>')
    await rig.run(prompt="plain")
    view = rig.view
    assert not elements(markup(view, "form"), "b")
    assert rig.offered()["prompt"] == ['<b onclick="x">bold</b>']
