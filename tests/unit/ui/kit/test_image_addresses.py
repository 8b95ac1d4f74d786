"""The addresses of images: one each, revoked when no longer shown."""

from __future__ import annotations

import pytest

from app.core.errors import ConnectError
from app.core.model import Delivery, ServerId, Task
from app.core.ports.blobs import Blob
from app.session import Fresh, Preview
from app.ui.kit.image_addresses import ImageAddresses, Original, ResultKey
from tests.kit.page.rig import Rig
from tests.kit.page.stills import Bytes, StillResults, StillSession, ended, output, task, window

RUNNING = task("a")
DONE = ended("b", output(delivery=Delivery.KEPT, size=9))
KEY = (DONE.prompt_id, 0)


def dropped() -> Task:
    """Return the same task without its original in this browser."""
    return ended("b", output(delivery=Delivery.DROPPED, size=9))


class AddressesRig(Rig):
    """Image addresses with their session and screen."""

    def __init__(self, session: StillSession) -> None:
        super().__init__(session=session)
        self.changes = 0
        self.inputs: dict[str, Blob] = {}
        self.gallery = ImageAddresses(
            session, self.screen, self.context.spawn, self._changed, read_input=self._read_input
        )

    async def _read_input(self, sha256: str) -> Blob | None:
        return self.inputs.get(sha256)

    def _changed(self) -> None:
        self.changes += 1

    async def refresh(self, large: ResultKey | None = None) -> None:
        self.gallery.refresh_previews()
        self.gallery.refresh(large)
        await self.done()


@pytest.mark.parametrize(("is_named", "given"), [(False, 3), (True, 1)])
async def test_previews_that_name_their_prompt_follow_the_first(is_named: bool, given: int) -> None:
    rig = AddressesRig(StillSession())
    for serial in range(3):
        rig.session.previews = {
            RUNNING.prompt_id: Preview(Bytes(bytes([serial])), "image/jpeg", serial, is_named=is_named)
        }
        for _time in range(2):
            await rig.refresh()
    assert rig.screen.previews == {RUNNING.prompt_id: [Bytes(bytes([serial])) for serial in range(given)]}
    assert rig.gallery.preview(RUNNING.prompt_id).is_there
    rig.session.previews = {}
    await rig.refresh()
    assert rig.screen.previews == {}
    assert not rig.gallery.preview(RUNNING.prompt_id).is_there


async def test_each_frame_of_an_animated_preview_has_one_address() -> None:
    rig = AddressesRig(StillSession())
    film: Preview | None = None
    for serial, index in enumerate([2, 0, 1]):
        film = Preview(Bytes(bytes([serial])), "image/jpeg", serial).as_frame(index, 8, film)
        rig.session.previews = {RUNNING.prompt_id: film}
        await rig.refresh()
    shown = rig.gallery.preview(RUNNING.prompt_id)
    assert [rig.screen.urls[url] for url in shown.frames] == [Bytes(b"\1"), Bytes(b"\2"), Bytes(b"\0")]
    assert (shown.url, shown.rate, rig.screen.made) == (shown.frames[1], 8, 3)
    film = Preview(Bytes(b"new"), "image/jpeg", 3).as_frame(0, 8, film)
    rig.session.previews = {RUNNING.prompt_id: film}
    await rig.refresh()
    assert len(rig.screen.urls) == 4, "the replaced frame stays until the new one is decoded"
    rig.session.previews = {RUNNING.prompt_id: Preview(Bytes(b"plain"), "image/jpeg", 4)}
    await rig.refresh()
    assert not rig.gallery.preview(RUNNING.prompt_id).frames
    assert (rig.screen.urls, list(rig.screen.previews)) == ({}, [RUNNING.prompt_id])
    rig.session.previews = {}
    await rig.refresh()
    assert rig.screen.urls == {}


async def test_a_kept_result_is_read_once() -> None:
    rig = AddressesRig(StillSession(window=window(DONE), results=StillResults(kept={KEY: Bytes()})))
    await rig.refresh()
    await rig.refresh()
    assert rig.gallery.original(*KEY) == Original("blob:1")
    assert rig.screen.made == 1


async def test_fresh_result_has_its_addresses_immediately() -> None:
    results = StillResults(fresh={KEY: Fresh(Bytes(b"whole"), Bytes(b"small"))})
    rig = AddressesRig(StillSession(window=window(DONE), results=results))
    await rig.refresh()
    assert rig.screen.urls[rig.gallery.original(*KEY).url] == Bytes(b"whole")
    assert rig.screen.urls[rig.gallery.small_url(*KEY)] == Bytes(b"small")
    assert (rig.changes, results.calls) == (0, []), "nothing is read, and nothing drawn a second time"


async def test_lost_result_is_searched_for_once_and_reported() -> None:
    rig = AddressesRig(StillSession(window=window(DONE)))
    await rig.refresh()
    await rig.refresh()
    assert rig.gallery.original(*KEY) == Original()
    assert rig.session.results.calls == [("refresh_soon",)], "so that its record is updated"


async def test_shown_model_gets_its_drawing_as_thumbnail_once() -> None:
    model = ended("b", output("x.glb", delivery=Delivery.KEPT, size=9))
    rig = AddressesRig(StillSession(window=window(model), results=StillResults(kept={KEY: Bytes()})))
    await rig.refresh()
    assert rig.gallery.small_url(*KEY) == ""
    rig.gallery.keep_drawing(*KEY, Bytes(b"drawn"))
    await rig.done()
    await rig.refresh()
    shown = rig.gallery.small_url(*KEY)
    assert rig.screen.urls[shown] == Bytes(b"drawn")
    rig.gallery.keep_drawing(*KEY, Bytes(b"later"))
    await rig.refresh()
    assert rig.gallery.small_url(*KEY) == shown


