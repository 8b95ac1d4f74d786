"""What the page shows and offers after a failure, and what a click on an offer does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.core.errors import BadInput, NoServerAvailable
from app.core.model import Contact, Failure, Fleet, Note, PromptId, ServerId, Task, TaskState
from app.core.server_fingerprint import RestartSign
from app.session import Noticed, Run, RunStage
from app.session.submitting.editor_files import GONE, UNSTORED
from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import Translator
from app.ui.kit.state import UiState
from app.ui.notices.announcements import announcements
from app.ui.notices.state import NoticeKind, NoticesState
from app.ui.results.state import PictureDialog
from app.ui.runs.card_words import word_card, word_editor, word_ward
from app.ui.runs.note_words import NOTES, word_note
from app.ui.runs.offer_words import word_offer
from app.ui.runs.offers import Offer, may_run_twice, offers_for
from app.ui.runs.state import CardView, GiveUpDialog, RunAgainDialog, SameServerDialog
from app.ui.runs.task_words import word_contact, word_failure, word_state
from app.workflows.editor.problems import WriteFault
from tests.kit.page.crowd import FAULT
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import (
    ENGLISH,
    ROOT,
    StillSession,
    ended,
    fleet,
    output,
    server,
    task,
    translator,
    window,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.ports.tasks import changed
from wire.health import Health

TWO = fleet()
UNREACHABLE = task("a", contact=Contact.UNREACHABLE, contact_detail="connect-failed")
MOVED = task("a", contact=Contact.MOVED, contact_detail="http://gpu-1:9")
UNCLEAR = task("a", state=TaskState.UNCLEAR, notes=(Note(1.0, "unclear", "timeout"),))
A = task("a").prompt_id
in_both = pytest.mark.parametrize("_", [translator("en"), translator("zh-CN")], ids=["en", "zh-CN"])


def offered(item: Task, servers: Fleet = TWO, *, stalled: bool = False) -> set[Offer]:
    """The offers of a task."""
    return set(offers_for(item, servers, is_stalled=stalled))


# Offers


@pytest.mark.parametrize("item", [task(), task(state=TaskState.QUEUED), task(state=TaskState.REGISTERED), ended()])
def test_healthy_or_ended_work_offers_nothing(item: Task) -> None:
    assert offered(item) == set()


def test_unclear_submit_offers_look_again_run_again_cancel_and_give_up() -> None:
    assert offered(UNCLEAR) == {Offer.LOOK_AGAIN, Offer.RUN_AGAIN, Offer.CANCEL, Offer.GIVE_UP}


def test_unreachable_server_offers_everything_possible() -> None:
    assert offered(UNREACHABLE) == set(Offer) - {Offer.SAME_SERVER}


def test_moved_server_can_be_confirmed_and_receives_nothing() -> None:
    """Cancel and another run would go to the new address."""
    assert offered(MOVED) == set(Offer) - {Offer.RUN_AGAIN, Offer.CANCEL}


def test_server_outside_the_fleet_cannot_be_confirmed() -> None:
    assert Offer.SAME_SERVER not in offered(MOVED, fleet(server("gpu-2")))


def test_stalled_task_can_wait_or_run_elsewhere() -> None:
    found = offered(task(), stalled=True)
    assert {Offer.WAIT, Offer.LOOK_AGAIN, Offer.RUN_ELSEWHERE, Offer.GIVE_UP} <= found
    assert Offer.RUN_AGAIN not in found


@pytest.mark.parametrize(
    "servers", [fleet(server("gpu-1")), fleet(server("gpu-1"), server("gpu-2", health=Health.DOWN))]
)
def test_elsewhere_needs_another_available_server(servers: Fleet) -> None:
    """It gives the old task up first, so an attempt that must fail would lose it."""
    assert Offer.RUN_ELSEWHERE not in offered(UNREACHABLE, servers)


def test_requested_cancel_is_not_offered() -> None:
    assert Offer.CANCEL not in offered(changed(UNREACHABLE, cancel_asked_at=5.0))


def test_only_tasks_that_may_be_running_may_run_twice() -> None:
    for state in TaskState:
        assert may_run_twice(task(state=state)) is (not state.is_end or state is TaskState.GIVEN_UP)


@in_both
def test_every_offer_has_its_own_text(_: Translator) -> None:
    card = CardView(task=UNREACHABLE, tag=ServerTag(ServerId("gpu-1"), "gpu-1", 0))
    words = [word_offer(offer, card, _) for offer in Offer]
    assert all(words)
    assert len(set(words)) == len(words)


def test_only_the_first_doubtful_card_shows_its_offers() -> None:
    tasks = [changed(UNREACHABLE, prompt_id=task(name).prompt_id, created_at=at) for at, name in enumerate("abc")]
    well = task("w", created_at=-1.0)
    shown = page(StillSession(window=window(well, *tasks)))
    assert [card.is_first_offer for card in shown.now.cards] == [False, True, False, False]
    found = [item for item in elements(markup(shown, "now"), "details") if (item["id"] or "").startswith("offers-")]
    assert ["open" in item for item in found] == [True, False, False]


def test_new_window_does_not_copy_session_storage() -> None:
    link = element(markup(page(StillSession(window=window(UNREACHABLE))), "now"), "a", data_testid="open-window")
    assert (link["target"], link["rel"]) == ("_blank", "noopener")


# Texts of states


def test_stall_is_a_warning_with_its_minutes_and_ends_nothing() -> None:
    session = StillSession(window=window(task("a")), stalled=frozenset({A}), still={A: 754.0})
    view = page(session)
    assert "No movement for more than 12 min" in markup(view, "now")
    assert "Nothing is ended here." in markup(view, "now")
    assert element(markup(view, "now"), data_testid="task-card")["data-state"] == "running"
    (said,) = announcements(page(StillSession(window=window(task("a")))).view, view.view, ENGLISH)
    assert said.endswith("No movement for more than 12 min")


def test_first_in_line_that_does_not_start_has_no_minutes() -> None:
    waiting = task("a", state=TaskState.QUEUED, place=1)
    (card,) = page(StillSession(window=window(waiting), stalled=frozenset({A}), still={A: 31.0})).now.cards
    assert word_card(card, ENGLISH).title == "It should have begun, and does not move"


def test_unclear_submit_says_why_and_keeps_the_window() -> None:
    words = word_state(UNCLEAR, ENGLISH)
    assert (words.title, words.cause) == ("No clear answer from gpu-1", "no answer in time")
    assert "not sent a second time" in words.advice
    assert "this window stays with gpu-1" in words.advice
    assert "this window" not in word_state(replace(UNCLEAR, is_ward=True), ENGLISH).advice


def test_lost_task_shows_its_evidence() -> None:
    polls = (Note(35000.0, "accepted"), Note(36000.0, "absent"), Note(36060.0, "absent_again"))
    lost = ended("a", state=TaskState.LOST, notes=polls)
    assert "Looked twice, last at 10:01." in word_state(lost, ENGLISH).advice
    assert "probably restarted" in word_state(lost, ENGLISH).advice
    seen = replace(lost, notes=(*polls, Note(36061.0, "server_changed", "number_fell")))
    assert "The server was restarted" in word_state(seen, ENGLISH).advice
    assert "probably" not in word_state(seen, ENGLISH).advice


def test_moved_and_removed_servers_have_different_texts() -> None:
    assert word_contact(MOVED, ENGLISH).quote == "http://gpu-1:8188 → http://gpu-1:9"
    assert "no longer in the fleet" in word_contact(changed(MOVED, contact_detail=""), ENGLISH).title


def test_too_little_memory_says_what_to_do() -> None:
    words = word_failure(Failure(kind="execution", message="CUDA out of memory", node_type="KSampler"), ENGLISH)
    assert words.title == "Not enough memory for “KSampler”"
    assert "smaller" in words.advice
    assert "free memory" in words.advice
    assert words.quote == "CUDA out of memory"


def _shown_large(done: Task) -> str:
    return markup(page(StillSession(window=window(done)), UiState(dialog=PictureDialog(done.prompt_id, 0))), "dialogs")


def test_adopted_and_recovered_work_have_different_texts() -> None:
    cards = page(
        StillSession(window=window(task("a", is_ward=True, epoch=2), task("b", is_ward=True, created_at=2e3)))
    ).now.cards
    assert "Adopted" in word_ward(cards[0], ENGLISH)
    assert "turned up again" in word_ward(cards[1], ENGLISH)
    adopted = ended("c", output(), is_ward=True, epoch=2)
    assert "Adopted" in _shown_large(adopted)


@in_both
def test_card_says_why_the_editors_graph_was_not_sent(_: Translator) -> None:
    faults = [*(fault.value for fault in WriteFault), GONE, UNSTORED]
    words = {fault: word_editor(task("a", editor_fault=fault), _) for fault in faults}
    assert all(words.values()) and len(set(words.values())) == 5
    assert word_editor(task("a", editor_sha256="ee"), _) == ""
    for card in (task("a", editor_fault=GONE), ended("a", output(), editor_fault=GONE)):
        for item, is_noted in ((card, True), (changed(card, editor_fault=""), False)):
            text = _shown_large(item) if item.state.is_end else markup(page(StillSession(window=window(item))), "now")
            assert bool(elements(text, data_testid="editor-note")) is is_noted


@in_both
def test_every_note_has_its_own_text(_: Translator) -> None:
    words = {kind: word_note(Note(1.0, kind, "success"), _).title for kind in NOTES}
    assert len(set(words.values())) == len(NOTES)
    unknown = word_note(Note(1.0, "of-a-newer-version", "x"), _)
    assert unknown.title not in words.values()
    assert unknown.quote == "of-a-newer-version x"


def test_every_written_kind_of_note_has_a_text() -> None:
    sources = [ROOT / "app/core/truth.py", ROOT / "app/session/watching/restart_detection.py"]
    written = {kind for path in sources for kind in re.findall(r'\bNote\([^"\n]*?"(\w+)"', path.read_text("utf-8"))}
    assert len(written) > 10
    assert written <= set(NOTES)


def test_evidence_is_listed_with_its_times() -> None:
    noted = task("a", notes=(Note(36000.0, "accepted", "number 5"), Note(36065.0, "unreachable", "timeout")))
    text = markup(page(StillSession(window=window(noted))), "now")
    assert "The server took it, as number 5." in text
    assert "10:01:05" in text
    assert text.index("10:00:00") < text.index("10:01:05")


def test_traceback_is_closed_and_can_be_copied() -> None:
    failed = ended("a", state=TaskState.FAILED, failure=Failure(kind="execution", traceback="File x, line 1"))
    text = markup(page(StillSession(window=window(failed))), "now")
    (details,) = [item for item in elements(text, "details") if (item["id"] or "").startswith("trace-")]
    assert "open" not in details
    target = element(text, data_testid="copy")["data-copy"]
    assert target is not None and "File x, line 1" in element(text, id=target).text


def test_dropped_outputs_are_a_warning() -> None:
    done = ended("a", output(), warnings=(FAULT,))
    assert word_state(done, ENGLISH).title == "Finished, without what the server left out"
    running = markup(page(StillSession(window=window(task("a", warnings=(FAULT,))))), "now")
    assert "The server left out parts of the workflow" in running


# Linked runs


def test_runs_of_the_same_work_link_to_each_other() -> None:
    first = ended("a", state=TaskState.LOST, created_at=36000.0)
    repeat = task("b", "gpu-2", created_at=36060.0, again_of=A)
    view = page(StillSession(window=window(first, repeat)))
    now, results = markup(view, "now"), markup(view, "results")
    assert element(now, "a", href=f"#task-{A}").text == "Again: the run of 10:00 on gpu-1"
    assert element(results, "a", href=f"#task-{repeat.prompt_id}").text == "Run again at 10:01 on gpu-2"


def test_run_outside_the_page_is_named_without_link() -> None:
    removed = markup(page(StillSession(window=window(task("b", again_of=A)))), "now")
    assert "Again: a run that is no longer listed" in removed
    first = ended("a", created_at=1.0)
    many = [ended(f"t{place:02}", created_at=float(place + 10)) for place in range(20)]
    hidden = markup(page(StillSession(window=window(first, *many, task("b", again_of=A)))), "now")
    assert "Again: the run of" in hidden
    assert not elements(hidden, href=f"#task-{A}")


@pytest.mark.parametrize("state", [state for state in TaskState if state.is_end])
def test_every_end_offers_another_run_and_asks_if_both_may_run(state: TaskState) -> None:
    view = page(StillSession(window=window(ended("a", state=state))))
    text = markup(view, "now") + markup(view, "results")
    action = "ask-run-again" if state is TaskState.GIVEN_UP else "run-again"
    assert elements(text, "button", data_action=action)


# Notices


def test_changed_server_is_reported_until_dismissed() -> None:
    restarted = Noticed(RestartSign.NUMBER_FELL, 36000.0)
    session = StillSession(noticed={ServerId("gpu-1"): restarted})
    (notice,) = page(session).notices
    assert (notice.kind, notice.noticed) == (NoticeKind.CHANGED, restarted)
    assert "gpu-1 was restarted." in markup(page(session), "notices")
    dismissed = UiState().with_slices(NoticesState(dismissed=frozenset({notice.key})))
    assert page(session, dismissed).notices == ()
    session.noticed = {ServerId("gpu-1"): replace(restarted, at=36001.0)}
    assert len(page(session, dismissed).notices) == 1


@in_both
def test_every_sign_of_a_restart_has_its_own_text(_: Translator) -> None:
    texts = {
        markup(page(StillSession(noticed={ServerId("gpu-1"): Noticed(sign, 1.0)})), "notices", _)
        for sign in RestartSign
    }
    assert len(texts) == len(RestartSign)


def test_task_set_aside_can_be_given_up() -> None:
    aside = task("q", "gpu-9", title="Old dunes")
    session = StillSession(window=window(quarantined=(aside,)))
    text = markup(page(session), "notices")
    assert "Old dunes → gpu-9" in text
    assert element(text, "button", data_testid="give-up-aside")["data-prompt-id"] == aside.prompt_id
    question = markup(page(session, UiState(dialog=GiveUpDialog(aside.prompt_id))), "dialogs")
    assert "gpu-9 may still run it" in question


# Clicks


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_run_again_is_asked_before_it_is_done(elsewhere: bool) -> None:
    rig = PageRig()
    facts = {"promptId": A, "elsewhere": "true" if elsewhere else "false"}
    await rig.act("ask-run-again", **facts)
    assert rig.ui.dialog == RunAgainDialog(A, elsewhere)
    assert rig.session.calls == []
    await rig.act("run-again", **facts)
    assert rig.ui.dialog is None
    assert rig.session.calls == [("run_again", A, elsewhere)]


async def test_server_is_confirmed_only_after_the_question() -> None:
    rig = PageRig()
    await rig.act("ask-same-server", promptId=A)
    assert (rig.ui.dialog, rig.session.calls) == (SameServerDialog(A), [])
    await rig.act("confirm-same-server", promptId=A)
    assert (rig.ui.dialog, rig.session.calls) == (None, [("confirm_move", A)])


async def test_failed_run_again_is_reported_once() -> None:
    rig = PageRig()
    rig.session.refusal = NoServerAvailable("reserve")
    rig.session.runs = (
        Run(prompt_id=PromptId("n"), title="", started_at=1.0, stage=RunStage.FAILED, error=rig.session.refusal),
    )
    await rig.act("run-again", promptId=A)
    assert rig.ui.errors == ()
    rig.session.refusal = BadInput("input-not-kept", "boat.png")
    await rig.act("run-again", promptId=A)
    assert [error for _, error in rig.ui.errors] == [rig.session.refusal]
