"""Shared files wait in the tray of the browser until one window uses or removes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import pytest

from app.core.errors import BadInput, StorageError
from app.core.ports.blobs import Blob
from app.core.ports.files import FileSet
from app.core.ports.tray import MOST_FILES, SharedFile
from app.ui.form.open_workflow import find_open
from app.ui.form.state import FormState
from app.ui.kit.thumbnails import Sights
from app.ui.tray.actions import TrayActions
from app.ui.tray.state import TrayState, TrayView, tray_view
from app.ui.tray.tray_html import tray as tray_markup
from app.workflows.graph import Key
from tests.kit.page.rig import Rig
from tests.kit.page.stills import Bytes, Seconds, translator

CAT = SharedFile(1, "cat.png", Bytes())
DOG = SharedFile(2, "dog.png", Bytes())
SONG = SharedFile(3, "song.mp3", Bytes(b"song", "audio/mpeg"))
BROKEN = SharedFile(4, "broken.png", Bytes(b"no image"))


class MemoryTray:
    """A tray of one browser. Trays that are made of the same files are of its windows."""

    def __init__(self, files: dict[int, SharedFile]) -> None:
        self.files = files
        self.is_blocked = False
        self.changed: Callable[[], None] = lambda: None

    async def read_shared(self) -> tuple[SharedFile, ...]:
        if self.is_blocked:
            raise StorageError("read_shared", "blocked")
        return tuple(self.files.values())

    async def take_shared(self, file_ids: Collection[int]) -> frozenset[int]:
        return frozenset(file_id for file_id in file_ids if self.files.pop(file_id, None) is not None)

    async def admit_shared(self, file_ids: Collection[int]) -> bool:
        there = [file for file in self.files.values() if not file.waits]
        if len(there) + len(file_ids) > MOST_FILES:
            return False
        self.files |= {one: replace(self.files[one], waits=False) for one in file_ids if one in self.files}
        return True

    async def copy_of(self, file: SharedFile) -> Blob:
        return Bytes(await file.blob.read(), file.blob.media_type)

    async def picture_of(self, file: SharedFile) -> Blob | None:
        return Bytes(b"small") if file.blob.media_type.startswith("image/") else None

    def listen_shared(self, changed: Callable[[], None]) -> None:
        self.changed = changed


class TrayRig(Rig):
    """A window with its tray.

    `placed` and `given` have what came into its form, `asked` the questions about a run for each file.
    """

    def __init__(self, files: dict[int, SharedFile]) -> None:
        super().__init__(seconds=Seconds())
        self.tray = MemoryTray(files)
        self.placed: list[tuple[Key | None, str]] = []
        self.given: list[Blob] = []
        self.asked: list[FileSet] = []
        self.sights = Sights(self.screen, self.context.spawn, lambda: None)
        self.actions = TrayActions(
            self.tray, self.context, self.screen,
            sights=self.sights, deletions=self.deletions,
            take_files=self.take,
            ask_each=self.asked.append,
        )  # fmt: skip
        self.table.add(self.actions)

    def take(self, key: Key | None, files: Sequence[tuple[Blob, str]]) -> None:
        self.placed += [(key, name) for _, name in files]
        self.given += [blob for blob, _ in files]

    async def start(self) -> None:
        self.actions.follow()
        await self.done()

    async def use(self, file_id: int) -> None:
        await self.act("use-shared", shared=str(file_id), node="1", name="image")

    @property
    def shown(self) -> TrayView:
        chosen = find_open(self.context.workflows, self.ui.of(FormState).workflow_id)
        return tray_view(self.ui.of(TrayState), chosen, self.ui.hidden, self.sights.url)

    @property
    def names(self) -> list[str]:
        return [item.name for item in self.shown.items]

    @property
    def causes(self) -> list[str]:
        return [error.cause for _, error in self.ui.errors if isinstance(error, BadInput)]


def shared(*files: SharedFile) -> dict[int, SharedFile]:
    return {file.file_id: file for file in files}


async def test_shared_files_are_shown_and_nothing_is_placed() -> None:
    rig = TrayRig(shared(CAT, SONG))
    await rig.start()
    assert rig.names == ["cat.png", "song.mp3"]
    assert [bool(item.url) for item in rig.shown.items] == [True, False]
    assert rig.placed == []


async def test_each_field_that_takes_a_file_is_offered() -> None:
    rig = TrayRig(shared(CAT, SONG))
    await rig.start()
    cat, song = rig.shown.items
    assert len(cat.places) == 1 and song.places == ()
    text = str(tray_markup(rig.shown, translator()))
    assert text.count('data-action="use-shared"') == 1 and "No field of this workflow takes it" in text


async def test_used_file_leaves_the_tray() -> None:
    rig = TrayRig(shared(CAT, DOG))
    await rig.start()
    await rig.use(1)
    assert rig.placed == [(("1", "image"), "cat.png")]
    assert (list(rig.tray.files), rig.names) == ([2], ["dog.png"])
    assert rig.given[0] is not CAT.blob, "its bytes may be gone with it"


async def test_two_windows_never_use_one_file() -> None:
    files = shared(CAT)
    one, two = TrayRig(files), TrayRig(files)
    await one.start()
    await two.start()
    await one.use(1)
    await two.use(1)
    assert (len(one.placed), len(two.placed)) == (1, 0)
    assert (two.causes, two.names) == (["shared-gone"], [])


async def test_run_for_each_takes_a_file_only_when_it_is_copied() -> None:
    rig = TrayRig(shared(CAT, SONG, DOG))
    await rig.start()
    rig.table.act("run-shared", {})
    (files,) = rig.asked
    assert [file.path for file in files.files] == ["cat.png", "song.mp3", "dog.png"]
    assert files.open(1) is SONG.blob and list(rig.tray.files) == [1, 3, 2]
    assert [await files.claim(0), await files.claim(2)] == [True, True]
    assert (list(rig.tray.files), rig.names) == ([3], ["song.mp3"])
    assert await files.claim(0), "a run that has failed is repeated with the same file"
    assert files.open(0) is files.open(0) is not CAT.blob, "whose own bytes may be gone with it"
    assert await files.open(0).read() == await CAT.blob.read()


async def test_run_for_each_claims_no_file_of_another_window() -> None:
    files = shared(CAT, DOG)
    one, two = TrayRig(files), TrayRig(files)
    await one.start()
    await two.start()
    one.table.act("run-shared", {})
    await two.use(1)
    assert [await one.asked[0].claim(index) for index in (0, 1)] == [False, True]


async def test_run_for_each_leaves_out_files_removed_just_now() -> None:
    rig = TrayRig(shared(CAT, DOG, BROKEN))
    await rig.start()
    rig.table.act("remove-shared", {"shared": "1"})
    rig.table.act("run-shared", {})
    assert [file.path for file in rig.asked[0].files] == ["dog.png", "broken.png"]


@pytest.mark.parametrize(("files", "is_offered"), [((CAT, DOG, SONG), True), ((CAT, SONG), False)])
async def test_run_for_each_is_offered_if_a_field_takes_several(
    files: tuple[SharedFile, ...], is_offered: bool
) -> None:
    rig = TrayRig(shared(*files))
    await rig.start()
    text = str(tray_markup(rig.shown, translator()))
    assert ('data-action="run-shared"' in text) == is_offered
    assert text.count('draggable="true"') == sum(file is not SONG for file in files)


async def test_file_that_its_field_refuses_stays() -> None:
    rig = TrayRig(shared(BROKEN))
    await rig.start()
    await rig.use(4)
    assert (rig.causes, rig.placed, rig.names) == (["not-a-picture"], [], ["broken.png"])


async def test_removal_can_be_undone() -> None:
    rig = TrayRig(shared(CAT, DOG))
    await rig.start()
    rig.table.act("remove-shared", {"shared": "1"})
    assert (rig.names, list(rig.tray.files)) == (["dog.png"], [1, 2])
    rig.seconds.go.set()
    await rig.done()
    assert (rig.names, list(rig.tray.files)) == (["dog.png"], [2])


async def test_all_are_removed_at_a_time() -> None:
    rig = TrayRig(shared(CAT, DOG))
    await rig.start()
    rig.seconds.go.set()
    rig.table.act("remove-all-shared", {})
    await rig.done()
    assert rig.tray.files == {}


async def test_files_that_are_shared_later_appear() -> None:
    rig = TrayRig({})
    await rig.start()
    rig.tray.files |= shared(CAT)
    rig.tray.changed()
    await rig.done()
    assert rig.names == ["cat.png"]


async def test_blocked_tray_hinders_nothing() -> None:
    rig = TrayRig(shared(CAT))
    rig.tray.is_blocked = True
    await rig.start()
    assert (rig.names, rig.ui.errors) == ([], ())


SENT = replace(DOG, waits=True)


async def test_sent_files_wait_to_be_taken() -> None:
    rig = TrayRig(shared(CAT, SENT, replace(SONG, waits=True)))
    await rig.start()
    assert (rig.names, rig.shown.waiting, rig.shown.waiting_size) == (["cat.png"], ("dog.png", "song.mp3"), 11)
    text = str(tray_markup(rig.shown, translator()))
    assert "2 files were sent here by another app or page" in text and "dog.png and song.mp3" in text
    assert "1 shared file<" in text
    await rig.use(2)
    rig.table.act("run-shared", {})
    rig.table.act("remove-all-shared", {})
    rig.seconds.go.set()
    await rig.done()
    assert rig.placed == [] and [[file.path for file in files.files] for files in rig.asked] == [["cat.png"]]
    assert list(rig.tray.files) == [2, 3]


async def test_taken_files_are_in_the_tray() -> None:
    rig = TrayRig(shared(SENT))
    await rig.start()
    assert rig.shown.items == ()
    rig.table.act("take-sent", {})
    await rig.done()
    assert (rig.names, rig.shown.waiting) == (["dog.png"], ())
    assert rig.shown.items[0].url, "its picture is made once it is taken"


async def test_discarded_files_are_deleted_after_a_moment() -> None:
    rig = TrayRig(shared(CAT, SENT))
    await rig.start()
    rig.table.act("discard-sent", {})
    assert (rig.shown.waiting, list(rig.tray.files)) == ((), [1, 2])
    rig.seconds.go.set()
    await rig.done()
    assert list(rig.tray.files) == [1]


async def test_full_tray_takes_none_and_says_so() -> None:
    files = {number: replace(CAT, file_id=number) for number in range(10, 10 + MOST_FILES)}
    rig = TrayRig(files | shared(SENT))
    await rig.start()
    rig.table.act("take-sent", {})
    await rig.done()
    assert (rig.causes, rig.shown.waiting) == (["tray-full"], ("dog.png",))


@pytest.mark.parametrize(("text", "causes"), [("2", []), ("full", ["shared-full"]), ("failed", ["shared-failed"])])
def test_page_says_why_files_were_not_taken(text: str, causes: list[str]) -> None:
    rig = TrayRig({})
    rig.actions.note_arrival(f"shared={text}")
    assert rig.causes == causes