async def test_text_file_has_no_thumbnail_to_read() -> None:
    note = ended("b", output("x.md", delivery=Delivery.KEPT, size=9))
    rig = AddressesRig(StillSession(window=window(note), results=StillResults(small={KEY: Bytes()})))
    await rig.refresh()
    assert rig.gallery.small_url(*KEY) == ""


async def test_a_removed_task_lets_go_of_its_pictures() -> None:
    results = StillResults(kept={KEY: Bytes()}, small={KEY: Bytes()})
    rig = AddressesRig(StillSession(window=window(DONE), results=results))
    await rig.refresh()
    assert len(rig.screen.urls) == 2
    rig.session.window = window()
    await rig.refresh()
    assert rig.screen.urls == {}


async def test_undelivered_picture_is_not_read_here() -> None:
    pending = ended("c", output(delivery=Delivery.PENDING))
    rig = AddressesRig(
        StillSession(window=window(pending), results=StillResults(kept={(pending.prompt_id, 0): Bytes()}))
    )
    await rig.refresh((pending.prompt_id, 0))
    assert (rig.gallery.original(pending.prompt_id, 0), rig.screen.made) == (Original(), 0)
    assert rig.session.results.calls == []


async def test_a_thumbnail_outlives_its_original() -> None:
    results = StillResults(kept={KEY: Bytes()}, small={KEY: Bytes(b"small")})
    rig = AddressesRig(StillSession(window=window(DONE), results=results))
    await rig.refresh()
    first = rig.gallery.small_url(*KEY)
    del results.kept[KEY]
    rig.session.window = window(dropped())
    await rig.refresh()
    assert rig.gallery.original(*KEY) == Original()
    assert rig.screen.urls[rig.gallery.small_url(*KEY)] == Bytes(b"small")
    assert first not in rig.screen.urls, "it was reread, since it might have been deleted too"


async def test_thumbnail_of_the_shell_is_not_reread() -> None:
    rig = AddressesRig(StillSession(window=window(DONE), results=StillResults(small={KEY: Bytes(b"read")})))
    mine, other = (rig.screen.object_url(Bytes(b"early")) for _ in range(2))
    rig.gallery.take({f"{DONE.prompt_id}/0": mine, "gone/0": other})
    await rig.refresh()
    assert rig.gallery.small_url(*KEY) == mine
    assert other not in rig.screen.urls, "it is not shown"
    await rig.refresh()
    assert rig.gallery.small_url(*KEY) == mine
    rig.session.window = window(dropped())
    await rig.refresh()
    assert mine not in rig.screen.urls, "a change is reread"


async def test_deleted_thumbnails_are_let_go_of() -> None:
    results = StillResults(small={KEY: Bytes()})
    rig = AddressesRig(StillSession(window=window(dropped()), results=results))
    await rig.refresh()
    assert len(rig.screen.urls) == 1
    results.small, results.deletions = {}, 1
    await rig.refresh()
    assert (rig.screen.urls, rig.gallery.small_url(*KEY)) == ({}, "")


async def test_a_film_is_not_asked_for_a_thumbnail() -> None:
    film = ended("d", output("v.mp4", delivery=Delivery.KEPT, size=9, media_type="video/mp4"))
    key = (film.prompt_id, 0)
    rig = AddressesRig(
        StillSession(window=window(film), results=StillResults(kept={key: Bytes()}, small={key: Bytes()}))
    )
    await rig.refresh()
    assert rig.gallery.small_url(*key) == ""


# What is not here is fetched only when it is opened


async def test_dropped_result_is_fetched_once_and_released_after_viewing() -> None:
    results = StillResults(served={KEY: Bytes()})
    rig = AddressesRig(StillSession(window=window(dropped()), results=results))
    await rig.refresh()
    assert results.calls == []
    rig.gallery.refresh(KEY)
    assert rig.gallery.original(*KEY) == Original(is_coming=True)
    await rig.refresh(KEY)
    await rig.refresh(KEY)
    assert rig.gallery.original(*KEY) == Original("blob:1")
    assert results.calls == [("fetch", *KEY)]
    await rig.refresh()
    assert (rig.screen.urls, rig.gallery.original(*KEY)) == ({}, Original())


async def test_failed_fetch_shows_its_cause_and_retries_on_reopening() -> None:
    error = ConnectError(ServerId("gpu-1"), "refused")
    results = StillResults(served={KEY: error})
    rig = AddressesRig(StillSession(window=window(dropped()), results=results))
    await rig.refresh(KEY)
    assert rig.gallery.original(*KEY) == Original(error=error)
    await rig.refresh()
    results.served = {KEY: Bytes()}
    await rig.refresh(KEY)
    assert rig.gallery.original(*KEY).url


async def test_picture_arriving_after_closing_is_released() -> None:
    rig = AddressesRig(StillSession(window=window(dropped()), results=StillResults(served={KEY: Bytes()})))
    rig.gallery.refresh(KEY)
    await rig.refresh()
    assert rig.screen.urls == {}


async def test_picture_reopened_during_its_fetch_is_held_once() -> None:
    rig = AddressesRig(StillSession(window=window(dropped()), results=StillResults(served={KEY: Bytes()})))
    rig.gallery.refresh(KEY)
    rig.gallery.refresh()
    await rig.refresh(KEY)
    assert list(rig.screen.urls) == [rig.gallery.original(*KEY).url]


async def test_a_kept_result_is_never_fetched() -> None:
    results = StillResults(kept={KEY: Bytes()}, served={KEY: Bytes()})
    rig = AddressesRig(StillSession(window=window(DONE), results=results))
    await rig.refresh(KEY)
    assert results.calls == []
