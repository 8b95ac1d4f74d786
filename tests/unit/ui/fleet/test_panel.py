"""The panel *Fleet*: every server with its cause, its last hour and its windows, and why a window is where it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.core.balancer import Leaning
from app.core.direct import Refusal
from app.core.model import ServerChoice, ServerId, TaskState
from app.core.roster import Roster, moorings
from app.ui.fleet.panel import MOST_MOORINGS, FleetView, fleet_view
from app.ui.fleet.panel_actions import STORE_KEY, PanelActions, dump, load
from app.ui.fleet.panel_html import fleet as drawn
from app.ui.fleet.panel_words import name_device, word_hour, word_trouble
from app.ui.kit.actions import ActionTable
from app.ui.kit.words import SEPARATOR
from app.ui.runs.server_picker import NO_LEANINGS
from app.ui.runs.state import RunsState
from app.ui.windows.panel import PanelFacts, WindowMark
from gateway.check.examination import Report
from gateway.check.output import advice
from gateway.http.servers import Server as AskedServer
from gateway.http.servers import ServerId as AskedId
from tests.kit.page.panels import NOW, OTHER, glance, roster
from tests.kit.page.stills import (
    ENGLISH,
    ME,
    MemoryContext,
    MemoryScreen,
    StillSession,
    fleet,
    server,
    task,
    translator,
    window,
)
from wire.health import Condition, Health
from wire.server_stats import MINUTES, Minute, ServerStats
from wire.system_stats import Device

G1, G2 = ServerId("gpu-1"), ServerId("gpu-2")
GPU = Device(name="cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", kind="cuda", total=24_000, free=18_000)


def panel(
    session: StillSession | None = None,
    seen: Roster | None = None,
    where: str = "",
    leanings: Mapping[ServerId, Leaning] = NO_LEANINGS,
    **facts: Any,
) -> FleetView:
    known = PanelFacts(seen, moorings(seen) if seen is not None else (), **facts)
    return fleet_view(session or StillSession(), known, where, leanings)


def hour(*minutes: Minute | None) -> ServerStats:
    return ServerStats((), (*([None] * (MINUTES - len(minutes))), *minutes))


def markup(view: FleetView, language: str = "en") -> str:
    return str(drawn(view, translator(language)))


CAUSES = {
    "login": (Health.NOT_COMFYUI, "It requires a login"),
    "forbidden": (Health.REFUSES, "It requires a login"),
    "web-page": (Health.NOT_COMFYUI, "A web page answers there, not ComfyUI"),
    "redirect": (Health.NOT_COMFYUI, "It sends requests elsewhere"),
    "certificate": (Health.REFUSES, "Its certificate is not trusted"),
    "busy": (Health.REFUSES, "Too many requests for it"),
    "no-cors": (Health.REFUSES, "It does not let this page in"),
    "origin-refused": (Health.REFUSES, "It refuses this page (403)"),
    "mixed-content": (Health.REFUSES, "The browser forbids it: https page, http server"),
    "not-in-policy": (Health.REFUSES, "This page may not ask it"),
    "in-between": (Health.NOT_COMFYUI, "Something is in front of it"),
    "unseen": (Health.REFUSES, "Something answers, but not this page"),
    "no-https": (Health.DOWN, "No connection by https"),
    "another": (Health.DOWN, "Another server is at its address"),
    "": (Health.DOWN, "Not running"),
    "a newer gateway's": (Health.TIMEOUT, "Does not answer in time"),
}


def test_every_refusal_of_a_browser_is_among_them() -> None:
    assert {item.value for item in Refusal} < CAUSES.keys()


@pytest.mark.parametrize(("cause", "expected"), CAUSES.items())
def test_each_cause_has_its_own_text_and_advice(cause: str, expected: tuple[Health, str]) -> None:
    health, title = expected
    words = word_trouble(server("a", health=health, cause=cause), ENGLISH)
    assert words.title == title
    assert words.advice


@pytest.mark.parametrize("health", [item for item in Health if item is not Health.WELL])
@pytest.mark.parametrize("cause", ["", "login", "forbidden", "web-page", "redirect", "certificate", "busy", "too-much"])
def test_check_advises_what_the_panel_advises(health: Health, cause: str) -> None:
    words = word_trouble(server("a", health=health, cause=cause), ENGLISH)
    asked = AskedServer(AskedId("a"), "a", "http://a")
    (text,) = advice(Report(asked, Condition(health, "status 401", cause=cause)))
    assert text == f"{words.title} (status 401). {words.advice}"


def test_ill_server_shows_its_condition() -> None:
    ill = server("gpu-1", health=Health.DOWN, detail="connection refused")
    html = markup(panel(StillSession(fleet=fleet(ill))))
    assert "Not running" in html and "connection refused" in html


def test_memory_of_a_silent_server_is_hidden() -> None:
    known = {G1: ServerStats((GPU,), ())}
    assert "VRAM free" in markup(panel(StillSession(fleet=fleet(server("gpu-1"))), stats=known))
    for health in (Health.DOWN, Health.TIMEOUT):
        html = markup(panel(StillSession(fleet=fleet(server("gpu-1", health=health))), stats=known))
        assert "VRAM free" not in html, "its last stats are old"


def test_the_windows_that_are_moored_there_are_named() -> None:
    seen = roster(
        glance("a", state=TaskState.RUNNING, ended_at=None),
        glance("b", OTHER, state=TaskState.QUEUED, ended_at=None),
        glance("c", "gone", state=TaskState.RUNNING, ended_at=None),
        glance("d", server="gpu-2"),
    )
    rows = panel(seen=seen).servers
    assert [row.windows for row in rows] == [(WindowMark(2, is_mine=True), WindowMark(1)), ()]


def test_another_window_counts_as_its_session() -> None:
    rows = panel(seen=roster(glance("a", f"{OTHER}+1", state=TaskState.RUNNING, ended_at=None))).servers
    assert rows[0].windows == (WindowMark(1),)


def test_timeline_has_a_lane_for_each_window() -> None:
    seen = roster(
        glance("a", OTHER, created_at=NOW - 3600, ended_at=NOW - 1800),
        glance("b", "gone", "gpu-2", created_at=NOW - 1800, ended_at=NOW),
        glance("c", ME, created_at=NOW - 900, ended_at=None, state=TaskState.RUNNING),
    )
    view = panel(seen=seen)
    assert [lane.mark for lane in view.lanes] == [WindowMark(2, is_mine=True), WindowMark(1), WindowMark(None)]
    assert [(bar.start, bar.end) for lane in view.lanes for bar in lane.bars] == [(750, 1000), (0, 500), (500, 1000)]
    html = markup(view)
    for row in view.mooring_rows:
        assert f'id="mooring-row-{row.key}"' in html, "the timeline is there as text as well"


def test_yesterdays_moorings_are_listed_and_do_not_stretch_the_timeline() -> None:
    old = glance("a", created_at=NOW - 9 * 86_400, ended_at=NOW - 9 * 86_400 + 5)
    view = panel(seen=roster(old, glance("b", created_at=NOW - 60, ended_at=NOW)))
    assert len(view.mooring_rows) == 2
    assert view.span == (NOW - 600, NOW)


def test_a_long_past_is_cut_and_nothing_else() -> None:
    tasks = [glance(str(number), created_at=number * 100.0, ended_at=number * 100.0 + 1) for number in range(200)]
    assert [row.began_at for row in panel(seen=roster(*tasks)).mooring_rows] == [
        100.0 * n for n in range(199, 199 - MOST_MOORINGS, -1)
    ]


def test_choice_is_explained_with_candidates_and_scores() -> None:
    choice = ServerChoice(
        server_id=G1,
        reason="soonest",
        loads={"gpu-1": 1, "gpu-2": 4},
        scores={"gpu-1": 12.0},
        refused={"gpu-3": "down"},
    )
    html = markup(panel(seen=roster(glance("a", choice=choice))))
    assert "gpu-1 should have it done first." in html
    assert "4 tasks in line" in html and "done in about 12 seconds" in html and "left out: no connection" in html


def test_last_hour_text_covers_only_the_watched_minutes() -> None:
    busy, idle, silent = (
        Minute(longest=3, busy=20, well=30, looks=30),
        Minute(well=30, looks=30),
        Minute(well=0, looks=2),
    )
    expected = "Busy for 33 % of the last 2 minutes", "at most 3 in line"
    assert word_hour(hour(busy, idle), ENGLISH) == SEPARATOR.join(expected)
    assert word_hour(hour(*[idle] * MINUTES), ENGLISH) == "Busy for 0 % of the last hour"
    expected = "Busy for 0 % of the last 2 minutes", "did not always answer"
    assert word_hour(hour(idle, silent), ENGLISH) == SEPARATOR.join(expected)
    assert word_hour(hour(silent), ENGLISH) == "It has not answered since monitoring began"
    assert word_hour(ServerStats(), ENGLISH) == word_hour(hour(), ENGLISH) == ""


def test_sparkline_has_bars_for_work_and_marks_for_silence() -> None:
    minutes = hour(Minute(longest=2, busy=1, well=1), Minute(well=1), Minute(well=0))
    html = markup(panel(stats={G1: minutes}))
    assert len(re.findall(r"z", re.search(r'spark-bars" d="([^"]*)"', html)[1])) == 1  # type: ignore[index]
    assert re.search(r'spark-ill" d="M59 22.5h1"', html)
    assert 'role="img"' in html and 'aria-label="Busy for 50 % of the last 3 minutes' in html


def test_devices_show_their_free_memory() -> None:
    html = markup(
        panel(stats={G1: ServerStats((GPU, Device(name="cpu", kind="cpu", total=10, free=5), Device(name="x")))})
    )
    assert "NVIDIA GeForce RTX 4090" in html and "cuda:0" not in html and "Async" not in html
    assert "18000 B of 24000 B VRAM free" in html and "5 B of 10 B memory free" in html
    assert html.count('class="device"') == 2, "a device without memory is left out"
    assert name_device(Device(name="cpu")) == "CPU"


def test_servers_texts_are_escaped() -> None:
    evil = "<b>x</b>"
    bad = server("gpu-1", name=evil, health=Health.DOWN, detail=evil, version=evil)
    stats = {G1: ServerStats((Device(name=evil, kind="cuda", total=2, free=1),))}
    html = markup(panel(StillSession(fleet=fleet(bad)), roster(glance("a", title=evil)), stats=stats))
    assert evil not in html


def test_unread_panel_shows_the_servers() -> None:
    view = panel()
    assert not view.is_read and len(view.servers) == 2
    assert "skeleton" in markup(view)
    assert "skeleton" not in markup(panel(is_unreadable=True)) or "cannot be read" in markup(panel(is_unreadable=True))
    assert "No window of this browser has used a server yet" in markup(panel(seen=roster()))


# The window's preference for a server


def panel_actions(screen: MemoryScreen | None = None) -> tuple[ActionTable, StillSession, MemoryContext, MemoryScreen]:
    session, context, screen = StillSession(), MemoryContext(), screen or MemoryScreen()
    panel = PanelActions(session, context, screen, lambda _id: None)  # type: ignore[arg-type]
    return ActionTable(context, panel), session, context, screen


def test_preferring_and_avoiding_reach_the_session_and_outlive_a_reload() -> None:
    actions, session, _context, screen = panel_actions()
    actions.act("lean", {"server": "gpu-1", "value": "avoid"})
    actions.act("lean", {"server": "gpu-2", "value": "prefer"})
    assert session.calls[-1] == ("lean", {G1: Leaning.AVOID, G2: Leaning.PREFER})
    reloaded, session, context, _screen = panel_actions(screen)
    assert session.calls == [("lean", {G1: Leaning.AVOID, G2: Leaning.PREFER})], "before the first choice"
    reloaded.act("lean", {"server": "gpu-1", "value": ""})
    assert context.ui.of(RunsState).leanings == {G2: Leaning.PREFER}
    assert screen.memory[STORE_KEY] == dump({G2: Leaning.PREFER})


def test_this_one_only_is_the_choice_beside_run() -> None:
    actions, _session, context, _screen = panel_actions()
    actions.act("lean", {"server": "gpu-1", "value": "avoid"})
    actions.act("lean", {"server": "gpu-1", "value": "only"})
    assert (context.ui.of(RunsState).where, context.ui.of(RunsState).leanings) == ("gpu-1", {})
    actions.act("lean", {"server": "gpu-2", "value": "prefer"})
    assert context.ui.of(RunsState).where == "gpu-1", "about another server"
    actions.act("lean", {"server": "gpu-1", "value": ""})
    assert context.ui.of(RunsState).where == ""


def test_chosen_server_outlives_a_reload_and_binds_nothing() -> None:
    actions, _session, _context, screen = panel_actions()
    actions.act("where", {"value": "gpu-2"})
    _actions, session, context, _screen = panel_actions(screen)
    assert context.ui.of(RunsState).where == "gpu-2"
    assert session.calls == [], "no choice reaches the session before a run"
    actions.act("lean", {"server": "gpu-1", "value": "only"})
    assert panel_actions(screen)[2].ui.of(RunsState).where == "gpu-1"


def test_the_panel_shows_what_is_held_of_each_server() -> None:
    view = panel(where="gpu-2", leanings={G1: Leaning.PREFER, G2: Leaning.AVOID})
    assert [row.leaning for row in view.servers] == ["prefer", "only"]
    html = markup(view)
    assert re.search(r'value="prefer" selected', html) and re.search(r'value="only" selected', html)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": "hate"}', "null", '{"a": []}'])
def test_invalid_stored_leanings_are_ignored(text: str) -> None:
    assert load(text) == {}


def test_tags_and_unusual_weights_are_shown() -> None:
    servers = server("gpu-1", tags=("24 GB", "<b>"), weight=2.0), server("gpu-2")
    html = markup(panel(StillSession(fleet=fleet(*servers))))
    assert "24 GB" in html and "&lt;b&gt;" in html
    assert html.count("weight ") == 1 and "weight 2" in html


def test_fleet_file_error_is_shown_with_its_line() -> None:
    assert "mistake" not in markup(panel())
    expected = replace(fleet(), problem="fleet.toml, line 6: ulr: there is no such setting")
    html = markup(panel(StillSession(fleet=expected)))
    assert "The fleet file has a mistake" in html and "line 6: ulr" in html


def test_moored_window_shows_when_a_choice_takes_effect() -> None:
    assert "counts when that work has ended" in markup(panel(StillSession(window=window(task("a")))))
    assert "counts for all runs" in markup(panel())
