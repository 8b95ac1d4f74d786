"""IndexedDB transactions driven from Python without awaiting inside them.

A transaction ends at the first `await`, so its steps are a generator that yields requests and gets their
results, and is resumed inside `onsuccess`:

    def bump(transaction):
        row = yield transaction.objectStore("counts").get("a")
        transaction.objectStore("counts").put(…)          # no result needed: not yielded
        return row

    await database.run("bump", ["counts"], bump, write=True)

`run` returns after the transaction's `complete` event, with durability "strict". If the generator raises, or any
request fails, the transaction is aborted: nothing was written, and the error is raised by `run`. In Chromium it is
committed with its last requests; Firefox would then keep the rest of a refused transaction (decision 0144).

A newer page may upgrade the database at any time. The connection then closes, and the next
operation opens the new version: schemas only grow, so this page's stores still exist.

A page that the user leaves may be kept for a way back (WebKit: for half an hour), and other windows would wait for its
transactions. So they are aborted and the connection is closed, and they run again when the page is shown again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

import js
from pyodide.ffi import JsException, create_proxy, to_js

from app.browser.values import error_name, error_text, js_object, present
from app.core.errors import StorageError

T = TypeVar("T")
Steps = Generator[Any, Any, T]

OPEN_SECONDS = 10.0
RUN_SECONDS = 30.0  # another window's transaction may hold the store; a frozen window's would hold it permanently
RETURN_SECONDS = 5.0  # for the last event of a transaction that was being committed as the page was left

_CAUSES = {
    "QuotaExceededError": "quota",
    "VersionError": "upgrade",
    "NotFoundError": "upgrade",  # the database has no such object store: we did not create it
    "InvalidStateError": "closed",
    "AbortError": "closed",
    "SecurityError": "disabled",
    "NotAllowedError": "disabled",
}

log = logging.getLogger("mooring.browser")


def storage_error(operation: str, error: Any) -> StorageError:
    """The typed error of a DOMException, or of a transaction that ended without one."""
    known = present(error)
    name = error_name(known) if known is not None else ""
    return StorageError(operation, _CAUSES.get(name, "unknown"), error_text(known))


class Database:
    """One database, opened on first use, at `version` or at the newer one that it has.

    `on_newer` is called if it is newer: with True if it was upgraded while this page was open, with False if it was
    newer before. A database that was deleted by the user is closed, and stays closed.
    """

    def __init__(
        self,
        name: str,
        version: int,
        create: Callable[[Any, int], None],
        on_newer: Callable[[bool], None] = lambda _is_seen: None,
    ) -> None:
        self._name, self._version, self._create = name, version, create
        self._on_newer = on_newer
        self._is_reported = False
        self._db: Any = None
        self._lock = asyncio.Lock()
        self._refusal = ""
        self._proxies: list[Any] = []
        self._takes_blobs: bool | None = None
        self._commits_early = js.navigator.vendor == "Google Inc."
        self._runs = set[_Run[Any]]()
        self._shown = asyncio.Event()
        self._shown.set()
        for event, listener in (("pagehide", self._leave), ("pageshow", self._return)):
            js.window.addEventListener(event, create_proxy(listener))

    async def run(
        self, operation: str, stores: Sequence[str], steps: Callable[[Any], Steps[T]], *, write: bool = False
    ) -> T:
        """Run the steps as one transaction over these object stores; StorageError if it failed."""
        while True:
            database = await self._opened(operation)
            try:
                transaction = database.transaction(
                    to_js(list(stores)), "readwrite" if write else "readonly", js_object({"durability": "strict"})
                )
            except JsException as error:
                raise storage_error(operation, error) from error
            run = _Run(operation, transaction, steps(transaction), self._commits_early)
            self._runs.add(run)
            try:
                return await run.result()
            except _LeftError:
                log.info("%s runs again, since the page was left", operation)
            finally:
                self._runs.remove(run)

    async def takes_blobs(self, store: str) -> bool:
        """Whether the browser stores Blobs: WebKit refuses them in its private windows. Nothing is written."""

        def steps(transaction: Any) -> Steps[None]:
            yield transaction.objectStore(store).put(js.Blob.new(), "trial")
            raise _TakenError

        if self._takes_blobs is None:
            try:
                await self.run("takes_blobs", [store], steps, write=True)
            except _TakenError:
                self._takes_blobs = True
            except StorageError as error:
                if error.cause != "unknown":
                    return True  # for another reason, which the write itself will report
                self._takes_blobs = False
        return bool(self._takes_blobs)

    def close(self) -> None:
        """Close the connection; the next operation opens another."""
        if self._db is not None:
            self._db.onversionchange = self._db.onclose = None
            self._db.close()
            self._db = None
            asyncio.get_running_loop().call_soon(_destroy, self._proxies)
            self._proxies = []

    async def _opened(self, operation: str) -> Any:
        async with self._lock:
            if self._refusal:
                raise StorageError(operation, self._refusal, "somebody has deleted the store")
            while self._db is None:
                await self._shown.wait()
                self._db = await self._open(operation)
                self._watch()
                if not self._shown.is_set():
                    self.close()
        return self._db

    async def _open(self, operation: str) -> Any:
        try:
            return await _open(operation, self._name, self._version, self._create)
        except StorageError as error:
            if error.cause != "upgrade":
                raise
        opened = await _open(operation, self._name, None, _create_nothing)
        self._report_newer(is_seen=False)
        return opened

    def _report_newer(self, *, is_seen: bool) -> None:
        if not self._is_reported:
            log.warning("the store is newer than this page: %s", "a newer page is open" if is_seen else "it was before")
            self._is_reported = True
            self._on_newer(is_seen)

    def _watch(self) -> None:
        def give_way(event: Any) -> None:
            if present(event.newVersion) is None:
                self._refusal = "closed"
                log.warning("the store of this window is deleted; it needs a reload")
            else:
                self._report_newer(is_seen=True)
            self.close()

        def lose(_event: Any) -> None:
            log.warning("the browser has closed the store; the next operation reopens it")
            self.close()

        self._proxies = [create_proxy(give_way), create_proxy(lose)]
        self._db.onversionchange, self._db.onclose = self._proxies

    def _leave(self, event: Any) -> None:
        if event.persisted:
            self._shown.clear()
            for run in self._runs:
                run.leave()
            self.close()

    def _return(self, event: Any) -> None:
        if event.persisted:
            self._shown.set()
            for run in self._runs:
                run.come_back()


class _TakenError(Exception):
    """The browser has taken a Blob: its transaction is aborted."""


class _LeftError(Exception):
    """The page was left before its transaction ended."""


class _Run(Generic[T]):
    """One transaction with its generator; resumed inside the requests' own events."""

    def __init__(self, operation: str, transaction: Any, steps: Steps[T], commits_early: bool) -> None:
        self._operation, self._transaction, self._steps = operation, transaction, steps
        self._commits_early = commits_early
        self._done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._returned: Any = None
        self._error: Exception | None = None
        self._is_aborted = False
        self._resume, self._complete, self._abort = map(
            create_proxy, (self._on_success, self._on_complete, self._on_abort)
        )
        transaction.oncomplete, transaction.onabort = self._complete, self._abort

    async def result(self) -> T:
        loop = asyncio.get_running_loop()
        late = loop.call_later(RUN_SECONDS, self._give_up, StorageError(self._operation, "blocked", "no end in time"))
        self._step(None)
        try:
            return await self._done
        except asyncio.CancelledError:
            self._give_up(None)
            raise
        finally:
            late.cancel()

    def leave(self) -> None:
        """Abort the transaction, since the page stops before its end."""
        self._is_aborted = self._give_up(_LeftError())

    def come_back(self) -> None:
        """End the transaction even if its last event is lost: Firefox tells none to a page that was left."""
        if self._is_aborted:
            self._fail(_LeftError())
        else:
            error = StorageError(self._operation, "closed", "the page was left while this was written")
            asyncio.get_running_loop().call_later(RETURN_SECONDS, self._fail, error)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def _give_up(self, error: Exception | None) -> bool:
        """Abort the transaction; False if it has ended or is being committed."""
        self._error = self._error or error
        try:
            self._transaction.abort()
        except JsException as ended:
            if error_name(ended) != "InvalidStateError":
                raise
            return False
        return True

    def _step(self, value: Any) -> None:
        try:
            request = self._steps.send(value)
        except StopIteration as end:
            self._returned = end.value
            if self._commits_early:
                self._transaction.commit()
        except Exception as error:  # noqa: BLE001 - kept, and raised by `result` once the transaction is aborted
            self._give_up(error)
        else:
            request.onsuccess = self._resume

    def _on_success(self, event: Any) -> None:
        self._step(present(event.target.result))

    def _on_complete(self, _event: Any) -> None:
        if not self._done.done():
            self._done.set_result(self._returned)
        self._free()

    def _on_abort(self, _event: Any) -> None:
        if not self._done.done():
            error = self._error or storage_error(self._operation, self._transaction.error)
            if isinstance(error, JsException):
                error = _caused(storage_error(self._operation, error), error)
            self._fail(error)
        self._free()

    def _free(self) -> None:
        self._steps.close()
        asyncio.get_running_loop().call_soon(_destroy, [self._resume, self._complete, self._abort])


