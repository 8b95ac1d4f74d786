"""Where a run goes: what can be chosen, why something cannot be, and the wish that the session gets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.balancer import ANY, Leaning, Wish
from app.core.model import Failure, Fleet, Server, ServerId, TaskState
from app.core.waiting_runs import EVERY, Pause
from app.ui.form.state import Draft, FormState
from app.ui.kit.context import set_slices
from app.ui.kit.state import UiState
from app.ui.runs.many import ManyDialog
from app.ui.runs.runnability import Standings
from app.ui.runs.server_picker import FREE, SOONEST, where_view, wish_of
from app.ui.runs.state import Blocker, RunsState
from app.workflows.catalogue import Catalogue
from app.workflows.forms.kinds import SeedMode
from app.workflows.needs import Runnability
from tests.kit.page.elements import Element, element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import (
    MemoryContext,
    MemoryScreen,
    StillLine,
    StillPictures,
    StillSession,
    fleet,
    server,
    task,
    window,
    workflows,
)
from tests.kit.page.trouble import page
from tests.kit.page.views import markup, project
from tests.ports.tasks import changed
from tests.unit.ui.runs.test_waiting import waiting
from wire.health import Health


def three() -> Fleet:
    return fleet(
        server("a", is_demo=True),
        server("b", is_demo=True, is_drained=True),
        server("c", is_demo=True, health=Health.DOWN),
    )


def rig(session: StillSession, where: str) -> PageRig:
    made = PageRig("text", session=session)
    set_slices(made.context, replace(made.context.ui.of(RunsState), where=where))
    return made


def test_unavailable_servers_show_the_cause() -> None:
    view = where_view(three(), SOONEST, None, frozenset({ServerId("a")}))
    assert [(item.name, item.cause) for item in view.servers] == [("a", "lacks"), ("b", "drained"), ("c", "down")]
    text = markup(page(StillSession(fleet=three()), UiState().with_slices(FormState(workflow_id="text"))), "run")
    options = {item.text: "disabled" in item for item in elements(text, "option")}
    assert options == {
        "Any server": False,
        "Wait for a free one": False,
        "Only a": False,
        "b cannot take it: it takes nothing new": True,
        "c cannot take it: no connection": True,
    }


@pytest.mark.parametrize(
    ("where", "wish"),
    [(SOONEST, ANY), (FREE, Wish(is_patient=True)), ("a", Wish(asked=ServerId("a"))), ("gone", ANY)],
)
def test_each_choice_becomes_a_wish(where: str, wish: Wish) -> None:
    assert wish_of(where_view(three(), where, None, ())) == wish


def test_picker_is_fixed_while_moored() -> None:
    session = StillSession(fleet=fleet(server("gpu-1"), server("gpu-2")), window=window(task("a", "gpu-1")))
    view = page(session, UiState().with_slices(FormState(workflow_id="text"), RunsState(where="gpu-2"))).run
    assert (view.where.moored_to, view.blocker) == ("gpu-1", Blocker.NEEDS_DEMO)
    text = markup(page(session, UiState().with_slices(FormState(workflow_id="text"), RunsState(where="gpu-2"))), "run")
    where = element(text, id="where")
    assert where.text == "gpu-1" and "disabled" in where


def test_bound_window_says_why_and_offers_a_new_one() -> None:
    two = fleet(server("gpu-1", is_demo=True), server("gpu-2", is_demo=True))
    session = StillSession(fleet=two, window=window(task("a", "gpu-1")))
    ui = UiState().with_slices(FormState(workflow_id="text"), RunsState(where="gpu-2"))
    text = markup(page(session, ui), "run")
    assert element(text, id="run-words").text == "On gpu-1 until done Another server: new window"
    assert element(text, data_testid="run-elsewhere")["data-action"] == "new-window"
    text = markup(page(StillSession(fleet=two), ui), "run")
    assert not elements(text, data_testid="run-elsewhere")


def test_fixed_choice_of_servers_always_offers_a_new_window() -> None:
    two = fleet(server("gpu-1", is_demo=True), server("gpu-2", is_demo=True))
    bound = StillSession(fleet=two, window=window(task("a", "gpu-1")))
    for runs in (RunsState(), RunsState(run_count=4, count_of="text")):
        text = markup(page(bound, UiState().with_slices(FormState(workflow_id="text"), runs)), "run")
        assert "disabled" in element(text, id="where")
        assert element(text, id="where")["aria-describedby"] == "run-words"
        assert "Another server" in element(text, id="run-words").text


def test_run_bar_agrees_with_a_batch_on_several_servers() -> None:
    two = fleet(server("gpu-1", is_demo=True), server("gpu-2", is_demo=True))
    ui = UiState().with_slices(FormState(workflow_id="text"))

    def words(session: StillSession) -> str:
        return element(markup(page(session, ui), "run"), id="run-words").text

    mine, other = window(task("a", "gpu-1")), window(task("b", "gpu-2"))
    shared = StillSession(fleet=two, window=mine, others=(other,))
    assert words(shared).startswith("Next run: gpu-1 ")
    line = waiting("one", "two").spread(2)
    joining = replace(shared, line=StillLine(line=line))
    assert words(joining) == "Waits with the others for one of 2 servers"
    assert words(replace(shared, line=StillLine(line=line.hold(Pause.ASKED)))).startswith("Next run: gpu-1 ")


def test_several_runs_of_a_bound_window_use_other_servers_too() -> None:
    two = fleet(server("gpu-1", is_demo=True), server("gpu-2", is_demo=True))
    session = StillSession(fleet=two, window=window(task("a", "gpu-1")))
    several = RunsState(run_count=4, count_of="text")
    text = markup(page(session, UiState().with_slices(FormState(workflow_id="text"), several)), "run")
    assert element(text, id="where").text == "Any server"
    assert element(text, id="run-words").text.startswith("Spread over 2 servers ")
    assert element(text, id="run-button").text == "Run 4 on 2 servers"
    joined = StillSession(fleet=two, window=window(task("a", "gpu-1")), line=StillLine(line=waiting("one")))
    text = markup(page(joined, UiState().with_slices(FormState(workflow_id="text"), several)), "run")
    assert element(text, id="run-button").text == "Run 4", "they join those that wait for one server"


@pytest.mark.parametrize(
    ("values", "mode", "is_same"),
    [({}, SeedMode.FIXED, True), ({}, SeedMode.RANDOM, False), ({"text": "{dune|tide}"}, SeedMode.FIXED, False)],
)
def test_several_runs_with_a_fixed_seed_get_new_ones(values: dict[str, str], mode: SeedMode, is_same: bool) -> None:
    session = StillSession(fleet=fleet(server("gpu-1", is_demo=True)))
    draft = Draft(values={("1", name): text for name, text in values.items()}, modes={("1", "seed"): mode})
    form = FormState(workflow_id="text", drafts={"text": draft})
    for count in (1, 4):
        ui = UiState().with_slices(form, RunsState(run_count=count, count_of="text"))
        html, says_so = markup(page(session, ui), "run"), is_same and count > 1
        assert (element(html, id="run-words").text == "Seeds vary; the first is yours") is says_so
        assert ("is-plain" in element(html, id="run-words")["class"]) is not says_so
        assert element(html, id="run-button").text in ("Run Ctrl ↵ ⌘ ↵", "Run 4")


def test_several_runs_without_a_seed_say_that_they_are_the_same() -> None:
    session = StillSession(fleet=fleet(server("gpu-1", is_demo=True)))
    ui = UiState().with_slices(FormState(workflow_id="blend"), RunsState(run_count=4, count_of="blend"))
    assert element(markup(page(session, ui), "run"), id="run-button").text == "Run 4 identical"


def test_stop_has_its_place_also_with_nothing_to_stop() -> None:
    def stop(session: StillSession) -> Element:
        return element(markup(page(session), "run"), data_testid="stop")

    assert "disabled" in stop(StillSession())
    one = stop(StillSession(window=window(task("a"))))
    assert (one["data-action"], one["data-prompt-id"]) == ("cancel", task("a").prompt_id)
    several = stop(StillSession(window=window(task("a")), line=StillLine(line=waiting("one"))))
    assert several["data-action"] == "ask-cancel-mine"


def test_unavailable_chosen_server_is_reported() -> None:
    ui = UiState().with_slices(FormState(workflow_id="text"), RunsState(where="b"))
    view = page(StillSession(fleet=three()), ui)
    assert view.run.blocker is Blocker.WHERE
    assert element(markup(view, "run"), id="run-words").text == "b cannot take it: it takes nothing new"


async def test_run_goes_to_the_chosen_server() -> None:
    made = rig(StillSession(fleet=three()), "a")
    await made.act("run")
    (call,) = made.session.calls
    assert (call[0], call[-1]) == ("run", "a")


async def test_run_for_a_free_server_waits() -> None:
    made = rig(StillSession(fleet=three()), FREE)
    await made.act("run")
    ((verb, _, runs, _, _, wish, _),) = made.session.line.calls
    assert (verb, len(runs), wish) == ("add", 1, Wish(is_patient=True))
    assert made.session.calls == []


FOUR = tuple(server(name, is_demo=True) for name in "abcd")


@pytest.mark.parametrize(
    ("where", "count", "leanings", "senders"),
    [
        (SOONEST, 9, {}, 4),
        (SOONEST, 2, {}, 2),
        (FREE, 9, {}, 4),
        ("b", 9, {}, 1),
        (SOONEST, 9, {"a": Leaning.AVOID}, 3),
        (SOONEST, 9, {"a": Leaning.PREFER, "b": Leaning.PREFER}, 2),
    ],
)
async def test_runs_are_spread_over_the_servers_that_are_able_when_sent(
    where: str, count: int, leanings: dict[str, Leaning], senders: int
) -> None:
    full = server("e", is_demo=True, is_drained=True)
    made = rig(StillSession(fleet=fleet(*FOUR, full)), where)
    made.context.set_ui(
        made.context.ui.with_slices(
            replace(made.context.ui.of(RunsState), leanings={ServerId(name): lean for name, lean in leanings.items()})
        )
    )
    made.actions.act("run-count", {"value": str(count)})
    view = page(made.session, made.context.ui).run
    assert view.senders == senders, "as many as now"
    await made.act("run")
    assert made.session.line.calls[0][6] == (1 if where == "b" else EVERY)


def test_waiting_runs_say_that_all_able_servers_are_used() -> None:
    session = StillSession(fleet=fleet(*FOUR), line=StillLine(line=waiting("one", "two").spread(EVERY)))
    ui = UiState().with_slices(FormState(workflow_id="text"))
    html = markup(page(session, ui), "waiting")
    assert "selected" in element(html, "option", value=str(EVERY))
    assert element(html, "option", value=str(EVERY)).text == "All that can run it"
    assert (
        element(markup(page(session, ui), "run"), id="run-words").text == "Waits with the others for one of 4 servers"
    )


async def test_all_able_servers_can_be_chosen_again() -> None:
    made = rig(StillSession(fleet=fleet(*FOUR), line=StillLine(line=waiting("one").spread(2))), SOONEST)
    await made.act("line-spread", value="0")
    assert made.session.line.calls == [("spread", EVERY)]


async def test_existing_waiting_runs_keep_their_number_of_servers() -> None:
    made = rig(StillSession(fleet=fleet(*FOUR), line=StillLine(line=waiting("one"))), SOONEST)
    made.actions.act("run-count", {"value": "9"})
    await made.act("run")
    assert len(made.session.line.calls[0]) == 6, "no number is passed"


def test_many_runs_dialog_offers_all_able_servers() -> None:
    session = StillSession(fleet=fleet(*FOUR, server("e", is_demo=True, health=Health.DOWN)))
    text = markup(page(session, UiState(dialog=ManyDialog()).with_slices(FormState(workflow_id="text"))), "dialogs")
    assert "selected" in element(text, "option", value=str(EVERY))
    assert elements(text, "option", value="5"), "and each number of servers"


async def test_many_runs_use_the_chosen_server() -> None:
    made = rig(StillSession(fleet=three()), "a")
    await made.act("open-many")
    made.actions.act("many", {"place": "text", "value": "a dune"})
    await made.act("many-add")
    assert made.session.line.calls[0][5] == Wish(asked=ServerId("a"))


async def test_server_that_lacks_a_class_cannot_be_chosen() -> None:
    entry = {"input": {}, "output": [], "output_name": [], "name": "SaveImage", "display_name": "", "category": ""}
    short = Catalogue.parse({"SaveImage": entry})
    servers = fleet(server("a", catalogue="x", is_demo=True), server("b", is_demo=True))
    session = StillSession(fleet=servers, catalogues={ServerId("a"): short})
    context = MemoryContext("text")
    standings = Standings(session, context, MemoryScreen())
    assert page(session, context.ui).run.where.servers[0].cause == "", "nothing is known yet"
    standings.refresh()
    await context.done()
    assert [item.cause for item in page(session, context.ui).run.where.servers] == ["lacks", ""]


def test_preferred_and_avoided_servers_are_named_if_they_matter() -> None:
    leanings = {ServerId("a"): Leaning.PREFER, ServerId("b"): Leaning.AVOID}
    assert where_view(three(), SOONEST, None, (), leanings).preferred == ("a",)
    assert where_view(three(), SOONEST, None, frozenset({ServerId("a")}), leanings).preferred == ()
    assert where_view(three(), SOONEST, None, (), leanings).avoided == (), "it takes no runs anyway"
    view = where_view(three(), SOONEST, None, (), {ServerId("a"): Leaning.AVOID})
    assert view.avoided == ("a",)


@pytest.mark.parametrize(
    ("leaning", "words"), [(Leaning.PREFER, "Goes to a, preferred by this window"), (Leaning.AVOID, "but not to a")]
)
def test_run_bar_names_preferred_and_avoided_servers(leaning: Leaning, words: str) -> None:
    made = rig(StillSession(fleet=three()), "")
    ui = made.context.ui.with_slices(replace(made.context.ui.of(RunsState), leanings={ServerId("a"): leaning}))
    view = project(StillSession(fleet=three()), ui, workflows=workflows(), pictures=StillPictures(), language="en")
    assert words in markup(view, "run")


@pytest.mark.parametrize(
    ("where", "words", "title"),
    [
        (SOONEST, "Idle A server is chosen when you run", "No server holds this window."),
        (FREE, "Idle The next run waits for a free server", "No server holds this window."),
        (
            "a",
            "a Chosen for the next run",
            "The next run goes to a, as chosen in the form. No server holds this window yet.",
        ),
        ("b", "b Cannot take the next run", "b cannot take it: it takes nothing new"),
        ("gone", "Idle A server is chosen when you run", "No server holds this window."),
    ],
)
def test_header_names_the_choice_for_the_next_run(where: str, words: str, title: str) -> None:
    ui = UiState().with_slices(FormState(workflow_id="text"), RunsState(where=where))
    session = StillSession(fleet=fleet(*three().servers[:2]))
    chip = element(markup(page(session, ui), "header"), id="mooring-chip")
    assert (" ".join(chip.text.split()), chip["title"]) == (words, title)


def test_header_names_the_server_that_holds_the_window() -> None:
    ui = UiState().with_slices(FormState(workflow_id="text"), RunsState(where="b"))
    session = StillSession(fleet=three(), window=window(task("x", server_name="a")))
    chip = element(markup(page(session, ui), "header"), id="mooring-chip")
    assert chip.text.split()[0] == "a" and "next run" not in chip.text


def silent_window(*others: Server) -> StillSession:
    """A session whose window is on gpu-1, which does not answer."""
    silent = server("gpu-1", is_demo=True, health=Health.TIMEOUT)
    return StillSession(fleet=fleet(silent, *others), window=window(task("a", "gpu-1")))


FORM = UiState().with_slices(FormState(workflow_id="text"))
IDLE = server("demo-1", is_demo=True)


def test_window_on_a_silent_server_offers_the_one_with_the_shortest_queue() -> None:
    session = silent_window(server("demo-0", is_demo=True, running=1), IDLE)
    html = markup(page(session, FORM), "run")
    assert element(html, id="run-words").text.startswith("gpu-1 does not answer")
    assert "is-silent" in element(html, id="run-words")["class"]
    button = element(html, id="run-button")
    assert button.text.startswith("Run on demo-1 ") and button["data-server"] == "demo-1"


def test_silent_server_has_no_green_tick() -> None:
    form = FORM.of(FormState)
    known = Runnability((ServerId("gpu-1"), ServerId("demo-1")), {}, ())
    ui = UiState().with_slices(replace(form, known=replace(form.known, standings={"text": known})))
    line = element(markup(page(silent_window(IDLE), ui), "standing"), data_testid="standing")
    assert (line["data-tone"], line.text.startswith("gpu-1 does not answer")) == ("is-warn", True)
    well = StillSession(fleet=fleet(server("gpu-1", is_demo=True), IDLE), window=window(task("a", "gpu-1")))
    assert element(markup(page(well, ui), "standing"), data_testid="standing")["data-tone"] == "is-good"


@pytest.mark.parametrize(
    "others",
    [
        (),
        (server("real"),),
        (server("demo-1", is_demo=True, is_drained=True),),
        (server("demo-1", is_demo=True, health=Health.DOWN),),
    ],
)
def test_without_another_server_run_stays_as_it_is(others: tuple[Server, ...]) -> None:
    html = markup(page(silent_window(*others), FORM), "run")
    button = element(html, id="run-button")
    assert (button.text.startswith("Run Ctrl"), button["data-server"]) == (True, "")
    assert element(html, id="run-words").text.startswith("gpu-1 does not answer")


def test_window_on_a_server_that_answers_offers_no_other() -> None:
    session = StillSession(fleet=fleet(server("gpu-1", is_demo=True), IDLE), window=window(task("a", "gpu-1")))
    assert element(markup(page(session, FORM), "run"), id="run-button")["data-server"] == ""


async def test_run_goes_to_the_server_that_the_button_names() -> None:
    made = rig(silent_window(IDLE), SOONEST)
    await made.act("run", server="demo-1")
    (call,) = made.session.calls
    assert (call[0], call[-1], made.session.apart) == ("run", "demo-1", [True])
    await made.act("run")
    assert (made.session.calls[1][-1], made.session.apart) == (None, [True, False])


async def test_failed_run_is_not_repeated_on_a_silent_server() -> None:
    gone = changed(task("b", "gpu-1"), state=TaskState.FAILED, failure=Failure(kind="not_sent"), workflow="{}")
    session = replace(silent_window(IDLE), window=window(task("a", "gpu-1"), gone))
    again = element(markup(page(session, FORM), "now"), data_testid="run-again")
    assert (again.text, again["data-server"]) == ("Run on demo-1", "demo-1")
    made = rig(session, SOONEST)
    await made.act("run-again", promptId=gone.prompt_id, server="demo-1")
    assert made.session.calls == [("run_again", gone.prompt_id, False, "demo-1")]
