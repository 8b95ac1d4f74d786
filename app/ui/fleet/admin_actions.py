"""What an admin does with a server: rename, drain or remove it, free its memory, see its queue, cancel a prompt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import TypeVar

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId
from app.core.ports.fleet import FleetAdmin
from app.ui.fleet.adding import NewServer
from app.ui.fleet.admin import AdminState
from app.ui.fleet.panel import FleetDialog
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen

EVERY = 3.0  # seconds between two polls of a shown queue

T = TypeVar("T")

log = logging.getLogger("mooring.ui")


class AdminActions:
    """Actions on servers. A queue that is shown is polled while the panel is open."""

    def __init__(self, admin: FleetAdmin, context: PageContext, screen: Screen) -> None:
        self._admin = admin
        self._context = context
        self._screen = screen
        self._is_watching = False

    @action("drain")
    def drain(self, server: ServerId, drain: bool) -> None:
        """Drain a server, or let it take new prompts."""
        self._do(server, "drain", self._admin.drain(server, is_drained=drain))

    @action("free-memory")
    def free_memory(self, server: ServerId) -> None:
        """Have a server unload its models."""
        self._do(server, "free-memory", self._admin.free(server))

    @action("ask-rename-server")
    def ask_rename(self, server: ServerId, name: str) -> None:
        """Show the field for a server's new name."""
        self._change(renaming=(server, name))
        self._focus("server-name")

    @action("server-name")
    def type_name(self, value: str) -> None:
        if self._shown.renaming is not None:
            self._change(renaming=(self._shown.renaming[0], value))

    @action("keep-server-name")
    def keep_name(self) -> None:
        self._change(renaming=None)

    @action("rename-server")
    def rename(self) -> None:
        """Give a server the name that was typed."""
        if self._shown.renaming is not None and self._shown.renaming[1].strip():
            server, name = self._shown.renaming
            self._change(renaming=None)
            self._do(server, "rename", self._admin.rename(server, name.strip()))

    @action("ask-remove-server")
    def ask_remove(self, server: ServerId, drained: bool) -> None:
        """Drain a server and list whose work is unfinished there, before it is removed."""
        self._change(removing=(server, not drained))
        if not drained:
            self._do(server, "drain", self._admin.drain(server, is_drained=True))
        self._show_queue(server)
        self._focus("removing")

    @action("keep-server-listed")
    def keep_listed(self) -> None:
        """Answer the question with no: the server takes new prompts again, if it did before."""
        if self._shown.removing is None:
            return
        server, was_drained_for_it = self._shown.removing
        self._change(removing=None, queues=_without(self._shown.queues, server))
        if was_drained_for_it:
            self._do(server, "drain", self._admin.drain(server, is_drained=False))

    @action("remove-server")
    def remove(self, server: ServerId, name: str, url: str) -> None:
        """Remove a server from the fleet. Its address is then in the field that would bring it back."""
        self._change(removing=None, queues=_without(self._shown.queues, server))
        self._do(server, "remove", self._remove(server, NewServer(url=url, removed=name)))

    async def _remove(self, server_id: ServerId, back: NewServer) -> None:
        await self._admin.remove(server_id)
        dialog = self._context.ui.dialog
        if isinstance(dialog, FleetDialog):
            self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, new=back)))

    @action("ask-cancel-prompt")
    def ask_cancel(self, server: ServerId, prompt: PromptId) -> None:
        """Ask before a prompt in a queue is cancelled."""
        self._change(asked=(server, prompt))

    @action("keep-prompt")
    def keep_prompt(self) -> None:
        """Answer the question with no."""
        self._change(asked=None)

    @action("cancel-prompt")
    def cancel_prompt(self, server: ServerId, prompt: PromptId) -> None:
        self._change(asked=None)
        self._do(server, f"cancel {prompt}", self._cancel(server, prompt))

    def _focus(self, element: str) -> None:
        self._screen.schedule(lambda: self._screen.update({"jump": element}))

    def _do(self, server_id: ServerId, name: str, work: Awaitable[None]) -> None:
        self._context.spawn(self._done(server_id, name, work))

    async def _done(self, server_id: ServerId, name: str, work: Awaitable[None]) -> None:
        """Do an action and show its result until the next one on that server."""
        shown = self._shown
        self._change(
            doing=shown.doing | {(server_id, name)},
            done=_without(shown.done, server_id),
            refusals=_without(shown.refusals, server_id),
        )
        try:
            await work
            self._change(done={**self._shown.done, server_id: name})
        except MooringError as error:
            log.warning("not done: %r", error)
            self._change(refusals={**self._shown.refusals, server_id: error})
        finally:
            self._change(doing=self._shown.doing - {(server_id, name)})

    async def _cancel(self, server_id: ServerId, prompt_id: PromptId) -> None:
        await self._admin.cancel(server_id, prompt_id)
        await self._read_queue(server_id)

    @action("see-queue")
    def see_queue(self, server: ServerId) -> None:
        """Show or hide a server's queue."""
        shown = self._shown
        if server in shown.queues:
            self._change(queues=_without(shown.queues, server))
        else:
            self._show_queue(server)

    def _show_queue(self, server: ServerId) -> None:
        shown = self._shown
        self._change(queues={**shown.queues, server: None}, refusals=_without(shown.refusals, server))
        self._context.spawn(self._read_queue(server))
        if not self._is_watching:
            self._is_watching = True
            self._context.spawn(self._watch())

    async def _watch(self) -> None:
        try:
            while self._shown.queues:
                await asyncio.sleep(EVERY)
                for server_id in tuple(self._shown.queues):
                    await self._read_queue(server_id)
        finally:
            self._is_watching = False

    async def _read_queue(self, server_id: ServerId) -> None:
        try:
            queue = await self._admin.queue(server_id)
        except MooringError as error:
            log.info("the queue of %s cannot be read: %r", server_id, error)
            if server_id in self._shown.queues:
                self._change(refusals={**self._shown.refusals, server_id: error})
            return
        if server_id in self._shown.queues:  # otherwise it was closed
            self._change(queues={**self._shown.queues, server_id: queue})

    @property
    def _shown(self) -> AdminState:
        dialog = self._context.ui.dialog
        return dialog.admin if isinstance(dialog, FleetDialog) else AdminState()

    def _change(self, **changes: object) -> None:
        dialog = self._context.ui.dialog
        if isinstance(dialog, FleetDialog):
            admin = replace(dialog.admin, **changes)  # type: ignore[arg-type]
            if admin != dialog.admin:
                self._context.set_ui(replace(self._context.ui, dialog=replace(dialog, admin=admin)))


def _without(known: Mapping[ServerId, T], server_id: ServerId) -> dict[ServerId, T]:
    return {item: value for item, value in known.items() if item != server_id}
