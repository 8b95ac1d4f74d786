"""Each result is saved to the folder once; what cannot be saved waits."""

from __future__ import annotations

import pytest

from app.core.errors import BadInput
from app.core.model import Delivery, PromptId
from app.core.ports.blobs import Blob
from app.ui.kit.messages import word_error
from app.ui.kit.state import UiState
from app.ui.results.folder_actions import KEY, FolderActions
from app.ui.results.folder_html import folder_field, folder_sign
from app.ui.results.state import FolderState, ResultsState
from tests.kit.page.rig import Rig
from tests.kit.page.stills import ENGLISH, MemoryScreen, ended, output, window
from tests.simulation.store import Bytes

KEPT = output(delivery=Delivery.KEPT)


class MemoryFolder:
    """A folder in memory, in a browser that allows writing or not."""

    def __init__(self, state: str = "none") -> None:
        self.state = state
        self.files: dict[str, bytes] = {}
        self.is_full = False

    async def look(self) -> tuple[str, str]:
        return self.state, "pictures" if self.state in {"ready", "asking"} else ""

    async def choose(self) -> tuple[str, str]:
        self.state = "ready"
        return await self.look()

    async def allow(self) -> tuple[str, str]:
        return await self.choose()

    async def forget(self) -> tuple[str, str]:
        self.state = "none"
        return await self.look()

    async def save(self, blob: Blob, filename: str) -> str:
        if self.is_full:
            raise BadInput("folder", filename, "no space left")
        self.files[filename] = await blob.read()
        return filename


class FolderRig(Rig):
    """One window; `end` adds finished tasks to it."""

    def __init__(self, folder: MemoryFolder, screen: MemoryScreen | None = None) -> None:
        super().__init__(screen=screen)
        self.folder = folder
        self.ui = UiState().with_slices(ResultsState(names="{id}"))
        self.now = 1000.0
        self.actions = FolderActions(
            folder, self.session, self.context, self.screen, lambda: self.now, deletions=self.deletions
        )
        self.table.add(self.actions)

    async def load(self) -> None:
        await self.actions.load()

    async def end(self, *names: str, at: float = 2000.0) -> None:
        tasks = tuple(self.session.windows[0].tasks.values())
        more = [ended(name, KEPT, ended_at=at) for name in names]
        self.session.window = window(*tasks, *more)
        for item in more:
            self.session.results.kept[item.prompt_id, 0] = Bytes(item.prompt_id.encode())
        await self.follow()

    async def follow(self) -> None:
        self.actions.follow()
        await self.done()


async def test_results_are_saved_once_after_the_choice() -> None:
    rig = FolderRig(MemoryFolder())
    await rig.load()
    await rig.end("before", at=900.0)
    await rig.act("choose-folder")
    assert rig.folder.files == {}, "older results are not saved"
    await rig.end("one", "two")
    await rig.follow()
    await rig.end("three")
    assert sorted(rig.folder.files.values()) == [item.encode() for item in sorted(_ids(rig)[1:])]
    rig.folder.files.clear()
    await rig.follow()
    assert rig.folder.files == {}


async def test_reload_saves_only_what_was_not_saved() -> None:
    rig = FolderRig(MemoryFolder())
    await rig.load()
    await rig.act("choose-folder")
    await rig.end("one")
    rig.folder.files.clear()
    rig.folder.state = "asking"
    reloaded = FolderRig(rig.folder, rig.screen)
    reloaded.session.window, reloaded.session.results = rig.session.window, rig.session.results
    await reloaded.load()
    await reloaded.end("two")
    assert reloaded.folder.files == {}
    view = reloaded.ui.of(ResultsState).folder
    assert (view.state, view.waiting) == (FolderState.ASKING, 1)
    assert "Allow saving 1 result to “pictures”" in str(folder_sign(view, ENGLISH))
    await reloaded.act("allow-folder")
    assert list(reloaded.folder.files.values()) == [_ids(reloaded)[1].encode()]
    assert reloaded.ui.of(ResultsState).folder.waiting == 0


async def test_full_disk_is_reported_once_and_loses_nothing() -> None:
    rig = FolderRig(MemoryFolder("ready"))
    await rig.load()
    rig.folder.is_full = True
    await rig.end("one")
    await rig.end("two")
    assert [error.name for _, error in rig.ui.errors if isinstance(error, BadInput)] == ["one00000.png"]
    assert word_error(rig.ui.errors[0][1], ENGLISH).title == "“one00000.png” was not saved to the folder."
    assert rig.ui.of(ResultsState).folder.waiting == 2
    rig.folder.is_full = False
    await rig.act("choose-folder")
    assert sorted(rig.folder.files.values()) == sorted(item.encode() for item in _ids(rig)), "the same folder continues"


async def test_result_not_kept_here_is_fetched_and_saved() -> None:
    rig = FolderRig(MemoryFolder("ready"))
    await rig.load()
    item = ended("far", output(delivery=Delivery.THUMBNAIL))
    rig.session.window = window(item)
    rig.session.results.served[item.prompt_id, 0] = Bytes(b"from the server")
    await rig.follow()
    assert list(rig.folder.files.values()) == [b"from the server"]


async def test_forgotten_folder_receives_nothing() -> None:
    rig = FolderRig(MemoryFolder("ready"))
    await rig.load()
    await rig.act("forget-folder")
    await rig.end("one")
    assert rig.folder.files == {}
    assert folder_sign(rig.ui.of(ResultsState).folder, ENGLISH) == ""
    await rig.act("choose-folder")
    await rig.follow()
    assert rig.folder.files == {}, "after another choice only new results are saved"


async def test_damaged_stored_state_is_ignored() -> None:
    screen = MemoryScreen()
    screen.memory[KEY] = "[1"
    rig = FolderRig(MemoryFolder("ready"), screen)
    await rig.load()
    await rig.end("one")
    assert len(rig.folder.files) == 1


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("absent", "Not here"),
        ("none", "Choose a folder"),
        ("asking", "Allow saving to “pictures”"),
        ("ready", "as soon as it arrives"),
    ],
)
async def test_dialog_shows_the_folders_state(state: str, words: str) -> None:
    rig = FolderRig(MemoryFolder(state))
    await rig.load()
    assert words in str(folder_field(rig.ui.of(ResultsState).folder, ENGLISH))


def _ids(rig: FolderRig) -> list[PromptId]:
    return list(rig.session.windows[0].tasks)
