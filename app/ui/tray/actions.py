"""What the user does with shared files: take or discard them, then use one in the form, run each, or remove it.

None is used by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from app.core.errors import BadInput, MooringError
from app.core.ports.blobs import Blob
from app.core.ports.files import ChosenFile, FileSet
from app.core.ports.tray import SharedFile, Tray
from app.ui.form.context import opened_on
from app.ui.form.file_actions import check_file, media_of
from app.ui.form.open_workflow import shaped
from app.ui.form.state import FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.kit.thumbnails import Sights
from app.ui.tray.state import TrayState, shared_id
from app.workflows.graph import Key

log = logging.getLogger("mooring.ui")

LINK = "shared="  # how the worker says in the page's address what became of the files
FAULTS = {"full": "shared-full", "failed": "shared-failed"}

TakeFiles = Callable[[Key | None, Sequence[tuple[Blob, str]]], None]


class TrayActions:
    """The tray of this page. Call `load` at the start.

    `take_files` puts files into the form, `ask_each` asks about a run for each.
    """

    def __init__(
        self,
        tray: Tray,
        context: PageContext,
        screen: Screen,
        *,
        sights: Sights,
        take_files: TakeFiles,
        ask_each: Callable[[FileSet], object],
        deletions: Deletions,
    ) -> None:
        self._tray = tray
        self._context = context
        self._screen = screen
        self._sights = sights
        self._take_files = take_files
        self._ask_each = ask_each
        self._deletions = deletions

    def follow(self) -> None:
        """Read the tray now, and after each change."""
        self._tray.listen_shared(lambda: self._context.spawn(self.load()))
        self._context.spawn(self.load())

    async def load(self) -> None:
        """Read the tray. A failure is only logged: files that cannot be read are still there at the next start."""
        try:
            files = await self._tray.read_shared()
        except MooringError as error:
            log.info("shared files cannot be read: %r", error)
            return
        shown = (file for file in files if not file.waits)
        self._sights.want({shared_id(file.file_id): partial(self._tray.picture_of, file) for file in shown})
        if [(file.file_id, file.waits) for file in files] != [(file.file_id, file.waits) for file in self._files]:
            set_slices(self._context, TrayState(files))

    def note_arrival(self, text: str) -> None:
        """Show why files were not taken, as the worker has put it into the page's address."""
        if (cause := FAULTS.get(text.removeprefix(LINK))) is not None:
            self._context.set_ui(self._context.ui.with_error(BadInput(cause)))

    @action("take-sent")
    async def take(self) -> None:
        """Put all files that wait into the tray."""
        is_taken = await self._tray.admit_shared({file.file_id for file in self._shown if file.waits})
        await self.load()
        if not is_taken:
            raise BadInput("tray-full")

    @action("discard-sent")
    def discard(self) -> None:
        """Delete all files that wait."""
        if files := [file for file in self._shown if file.waits]:
            self._put_off(*files)

    @action("use-shared")
    async def use(self, shared: int, node: str, name: str) -> None:
        """Put a file into a field. It leaves the tray only if the field takes it, and no other window has taken it."""
        file = self._find(shared)
        opened = opened_on(self._context)
        chosen = shaped(opened, self._context.ui.of(FormState).draft.values) if opened is not None else None
        field = chosen.form.by_key.get((node, name)) if chosen is not None else None
        if file is None or field is None:
            return
        await check_file(self._screen, media_of(field), file.blob, file.name)
        copy = await self._take(file)
        if copy is None:
            raise BadInput("shared-gone", file.name)
        self._take_files((node, name), [(copy, file.name)])

    @action("run-shared")
    def run_each(self) -> None:
        """Ask about a run for each file. A file leaves the tray when its run has a copy, if no window was faster."""
        files, mine = self._items, dict[int, Blob]()  # the copies of files that were taken

        async def claim(index: int) -> bool:
            # A run that has failed is repeated with the copy.
            if index not in mine and (copy := await self._take(files[index])) is not None:
                mine[index] = copy
            return index in mine

        chosen = tuple(ChosenFile(file.name, file.blob.size, file.changed, file.blob.media_type) for file in files)
        self._ask_each(FileSet(chosen, lambda index: mine.get(index, files[index].blob), claim=claim))

    async def _take(self, file: SharedFile) -> Blob | None:
        """Take a file out of the tray, and return a copy that outlives it; None if another window was faster."""
        copy = await self._tray.copy_of(file)
        taken = await self._tray.take_shared({file.file_id})
        await self.load()
        return copy if taken else None

    @action("remove-shared")
    def remove(self, shared: int) -> None:
        if (file := self._find(shared)) is not None:
            self._put_off(file)

    @action("remove-all-shared")
    def remove_all(self) -> None:
        if files := self._items:
            self._put_off(*files)

    def _put_off(self, *files: SharedFile) -> None:
        ids = {file.file_id for file in files}

        async def delete() -> None:
            await self._tray.take_shared(ids)
            await self.load()

        hides = frozenset(map(shared_id, ids))
        self._deletions.put_off(Deletion(What.SHARED, files[0].name, len(files), hides), delete)

    @property
    def _files(self) -> tuple[SharedFile, ...]:
        return self._context.ui.of(TrayState).files

    @property
    def _shown(self) -> tuple[SharedFile, ...]:
        """Those that were not removed just now."""
        hidden = self._context.ui.hidden
        return tuple(file for file in self._files if shared_id(file.file_id) not in hidden)

    @property
    def _items(self) -> tuple[SharedFile, ...]:
        """Those in the tray."""
        return tuple(file for file in self._shown if not file.waits)

    def _find(self, file_id: int) -> SharedFile | None:
        return next((file for file in self._files if file.file_id == file_id and not file.waits), None)
