"""The album of everything made in this browser: filters, updates of its grid, and actions on results."""

from __future__ import annotations

import asyncio
import html
import json
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.core.errors import BadInput, StorageError
from app.core.model import BatchId, Delivery, Output, Part, PromptId, ServerId, Task
from app.core.past import past_of
from app.ui.kit.colours import tag_of
from app.ui.kit.i18n import Translator
from app.ui.results.album import (
    AlbumView,
    AlbumWish,
    DateSpan,
    Rows,
    album_row,
    cells_of,
    day_began,
    facets_of,
    merged,
    name_of,
    parted,
    rows_of,
)
from app.ui.results.album_actions import ZIP_NAME, AlbumActions
from app.ui.results.album_grid import PART
from app.ui.results.album_html import delete_question
from app.ui.results.album_rows import FAVOURITE_KIND, PAGE, AlbumRows
from app.ui.results.compare_html import comparing
from app.ui.results.results_html import results
from app.ui.results.state import CompareDialog, DeleteDialog, LastDownload, PictureDialog, ResultsState, ResultsView
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import (
    ENGLISH,
    Seconds,
    StillSession,
    ended,
    fleet,
    output,
    server,
    translator,
    window,
)
from tests.kit.page.trouble import page
from tests.ports.tasks import changed

NOW = 1_000_000.0


def picture(number: int = 1, **more: Any) -> Output:
    facts: dict[str, Any] = {"delivery": Delivery.KEPT, "media_type": "image/png", "size": 10}
    return output(f"out_{number:05}_.png", **{**facts, **more})


def made(name: str, at: float, *outputs: Output, server_name: str = "gpu-1", **more: Any) -> Task:
    return ended(name, *(outputs or (picture(),)), server_name=server_name, ended_at=at, **more)


