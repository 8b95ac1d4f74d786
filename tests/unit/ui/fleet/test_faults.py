"""*Break it*: shown only if faults are allowed, with a text for every fault, and the active ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from app.browser.breaks import make_breaker
from app.browser.fleet import read_fleet
from app.core.errors import BadInput, ConnectError, HttpStatusError, MooringError
from app.core.model import Fleet, ServerId
from app.core.ports.http import Request, Response
from app.ui.fleet.faults import PARTS, BreakView, FaultsState, break_view, read_faults
from app.ui.fleet.faults_actions import BreakActions
from app.ui.fleet.faults_html import breaking
from app.ui.fleet.faults_words import word_broken, word_end, word_part, word_story
from app.ui.kit.actions import ActionTable
from app.ui.kit.colours import tag_of
from app.ui.kit.messages import word_error
from tests.kit.page.stills import ENGLISH, MemoryContext, StillSession, server, translator
from wire.faults import Fault, FaultPart

ONE, TWO = ServerId("demo-1"), ServerId("demo-2")
ROWS = [row for rows in PARTS.values() for row in rows]
MOMENTARY = {Fault.RESTART, Fault.DROP_SOCKETS, Fault.CLEAR_HISTORY, Fault.OVERWRITE_FILE}


def demo(*broken: str, is_breakable: bool = True) -> Fleet:
    """Return two demo servers, the first one with these faults."""
    return Fleet((server(ONE, broken=broken), server(TWO)), "demo", is_breakable=is_breakable)


def view(fleet: Fleet, ui: FaultsState | None = None, moored_to: ServerId | None = None) -> BreakView:
    return break_view(fleet, ui or FaultsState(), tag_of, moored_to)


def markup(shown: BreakView, language: str = "en") -> str:
    return str(breaking(shown, ENGLISH if language == "en" else translator(language)))


def button(html: str, fault: Fault) -> str:
    """Return the tag of the button for a fault."""
    tags = [tag for tag in html.split("<") if tag.startswith("button") and f'data-fault="{fault.value}"' in tag]
    assert tags, fault
    return tags[0]


# The list


def test_each_fault_is_offered_once_and_lasting_ones_end() -> None:
    offered = [fault for fault, _end in ROWS]
    ends = {end for _fault, end in ROWS if end is not None}
    assert len(offered) == len(set(offered))
    assert {*offered, *ends, Fault.RESET} == set(Fault)
    assert {fault for fault, end in ROWS if end is None} == MOMENTARY


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_two_faults_have_the_same_text(language: str) -> None:
    _ = translator(language)
    stories = [word_story(fault, _) for fault, _end in ROWS]
    assert len({story.button for story in stories}) == len({story.does for story in stories}) == len(ROWS)
    assert all(story.shows for story in stories)
    lasting = [fault for fault, end in ROWS if end is not None]
    texts = [word_broken(fault, _) for fault in lasting]
    assert len(set(texts)) == len(lasting)
    assert not set(texts) & {fault.value for fault in Fault}, "a program's name is no text"
    assert all(word_end(fault, _) for fault in lasting)
    assert len({word_part(part, _) for part in FaultPart}) == len(FaultPart)


def test_unknown_fault_of_a_newer_gateway_is_left_out() -> None:
    assert read_faults(("hang", "set-on-fire")) == (Fault.HANG,)


# The panel


def test_where_servers_may_not_be_broken_there_is_no_panel() -> None:
    assert markup(view(demo("hang", is_breakable=False))) == ""


def test_gateway_decides_whether_faults_are_allowed() -> None:
    texts = '{"servers": [{"id": "a", "address": "x", "base": "/servers/a", "broken": ["kill"]}]%s}'
    assert not read_fleet(texts % "").is_breakable
    assert not read_fleet(texts % ', "faults": "yes"').is_breakable
    fleet = read_fleet(texts % ', "faults": true')
    assert (fleet.is_breakable, fleet.servers[0].broken) == (True, ("kill",))


def test_limit_of_prompts_applies_only_with_users() -> None:
    texts = '{"servers": [], "mostPending": %s, "person": "%s"}'
    assert [read_fleet(texts % words).most_pending for words in (("2", "alice"), ("2", ""), ("null", "alice"))] == [
        2,
        None,
        None,
    ]


def test_windows_own_server_is_chosen_first() -> None:
    def chosen(ui: FaultsState | None = None, moored_to: ServerId | None = None) -> ServerId:
        shown = view(demo(), ui, moored_to).chosen
        assert shown is not None
        return shown.tag.server_id

    assert chosen() == ONE
    assert chosen(moored_to=TWO) == TWO
    assert chosen(FaultsState(break_server=ONE), TWO) == ONE
    assert chosen(FaultsState(break_server=ServerId("gone")), TWO) == TWO


def test_all_faults_are_shown_with_what_should_be_seen() -> None:
    html = markup(view(demo()))
    for fault, _end in ROWS:
        assert 'data-server="demo-1"' in button(html, fault)
        assert word_story(fault, ENGLISH).shows in html
    assert "Nothing is broken now." in html
    assert " disabled" not in html


def test_active_faults_are_shown_in_the_closed_panel() -> None:
    html = markup(view(demo("hang", "lose-answer"), FaultsState(break_server=TWO)))
    assert " open" not in html[: html.index(">", html.index("<details"))]
    summary = html.partition("</summary>")[0]
    assert "hangs · loses the next answer" in summary
    assert "Nothing is broken" not in summary


@pytest.mark.parametrize(("fault", "end"), [row for row in ROWS if row[1] is not None])
def test_a_fault_that_lasts_offers_its_end_in_its_place(fault: Fault, end: Fault) -> None:
    html = markup(view(demo(fault.value)))
    assert "disabled" not in button(html, end)
    assert f'data-fault="{fault.value}"' not in html


def test_a_killed_server_can_only_be_started() -> None:
    html = markup(view(demo("kill")))
    enabled = {tag for tag in html.split("<") if tag.startswith("button") and " disabled" not in tag}
    assert {tag.partition('data-fault="')[2].partition('"')[0] for tag in enabled} == {"start", "reset"}


def test_momentary_fault_is_reported_with_its_server() -> None:
    done = FaultsState(break_server=ONE, break_done=(ONE, Fault.DROP_SOCKETS))
    assert markup(view(demo(), done)).count("Done.") == 1
    assert "Done." not in markup(view(demo(), replace(done, break_server=TWO)))


def test_a_server_s_name_is_never_markup() -> None:
    fleet = Fleet((server(ONE, name="<b>x</b>", broken=("hang",)),), "demo", is_breakable=True)
    assert "<b>x" not in markup(view(fleet))


# Actions


def fault_actions(refusal: MooringError | None = None) -> tuple[ActionTable, MemoryContext, StillSession]:
    context, session = MemoryContext(), StillSession(refusal=refusal)
    return ActionTable(context, BreakActions(session.break_server, context)), context, session


async def test_a_click_breaks_that_server_and_it_stays_chosen() -> None:
    actions, context, session = fault_actions()
    actions.act("break", {"server": "demo-2", "fault": "kill"})
    await asyncio.sleep(0)
    assert context.ui.of(FaultsState).break_server == TWO
    await context.done()
    assert session.calls == [("break_server", TWO, "kill")]
    assert (context.ui.of(FaultsState).breaking, context.ui.of(FaultsState).break_done) == (
        frozenset(),
        (TWO, Fault.KILL),
    )


async def test_a_second_click_waits_for_the_first() -> None:
    calls, go = [], asyncio.Event()

    async def slow(server_id: ServerId, fault: str) -> None:
        calls.append((server_id, fault))
        await go.wait()

    context = MemoryContext()
    actions = ActionTable(context, BreakActions(slow, context))
    for _ in range(3):
        actions.act("break", {"server": "demo-1", "fault": "restart"})
        await asyncio.sleep(0)
    go.set()
    await context.done()
    assert calls == [(ONE, "restart")]


async def test_refusal_is_shown() -> None:
    actions, context, _session = fault_actions(ConnectError(ONE, "connect-failed"))
    actions.act("break", {"server": "demo-1", "fault": "hang"})
    await context.done()
    assert [type(error) for _number, error in context.ui.errors] == [ConnectError]
    assert (context.ui.of(FaultsState).breaking, context.ui.of(FaultsState).break_done) == (frozenset(), None)


async def test_server_can_be_chosen() -> None:
    actions, context, _session = fault_actions()
    actions.act("break-server", {"value": "demo-2"})
    assert context.ui.of(FaultsState).break_server == TWO


# The gateway's route


@dataclass
class OneAnswer:
    """An Http that always answers the same."""

    answer: Response
    asked: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer


def refusal(status: int, cause: str, message: str) -> Response:
    text = f'{{"error": {{"cause": "{cause}", "message": "{message}"}}}}'
    return Response(status, {"x-mooring-gateway": f"{cause}; sent=no"}, text=text)


async def test_the_gateway_is_asked_by_two_names_and_nothing_else() -> None:
    http = OneAnswer(Response(200, text='{"server": "demo-1", "broken": []}'))
    await make_breaker(http)(ONE, "hang")  # type: ignore[arg-type]
    assert [(asked.method, asked.path, asked.json) for asked in http.asked] == [
        ("POST", "/demo/break", '{"server": "demo-1", "fault": "hang"}')
    ]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(502, "connect-failed", "it is not running"), ConnectError),
        (refusal(400, "refused-body", "it has made no picture yet"), BadInput),
        (refusal(504, "timeout", "no answer"), HttpStatusError),
        (Response(500, text="not JSON"), HttpStatusError),
    ],
)
async def test_each_refusal_has_a_message(answer: Response, kind: type[MooringError]) -> None:
    with pytest.raises(kind) as caught:
        await make_breaker(OneAnswer(answer))(ONE, "hang")  # type: ignore[arg-type]
    assert "demo-1" in word_error(caught.value, ENGLISH).title
