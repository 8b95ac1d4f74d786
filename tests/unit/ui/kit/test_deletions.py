"""Deletions that can be undone: hidden and delayed, then undone or performed; and the message of each kind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.core.errors import StorageError
from app.core.model import PromptId
from app.core.ports.blobs import KeepSettings, Usage
from app.ui.form.state import FormState
from app.ui.kit.deletion_actions import SECONDS, TICK, Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.state import UiState
from app.ui.kit.undeleted import keep_undeleted, read_undeleted
from app.ui.notices.notice_words import word_deletion
from app.ui.notices.notices_html import errors
from app.ui.notices.state import NoticesState
from app.ui.runs.state import RunsState
from tests.kit.page.rig import PageRig, Rig
from tests.kit.page.stills import (
    ENGLISH,
    Bytes,
    MemoryContext,
    MemoryScreen,
    Seconds,
    StillLine,
    StillPictures,
    StillResults,
    StillSession,
    ended,
    translator,
    window,
    workflows,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import markup, project
from tests.unit.ui.runs.test_waiting import waiting


class DeletionsRig(Rig):
    """Deletions with a clock that stands still until `run`."""

    def __init__(self) -> None:
        super().__init__(seconds=Seconds())
        self.counts: list[int] = []
        self.deletions = Deletions(self.context, self.seconds.now, self.seconds.sleep, self.counts.append)
        self.performed: list[str] = []

    def delete(self, name: str, *, fails: bool = False) -> None:
        async def work() -> None:
            if fails:
                raise StorageError("delete", "blocked")
            self.performed.append(name)

        deletion = Deletion(What.RESULTS, name, hides=frozenset({name}))
        self.deletions.put_off(deletion, work, undo=lambda: self.performed.append(f"not {name}"))

    async def run(self) -> None:
        self.seconds.go.set()
        await self.done()

    @property
    def shown(self) -> list[str]:
        return [item.name for item in self.ui.deletions if not item.is_over]


async def test_item_is_hidden_immediately_and_deleted_later() -> None:
    rig = DeletionsRig()
    rig.delete("a")
    assert (rig.ui.hidden, rig.performed, rig.shown) == ({"a"}, [], ["a"])
    await rig.run()
    assert rig.seconds.at == pytest.approx(SECONDS, abs=TICK)
    assert (rig.ui.hidden, rig.performed, rig.shown) == (frozenset(), ["a"], [])


async def test_undo_restores_item_and_deletes_nothing() -> None:
    rig = DeletionsRig()
    rig.delete("a")
    rig.deletions.undo(1)
    assert rig.ui.hidden == frozenset()
    await rig.run()
    assert rig.performed == ["not a"]
    rig.deletions.undo(1)
    assert rig.performed == ["not a"], "its time has run out"


async def test_deletions_under_way_are_counted() -> None:
    rig = DeletionsRig()
    rig.delete("a")
    rig.delete("b")
    rig.deletions.put_off(Deletion(What.VERSION, "c"))
    assert rig.counts == [1, 2], "one that was made immediately is not under way"
    rig.deletions.undo(1)
    await rig.run()
    assert rig.counts == [1, 2, 1, 0]


def test_reloaded_page_says_that_a_deletion_was_undone() -> None:
    screen = MemoryScreen()
    keep_undeleted(screen, 2)
    assert read_undeleted(screen) == 2
    assert read_undeleted(screen) == 0, "it is said once"
    ui = UiState().with_slices(NoticesState(undeleted=2))
    assert "Nothing was deleted" in markup(page(StillSession(), ui), "notices")


async def test_ctrl_z_undoes_latest_deletion_first() -> None:
    rig = DeletionsRig()
    for name in "ab":
        rig.delete(name)
    assert rig.deletions.undo_last()
    assert (rig.shown, rig.ui.hidden) == (["a"], {"a"})
    assert rig.deletions.undo_last()
    assert not rig.deletions.undo_last(), "nothing is left to undo"
    await rig.run()
    assert rig.performed == ["not b", "not a"]


async def test_countdown_pauses_while_message_is_in_use() -> None:
    rig = DeletionsRig()
    rig.delete("a")
    rig.deletions.hold()
    rig.seconds.go.set()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert rig.seconds.at > 2 * SECONDS
    assert rig.performed == []
    rig.deletions.release()
    await rig.done()
    assert rig.performed == ["a"]


async def test_failed_deletion_restores_the_item() -> None:
    rig = DeletionsRig()
    rig.delete("a", fails=True)
    await rig.run()
    assert (rig.ui.hidden, rig.performed) == (frozenset(), ["not a"])
    assert [type(error) for _, error in rig.ui.errors] == [StorageError]


async def test_message_offers_undo_and_is_announced() -> None:
    rig = DeletionsRig()
    for name in "abcd":
        rig.delete(name)
    view = project(
        StillSession(), rig.ui, workflows=workflows(), pictures=StillPictures(), language="en"
    )  # fmt: skip
    markup = str(errors(view.errors, ENGLISH))
    assert markup.count('data-action="undo-deletion"') == 3, "a few at a time"
    assert "“a”" not in markup and "“d” deleted" in markup
    assert 'data-live=""' in markup and "Control+Z" in markup
    assert "errors" not in markup, "they are no errors"


def test_hidden_task_is_on_no_card() -> None:
    one, other = ended("a"), ended("b")
    session = StillSession(window=window(one, other))
    ui = replace(MemoryContext("enlarge").ui, hidden=frozenset({one.prompt_id}))
    view = project(session, ui, workflows=workflows(), pictures=StillPictures(), language="en")
    assert [card.task.prompt_id for card in view.results.cards] == [PromptId(other.prompt_id)]


@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("count", [1, 3])
def test_message_names_the_deleted_item_in_both_languages(what: What, count: int) -> None:
    deletion = Deletion(what, "Dunes", count)
    texts = {word_deletion(deletion, translator(language)) for language in ("en", "zh-CN")}
    assert len(texts) == 2 and all(texts)


class StoppedPageRig(PageRig):
    """A page whose clock stands still, so that every deletion can still be undone."""

    def __init__(self, workflow_id: str = "text", session: StillSession | None = None) -> None:
        super().__init__(workflow_id, session=session, seconds=Seconds())

    async def act(self, action: str, /, **facts: str) -> None:
        self.table.act(action, facts)
        await asyncio.sleep(0)

    @property
    def what(self) -> list[What]:
        return [item.what for item in self.ui.deletions]

    def undo(self) -> None:
        assert self.deletions.undo_last()


async def test_waiting_runs_are_set_aside_and_put_back() -> None:
    line = waiting("one", "two", "three")
    sent, first, last = (item.prompt_id for item in line.entries)
    rig = StoppedPageRig(session=StillSession(line=StillLine(line=line, sending=frozenset({sent}))))
    await rig.act("line-clear")
    assert rig.session.line.calls == [("set_aside", first, last), ("remove", sent)], "a run under way is stopped"
    assert [item.count for item in rig.ui.deletions] == [2]
    rig.undo()
    assert rig.session.line.calls[-1] == ("put_back", first, last)
    await rig.act("line-remove", promptId=first)
    assert rig.session.line.calls[-1] == ("set_aside", first)


async def test_kept_results_and_a_smaller_bound_can_be_undone() -> None:
    usage = Usage(settings=KeepSettings(3_000_000_000), size=2_000_000_000)
    rig = StoppedPageRig(session=StillSession(results=StillResults(usage=usage)))
    await rig.act("open-keeping")
    await rig.act("ask-delete-kept")
    await rig.act("delete-kept")
    await rig.act("open-keeping")
    rig.actions.act("cap", {"value": "1"})
    await rig.act("save-keeping")
    assert rig.what == [What.KEPT, What.OLDEST]
    assert rig.ui.deletions[1].count == 1_000_000_000
    rig.undo()
    rig.undo()
    assert [call for call in rig.session.results.calls if call[0] != "refresh_soon"] == []
    await rig.act("open-keeping")
    rig.actions.act("cap", {"value": "5"})
    await rig.act("save-keeping")
    assert rig.what == [], "a larger bound deletes nothing"


async def test_undo_restores_the_list_of_a_plan() -> None:
    rig = StoppedPageRig()
    await rig.act("open-many")
    rig.actions.act("many", {"place": "text", "value": "sea\nland"})
    await rig.act("many-clear")
    assert (rig.ui.of(RunsState).many.text, rig.what) == ("", [What.TEXT])
    rig.undo()
    assert rig.ui.of(RunsState).many.text == "sea\nland"
    rig.actions.take_files(None, [(Bytes(b"fog"), "list.txt")])
    await rig.context.work[-1]  # the file is read
    assert rig.ui.of(RunsState).many.text == "fog"
    rig.undo()
    assert rig.ui.of(RunsState).many.text == "sea\nland"
    await rig.act("many-clear")
    await rig.act("many-clear")
    assert rig.what == [What.TEXT], "there was nothing to lose"


async def test_undo_restores_layout_of_another_workflow() -> None:
    rig = StoppedPageRig("text")
    key = next(item for item in rig.context.workflows if item.workflow_id == "text").arranged.first[0].key
    await rig.act("hide", node=key[0], name=key[1])
    layout = next(item for item in rig.context.workflows if item.workflow_id == "text").layout
    await rig.act("arrange-reset")
    assert next(item for item in rig.context.workflows if item.workflow_id == "text").layout != layout
    rig.ui = rig.ui.with_slices(replace(rig.ui.of(FormState), workflow_id="enlarge"))
    rig.undo()
    assert next(item for item in rig.context.workflows if item.workflow_id == "text").layout == layout
    assert rig.what == []
