"""Notices that only inform leave by themselves, some time after they were shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from app.ui.kit.context import PageContext, set_slices
from app.ui.notices.state import Notice, NoticesState

SECONDS = 60.0  # for which such a notice is shown
BRIEFLY = 10.0  # for which one is that repeats what the user has just asked for


class NoticeTimer:
    def __init__(self, context: PageContext, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._context = context
        self._sleep = sleep
        self._begun: set[str] = set()

    def follow(self, shown: Iterable[Notice]) -> None:
        """Begin the time of each notice that is shown for the first time."""
        for notice in shown:
            if notice.leaves and notice.key not in self._begun:
                self._begun.add(notice.key)
                seconds = BRIEFLY if notice.is_brief else SECONDS
                self._context.spawn(self._run_out(notice.key, seconds))

    async def _run_out(self, key: str, seconds: float) -> None:
        await self._sleep(seconds)
        notices = self._context.ui.of(NoticesState)
        set_slices(self._context, replace(notices, dismissed=notices.dismissed | {key}))
