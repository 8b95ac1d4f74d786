"""From the session to the page as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.errors import ConfigError, ConnectError, NoServerAvailable, StorageError
from app.core.model import Contact, Delivery, Fleet, PromptId, Reservation, ServerId, TaskState, Unreadable, WindowId
from app.core.ports.blobs import KeepSettings, Usage
from app.core.ports.windows import Identity
from app.core.window import Restoring
from app.session import Picked, Run, RunStage
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState, Picture
from app.ui.kit.image_addresses import Original
from app.ui.kit.state import UiState
from app.ui.notices.state import NoticeKind, NoticesState
from app.ui.results.album import AlbumView, AlbumWish
from app.ui.results.state import PictureDialog
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.runs.run_view import run_view
from app.ui.runs.state import Blocker, GiveUpDialog
from tests.kit.page.stills import (
    ME,
    Bytes,
    StillPictures,
    StillResults,
    StillSession,
    ended,
    fleet,
    output,
    server,
    task,
    translator,
    window,
    workflows,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import Seen, markup, project
from wire.health import Health

ALL = workflows()
PHOTO = Picture(Picked(Bytes(), "boat.png"), "blob:1", 640, 480)
READY = Draft(pictures={("1", "image"): PHOTO})


def seen(session: StillSession, ui: UiState | None = None, pictures: StillPictures | None = None) -> Seen:
    return project(
        session,
        ui or UiState().with_slices(FormState(workflow_id="enlarge")),
        workflows=ALL,
        pictures=pictures or StillPictures(),
        language="en",
    )


def test_equal_states_give_equal_pages() -> None:
    session = StillSession(window=window(task("a"), ended("b", output())))
    ui = UiState().with_slices(FormState(workflow_id="enlarge").with_draft(Draft(values={("2", "width"): "no number"})))
    assert seen(session, ui) == seen(session, ui)


def test_the_header_names_the_moored_server_and_counts_its_work() -> None:
    waiting = task("b", state=TaskState.QUEUED)
    reserved = Reservation(
        prompt_id=PromptId("c"), window_id=ME, server_id=ServerId("gpu-1"), address="http://gpu-1:8188", at=1.0
    )
    session = StillSession(window=window(task("a"), waiting, reservations={reserved.prompt_id: reserved}))
    header = seen(session).header
    assert header.tag is not None
    assert (header.tag.name, header.running, header.waiting) == ("gpu-1", 1, 2)


def test_a_ward_does_not_count_as_the_windows_work() -> None:
    header = seen(StillSession(window=window(task("a", is_ward=True)))).header
    assert (header.tag, header.running) == (None, 0)


def test_work_at_a_silent_server_is_not_said_to_run() -> None:
    silent, unclear = task("a", contact=Contact.UNREACHABLE), task("c", state=TaskState.UNCLEAR)
    header = seen(StillSession(window=window(silent, unclear, task("b", state=TaskState.QUEUED)))).header
    assert (header.running, header.waiting, header.silent) == (0, 1, 2)
    shown = markup(page(StillSession(window=window(silent))), "header")
    assert "1 without an answer" in shown and "running" not in shown
    assert "gpu-1 gave no clear answer" in shown


def test_a_window_that_restores_says_so() -> None:
    view = seen(StillSession(window=Restoring(ME)))
    assert view.header.is_restoring
    assert not view.now.is_ready
    assert view.run.blocker is Blocker.RESTORING


def test_header_counts_servers_that_are_not_well() -> None:
    servers = (server("a"), server("b", health=Health.DOWN), server("c", health=Health.UNKNOWN))
    assert seen(StillSession(fleet=fleet(*servers))).header.ill == 1


def test_a_server_that_the_fleet_has_lost_is_still_named() -> None:
    view = seen(StillSession(window=window(task("a", "gpu-old"))))
    assert view.now.cards[0].tag.name == "gpu-old"


def test_newest_results_come_first_and_older_ones_wait() -> None:
    many = [ended(f"t{place:02}", created_at=float(place)) for place in range(30)]
    view = seen(StillSession(window=window(*many)))
    assert view.results.cards[0].task.created_at == 29.0
    assert (len(view.results.cards), view.results.more) == (20, 10)


def test_phones_tab_counts_results_whichever_list_is_open() -> None:
    session = StillSession(window=window(ended("a", output()), ended("b")))
    album = project(
        session, UiState(), workflows=ALL, pictures=StillPictures(), language="en", album=AlbumView(wish=AlbumWish())
    )
    assert seen(session).tabs == album.tabs and album.tabs.ended == 2


def test_a_result_that_is_not_home_is_shown_from_nowhere() -> None:
    """Its server may have a newer file under that name: only fetched and verified bytes are shown."""
    view = seen(StillSession(window=window(ended("a", output()))))
    assert (view.results.cards[0].results[0].url, view.results.cards[0].results[0].small) == ("", "")


def test_a_result_has_its_own_bytes_and_its_thumbnail() -> None:
    done = ended("a", output(delivery=Delivery.KEPT))
    key = (done.prompt_id, 0)
    pictures = StillPictures(originals={key: Original("blob:kept")}, small={key: "blob:small"})
    (result,) = seen(StillSession(window=window(done)), pictures=pictures).results.cards[0].results
    assert (result.url, result.small) == ("blob:kept", "blob:small")


def test_result_shows_its_fetch() -> None:
    done = ended("a", output(delivery=Delivery.DROPPED))
    error = ConnectError(ServerId("gpu-1"), "refused")
    for original in (Original(is_coming=True), Original(error=error)):
        pictures = StillPictures(originals={(done.prompt_id, 0): original})
        (result,) = seen(StillSession(window=window(done)), pictures=pictures).results.cards[0].results
        assert (result.is_coming, result.error) == (original.is_coming, original.error)


def test_results_show_the_size_of_kept_data() -> None:
    assert seen(StillSession()).results.kept_size is None
    usage = Usage(settings=KeepSettings(), size=1000, thumbnails_size=20, inputs_size=7)
    assert seen(StillSession(results=StillResults(usage=usage))).results.kept_size == 1020


def test_the_dialog_about_what_is_kept_is_about_no_task() -> None:
    view = seen(StillSession(), UiState(dialog=KeepingDialog()))
    assert view.dialog == KeepingView(KeepingDialog(), None)


def test_downloads_from_two_servers_have_two_names() -> None:
    one, other = ended("a", output(delivery=Delivery.KEPT)), ended("b", output(), server_id=ServerId("gpu-2"))
    view = seen(StillSession(window=window(one, other)))
    names = {card.download_name(card.results[0])[10:] for card in view.results.cards}  # after the date
    assert names == {"_Enlarge and sharpen_gpu-1_00001.png", "_Enlarge and sharpen_gpu-2_00001.png"}


def test_downloads_are_named_in_the_language_of_the_page() -> None:
    session = StillSession(window=window(ended("a", output(delivery=Delivery.KEPT))))
    view = project(
        session, UiState(), workflows=(), pictures=StillPictures(), language="zh-CN", word=translator("zh-CN").known
    )
    card = view.results.cards[0]
    assert card.download_name(card.results[0])[10:] == "_放大与锐化_gpu-1_00001.png"


def test_a_click_is_shown_until_its_task_is() -> None:
    run = Run(prompt_id=task("a").prompt_id, title="x", started_at=1.0, stage=RunStage.UPLOADING)
    assert len(seen(StillSession(runs=(run,))).now.runs) == 1
    assert not seen(StillSession(runs=(run,), window=window(task("a")))).now.runs


def test_store_fleet_duplicate_tab_and_quarantine_have_notices() -> None:
    session = StillSession(
        store_error=StorageError("read", "blocked"),
        fleet_error=ConfigError("x"),
        identity=Identity(ME, is_new=True, is_duplicate=True),
        window=window(quarantined=(task("q", "gpu-9"),)),
    )
    kinds = [notice.kind for notice in seen(session).notices]
    assert kinds == [NoticeKind.STORE, NoticeKind.FLEET, NoticeKind.QUARANTINE, NoticeKind.DUPLICATE]


def test_unreadable_record_has_lasting_notice_and_forbids_running() -> None:
    records = (Unreadable(prompt_id=PromptId("q1")), Unreadable(prompt_id=PromptId("q2"), is_newer=True))
    session = StillSession(window=window(unreadable=records))
    view = seen(
        session,
        UiState().with_slices(
            FormState(workflow_id="enlarge").with_draft(READY), NoticesState(dismissed=frozenset({"error"}))
        ),
    )
    assert [(item.kind, item.record) for item in view.notices] == [(NoticeKind.UNREADABLE, item) for item in records]
    assert view.run.blocker is Blocker.UNREADABLE
    assert view.header.is_unsure


def test_giving_an_unreadable_record_up_is_asked_about_first() -> None:
    record = Unreadable(prompt_id=PromptId("q1"))
    ui = UiState(dialog=GiveUpDialog(record.prompt_id))
    assert seen(StillSession(window=window(unreadable=(record,))), ui).dialog.record == record
    assert seen(StillSession(), ui).dialog is None


def test_a_dismissed_notice_stays_away() -> None:
    session = StillSession(identity=Identity(ME, is_new=True, is_duplicate=True))
    assert seen(session).notices
    assert not seen(session, UiState().with_slices(NoticesState(dismissed=frozenset({"duplicate"})))).notices


def test_no_server_and_no_answer_are_two_notices() -> None:
    down = fleet(server("a", health=Health.DOWN), server("b", health=Health.TIMEOUT))
    assert [item.kind for item in seen(StillSession(fleet=down)).notices] == [NoticeKind.NONE_WELL]
    assert 'data-action="open-fleet"' in markup(page(StillSession(fleet=down)), "notices"), "the panel gives the cause"
    assert [item.kind for item in seen(StillSession(fleet=Fleet((), "file"))).notices] == [NoticeKind.NO_SERVER]


def test_an_error_of_an_action_is_shown_until_dismissed() -> None:
    ui = UiState()
    for number in range(9):
        ui = ui.with_error(NoServerAvailable(f"reserve {number}"))
    ui = ui.with_error(NoServerAvailable("reserve 3"))
    shown = seen(StillSession(), ui).errors
    assert [item.number for item in shown] == [1, 2, 3, 5, 6, 7, 8, 9, 10], "equal errors are shown once"


@pytest.mark.parametrize(
    ("session", "sample", "draft", "blocker"),
    [
        (StillSession(), ALL[0], READY, None),
        (StillSession(), ALL[0], Draft(), Blocker.NO_PICTURE),
        (StillSession(), ALL[0], replace(READY, checking=frozenset({("1", "image")})), Blocker.CHECKING),
        (StillSession(), ALL[0], replace(READY, values={("2", "width"): "-3"}), Blocker.BAD_VALUE),
        (StillSession(), None, READY, Blocker.NO_WORKFLOW),
        (StillSession(), ALL[2], Draft(), Blocker.NEEDS_DEMO),
        (StillSession(fleet=fleet(server("a"), server("d", is_demo=True))), ALL[2], Draft(), None),
        (StillSession(window=None), ALL[0], READY, Blocker.RESTORING),
        (StillSession(fleet=Fleet((), "file")), ALL[0], READY, Blocker.NO_SERVER),
        (StillSession(fleet=Fleet(), fleet_error=ConfigError("x")), ALL[0], READY, Blocker.NO_FLEET),
        (StillSession(store_error=StorageError("read", "blocked")), ALL[0], READY, Blocker.STORE),
        (
            StillSession(window=window(task()), fleet=fleet(server("gpu-1"), server("d", is_demo=True))),
            ALL[2],
            Draft(),
            Blocker.MOORED_WITHOUT_DEMO,
        ),
    ],
)
def test_run_is_possible_or_says_why_not(session, sample, draft, blocker) -> None:  # type: ignore[no-untyped-def]
    assert run_view(session, sample, drafted(sample, draft)).blocker is blocker


def drafted(sample: OpenWorkflow | None, draft: Draft) -> UiState:
    """Return the page's state with that in the form."""
    name = sample.workflow_id if sample else ""
    return UiState().with_slices(FormState(workflow_id=name, drafts={name: draft}))


def test_cancel_in_the_run_bar_means_the_newest_unfinished_task() -> None:
    session = StillSession(window=window(task("a"), task("b", cancel_asked_at=3.0), ended("c")))
    assert run_view(session, ALL[0], drafted(ALL[0], READY)).cancels == task("a").prompt_id


def test_a_dialog_about_a_task_that_has_gone_closes() -> None:
    ui = UiState(dialog=PictureDialog(PromptId("gone"), 0))
    assert seen(StillSession(), ui).dialog is None


def test_tasks_of_another_owner_in_quarantine_hold_nothing() -> None:
    view = seen(StillSession(window=window(quarantined=(task("q", owner=WindowId("other")),))))
    assert view.run.tag is None
