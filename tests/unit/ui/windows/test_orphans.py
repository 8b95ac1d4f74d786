"""The work of closed windows: how it is shown, and what adopting it does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.core.errors import NotOwner, StorageError
from app.core.model import InputFile, NodeId, Note, PromptId, ServerId, TaskState, Unreadable
from app.session import Orphan, OrphanLine, OrphanRecord
from app.ui.kit.state import UiState
from app.ui.kit.thumbnails import Glimpses
from app.ui.runs.state import GiveUpDialog, LeftSign
from app.ui.windows.orphans import WindowsState, read_left
from tests.kit.page.elements import element
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import Bytes, MemoryScreen, StillLine, StillPictures, StillSession, output, task
from tests.kit.page.trouble import OTHER, page
from tests.kit.page.views import Seen, markup

A = task("a").prompt_id


def orphan(name: str = "o", *, is_owner_gone: bool = True, **more: object) -> Orphan:
    return Orphan(task=task(name, owner=OTHER, **more), is_owner_gone=is_owner_gone)


SHOWN = UiState().with_slices(WindowsState(is_open=True))


def test_without_orphans_there_is_no_panel() -> None:
    view = page(StillSession(), SHOWN)
    assert (markup(view, "left"), view.now.left, view.tabs.has_left) == ("", None, False)


def test_panel_is_shown_on_request_and_put_aside_until_new_work() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"),)
    rig.actions.orphans.follow_kept()

    def drawn() -> Seen:
        return page(rig.session, rig.ui)

    assert markup(drawn(), "left") == "" and drawn().tabs.has_left
    assert element(markup(drawn(), "now"), data_action="toggle-left").text == "1 run of a closed window"
    rig.actions.act("toggle-left", {})
    assert "Left behind by closed windows" in markup(drawn(), "left") and not drawn().tabs.has_left
    rig.actions.act("put-left-aside", {})
    assert (markup(drawn(), "left"), drawn().now.left) == ("", None)

    rig.context.set_ui(UiState())  # another window
    rig.actions.orphans.follow_kept()
    assert drawn().now.left is None
    rig.session.orphans = (orphan("o"), orphan("p"))
    assert drawn().now.left == LeftSign(2, is_new=True) and drawn().tabs.has_left


def test_seen_work_has_a_button_without_a_dot() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"),)
    rig.actions.act("toggle-left", {})
    rig.actions.act("toggle-left", {})
    view = page(rig.session, rig.ui)
    assert view.now.left == LeftSign(1) and not view.tabs.has_left


@pytest.mark.parametrize("kept", ["", "no JSON", "[]", '{"seen": 1, "aside": [2, "a"]}'])
def test_what_is_kept_may_be_damaged(kept: str) -> None:
    seen, aside = read_left(kept)
    assert not seen and aside <= {"a"}


@pytest.mark.parametrize("is_gone", [True, False])
def test_waiting_runs_of_a_closed_window_can_be_adopted(is_gone: bool) -> None:
    line = StillLine(orphans=(OrphanLine(owner=OTHER, count=12, is_owner_gone=is_gone),))
    view = page(StillSession(line=line), SHOWN)
    text = markup(view, "left")
    assert view.left.count == 12 and "12 runs wait in a closed window" in text
    assert ("it may only sleep" in text) is not is_gone
    assert element(text, data_action="line-adopt")["data-owner"] == OTHER


def test_an_orphan_shows_its_picture_title_server_state_and_time() -> None:
    workflow = json.dumps({"1": {"class_type": "A", "inputs": {"text": "a harbour at dawn,\nlow sun"}}})
    left = orphan(
        title="Dunes", state=TaskState.QUEUED, place=2, created_at=36000.0, workflow=workflow,
        notes=(Note(at=39600.0, kind="queued"),),
    )  # fmt: skip
    pictures = StillPictures(glimpses={left.task.prompt_id: "blob:g"})
    text = markup(page(StillSession(orphans=(left,)), SHOWN, pictures=pictures), "left")
    for words in (
        "Dunes", "gpu-1", "When last seen, 11:00: 1 ahead in line", "a harbour at dawn, low sun", "blob:g",
        "Left behind by closed windows",
    ):  # fmt: skip
        assert words in text
    assert "Adopt all" not in text


def test_orphans_are_visible_on_a_new_page() -> None:
    """Advice on how to begin would be above it, as large as a screen."""
    assert "Nothing running" not in markup(page(StillSession()), "now")
    session = StillSession(orphans=(orphan(),))
    assert "Nothing running" not in markup(page(session), "now"), "what comes late moves nothing"
    assert "Nothing running" in markup(page(session, SHOWN), "now")


def test_a_window_that_may_only_sleep_is_not_called_closed() -> None:
    shown = markup(page(StillSession(orphans=(orphan(is_owner_gone=False),)), SHOWN), "left")
    assert "it may only sleep" in shown
    assert "it may only sleep" not in markup(page(StillSession(orphans=(orphan(),)), SHOWN), "left")


def test_several_orphans_can_be_adopted_together() -> None:
    assert 'data-action="adopt-all"' in markup(page(StillSession(orphans=(orphan("o"), orphan("p"))), SHOWN), "left")


def test_unreadable_orphan_can_only_be_given_up() -> None:
    record = Unreadable(prompt_id=PromptId("u1"), owner=OTHER, server_id=ServerId("gpu-2"), detail="Task.state")
    session = StillSession(orphan_records=(OrphanRecord(record=record, is_owner_gone=True),))
    text = markup(page(session, SHOWN), "left")
    assert "Its record is damaged and cannot be read" in text
    assert 'data-action="ask-give-up"' in text
    assert 'data-action="adopt"' not in text
    assert "gpu-2 may still run it" in markup(page(session, UiState(dialog=GiveUpDialog(PromptId("u1")))), "dialogs")


async def test_orphans_picture_is_its_thumbnail_or_its_input() -> None:
    screen, rig = MemoryScreen(), PageRig()
    held = InputFile(node_id=NodeId("1"), input_name="image", name="x.png", sha256="s1")
    with_result = task("a", outputs=(output(), output("b.png")), inputs=(held,))
    with_input = task("b", outputs=(output(),), inputs=(held,))
    nothing = task("c", inputs=(replace(held, sha256="s2"),))
    small, photo, text = Bytes(b"small"), Bytes(b"photo"), Bytes(b"words", "text/plain")

    async def read_thumbnail(prompt_id: PromptId, index: int) -> Bytes | None:
        return small if (prompt_id, index) == (with_result.prompt_id, 1) else None

    async def read_input(sha256: str) -> Bytes | None:
        return {"s1": photo, "s2": text}.get(sha256)

    changes: list[int] = []
    glimpses = Glimpses(
        screen, rig.context.spawn, lambda: changes.append(1), read_thumbnail=read_thumbnail, read_input=read_input
    )
    glimpses.refresh([with_result, with_input, nothing])
    await rig.done()
    assert screen.urls[glimpses.url(with_result.prompt_id)] is small
    assert screen.urls[glimpses.url(with_input.prompt_id)] is photo
    assert glimpses.url(nothing.prompt_id) == ""
    assert len(changes) == 2
    glimpses.refresh([nothing])
    assert screen.urls == {}


async def test_adopting_all_continues_after_one_is_taken() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"), orphan("p"))
    rig.session.refusal = NotOwner("adopt")
    await rig.act("adopt-all")
    assert [call[1] for call in rig.session.calls] == [item.task.prompt_id for item in rig.session.orphans]
    assert [error for _, error in rig.ui.errors] == [rig.session.refusal], "equal errors are shown once"
    await rig.act("adopt", promptId=A)
    assert rig.session.calls[-1] == ("adopt", A)


async def test_what_is_counted_is_adopted_or_named() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"),)
    rig.session.line.orphans = (OrphanLine(owner=OTHER, count=3, is_owner_gone=True),)
    record = Unreadable(prompt_id=PromptId("u1"), owner=OTHER, server_id=ServerId("gpu-2"), detail="Task.state")
    rig.session.orphan_records = (OrphanRecord(record=record, is_owner_gone=True),)
    assert 'data-action="adopt-all"' in markup(page(rig.session, SHOWN), "left")
    await rig.act("adopt-all")
    assert rig.session.calls == [("adopt", rig.session.orphans[0].task.prompt_id)]
    assert rig.session.line.calls == [("adopt", OTHER)]
    text = markup(page(rig.session, rig.ui), "errors")
    assert "4 runs are adopted" in text and "3 were not sent yet and wait in this window now." in text
    assert "1 cannot be adopted: its record is damaged." in text


async def test_adopting_says_where_the_work_is_now() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"), orphan("p", state=TaskState.SUCCEEDED, ended_at=5.0))
    await rig.act("adopt", promptId=rig.session.orphans[0].task.prompt_id)
    assert "“Now” shows it until it ends" in markup(page(rig.session, rig.ui), "errors")
    await rig.act("adopt", promptId=rig.session.orphans[1].task.prompt_id)
    assert "What it made comes to “Results”" in markup(page(rig.session, rig.ui), "errors")
    await rig.act("adopt-all")
    text = markup(page(rig.session, rig.ui), "errors")
    assert "2 runs are adopted" in text and "what is done comes to “Results”" in text


async def test_search_says_what_it_found() -> None:
    rig = PageRig()
    await rig.act("search-orphans")
    text = markup(page(rig.session, rig.ui), "errors")
    assert "No work of closed windows was found" in text and "its window is closed or the browser crashes" in text
    rig.session.orphans = (orphan("o"), orphan("p"))
    await rig.act("search-orphans")
    text = markup(page(rig.session, rig.ui), "errors")
    assert "2 runs of closed windows were found" in text and "Adopt them" in text
    assert rig.ui.of(WindowsState).is_open, "the user has asked for them"
    key = element(text, data_action="dismiss-notice")["data-key"]
    await rig.act("dismiss-notice", key=key, number="")
    assert "closed windows" not in markup(page(rig.session, rig.ui), "errors")


async def test_one_left_run_is_worded_as_one() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan("o"),)
    await rig.act("search-orphans")
    text = markup(page(rig.session, rig.ui), "errors")
    assert "1 run of a closed window was found" in text and "Adopt it to get its results" in text
    line = StillLine(orphans=(OrphanLine(owner=OTHER, count=1, is_owner_gone=True),))
    assert "Adopt it, and this window sends it." in markup(page(StillSession(line=line), SHOWN), "left")


async def test_failed_search_finds_nothing() -> None:
    rig = PageRig()
    rig.session.refusal = StorageError("read", "unknown")
    await rig.act("search-orphans")
    assert "was found" not in markup(page(rig.session, rig.ui), "errors")
    assert len(rig.ui.errors) == 1


async def test_search_for_orphans_is_shown_while_it_runs() -> None:
    rig = PageRig()
    rig.session.orphans = (orphan(),)
    rig.actions.act("search-orphans", {})
    before = rig.ui
    await rig.done()
    assert rig.session.calls == [("find_orphans",)]
    assert not rig.ui.of(WindowsState).is_searching
    assert not before.of(WindowsState).is_searching
    searching = page(rig.session, before.with_slices(WindowsState(is_searching=True, is_open=True)))
    assert "Looking …" in markup(searching, "left")