class Grid:
    """Applies updates as `static/js/grid.js` does."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.order: list[int] = []

    def show(self, change: dict[str, Any]) -> None:
        if "reset" in change:
            self.rows, self.order = [], []
        self.rows += change.get("rows", [])
        self.order = change.get("order", self.order)

    @property
    def cells(self) -> list[Any]:
        return [self.rows[number] for number in self.order]


class AlbumRig(Rig):
    """The album over a session; `draw` updates its grid."""

    def __init__(
        self, *own: Task, past: tuple[Task, ...] = (), others: tuple[Task, ...] = (), seconds: Seconds | None = None
    ) -> None:
        known = fleet(server("gpu-1"), server("gpu-2", name="Two"))
        super().__init__(session=StillSession(fleet=known, window=window(*own)), seconds=seconds)
        self.session.past.tasks = {task.prompt_id: task for task in past}
        self.session.past.others = others
        self.rows = AlbumRows(self.session, self.documents, self.context)
        self.album = AlbumActions(
            self.session, self.rows, self.context, self.screen, lambda: NOW, deletions=self.deletions
        )  # type: ignore[arg-type]
        self.table.add(self.album)
        self.grid = Grid()
        self.changes: list[dict[str, Any]] = []

    async def act(self, action: str, /, **facts: str) -> None:
        self.table.act(action, facts)
        await self.draw()

    async def draw(self) -> AlbumView | None:
        self.album.view()
        await self.done()
        view = self.album.view()
        self.send(ENGLISH)
        await self.done()
        self.take_further()
        return view

    def send(self, _: Translator) -> None:
        """Take what comes with a drawing."""
        for change in self.album.change(_).values():
            self._take(change)

    def take_further(self) -> None:
        """Take the parts that came after it."""
        for change in self.screen.changes:
            self._take(change["further"])
        self.screen.changes.clear()

    def _take(self, change: Any) -> None:
        self.changes.append(change)
        self.grid.show(change)

    async def opened(self) -> AlbumRig:
        await self.act("album")
        return self

    def names(self) -> list[str]:
        return [row[0] for row in self.grid.cells]


def shown(view: AlbumView) -> str:
    return str(results(ResultsView(album=view), ENGLISH))


async def test_album_has_every_result_latest_first() -> None:
    rig = await AlbumRig(
        made("a", 30.0, picture(1), picture(2)),
        past=(made("b", 10.0), made("c", 40.0)),
        others=(made("d", 20.0),),
    ).opened()
    assert [name[0] + name[-2:] for name in rig.names()] == ["c/0", "a/0", "a/1", "d/0", "b/0"]
    view = await rig.draw()
    assert view is not None
    assert (view.found, view.total, view.is_reading) == (5, 5, False)
    assert "5 results" in shown(view)


async def test_many_rows_are_read_page_by_page() -> None:
    rig = AlbumRig(past=tuple(made(f"{number:03}", float(number)) for number in range(3 * PAGE)))
    rig.album.open_album()
    await rig.draw()
    assert len(rig.names()) == 3 * PAGE


async def test_large_album_is_sent_in_parts_searches_as_numbers() -> None:
    count = 2 * PART + 10
    rig = AlbumRig(past=tuple(made(f"{number:04}", float(number)) for number in range(count)))
    rig.album.open_album()
    await rig.draw()
    assert [len(change.get("rows", ())) for change in rig.changes] == [PART, PART, 10]
    assert [len(change.get("order", ())) for change in rig.changes] == [PART, 0, count], (
        "the first part is shown immediately"
    )
    whole = rig.names()
    assert len(whole) == count and whole == sorted(whole, reverse=True)
    rig.album.search("out_00001")
    await rig.draw()
    assert len(rig.changes) == 3, "all are found, so nothing is sent"
    rig.album.search("no such words")
    await rig.draw()
    assert rig.changes[-1] == {"order": []}
    await rig.act("album-wide")
    assert rig.changes[-1].keys() == {"order"} and rig.names() == whole


async def test_large_album_is_sent_whole_in_a_language_chosen_meanwhile() -> None:
    count = 2 * PART + 10
    rig = AlbumRig(past=tuple(made(f"{number:04}", float(number), title="Dunes") for number in range(count)))
    rig.album.open_album()
    rig.album.view()
    await rig.done()
    rig.album.view()
    rig.send(ENGLISH)
    await asyncio.sleep(0)
    rig.take_further()
    assert len(rig.grid.rows) == 2 * PART
    rig.send(translator("zh-CN"))
    await rig.done()
    rig.take_further()
    assert [row[0] for row in rig.grid.rows] == sorted((row[0] for row in rig.grid.rows), reverse=True)
    assert len(rig.grid.rows) == len(rig.names()) == count


async def test_newly_ended_task_is_shown_first() -> None:
    rig = await AlbumRig(made("a", 30.0), past=(made("b", 10.0),)).opened()
    rig.session.window = window(made("a", 30.0), made("n", 50.0))
    await rig.draw()
    assert [row[0][0] for row in rig.changes[-1]["rows"]] == ["n"]
    assert [name[0] for name in rig.names()] == ["n", "a", "b"]
    count = len(rig.changes)
    await rig.draw()
    assert len(rig.changes) == count, "nothing is sent twice"


async def test_another_language_resends_every_cell() -> None:
    rig = await AlbumRig(made("a", 30.0, title="Dunes", part=Part(batch_id=BatchId("plan"), label="Seed 7"))).opened()
    tone = tag_of(rig.session.fleet, ServerId("gpu-1")).tone
    rows = [("a0000000-0000-4000-8000-000000000000/0", "Dunes", "gpu-1", 30.0, tone, "image", "", False, "Seed 7")]
    assert rig.grid.cells == rows
    assert rig.changes[0]["words"]["cell"] == "{title} on {server}, {time}"
    await rig.act("album-pick-all")
    change = rig.album.change(translator("zh-CN"))["grid"]
    assert isinstance(change, dict)
    assert change["words"]["cell"] != rig.changes[0]["words"]["cell"]
    assert {**change, "words": {}} == {
        "reset": True, "words": {}, "rows": rows, "order": [0], "picked": [rows[0][0]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        (AlbumWish(), "abcd"),
        (AlbumWish(server="gpu-2"), "b"),
        (AlbumWish(title="Dunes"), "a"),
        (AlbumWish(project="harbour"), "c"),
        (AlbumWish(media="video"), "d"),
        (AlbumWish(text="dunes"), "a"),
        (AlbumWish(span=DateSpan.TODAY, shown_from=NOW), "cd"),
        (AlbumWish(span=DateSpan.YESTERDAY, shown_from=NOW + 86_400), "cd"),
        (AlbumWish(span=DateSpan.WEEK, shown_from=NOW), "bcd"),
        (AlbumWish(span=DateSpan.MONTH, shown_from=NOW), "abcd"),
        (AlbumWish(span=DateSpan.EARLIER, shown_from=NOW + 31 * 86_400), "abcd"),
        (AlbumWish(is_favourites=True), "b"),
    ],
)
def test_filters_narrow_the_album(wish: AlbumWish, found: str) -> None:
    tasks = (
        made("a", 0.0, title="Dunes"),
        made("b", NOW - 200_000, server_name="gpu-2"),
        made("c", NOW - 10, project="harbour"),
        made("d", NOW, picture(media_type="video/mp4")),
    )
    rows = merged({task.prompt_id: album_row(past_of(task)) for task in tasks})
    favourites = frozenset({name_of(tasks[1].prompt_id, 0)})
    cells = cells_of(rows_of(rows, favourites), wish)
    assert sorted(cell.name[0] for cell in cells) == list(found)
    assert wish.is_narrow is (wish != AlbumWish())


# The clocks change at the end of March 2026 in Berlin, and at the beginning of April in Auckland.
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"])
def test_spans_end_at_the_days_of_the_users_calendar(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for day in range(1, 15):  # two weeks, of which one day is a Monday after any Sunday
            now = datetime(2026, 4, day, 9, 30, tzinfo=ZoneInfo(zone))
            for span, first, after in (
                (DateSpan.TODAY, now, None),
                (DateSpan.YESTERDAY, now - timedelta(1), now),
                (DateSpan.WEEK, now - timedelta(7), None),
                (DateSpan.TWO_WEEKS, now - timedelta(14), None),
                (DateSpan.MONTH, now - timedelta(30), None),
                (DateSpan.EARLIER, None, now - timedelta(30)),
            ):
                query = AlbumWish(span=span, shown_from=now.timestamp()).query()
                assert (query.since, query.until) == tuple(
                    None if at is None else at.replace(hour=0, minute=0).timestamp() for at in (first, after)
                )
            for begins in (0, 6):  # a week with Monday, or with Sunday
                week_before = now.date() - timedelta((now.weekday() - begins) % 7 + 7)
                assert (
                    day_began(now.timestamp(), 14)
                    <= datetime.combine(week_before, datetime.min.time(), ZoneInfo(zone)).timestamp()
                )
    finally:
        monkeypatch.undo()
        time.tzset()


def test_search_finds_a_name_as_the_page_shows_it() -> None:
    rows = rows_of(
        merged({task.prompt_id: album_row(past_of(task)) for task in (made("a", 1.0, title="Dunes"),)}), frozenset()
    )
    for text, found in (("沙丘", 1), ("dunes", 1), ("海", 0)):
        cells = cells_of(rows, AlbumWish(text=text), {"Dunes": "沙丘"}.__getitem__)
        assert len(cells) == found


def test_filters_offer_only_existing_values() -> None:
    tasks = (made("a", 1.0, title="B"), made("b", 2.0, title="A", server_name="x"), made("c", 3.0, title="A"))
    facets = facets_of([album_row(past_of(task)) for task in tasks])
    assert (facets.servers, facets.titles, facets.projects) == (("gpu-1", "x"), ("A", "B"), ())


async def test_search_and_menus_filter_the_grid() -> None:
    rig = await AlbumRig(made("a", 30.0, title="Dunes"), made("b", 20.0, title="Boat", server_name="gpu-2")).opened()
    rig.album.search("boat")
    await rig.draw()
    assert [name[0] for name in rig.names()] == ["b"]
    rig.album.choose_server("gpu-1")
    view = await rig.draw()
    assert view is not None
    assert rig.names() == []
    assert "No result fits" in shown(view)
    assert view.servers == ((ServerId("gpu-1"), "gpu-1"), (ServerId("gpu-2"), "Two"))
    await rig.act("album-wide")
    assert len(rig.names()) == 2


async def test_new_results_that_a_filter_hides_are_counted() -> None:
    rig = await AlbumRig(made("a", 30.0, title="Boat"), past=(made("b", 10.0, title="Dunes"),)).opened()
    await rig.act("album-text", value="dunes")
    old, new = made("a", 30.0, title="Boat"), made("n", 50.0, picture(1), picture(2), title="Boat")
    rig.session.window = window(old, new, made("m", 60.0, title="Dunes"))
    view = await rig.draw()
    assert view is not None and view.unshown == 2
    assert "2 new results are not shown: they do not match the search." in shown(view)
    assert [item.text for item in elements(shown(view), data_action="album-wide")] == ["Show them"]
    await rig.act("album-pick", name=rig.names()[0])
    view = await rig.draw()
    assert view is not None and element(shown(view), data_action="album-wide").text == "Show them", (
        "also while one is picked"
    )
    await rig.act("album-pick-none")
    view = await rig.draw()
    assert view is not None
    await rig.act("album-text", value="dun")
    assert rig.album.view() == replace(view, wish=rig.ui.of(ResultsState).album), "they are still new"
    await rig.act("album-wide")
    await rig.act("album-span", value="today")
    view = await rig.draw()
    assert view is not None and view.unshown == 0, "they were shown in between"
    rig.session.window = window(old, new, made("p", 0.0))
    view = await rig.draw()
    assert view is not None and "1 new result is not shown: it does not match the filters." in shown(view)


async def test_all_shows_everything_whatever_was_searched_before() -> None:
    rig = await AlbumRig(made("a", 30.0, title="Dunes"), made("b", 20.0, title="Boat")).opened()
    for way in ("album", "latest"):
        await rig.act("album-text", value="boat")
        view = await rig.draw()
        assert view is not None and element(shown(view), data_action="album-wide").text == "Show all"
        await rig.act(way)
        await rig.act("album")
        assert len(rig.names()) == 2
        assert not rig.ui.of(ResultsState).album.is_narrow


async def test_picked_results_are_sent_and_downloaded_in_album_order() -> None:
    rig = await AlbumRig(made("a", 30.0, picture(1), picture(2)), past=(made("b", 10.0, server_name="gpu-2"),)).opened()
    a, also, b = rig.names()
    await rig.act("album-pick", name=b)
    await rig.act("album-pick", name=a)
    assert rig.changes[-1] == {"picked": sorted([a, b])}, "the rows were sent before"
    await rig.act("album-download")
    archive, files = rig.screen.archives[0]
    assert (archive, list(files)) == (ZIP_NAME, [a, b])
    assert [name[10:] for name in files.values()] == [
        f"_Enlarge and sharpen_{server_name}_00001.png" for server_name in ("gpu-1", "Two")
    ], "after the date"
    assert rig.ui.of(ResultsState).saved == LastDownload(ZIP_NAME, 2, 1)
    rig.context.language = "zh-CN"
    await rig.act("album-download", name=b)
    assert rig.screen.archives[1][1][b][10:] == "_放大与锐化_Two_00001.png", "as the page names the workflow"
    assert rig.ui.of(ResultsState).saved == LastDownload(rig.screen.archives[1][1][b], 1, 2)
    await rig.act("album-pick", name=b)
    assert rig.changes[-1] == {"picked": [a]}
    await rig.act("album-pick-these", names=json.dumps([also, b]))
    await rig.act("album-pick-none")
    await rig.act("album-pick-all")
    assert rig.changes[-1] == {"picked": sorted([a, also, b])}


async def test_missing_results_are_reported_after_the_rest_is_saved() -> None:
    rig = await AlbumRig(made("a", 30.0, picture(1), picture(2))).opened()
    rig.screen.unkept = frozenset(rig.names()[:1])
    await rig.act("album-pick-all")
    await rig.act("album-download")
    assert isinstance(rig.error, BadInput)
    assert (rig.error.cause, rig.error.detail) == ("not-kept-here", "1")
    assert "gpu-1_00001" in rig.error.name


async def test_favourites_are_stored_for_all_windows() -> None:
    rig = await AlbumRig(made("a", 30.0), past=(made("b", 10.0),)).opened()
    a, b = rig.names()
    await rig.act("album-favourite", name=a)
    assert await rig.documents.read_kind(FAVOURITE_KIND) == {a: "1"}
    assert rig.changes[-1] == {"favourites": [a]}
    await rig.act("album-pick-all")
    await rig.act("album-favourite")
    assert set(await rig.documents.read_kind(FAVOURITE_KIND)) == {a, b}, "all of them become favourites first"
    await rig.act("album-favourite")
    assert await rig.documents.read_kind(FAVOURITE_KIND) == {}
    rig.documents.is_full = True
    await rig.act("album-favourite", name=a)
    assert isinstance(rig.error, StorageError)


async def test_stored_results_open_large_too() -> None:
    old = made("b", 10.0)
    rig = await AlbumRig(made("a", 30.0), past=(old,)).opened()
    a, b = rig.names()
    await rig.act("album-open", name=a)
    assert rig.ui.dialog == PictureDialog(PromptId(a[:-2]), 0)
    await rig.act("album-step", by="1")
    assert rig.ui.dialog == PictureDialog(old.prompt_id, 0, task=old)
    await rig.act("album-step", by="1")
    assert rig.ui.dialog.prompt_id == old.prompt_id, "there is no next one"
    assert b.startswith(old.prompt_id)


async def test_two_picked_pictures_are_compared_both_ways() -> None:
    model = made("m", 40.0, output("x.glb", delivery=Delivery.KEPT, size=9))
    mine, past = made("a", 30.0, title="Dunes"), made("b", 10.0, server_name="gpu-2")
    rig = await AlbumRig(model, mine, past=(past,)).opened()
    for name in (names := rig.names())[:2]:
        await rig.act("album-pick", name=name)
    _, a, b = names
    await rig.act("album-compare")
    assert rig.ui.dialog is None, "one alone cannot be compared"
    assert isinstance(rig.error, BadInput)
    await rig.act("album-pick", name=b)
    await rig.act("album-compare")
    dialog = rig.ui.dialog
    assert isinstance(dialog, CompareDialog)
    assert (dialog.one.name, dialog.one.title, dialog.other.server, dialog.is_slider) == (a, "Dunes", "Two", True)
    assert dialog.differences == (), "both have the workflow of the kit"
    text = str(comparing(dialog, rig.album.strip(), ENGLISH))
    assert element(text, class_="compare-slider")
    assert element(text, data_testid="compare-way")["aria-pressed"] == "false"
    await rig.act("album-compare-way")
    dialog = rig.ui.dialog
    assert isinstance(dialog, CompareDialog)
    text = str(comparing(dialog, rig.album.strip(), ENGLISH))
    assert not elements(text, class_="compare-slider")
    assert element(text, data_testid="compare-way")["aria-pressed"] == "true"


async def test_deleting_names_and_deletes_whole_runs() -> None:
    mine, old = made("a", 30.0, picture(1), picture(2)), made("b", 10.0)
    rig = await AlbumRig(mine, past=(old,)).opened()
    a, _also, b = rig.names()
    await rig.act("album-favourite", name=b)
    await rig.act("album-pick", name=a)
    await rig.act("album-pick", name=b)
    await rig.act("album-ask-delete")
    asked = rig.ui.dialog
    assert asked == DeleteDialog((a, b), 2, 3)
    words = str(delete_question(asked, ENGLISH))
    assert "Delete 2 runs?" in words and "3 results go" in words
    await rig.act("album-delete")
    assert ("delete_task", mine.prompt_id) in rig.session.calls
    assert rig.session.past.tasks == {}
    assert await rig.documents.read_kind(FAVOURITE_KIND) == {}
    assert rig.ui.dialog is None
    assert rig.ui.of(ResultsState).album.picked == frozenset()


async def test_only_picked_result_is_deleted_and_picked_no_more() -> None:
    rig = await AlbumRig(made("a", 30.0), made("b", 10.0)).opened()
    a, _b = rig.names()
    await rig.act("album-pick", name=a)
    await rig.act("album-ask-delete")
    assert rig.ui.dialog is None, "a single deletion can be undone"
    assert ("delete_task", parted(a)[0]) in rig.session.calls
    assert rig.ui.of(ResultsState).album.picked == frozenset()


async def test_deleted_result_is_hidden_until_deleted_or_undone() -> None:
    mine, old = made("a", 30.0), made("b", 10.0)
    rig = AlbumRig(mine, past=(old,), seconds=Seconds())
    await rig.opened()
    a, b = rig.names()
    await rig.album.delete_task(mine.prompt_id)
    waiting = rig.context.work.pop()  # else `draw` waits for it
    await rig.draw()
    assert rig.names() == [b]
    await rig.album.ask_delete(b)
    waiting_too = rig.context.work.pop()
    await rig.draw()
    assert rig.names() == []
    assert not waiting.done() and not waiting_too.done()
    assert set(rig.session.past.tasks) == {old.prompt_id}
    for shown in ([b], [a, b]):
        rig.deletions.undo_last()
        await rig.draw()
        assert rig.names() == shown
    assert rig.session.calls == []


async def test_tasks_of_other_windows_are_not_deleted() -> None:
    rig = await AlbumRig(made("a", 30.0), others=(made("d", 20.0, title="Boat"),)).opened()
    await rig.act("album-ask-delete", name=rig.names()[1])
    assert isinstance(rig.error, BadInput)
    assert (rig.error.cause, rig.error.name) == ("other-window", "Boat")
    assert ("delete_task", PromptId(rig.names()[1][:-2])) not in rig.session.calls


async def test_unreadable_store_is_reported() -> None:
    rig = AlbumRig(made("a", 30.0))
    rig.session.past.refusal = StorageError("read_past_ids", "blocked")
    await rig.opened()
    assert rig.error is rig.session.past.refusal
    assert len(rig.names()) == 1, "this window's own tasks are shown"


async def test_closed_album_is_empty_and_reads_when_reopened() -> None:
    rig = await AlbumRig(past=(made("b", 10.0),)).opened()
    await rig.act("latest")
    assert await rig.draw() is None
    assert rig.rows.rows == Rows(is_reading=True)
    rig.session.past.tasks |= {PromptId("n"): changed(made("n", 20.0), prompt_id=PromptId("n"))}
    await rig.act("album")
    assert len(rig.names()) == 2


async def test_results_of_other_windows_appear_when_the_tab_returns() -> None:
    rig = await AlbumRig(past=(made("b", 10.0),)).opened()
    rig.session.past.others = (made("d", 20.0),)
    await rig.draw()
    assert len(rig.names()) == 1
    rig.rows.invalidate()
    await rig.draw()
    assert [row[0][0] for row in rig.changes[-1]["rows"]] == ["d"]
    assert [name[0] for name in rig.names()] == ["d", "b"]


async def test_window_without_results_shows_those_of_the_browser() -> None:
    rig = AlbumRig(past=(made("b", 10.0),))
    view = await rig.draw()
    view = await rig.draw()
    assert view is not None and view.stands_in
    assert "This window has made nothing yet" in shown(view)
    assert len(rig.names()) == 1
    assert not rig.album.has_given_way
    rig.session.window = window(made("a", 30.0))
    assert await rig.draw() is None, "its own first result is shown"
    assert rig.album.has_given_way, "the page says where the others are"


@pytest.mark.parametrize("chosen", [["album"], ["latest"], ["album", "latest"]])
async def test_list_is_explained_only_until_the_user_chooses_one(chosen: list[str]) -> None:
    rig = AlbumRig(past=(made("b", 10.0),))
    await rig.draw()
    await rig.draw()
    rig.session.window = window(made("a", 30.0))
    await rig.draw()
    for action in chosen:
        assert rig.album.has_given_way is (action == chosen[0])
        await rig.act(action)
    assert not rig.album.has_given_way


async def test_window_with_results_of_its_own_explains_nothing() -> None:
    rig = AlbumRig(made("a", 30.0), past=(made("b", 10.0),))
    for _draw in range(2):
        assert await rig.draw() is None
    assert not rig.album.has_given_way


async def test_album_in_which_results_are_picked_stays_when_a_run_ends() -> None:
    rig = AlbumRig(past=(made("b", 10.0), made("c", 20.0)))
    await rig.draw()
    await rig.draw()
    await rig.act("album-pick", name=rig.names()[0])
    rig.session.window = window(made("a", 30.0))
    view = await rig.draw()
    assert view is not None and len(view.picked) == 1 and len(rig.names()) == 3


def test_replaced_album_is_one_press_away() -> None:
    view = ResultsView(cards=page(StillSession(window=window(made("a", 30.0)))).results.cards)
    assert not elements(str(results(view, ENGLISH)), data_testid="results-replaced")
    text = str(results(replace(view, has_replaced=True), ENGLISH))
    assert "Only this window's results are listed now." in html.unescape(text)
    assert element(text, data_testid="show-all-results")["data-action"] == "album"


async def test_latest_stays_empty_if_the_user_wants_it() -> None:
    rig = AlbumRig(past=(made("b", 10.0),))
    await rig.draw()
    await rig.act("latest")
    assert await rig.draw() is None
    await rig.act("album-text", value="dunes")
    view = await rig.draw()
    assert view is not None and not view.stands_in


async def test_viewer_steps_through_the_results_of_its_window() -> None:
    old, new = made("a", 10.0, picture(1), picture(2), created_at=1.0), made("b", 20.0, created_at=2.0)
    rig = AlbumRig(old, new)
    rig.ui = replace(rig.ui, dialog=PictureDialog(new.prompt_id, 0))
    await rig.draw()
    strip = rig.album.strip()
    names = [name_of(new.prompt_id, 0), name_of(old.prompt_id, 0), name_of(old.prompt_id, 1)]
    assert [item.name for item in strip.items] == names
    assert (strip.place, strip.total, strip.has_previous, strip.has_next) == (0, 3, False, True)
    await rig.act("album-step", by="1")
    assert rig.ui.dialog == PictureDialog(old.prompt_id, 0)
    await rig.act("album-compare", name=names[1])
    compared = rig.ui.dialog
    assert isinstance(compared, CompareDialog)
    assert (compared.one.name, compared.other.name) == (names[1], names[2])
    await rig.act("compare-with", name=names[0])
    compared = rig.ui.dialog
    assert isinstance(compared, CompareDialog)
    assert (compared.one.name, compared.other.name) == (names[1], names[0])
    assert compared.returns_to == PictureDialog(old.prompt_id, 0, was_compared=True)
    await rig.act("album-compare", name=names[2])
    last = rig.ui.dialog
    assert isinstance(last, CompareDialog)
    assert (last.one.name, last.other.name) == (names[2], names[1]), "the last one is compared with the one before"


async def test_viewer_shows_the_next_result_when_one_is_deleted() -> None:
    old, new = made("a", 10.0, created_at=1.0), made("b", 20.0, created_at=2.0)
    rig = AlbumRig(old, new)
    rig.ui = replace(rig.ui, dialog=PictureDialog(new.prompt_id, 0))
    await rig.act("album-ask-delete", name=name_of(new.prompt_id, 0))
    assert rig.ui.dialog == PictureDialog(old.prompt_id, 0)
    assert ("delete_task", new.prompt_id) in rig.session.calls
    rig.session.window = window(old)
    await rig.act("album-ask-delete", name=name_of(old.prompt_id, 0))
    assert rig.ui.dialog is None


async def test_run_with_several_results_is_deleted_after_a_question() -> None:
    task = made("a", 10.0, picture(1), picture(2))
    rig = AlbumRig(task)
    await rig.act("album-ask-delete", name=name_of(task.prompt_id, 0))
    assert rig.ui.dialog == DeleteDialog((name_of(task.prompt_id, 0),), 1, 2)
    assert rig.session.calls == []


async def test_question_before_deleting_closes_to_the_result_shown_large() -> None:
    task = made("a", 10.0, picture(1), picture(2))
    rig = AlbumRig(task)
    large = PictureDialog(task.prompt_id, 0)
    rig.context.set_ui(replace(rig.ui, dialog=large))
    await rig.act("album-ask-delete", name=name_of(task.prompt_id, 0))
    assert (asked := rig.ui.dialog) is not None
    assert asked.returns_to == large


async def test_favourites_are_known_while_the_album_is_closed() -> None:
    task = made("a", 10.0)
    name = name_of(task.prompt_id, 0)
    rig = AlbumRig(task)
    await rig.documents.write_documents({(FAVOURITE_KIND, name): "1"})
    await rig.rows.load()
    assert rig.ui.of(ResultsState).favourites == {name}
    await rig.act("album-favourite", name=name)
    assert rig.ui.of(ResultsState).favourites == frozenset()
