"""*Save each result to a folder*: what arrives in this window is saved to a folder on the user's disk.

All windows of the browser share the folder; each saves its own results. Results from before the choice are not
saved, and none twice. Some browsers ask for permission after each load: a button triggers that, and results that arrive
before are saved once it is granted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Protocol

from app.core.errors import MooringError
from app.core.model import Delivery, Task
from app.core.past import ended_at
from app.core.ports.blobs import Blob
from app.session import Session
from app.ui.kit.actions import action
from app.ui.kit.colours import tag_of
from app.ui.kit.context import PageContext, attempt, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.file_names import task_file
from app.ui.kit.screen import Screen
from app.ui.results.state import NO_FOLDER, FolderState, FolderView, ResultsState

log = logging.getLogger("mooring.ui")

KEY = "mooring.saved"  # in this tab: since when, and what was saved
_HERE = frozenset({Delivery.KEPT, Delivery.THUMBNAIL, Delivery.NOT_KEPT})  # fetched, wherever the bytes are now


class Folder(Protocol):
    """The folder; each call returns `(state, name)`."""

    async def look(self) -> tuple[str, str]: ...
    async def choose(self) -> tuple[str, str]: ...
    async def allow(self) -> tuple[str, str]: ...
    async def forget(self) -> tuple[str, str]: ...
    async def save(self, blob: Blob, filename: str) -> str: ...


class FolderActions:
    """Actions on the folder, and saving into it. `now` is the time in seconds."""

    def __init__(
        self,
        folder: Folder,
        session: Session,
        context: PageContext,
        screen: Screen,
        now: Callable[[], float],
        *,
        deletions: Deletions,
    ) -> None:
        self._folder = folder
        self._session = session
        self._context = context
        self._screen = screen
        self._now = now
        self._deletions = deletions
        self._since: float | None = None  # results that ended earlier are not saved; None: no results are
        self._saved: set[str] = set()
        self._is_saving = False
        self._has_failed = False  # until the user acts on it

    # Its state

    async def load(self) -> None:
        """Restore the state from before a reload of this tab."""
        try:
            kept = json.loads(self._screen.recall(KEY) or "{}")
            self._since, self._saved = kept.get("since"), set(kept.get("saved", ()))
        except (ValueError, AttributeError, TypeError) as error:
            log.warning("what was saved to the folder is not known: %r", error)
        await self._take(self._folder.look())
        if self._since is None:
            self._begin()

    @action("choose-folder")
    async def choose(self) -> None:
        await self._did(self._folder.choose, is_new=True)

    @action("allow-folder")
    async def allow(self) -> None:
        """Have the browser ask for permission to write."""
        await self._did(self._folder.allow)

    @action("forget-folder")
    def forget(self) -> None:
        """Stop saving to the folder."""
        name = self._view.name
        self._show(NO_FOLDER)
        self._deletions.put_off(Deletion(What.FOLDER, name), self._forget, undo=self.refresh)

    def refresh(self) -> None:
        """Read the folder's state, which another window may have changed."""
        attempt(self._context, self._take(self._folder.look()))

    async def _did(self, work: Callable[[], Awaitable[tuple[str, str]]], *, is_new: bool = False) -> None:
        before = self._view.name
        await self._take(work())
        self._has_failed = False
        if is_new and self._view.state is FolderState.READY and self._view.name != before:
            self._begin()
        self.follow()

    async def _forget(self) -> None:
        await self._did(self._folder.forget, is_new=False)

    async def _take(self, asked: Awaitable[tuple[str, str]]) -> None:
        state, name = await asked
        self._show(FolderView(FolderState(state), name, self._view.waiting))

    def _begin(self) -> None:
        """Save what arrives from now on."""
        self._since, self._saved = self._now(), {name for name, _task, _index in self._here()}
        self._remember()

    @property
    def _view(self) -> FolderView:
        return self._context.ui.of(ResultsState).folder

    def _show(self, view: FolderView) -> None:
        if view != self._view:
            set_slices(self._context, replace(self._context.ui.of(ResultsState), folder=view))

    # Saving

    def follow(self) -> None:
        """Save new results, if there are any."""
        if self._view.state not in {FolderState.READY, FolderState.ASKING}:
            return
        waiting = list(self._waiting())
        self._show(replace(self._view, waiting=len(waiting)))
        if waiting and self._view.state is FolderState.READY and not self._is_saving and not self._has_failed:
            self._is_saving = True
            attempt(self._context, self._save_all())

    async def _save_all(self) -> None:
        try:
            while (found := next(self._waiting(), None)) is not None:
                await self._save(*found)
        except MooringError:
            self._has_failed = True
            await self._take(self._folder.look())  # permission may be needed, or the folder be gone
            raise
        finally:
            self._is_saving = False
            self._show(replace(self._view, waiting=len(list(self._waiting()))))

    async def _save(self, name: str, task: Task, index: int) -> None:
        results = self._session.results
        blob = await results.read(task.prompt_id, index) or await results.fetch(task.prompt_id, index)
        if blob is not None:  # else its server no longer has it, and its card says so
            naming = self._context.ui.of(ResultsState).naming(self._context.word)
            filename = task_file(task, index, tag_of(self._session.fleet, task.server_id).name, naming)
            log.info("saved to the folder as %s", await self._folder.save(blob, filename))
        self._saved.add(name)
        self._remember()

    def _waiting(self) -> Iterator[tuple[str, Task, int]]:
        since = self._since
        for name, task, index in self._here():
            if since is not None and ended_at(task) >= since and name not in self._saved:
                yield name, task, index

    def _here(self) -> Iterator[tuple[str, Task, int]]:
        for window in self._session.windows:
            for task in window.tasks.values():
                for index, output in enumerate(task.delivery.outputs):
                    if output.delivery in _HERE:
                        yield f"{task.prompt_id}/{index}", task, index

    def _remember(self) -> None:
        held = {name for name, _task, _index in self._here()}
        self._saved &= held  # tasks moved to the album do not return
        self._screen.remember(KEY, json.dumps({"since": self._since, "saved": sorted(self._saved)}))
