"""Actions on the album: searching, picking, downloading, comparing and deleting."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.core.errors import BadInput, MooringError
from app.core.model import Fleet, PromptId, Task
from app.core.window import Window
from app.session import Session
from app.ui.kit.actions import action
from app.ui.kit.colours import tag_of
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.file_names import row_file, task_file
from app.ui.kit.i18n import Translator
from app.ui.kit.screen import Screen
from app.ui.results.album import (
    NO_STRIP,
    AlbumCell,
    AlbumView,
    AlbumWish,
    DateSpan,
    Rows,
    Strip,
    album_view,
    cells_of,
    name_of,
    parted,
    strip_of,
    toggled,
)
from app.ui.results.album_grid import GridUpdates
from app.ui.results.album_rows import AlbumRows
from app.ui.results.differences import differences
from app.ui.results.state import Compared, CompareDialog, DeleteDialog, PictureDialog, ResultsState

log = logging.getLogger("mooring.ui")

TWO = 2  # results are compared
ZIP_NAME = "mooring.zip"


class AlbumActions:
    """The album's actions; keeps its frame and its cells between drawings."""

    def __init__(
        self,
        session: Session,
        rows: AlbumRows,
        context: PageContext,
        screen: Screen,
        now: Callable[[], float],
        *,
        deletions: Deletions,
    ) -> None:
        self._session = session
        self._rows = rows
        self._context = context
        self._screen = screen
        self._now = now
        self._deletions = deletions
        self._cells: tuple[AlbumCell, ...] = ()
        self._made_of: tuple[object, ...] = ()
        self._viewed: tuple[Rows, AlbumWish, Fleet, bool, frozenset[PromptId]] | None = None
        self._seen: frozenset[PromptId] = frozenset()  # tasks of this tab that had ended before a filter was set
        self._view = AlbumView(wish=AlbumWish())
        self._grid = GridUpdates()
        self._is_sending = False
        self._is_shown = False
        self._has_stood_in = False  # and the user has chosen neither list since

    @property
    def _favourites(self) -> frozenset[str]:
        return self._context.ui.of(ResultsState).favourites

    @property
    def _wish(self) -> AlbumWish:
        return self._context.ui.of(ResultsState).album

    def _want(self, **changes: Any) -> None:
        self._set_wish(replace(self._wish, **{"is_open": True, **changes}))

    def _set_wish(self, wish: AlbumWish) -> None:
        set_slices(self._context, replace(self._context.ui.of(ResultsState), album=wish))

    # What is shown

    def view(self) -> AlbumView | None:
        """Return the frame, if the album is open, or stands in for a window without results of its own."""
        wish, own = self._wish, self._rows.own_ids
        if not wish.is_narrow:
            self._seen = own
        stands_in = self._may_stand_in()
        if stands_in:
            self._rows.refresh()
        self._is_shown = wish.is_open or (stands_in and bool(self._rows.rows.cells))
        self._has_stood_in = (self._has_stood_in or self._is_shown) and not wish.is_open and not wish.is_left
        if not self._is_shown:
            if self._made_of:
                self._rows.close()
                self._cells, self._made_of, self._viewed, self._grid = (), (), None, GridUpdates()
            return None
        self._rows.refresh()
        made_of = (self._rows.rows, replace(wish, picked=frozenset()))
        if made_of != self._made_of:
            self._cells, self._made_of = cells_of(self._rows.rows, wish, self._context.word), made_of
        rows, fleet = self._rows.rows, self._session.fleet
        viewed = rows, wish, fleet, stands_in, own - self._seen
        if viewed != self._viewed:
            self._viewed = viewed
            self._view = album_view(rows, self._cells, wish, fleet, stands_in=stands_in, fresh=own - self._seen)
        return self._view

    def _may_stand_in(self) -> bool:
        """Whether the user has chosen neither list, and this window has no results of its own."""
        wish, windows = self._wish, self._session.windows
        is_undecided = not wish.is_open and not wish.is_left and bool(windows)
        return is_undecided and not any(task.state.is_end for window in windows for task in window.tasks.values())

    @property
    def has_given_way(self) -> bool:
        """Whether the list of this window has replaced the album, which stood in for it, without a wish of the user."""
        return self._has_stood_in and not self._is_shown

    def strip(self) -> Strip:
        """Return the results around the one that is shown large or compared."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, PictureDialog):
            return strip_of(self._listed(), name_of(dialog.prompt_id, dialog.index), self._session.fleet)
        if isinstance(dialog, CompareDialog):
            pictures = [cell for cell in self._listed() if cell.is_picture]
            return strip_of(pictures, dialog.other.name, self._session.fleet)
        return NO_STRIP

    def _listed(self) -> tuple[AlbumCell, ...]:
        """Return the results that are listed on the page, in their order."""
        return self._cells if self._is_shown else self._rows.own()

    def change(self, _: Translator) -> dict[str, object]:
        """Return what changed for the grid since the last call: its cells, and what is picked."""
        if not self._is_shown:
            return {}
        changes = self._grid.changes(
            self._cells, self._session.fleet, _, picked=self._wish.picked, favourites=self._favourites
        )
        if self._grid.is_behind and not self._is_sending:
            self._is_sending = True
            self._context.spawn(self._send_further())
        return {"grid": changes} if changes else {}

    async def _send_further(self) -> None:
        try:
            while self._grid.is_behind:
                self._screen.update({"further": self._grid.further()})
                await asyncio.sleep(0)  # each part is a task of its own
        finally:
            self._is_sending = False

    @action("album")
    def open_album(self) -> None:
        """Show everything: a search from before is over, also if the album is open."""
        self._set_wish(AlbumWish(is_open=True, shown_from=self._now()))

    @action("latest")
    def close_album(self) -> None:
        self._set_wish(self._wish.wide().closed())

    @action("album-open")
    async def open_result(self, name: str) -> None:
        await self._open(name)

    @action("album-step")
    async def step(self, by: int) -> None:
        """Show the next or previous result of those found."""
        dialog = self._context.ui.dialog
        if not isinstance(dialog, PictureDialog):
            return
        names = [cell.name for cell in self._listed()]
        name = name_of(dialog.prompt_id, dialog.index)
        place = names.index(name) + by if name in names else -1
        if 0 <= place < len(names):
            await self._open(names[place])

    # Searching

    @action("album-text")
    def search(self, value: str) -> None:
        self._want(text=value)

    @action("album-server")
    def choose_server(self, value: str) -> None:
        self._want(server=value)

    @action("album-title")
    def choose_title(self, value: str) -> None:
        self._want(title=value)

    @action("album-project")
    def choose_project(self, value: str) -> None:
        self._want(project=value)

    @action("album-media")
    def choose_media(self, value: str) -> None:
        self._want(media=value)

    @action("album-span")
    def choose_span(self, value: DateSpan) -> None:
        self._want(span=value, shown_from=self._now())

    @action("album-favourites")
    def toggle_favourites(self) -> None:
        self._want(is_favourites=not self._wish.is_favourites)

    @action("album-wide")
    def show_all(self) -> None:
        self._set_wish(self._wish.wide())

    # Picking

    @action("album-pick")
    def pick(self, name: str) -> None:
        """Pick a result, or unpick it. The album stays open for it."""
        self._want(picked=toggled(self._wish, name).picked)

    @action("album-pick-these")
    def pick_these(self, names: str) -> None:
        """Add several to those picked; `names` is a JSON list."""
        self._want(picked=self._wish.picked | set(json.loads(names)))

    @action("album-pick-all")
    def pick_all(self) -> None:
        self._want(picked=frozenset(cell.name for cell in self._cells))

    @action("album-pick-none")
    def pick_none(self) -> None:
        self._want(picked=frozenset())

    # One result, or all that are picked

    @action("album-favourite")
    async def favour(self, name: str = "") -> None:
        """Make them favourites; if all of them are already, make none."""
        names = self._aimed_at(name)
        await self._rows.set_favourites(names, is_favourite=not set(names) <= self._favourites)

    @action("album-download")
    async def download(self, name: str = "") -> None:
        await self._download(self._aimed_at(name), is_bare=False)

    @action("album-download-bare")
    async def download_bare(self, name: str = "") -> None:
        await self._download(self._aimed_at(name), is_bare=True)

    @action("album-compare")
    async def compare(self, name: str = "") -> None:
        """Compare the first two pictures that are picked, or the named one with the next in the list."""
        pictures = [cell for cell in self._listed() if cell.is_picture]
        if name:
            place = next((at for at, cell in enumerate(pictures) if cell.name == name), 0)
            chosen = pictures[place : place + TWO] if place < len(pictures) - 1 else pictures[-TWO:][::-1]
        else:
            chosen = [cell for cell in pictures if cell.name in self._wish.picked][:TWO]
        if len(chosen) < TWO:
            raise BadInput("nothing-to-compare")
        dialog = self._context.ui.dialog
        returns_to = replace(dialog, was_compared=True) if isinstance(dialog, PictureDialog) else None
        one, other = map(self._compared, chosen)
        await self._compare(CompareDialog(one, other, returns_to=returns_to))

    @action("compare-with")
    async def compare_with(self, name: str) -> None:
        """Compare the first of two with another picture."""
        dialog = self._context.ui.dialog
        cell = next((cell for cell in self._listed() if cell.name == name), None)
        if isinstance(dialog, CompareDialog) and cell is not None:
            await self._compare(replace(dialog, other=self._compared(cell)))

    async def _compare(self, dialog: CompareDialog) -> None:
        """Show the comparison with what differs in the settings."""
        tasks = await self._task_of(dialog.one), await self._task_of(dialog.other)
        found = differences(tasks[0], tasks[1]) if tasks[0] is not None and tasks[1] is not None else None
        self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, differences=found)))

    async def _task_of(self, item: Compared) -> Task | None:
        prompt_id = parted(item.name)[0]
        held = (window.tasks.get(prompt_id) for window in self._session.windows)
        if (task := next(filter(None, held), None)) is not None:
            return task
        try:
            return await self._session.past.read_task(prompt_id)
        except MooringError as error:  # its picture can be compared all the same
            log.warning("the record of %s cannot be read: %s", prompt_id, error)
            return None

    @action("album-compare-way")
    def turn_comparison(self) -> None:
        """Compare side by side, or with a slider."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, CompareDialog):
            self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, is_slider=not dialog.is_slider)))

    @action("remove")
    async def delete_task(self, prompt_id: PromptId) -> None:
        """Delete a task; if one of its results is shown large, show the next one."""
        dialog = self._context.ui.dialog
        if isinstance(dialog, PictureDialog) and dialog.prompt_id == prompt_id:
            names = [cell.name for cell in self._listed()]
            place = names.index(name) if (name := name_of(prompt_id, dialog.index)) in names else 0
            others = [item for item in (*names[place:], *names[:place][::-1]) if parted(item)[0] != prompt_id]
            if others:
                await self._open(others[0])
            else:
                self._context.set_ui(replace(self._context.ui, dialog=None))
        self._delete([prompt_id])

    @action("album-ask-delete")
    async def ask_delete(self, name: str = "") -> None:
        """Delete the named result or those picked; ask before other results go with them, or many."""
        names = self._aimed_at(name)
        runs, results = self._extent(names)
        if (runs, results) == (1, 1):
            self._set_wish(replace(self._wish, picked=self._wish.picked - set(names)))
            await self.delete_task(parted(names[0])[0])
        else:
            ui = self._context.ui
            self._context.set_ui(replace(ui, dialog=DeleteDialog(names, runs, results, ui.opened_from)))

    @action("album-delete")
    def delete(self) -> None:
        """Delete the results that the dialog names."""
        dialog = self._context.ui.dialog
        self._context.set_ui(replace(self._context.ui, dialog=None))
        if isinstance(dialog, DeleteDialog):
            self._set_wish(replace(self._wish, picked=self._wish.picked - set(dialog.names)))
            self._delete(list(dict.fromkeys(parted(name)[0] for name in dialog.names)))

    def _aimed_at(self, name: str) -> tuple[str, ...]:
        """Return the named result, else what is picked of the results found, in their order."""
        return (name,) if name else tuple(cell.name for cell in self._cells if cell.name in self._wish.picked)

    def _extent(self, names: Sequence[str]) -> tuple[int, int]:
        """Return the number of runs of these results, and of all results of those runs."""
        tasks = {parted(name)[0] for name in names}
        cells = self._rows.rows.cells if self._is_shown else self._rows.own()
        return len(tasks), sum(cell.row.prompt_id in tasks for cell in cells)

    def _compared(self, cell: AlbumCell) -> Compared:
        server = tag_of(self._session.fleet, cell.row.server_id).name
        return Compared(cell.name, cell.row.title, server, cell.row.ended_at, cell.row.seed)

    async def _open(self, name: str) -> None:
        prompt_id, index = parted(name)
        task = None if self._holds(prompt_id) else await self._session.past.read_task(prompt_id)
        dialog = self._context.ui.dialog
        sheet = dialog.sheet if isinstance(dialog, PictureDialog) else None
        self._context.set_ui(replace(self._context.ui, dialog=PictureDialog(prompt_id, index, sheet, task)))

    def _holds(self, prompt_id: PromptId) -> bool:
        return any(prompt_id in window.tasks for window in self._session.windows if isinstance(window, Window))

    async def _download(self, names: Sequence[str], *, is_bare: bool) -> None:
        files = {name: self._file_of(name) for name in names}
        missing, dressed = await self._screen.save_results(files, ZIP_NAME, is_bare=is_bare)
        if given := [file for name, file in files.items() if name not in {*missing, *dressed}]:
            archive = given[0] if len(given) == 1 else ZIP_NAME
            set_slices(self._context, self._context.ui.of(ResultsState).with_saved(archive, len(given)))
        for cause, left in (("not-kept-here", missing), ("not-bare", dressed)):
            if left:
                raise BadInput(cause, ", ".join(files[name] for name in left[:3]), str(len(left)))

    def _file_of(self, name: str) -> str:
        """Return the file name of a result. The album may be closed while the result is shown large."""
        prompt_id, index = parted(name)
        naming, fleet = self._context.ui.of(ResultsState).naming(self._context.word), self._session.fleet
        cell = next((cell for cell in self._cells if cell.name == name), None)
        if cell is not None:
            return row_file(cell.row, cell.output, tag_of(fleet, cell.row.server_id).name, naming)
        held = (window.tasks.get(prompt_id) for window in self._session.windows)
        task = next(filter(None, held), None)
        if task is None:
            return f"{prompt_id}-{index}"
        return task_file(task, index, tag_of(fleet, task.server_id).name, naming)

    def _delete(self, tasks: Sequence[PromptId]) -> None:
        try:
            self._check_held(tasks)
        except BadInput as error:
            self._context.set_ui(self._context.ui.with_error(error))
            return
        deletion = Deletion(What.RESULTS, self._title(tasks[0]), len(tasks), frozenset(tasks))
        self._deletions.put_off(deletion, lambda: self._delete_now(tasks))

    def _check_held(self, tasks: Sequence[PromptId]) -> None:
        others = (item.row for item in self._rows.others)
        held = next((row for row in others if row.prompt_id in tasks and not self._holds(row.prompt_id)), None)
        if held is not None:
            raise BadInput("other-window", held.title)

    def _title(self, prompt_id: PromptId) -> str:
        tasks = (window.tasks.get(prompt_id) for window in self._session.windows)
        task = next(filter(None, tasks), None)
        rows = (item.row.title for item in self._rows.rows.rows if item.row.prompt_id == prompt_id)
        return task.title if task is not None else next(rows, "")

    async def _delete_now(self, tasks: Sequence[PromptId]) -> None:
        """Delete them now. Another window may have adopted one since the user asked."""
        self._check_held(tasks)
        mine = [prompt_id for prompt_id in tasks if self._holds(prompt_id)]
        for prompt_id in mine:
            await self._session.delete_task(prompt_id)
        await self._session.past.delete([prompt_id for prompt_id in tasks if prompt_id not in mine])
        marked = [name for name in self._favourites if parted(name)[0] in tasks]
        await self._rows.set_favourites(marked, is_favourite=False)
