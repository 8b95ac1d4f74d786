"""What the waiting panel says of a run whose turn has not come, and what the choice of a server says of its queue."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import NotYourTurn
from app.core.eta import Eta, Outlook
from app.core.model import ServerId, TaskState
from app.core.waiting_runs import Pause
from app.ui.kit.binding_words import word_affinity
from tests.kit.page.elements import element, elements
from tests.kit.page.stills import ENGLISH, StillLine, StillSession, fleet, server, task, translator, window
from tests.kit.page.trouble import page
from tests.kit.page.views import markup
from tests.unit.ui.runs.test_waiting import waiting

TURN = NotYourTurn("reserve", ServerId("gpu-1"), own=2, earlier=1, others=3, starts_at=1072.0, left=72.4)


def turn_text(session: StillSession, language: str = "en") -> str:
    text = markup(page(session), "waiting", translator(language))
    return " ".join(element(text, data_testid="line-turn").text.split())


def test_panel_says_what_is_before_the_next_run() -> None:
    session = StillSession(line=StillLine(line=waiting("one"), turn=TURN))
    before = "2 runs of yours are ahead · 1 of another window waits for longer · 3 of others"
    assert turn_text(session) == f"Waits for its turn on gpu-1: {before}. Its turn comes in about 1:12."
    eta = element(markup(page(session), "waiting"), data_testid="turn-eta")
    assert eta["data-ends"] == "1072.0" and "{time}" in eta["data-coming"]
    assert turn_text(session, "zh-CN").startswith("正在等待轮到它使用 gpu-1")


def test_own_runs_ahead_need_no_answer_of_a_server() -> None:
    running = task("a", state=TaskState.RUNNING)
    behind = task("b", state=TaskState.QUEUED)
    session = StillSession(window=window(running, behind), line=StillLine(line=waiting("one")))
    assert turn_text(session) == "Waits for its turn on gpu-1: 2 runs of yours are ahead."
    known = replace(session, outlooks={running.prompt_id: Outlook(Eta(1010.0, 1020.0, 10.0))})
    assert turn_text(known).endswith("Its turn comes in about 0:10.")
    near = replace(session, outlooks={running.prompt_id: Outlook(Eta(1000.3, 1020.0, 0.3))})
    assert turn_text(near).endswith("Its turn comes any moment now.")


def test_nothing_is_said_while_nothing_waits_for_a_turn() -> None:
    one = waiting("one")
    for line in (
        StillLine(line=one),
        StillLine(line=one.hold(Pause.ASKED), turn=TURN),
        StillLine(line=one.send_all(), turn=TURN),
    ):
        assert elements(markup(page(StillSession(line=line)), "waiting"), data_testid="line-turn") == []


def test_send_all_says_that_it_goes_ahead_of_others() -> None:
    text = markup(page(StillSession(line=StillLine(line=waiting("one")))), "waiting")
    assert "Each server gets two of your runs at a time." in text and "ahead of what others send later" in text


def test_refused_click_says_that_the_line_is_paused() -> None:
    assert "paused" in word_affinity(replace(TURN, is_held=True), ENGLISH).advice
    assert "its turn" in word_affinity(TURN, ENGLISH).advice


def test_choice_of_a_server_shows_its_queue() -> None:
    servers = fleet(server("a", running=1, pending=2), server("b"))
    text = markup(page(StillSession(fleet=servers)), "run")
    options = [" ".join(item.text.split()) for item in elements(text, "option")]
    assert "Only a · 3 in its queue" in options and "Only b" in options
