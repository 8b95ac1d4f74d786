"""Faults on command, for tests and demonstrations; all off unless the server was started with `--faults`.

`POST /demo/faults` takes a JSON object; keys that are absent change nothing. It is answered even while the server
hangs, only under a loopback Host and without an Origin (403 otherwise), and is never passed on by the gateway.

State, kept until changed or reset:
    delay               seconds before every answer (0 = none)
    hang                true: connections are accepted, nothing is answered, sockets stay open and silent; jobs run
    deaf                true: sockets stay open but nothing is sent on any of them
    dead_worker         true: prompts are accepted and never run, as after the worker thread's death
    refuse_sockets      true: every new socket is answered 403, as for a foreign Origin
    pause_at_step       a number: a job waits after this step of a node until this is changed; null = never
    close_sockets_late  seconds by which this server is late to answer a closing socket and to forget its clientId
    next_submit         what happens to the next POST /prompt, once; null = nothing special
                          silence           queued, runs, and is never answered (the connection stays open)
                          lost              queued, runs, and the connection is cut without an answer
                          unsent            not queued, and the connection is cut without an answer
                          queued_then_500   queued, runs, and is answered 500
                          refuse            not queued, answered 400 with ComfyUI's shape of an error
                          hold              nothing happens until {"release": true}; then it continues as usual,
                                            unless its sender has disconnected by then (then it is as if never sent)
Actions, done immediately:
    release             true: let held submits continue
    drop_sockets        true: cut every socket without a close handshake (1006)
    restart             true: another server follows in this process, on this port: memory and temp files are lost
    reset               true: every fault off, held submits continue

`GET /demo/faults` returns the state, the process's `pid` and `boot` (new at each start), `submits` since the start,
`holding` (submits held now) and `sockets`: `open` (the clientId of each connection) and `hearing` (those that still
receive events). Both answer `{"faults": {…}, "pid": …, "boot": …, …}`.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class NextSubmit(StrEnum):
    """What may happen to the next POST /prompt."""

    SILENCE = "silence"
    LOST = "lost"
    UNSENT = "unsent"
    QUEUED_THEN_500 = "queued_then_500"
    REFUSE = "refuse"
    HOLD = "hold"


class BadFault(ValueError):
    """A body that is no known fault; the message names the key."""


@dataclass(slots=True)
class Faults:
    """The faults of one server, and what it counts; read by its sockets and routes, changed by `apply` alone."""

    delay: float = 0.0
    hang: bool = False
    deaf: bool = False
    dead_worker: bool = False
    pause_at_step: int | None = None
    refuse_sockets: bool = False
    close_sockets_late: float = 0.0
    next_submit: NextSubmit | None = None
    holding: int = field(default=0, init=False)
    submits: int = field(default=0, init=False)
    _released: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _awake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def is_mute(self) -> bool:
        """Whether nothing may be sent on sockets now."""
        return self.deaf or self.hang

    def apply(self, change: Any) -> list[str]:
        """Apply a change; return the actions that the server has to do. Raises BadFault."""
        if not isinstance(change, dict):
            raise BadFault("the body must be a JSON object")
        wanted = {key: _checked(key, value) for key, value in change.items()}
        actions = [key for key in ("drop_sockets", "restart") if wanted.pop(key, False)]
        if wanted.pop("reset", False):
            self._reset()
        if wanted.pop("release", False):
            self._release()
        for key, value in wanted.items():
            setattr(self, key, value)
        if not self.hang:
            self._awake.set()
            self._awake = asyncio.Event()
        return actions

    def pop_next_submit(self) -> NextSubmit | None:
        """Return what happens to this submit; the next one is normal."""
        chosen, self.next_submit = self.next_submit, None
        self.submits += 1
        return chosen

    async def hold(self) -> None:
        """Wait for `release` or `reset`."""
        self.holding += 1
        try:
            await self._released.wait()
        finally:
            self.holding -= 1

    async def pause(self) -> None:
        """Wait for what delays every answer: the delay, and the end of a hang."""
        if self.delay:
            await asyncio.sleep(self.delay)
        while self.hang:
            await self._awake.wait()

    def pauses(self, step: int) -> bool:
        """Whether a job that has done this step of a node must wait now."""
        return self.pause_at_step is not None and step >= self.pause_at_step

    def state(self) -> dict[str, Any]:
        """Return the lasting faults as JSON."""
        return {name: getattr(self, name) for name in _DEFAULTS}

    def _reset(self) -> None:
        for name, value in _DEFAULTS.items():
            setattr(self, name, value)
        self._release()

    def _release(self) -> None:
        self._released.set()
        self._released = asyncio.Event()


_DEFAULTS = {item.name: item.default for item in fields(Faults) if item.init}
_SWITCHES = frozenset(name for name, value in _DEFAULTS.items() if value is False)
_ACTIONS = frozenset({"drop_sockets", "restart", "reset", "release"})


def _checked(key: str, value: Any) -> Any:
    match key:
        case "delay" | "close_sockets_late":
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if is_number and math.isfinite(value) and 0 <= value <= 3600:
                return float(value)
            raise BadFault(f"{key} must be a number of seconds, 0 to 3600")
        case _ if key in _SWITCHES | _ACTIONS:
            if isinstance(value, bool):
                return value
            raise BadFault(f"{key} must be true or false")
        case "pause_at_step":
            if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
                return value
            raise BadFault("pause_at_step must be null or a positive whole number")
        case "next_submit":
            if value is None:
                return None
            try:
                return NextSubmit(value)
            except ValueError:
                known = ", ".join(choice.value for choice in NextSubmit)
                raise BadFault(f"next_submit must be null or one of: {known}") from None
        case _:
            raise BadFault(f"unknown key: {key}")