async def _open(operation: str, name: str, version: int | None, create: Callable[[Any, int], None]) -> Any:
    """Open a connection; without a version, to the database as it is."""
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    proxies: list[Any] = []

    def upgrade(event: Any) -> None:
        create(event.target.transaction, int(event.oldVersion))

    def succeed(event: Any) -> None:
        if opened.done():  # too late: the caller is gone, so close it here
            event.target.result.close()
        else:
            opened.set_result(event.target.result)
        asyncio.get_running_loop().call_soon(_destroy, proxies)

    def fail(event: Any) -> None:
        if not opened.done():
            opened.set_exception(storage_error(operation, event.target.error))
        asyncio.get_running_loop().call_soon(_destroy, proxies)

    try:
        request = js.indexedDB.open(name) if version is None else js.indexedDB.open(name, version)
    except (JsException, AttributeError) as error:
        raise StorageError(operation, "disabled", str(error)) from error
    proxies += map(create_proxy, (upgrade, succeed, fail))
    request.onupgradeneeded, request.onsuccess, request.onerror = proxies
    try:
        return await asyncio.wait_for(opened, OPEN_SECONDS)
    except TimeoutError as error:
        raise StorageError(operation, "blocked", "the browser does not open the store") from error


def _create_nothing(transaction: Any, _old_version: int) -> None:
    """Refuse to create the database: an empty one in place of a deleted one is no store."""
    transaction.abort()


def _caused(error: StorageError, cause: Exception) -> StorageError:
    error.__cause__ = cause
    return error


def _destroy(proxies: list[Any]) -> None:
    for proxy in proxies:
        proxy.destroy()
