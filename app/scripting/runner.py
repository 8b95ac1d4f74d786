"""Runs a user's script: top-level `await`, the value of its last expression, errors with the script's own lines only.

Names persist from one run to the next, as in a notebook. A script that awaits can be stopped; one that never does
cannot be stopped from here, so its worker is ended.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import linecache
import pprint
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

Send = Callable[[str, str], None]

MOST_SHOWN = 20_000  # characters of a value
WIDTH = 100
MOST_LINES = 40  # frames of a traceback; recursion has a thousand
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Runner:
    """One namespace, and one script at a time. `send` gets "value" or "error", then "end" with the outcome."""

    def __init__(self, send: Send, flush: Callable[[], None] = lambda: None) -> None:
        self._send, self._flush = send, flush
        self._names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self._running: asyncio.Task[None] | None = None
        self._count = 0

    @property
    def names(self) -> dict[str, Any]:
        """The names that scripts have defined."""
        return self._names

    @property
    def is_running(self) -> bool:
        """Whether a script is running."""
        return self._running is not None and not self._running.done()

    def start(self, source: str) -> asyncio.Task[None]:
        """Start a script in the background; messages report its end."""
        self._running = asyncio.get_running_loop().create_task(self._run(source))
        return self._running

    def stop(self) -> None:
        """Stop the script at its next await."""
        if self._running is not None:
            self._running.cancel()

    async def _run(self, source: str) -> None:
        self._count += 1
        name = f"<script {self._count}>"
        ending = "done"
        try:
            value = await self._execute(source, name)
            self._flush()
            if value is not None:
                self._names["_"] = value
                self._send("value", show(value))
        except asyncio.CancelledError:
            ending = "stopped"
        except SystemExit:
            pass  # the script called exit
        except BaseException as error:  # noqa: BLE001 - whatever a script raises is shown to the user
            self._flush()
            self._send("error", traceback_text(error, name))
            ending = "failed"
        self._flush()
        self._send("end", ending)

    async def _execute(self, source: str, name: str) -> Any:
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        tree = ast.parse(source, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        await self._evaluate(compile(tree, name, "exec", _FLAGS))
        if isinstance(last, ast.Expr):
            return await self._evaluate(compile(ast.Expression(last.value), name, "eval", _FLAGS))
        return None

    async def _evaluate(self, code: CodeType) -> Any:
        value = eval(code, self._names)
        return await value if code.co_flags & inspect.CO_COROUTINE else value


def show(value: object) -> str:
    """Format a value as the console shows it, with bounded length."""
    try:
        text = pprint.pformat(value, width=WIDTH, sort_dicts=False)
    except Exception as error:  # noqa: BLE001 - a user's own __repr__ may raise anything
        return f"<{type(value).__name__} that cannot be shown: {error!r}>"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} …"


def traceback_text(error: BaseException, name: str) -> str:
    """Return the traceback from the script's first line on, without the frames around it."""
    trace = traceback.TracebackException.from_exception(error, limit=None, compact=True)
    _trim(trace, name, set())
    return "".join(trace.format())


def _trim(trace: traceback.TracebackException, name: str, seen: set[int]) -> None:
    if id(trace) in seen:
        return
    seen.add(id(trace))
    own = next((place for place, frame in enumerate(trace.stack) if frame.filename == name), len(trace.stack))
    kept = trace.stack[own:]
    if len(kept) > MOST_LINES:
        kept = [*kept[: MOST_LINES // 2], *kept[-MOST_LINES // 2 :]]
    trace.stack = traceback.StackSummary.from_list(kept)
    for other in (trace.__cause__, trace.__context__):
        if other is not None:
            _trim(other, name, seen)
