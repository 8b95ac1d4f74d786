"""What an admin does in the panel: with a question before another user's work ends, and with its result."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.errors import GatewayRefused, MooringError, RequestTimeout
from app.core.model import LocalServer, PromptId, ServerId
from app.core.ports.fleet import QueuedPrompt
from app.ui.fleet import admin_actions
from app.ui.fleet.adding_actions import AddingActions
from app.ui.fleet.admin import AdminState
from app.ui.fleet.admin_actions import AdminActions
from app.ui.fleet.panel import FleetDialog, fleet_view
from app.ui.fleet.panel_html import fleet as drawn
from app.ui.kit.account import Account
from app.ui.kit.actions import ActionTable
from app.ui.kit.state import UiState
from app.ui.windows.panel import PanelFacts
from tests.kit.page.stills import (
    MemoryContext,
    MemoryScreen,
    StillPictures,
    StillSession,
    fleet,
    server,
    translator,
    workflows,
)
from tests.kit.page.views import project
from wire.health import Health
from wire.new_servers import AddedServer, CheckedServer

G1, G2 = ServerId("gpu-1"), ServerId("gpu-2")
HERS = PromptId("aaaa")
ROW = QueuedPrompt(prompt_id=HERS, is_running=True, name="al<i>ce")


@dataclass
class MemoryFleetAdmin:
    """The gateway's part in memory: queues that a test sets, and recorded actions."""

    queues: dict[ServerId, tuple[QueuedPrompt, ...]] = field(default_factory=lambda: {G1: (ROW,)})
    done: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: MooringError | None = None
    checked: CheckedServer = field(default_factory=CheckedServer)
    added: AddedServer = field(default_factory=AddedServer)

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        self._note("drain", server_id, is_drained)

    async def free(self, server_id: ServerId) -> None:
        self._note("free", server_id)

    async def queue(self, server_id: ServerId) -> tuple[QueuedPrompt, ...]:
        if self.refusal is not None:
            raise self.refusal
        return self.queues.get(server_id, ())

    async def cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        self._note("cancel", server_id, prompt_id)
        self.queues[server_id] = ()

    async def check(self, url: str) -> CheckedServer:
        self._note("check", url)
        return self.checked

    async def add(self, url: str, name: str) -> AddedServer:
        self._note("add", url, name)
        return self.added

    async def rename(self, server_id: ServerId, name: str) -> None:
        self._note("rename", server_id, name)

    async def remove(self, server_id: ServerId) -> None:
        self._note("remove", server_id)

    def _note(self, *action: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.done.append(action)


class Panel(MemoryContext):
    """The open panel with its actions."""

    def __init__(self, admin: MemoryFleetAdmin) -> None:
        super().__init__()
        self.memory = admin
        self.screen = MemoryScreen()
        self.source = "file"
        self.local: tuple[LocalServer, ...] = ()
        self.ui = UiState(dialog=FleetDialog()).with_slices(Account("carol", runs_fleet=True))
        self.actions = ActionTable(
            self, AdminActions(admin, self, self.screen), AddingActions(admin, self, self.screen)
        )

    async def act(self, name: str, /, **facts: str) -> None:
        self.actions.act(name, facts)
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def dialog(self) -> FleetDialog:
        assert isinstance(self.ui.dialog, FleetDialog)
        return self.ui.dialog

    @property
    def admin(self) -> AdminState:
        return self.dialog.admin

    def html(self, language: str = "en", *, runs: bool = True, **more: Any) -> str:
        listed = fleet(server("gpu-1", **more), server("gpu-2", **more))
        servers = tuple(one if one.at else replace(one, at=one.address) for one in listed.servers)
        known = replace(listed, servers=servers, local=self.local, source=self.source)
        session = StillSession(fleet=known)
        view = fleet_view(session, PanelFacts(), "", administered=self.dialog if runs else None)
        return str(drawn(view, translator(language)))

    def close(self) -> None:
        for work in self.work:
            work.cancel()


async def test_only_an_admin_sees_admin_actions() -> None:
    panel = Panel(MemoryFleetAdmin())
    assert 'data-action="drain"' in panel.html()
    assert 'data-action="drain"' not in panel.html(runs=False)
    for runs in (True, False):
        ui = UiState(dialog=FleetDialog()).with_slices(Account("x", runs_fleet=runs))
        page = project(StillSession(), ui, workflows=workflows(), pictures=StillPictures(), language="en")
        rows = page.dialog.servers
        assert all((row.admin is not None) is runs for row in rows)


@pytest.mark.parametrize("is_drained", [True, False])
async def test_server_is_drained_or_takes_prompts(is_drained: bool) -> None:
    admin = MemoryFleetAdmin()
    panel = Panel(admin)
    wanted = "false" if is_drained else "true"
    assert f'data-drain="{wanted}"' in panel.html(is_drained=is_drained)
    await panel.act("drain", server="gpu-1", drain=wanted)
    assert admin.done == [("drain", G1, not is_drained)]
    assert panel.admin.doing == frozenset()


async def test_freed_memory_is_reported_at_its_server_only() -> None:
    admin = MemoryFleetAdmin()
    panel = Panel(admin)
    await panel.act("free-memory", server="gpu-2")
    assert admin.done == [("free", G2)]
    assert panel.html().count("It gives back memory") == 1


async def test_a_queue_names_people_and_nothing_is_markup() -> None:
    panel = Panel(MemoryFleetAdmin())
    await panel.act("see-queue", server="gpu-1")
    html = panel.html()
    assert "al&lt;i&gt;ce" in html and "runs" in html and "Hide its queue" in html
    await panel.act("see-queue", server="gpu-1")
    assert "al&lt;i&gt;ce" not in panel.html()
    panel.close()


async def test_a_prompt_is_cancelled_only_after_a_question() -> None:
    admin = MemoryFleetAdmin()
    panel = Panel(admin)
    await panel.act("see-queue", server="gpu-1")
    await panel.act("ask-cancel-prompt", server="gpu-1", prompt=HERS)
    assert admin.done == [] and "Stop it" in panel.html()
    await panel.act("keep-prompt", server="gpu-1", prompt=HERS)
    assert admin.done == [] and "Stop it" not in panel.html()
    await panel.act("ask-cancel-prompt", server="gpu-1", prompt=HERS)
    await panel.act("cancel-prompt", server="gpu-1", prompt=HERS)
    assert admin.done == [("cancel", G1, HERS)]
    html = panel.html()
    assert "It is stopped." in html and "Nothing waits or runs there." in html
    panel.close()


async def test_dead_server_is_offered_nothing_that_it_cannot_do() -> None:
    html = Panel(MemoryFleetAdmin()).html(health=Health.DOWN)
    assert "free-memory" not in html and "see-queue" not in html
    assert "ask-remove-server" in html and 'data-action="drain"' in html


async def test_server_that_was_found_through_dns_is_changed_there() -> None:
    html = Panel(MemoryFleetAdmin()).html(at="http://10.0.0.7:8188")
    assert "free-memory" in html
    assert not any(name in html for name in ("ask-remove-server", "ask-rename-server", 'data-action="drain"'))


async def test_demo_server_that_stands_in_is_not_removed() -> None:
    panel = Panel(MemoryFleetAdmin())
    assert "ask-remove-server" in panel.html(is_demo=True), "a fleet file lists it"
    panel.source = "demo"
    html = panel.html(is_demo=True)
    assert "ask-rename-server" in html and "ask-remove-server" not in html


async def test_server_is_renamed() -> None:
    panel = Panel(MemoryFleetAdmin())
    await panel.act("ask-rename-server", server="gpu-1", name="gpu-1")
    assert 'data-testid="server-name"' in panel.html()
    await panel.act("server-name", value="  ")
    await panel.act("rename-server")
    assert panel.memory.done == []
    await panel.act("server-name", value=" Left desk")
    await panel.act("rename-server")
    assert panel.memory.done == [("rename", G1, "Left desk")]
    assert 'data-testid="server-name"' not in panel.html()


async def test_name_is_left_as_it_is() -> None:
    panel = Panel(MemoryFleetAdmin())
    await panel.act("ask-rename-server", server="gpu-1", name="gpu-1")
    await panel.act("keep-server-name")
    assert panel.memory.done == [] and 'data-testid="server-name"' not in panel.html()


async def test_server_is_drained_before_the_question_and_names_unfinished_work() -> None:
    panel = Panel(MemoryFleetAdmin())
    panel.memory.queues[G1] = (ROW, replace(ROW, prompt_id=PromptId("b")), QueuedPrompt(prompt_id=PromptId("c")))
    await panel.act("ask-remove-server", server="gpu-1", drained="false")
    assert panel.memory.done == [("drain", G1, True)]
    html = panel.html()
    assert "It takes nothing new now." in html and "al&lt;i&gt;ce (2) and another user (1)" in html
    await panel.act("remove-server", server="gpu-1", name="gpu-1", url="http://10.0.0.1:8188")
    assert panel.memory.done[1:] == [("remove", G1)]
    assert panel.dialog.new.url == "http://10.0.0.1:8188" and "Add its address to restore it" in panel.html()
    panel.close()


@pytest.mark.parametrize("was_drained", [True, False])
async def test_server_that_is_left_in_the_list_is_as_before(was_drained: bool) -> None:
    panel = Panel(MemoryFleetAdmin())
    await panel.act("ask-remove-server", server="gpu-1", drained=str(was_drained).lower())
    await panel.act("keep-server-listed")
    assert panel.memory.done == ([] if was_drained else [("drain", G1, True), ("drain", G1, False)])
    assert "Remove gpu-1?" not in panel.html() and panel.admin.queues == {}
    panel.close()


async def test_refused_removal_is_shown_and_the_field_stays_empty() -> None:
    panel = Panel(MemoryFleetAdmin())
    await panel.act("ask-remove-server", server="gpu-1", drained="true")
    panel.memory.refusal = GatewayRefused(G1, "not-allowed", "it has just been changed")
    await panel.act("remove-server", server="gpu-1", name="gpu-1", url="http://10.0.0.1:8188")
    assert "it has just been changed" in panel.html() and panel.dialog.new.url == ""
    panel.close()


REFUSALS = [
    (GatewayRefused(G1, "not-listed", "There is no such prompt."), "not in the queue any more"),
    (GatewayRefused(G1, "not-allowed", "The ComfyUI is too old."), "The ComfyUI is too old."),
    (GatewayRefused(G1, "connect-failed", "nobody there"), "no connection"),
    (RequestTimeout(G1, "lost"), "gave no clear answer"),
]


@pytest.mark.parametrize(("error", "words"), REFUSALS)
async def test_refusal_is_shown_at_its_server(error: MooringError, words: str) -> None:
    panel = Panel(MemoryFleetAdmin(refusal=error))
    await panel.act("free-memory", server="gpu-1")
    html = panel.html()
    assert words in html and html.count('data-testid="admin-refused"') == 1
    assert words not in panel.html("zh-CN") or "ComfyUI" in words
    assert "It gives back memory" not in html


async def test_shown_queue_is_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_actions, "EVERY", 0.0)
    admin = MemoryFleetAdmin()
    panel = Panel(admin)
    await panel.act("see-queue", server="gpu-1")
    admin.queues[G1] = ()
    async with asyncio.timeout(10):
        while "Nothing waits or runs there." not in panel.html():  # noqa: ASYNC110 - the panel has no event for it
            await asyncio.sleep(0)
    panel.ui = UiState()
    await asyncio.wait_for(asyncio.gather(*panel.work), 10)  # with the panel closed, polling ends


async def test_answer_after_closing_the_panel_is_dropped() -> None:
    panel = Panel(MemoryFleetAdmin())
    panel.actions.act("free-memory", {"server": "gpu-1"})
    panel.ui = closed = panel.ui.without_dialog()
    await asyncio.gather(*panel.work)
    assert panel.ui == closed
