"""The port suite on the browser's adapters, in Chromium, with a real gateway and servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.kit.browser.chromium import load_python, open_headless_shell, run_python
from tests.kit.services import Service
from tests.ports import suite
from tests.ports.database import QUOTA

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page_on_disk(gateway: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """A page with Python and `QUOTA` bytes of disk.

    The disk is a real one, since Chromium 150 frees no space of deleted data in an in-memory profile.
    """
    async with open_headless_shell(profile=tmp_path_factory.mktemp("profile")) as context:
        page = await context.new_page()
        await load_python(page, gateway.url)
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def small_disk(page_on_disk: Page, gateway: Service) -> Page:
    """That page, with nothing on its disk."""
    devtools = await page_on_disk.context.new_cdp_session(page_on_disk)
    await devtools.send("Storage.clearDataForOrigin", {"origin": gateway.url, "storageTypes": "all"})
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": gateway.url, "quotaSize": QUOTA})
    usage = await devtools.send("Storage.getUsageAndQuota", {"origin": gateway.url})
    assert usage["usage"] < QUOTA / 20, usage
    return page_on_disk


@pytest.mark.parametrize("name", suite.checks())
async def test_browser_store_satisfies_the_port(python: Page, name: str) -> None:
    body = "from tests.ports.browser_database import run_check; return await run_check(name)"
    result = await run_python(python, body, name=name)
    assert result == "", result


@pytest.mark.parametrize("name", suite.room_checks())
async def test_browser_store_makes_room_as_the_port_requires(small_disk: Page, name: str) -> None:
    body = "from tests.ports.browser_database import run_check; return await run_check(name)"
    result = await run_python(small_disk, body, name=name)
    assert result == "", result


async def test_reservation_of_another_page_is_visible(python: Page, gateway: Service) -> None:
    """Two pages in two renderers choose at the same time from one store, and each reservation counts."""
    other = await python.context.new_page()
    await load_python(other, gateway.url)
    body = """
        from app.browser.store import BrowserStore
        from tests.ports import database

        def choose(claims):
            taken = {item.server_id for item in claims.reservations}
            return database.reservation(f"p-{name}", name, "gpu-2" if "gpu-1" in taken else "gpu-1")

        return (await BrowserStore().reserve(choose)).server_id
    """
    chosen = await asyncio.gather(*(run_python(page, body, name=f"w-{n}") for n, page in enumerate((python, other))))
    assert sorted(chosen) == ["gpu-1", "gpu-2"]
    await other.close()


async def test_newer_page_opens_the_store_and_older_one_keeps_working(python: Page) -> None:
    """The newer schema has everything of the older one, so pages of both versions keep working."""
    body = """
        from app.browser.idb import Database
        from app.browser.store import BrowserStore
        from tests.ports import database
        from tests.ports.browser_database import delete_database

        notices = []
        older = BrowserStore("upgrade", on_newer=lambda is_seen: notices.append(["older", is_seen]))
        first = await database.registered(older, "p-1")

        def nothing(transaction):
            yield transaction.objectStore("tasks").count()

        newer = Database("upgrade", 9, lambda transaction, old: transaction.db.createObjectStore("later"))
        await newer.run("count", ["tasks", "later"], nothing)
        second = await database.registered(older, "p-2")
        late = BrowserStore("upgrade", on_newer=lambda is_seen: notices.append(["late", is_seen]))
        kept = [await late.read_task(task.prompt_id) == task for task in (first, second)]
        for store in (older, late, newer):
            store.close()
        await delete_database("upgrade")
        return [notices, kept]
    """
    assert await run_python(python, body) == [[["older", True], ["late", False]], [True, True]]


async def test_incompatible_newer_store_is_reported(python: Page) -> None:
    body = """
        from app.browser.idb import Database
        from app.browser.store import BrowserStore
        from app.core.errors import StorageError
        from tests.ports.browser_database import delete_database

        def nothing(transaction):
            yield transaction.objectStore("other").count()

        newer = Database("foreign", 9, lambda transaction, old: transaction.db.createObjectStore("other"))
        await newer.run("count", ["other"], nothing)
        store = BrowserStore("foreign")
        try:
            await store.read_tasks()
        except StorageError as error:
            return [error.operation, error.cause]
        finally:
            store.close()
            newer.close()
            await delete_database("foreign")
    """
    assert await run_python(python, body) == ["read_tasks", "upgrade"]


async def test_deleted_store_is_reported_and_not_recreated(python: Page) -> None:
    body = """
        import js
        from app.browser.store import BrowserStore
        from app.core.errors import StorageError
        from tests.ports.browser_database import delete_database

        store = BrowserStore("deleted")
        await store.read_tasks()
        await delete_database("deleted")
        try:
            await store.read_tasks()
        except StorageError as error:
            return [error.cause, [item.name for item in await js.indexedDB.databases() if item.name == "deleted"]]
    """
    assert await run_python(python, body) == ["closed", []]


async def test_store_that_does_not_open_is_reported_in_time(python: Page) -> None:
    """The database is kept at an older version by another connection, which never closes."""
    body = """
        import js
        from pyodide.ffi import create_once_callable
        from app.browser import idb
        from app.browser.store import BrowserStore
        from app.core.errors import StorageError
        from tests.ports.browser_database import delete_database

        stubborn = await js.eval('''new Promise((resolve) => {
            indexedDB.open("stuck", 1).onsuccess = (event) => resolve(event.target.result);
        })''')
        before, idb.OPEN_SECONDS = idb.OPEN_SECONDS, 0.2
        database = idb.Database("stuck", 2, lambda transaction, old: None)
        try:
            await database.run("read", ["tasks"], lambda transaction: iter(()))
        except StorageError as error:
            cause = error.cause
        finally:
            idb.OPEN_SECONDS = before
            stubborn.close()
        await delete_database("stuck")
        return cause
    """
    assert await run_python(python, body) == "blocked"


async def test_disabled_store_is_a_typed_error(python: Page) -> None:
    await python.evaluate(
        "globalThis.usual = Object.getOwnPropertyDescriptor(window, 'indexedDB');"
        " Object.defineProperty(window, 'indexedDB', {"
        " configurable: true, get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    body = """
        from app.browser.store import BrowserStore
        from app.core.errors import StorageError
        try:
            await BrowserStore().read_tasks()
        except StorageError as error:
            return [error.operation, error.cause]
    """
    try:
        assert await run_python(python, body) == ["read_tasks", "disabled"]
    finally:
        await python.evaluate("Object.defineProperty(window, 'indexedDB', usual)")


async def test_full_disk_is_a_typed_error_and_writes_nothing(small_disk: Page) -> None:
    body = """
        from app.browser.store import BrowserStore
        from app.core.errors import StorageError
        from tests.ports import database
        from tests.ports.browser_database import BrowserDatabase

        store, full = BrowserStore("full"), BrowserDatabase("full")
        done = await database.ended(store, "p-1")
        await store.keep_result(done, 0, full.blob(b"small"), 40.0)
        try:
            await store.keep_result(done, 1, full.blob(bytes(4_000_000)), 50.0)
            return "kept"
        except StorageError as error:
            kept = [await store.read_result(done.prompt_id, index) for index in (0, 1)]
            return [error.cause, [item is not None for item in kept]]
    """
    assert await run_python(small_disk, body) == ["quota", [True, False]]


async def test_foreign_record_is_reported_and_can_be_deleted(python: Page) -> None:
    """A key that is no text, and values that JSON cannot represent, would break the reading of all other records."""
    body = """
        import js
        from app.browser.store import BrowserStore
        from app.core.model import StoredTasks
        from tests.ports import database
        from tests.ports.browser_database import delete_database

        store = BrowserStore("odd")
        good = await database.registered(store, "p-1")
        odd = js.eval('[{prompt_id: 7, owner: "w-1"}, {prompt_id: ["a"]}, {prompt_id: "p-2", owner: "w-1", epoch: 1n}]')

        def spoil(transaction):
            for row in odd:
                yield transaction.objectStore("tasks").put(row)

        await store._database.run("spoil", ["tasks"], spoil, write=True)
        _, records = await store.claim(database.window("w-1"))
        found = [records.tasks == (good,), [item.prompt_id for item in records.unreadable]]
        for item in records.unreadable:
            await store.delete_unreadable(item.prompt_id, "w-1")
        found.append(await store.read_tasks() == StoredTasks((good,)))
        store.close()
        await delete_database("odd")
        return found
    """
    assert await run_python(python, body) == [True, ["7", '["a"]', "p-2"], True]


async def test_cancelled_operation_leaves_the_store_working(python: Page) -> None:
    """No callback is left over at whatever moment it is cancelled; errors of the page fail the fixture."""
    body = """
        import asyncio
        from app.browser.store import BrowserStore
        from tests.ports import database
        from tests.ports.browser_database import delete_database

        store = BrowserStore("cancelled")
        for turns in range(12):
            run = asyncio.ensure_future(store.reserve(lambda claims: database.reservation("p-1")))
            for _ in range(turns):
                await asyncio.sleep(0)
            run.cancel()
            await asyncio.wait([run])
            await store.release_reservation("p-1")
        known = await database.registered(store, "p-2")
        left = (await store.read_tasks()).tasks == (known,)
        store.close()
        await delete_database("cancelled")
        return left
    """
    assert await run_python(python, body)


# Leave the page as soon as a transaction is being committed, and come back; its last event may be lost, as in Firefox.
LEAVE_AT_COMMIT = """(isLost) => {
  const { commit } = IDBTransaction.prototype;
  IDBTransaction.prototype.commit = function () {
    IDBTransaction.prototype.commit = commit;
    this.commit();
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    if (isLost) this.oncomplete = null;
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
  };
}"""


@pytest.mark.parametrize(("is_lost", "said"), [(False, "written"), (True, "closed")], ids=["event", "no event"])
async def test_transaction_that_is_being_committed_runs_once(python: Page, is_lost: bool, said: str) -> None:
    body = """
        import js
        from app.browser import idb
        from app.core.errors import StorageError

        database = idb.Database("leaving", 1, lambda change, old: change.db.createObjectStore("notes"))
        tries = []

        def write(transaction):
            tries.append(1)
            yield transaction.objectStore("notes").put("a note", len(tries))
            return "written"

        def count(transaction):
            return (yield transaction.objectStore("notes").count())

        idb.RETURN_SECONDS, usual = 0.1, idb.RETURN_SECONDS
        js.globalThis.eval(leave)(is_lost)
        try:
            said = await database.run("write", ["notes"], write, write=True)
        except StorageError as error:
            said = error.cause
        idb.RETURN_SECONDS = usual
        found = [said, len(tries), await database.run("count", ["notes"], count)]
        database.close()
        js.indexedDB.deleteDatabase("leaving")
        return found
    """
    assert await run_python(python, body, leave=LEAVE_AT_COMMIT, is_lost=is_lost) == [said, 1, 1]


async def test_full_disk_does_not_prevent_an_upgrade_of_the_store(small_disk: Page) -> None:
    """The lines of an older store get an index: Chromium allows that where a new record would exceed the quota."""
    older = """
        import os
        import app.browser.store as stores
        from app.browser.idb import Database
        from app.browser.values import plain
        from app.core.errors import StorageError

        def fill(transaction):
            for number in range(3000):
                line = {"name": f"p-{number}/0", "kind": "results", "size": 500, "at": float(number)}
                transaction.objectStore("ledger").put(plain(line))
            yield from write(transaction)

        def write(transaction, name="first"):
            text = os.urandom(50_000).hex()
            yield transaction.objectStore("settings").put(plain({"name": name, "text": text}))
    """
    body = f"""{older}
        create_ages, stores.create_ages = stores.create_ages, lambda _: None
        old = Database("full", 5, stores.create_stores)
        await old.run("fill", ["ledger", "settings"], fill, write=True)
        old.close()
        stores.create_ages = create_ages
        return True
    """
    assert await run_python(small_disk, body)
    script = f"""{older}
        async def filled():
            database = Database("full", 5, stores.create_stores)
            try:
                for number in range(60):
                    name = "more-" + str(number)
                    await database.run("write", ["settings"], lambda item: write(item, name), write=True)
            except StorageError as error:
                return error.cause
            finally:
                database.close()

        refused = await filled()
        store = stores.BrowserStore("full")
        count = (await store.usage()).count
        dropped = await store._drop_oldest(10)
        return [refused, count, dropped, (await store.usage()).count]
    """
    assert await run_python(small_disk, script) == ["quota", 3000, True, 2990]


async def test_oldest_journals_are_deleted_first(python: Page) -> None:
    body = """
        from app.browser.journal import BrowserJournals
        shelf = BrowserJournals("journals", most_windows=2)
        for window, at in (("a", 1.0), ("b", 2.0), ("a", 3.0), ("c", 4.0)):
            await shelf.write(window, f"{window} at {at:g}", at)
        journals = [await shelf.read(window) for window in "abc"]
        shelf.close()
        return ", ".join(journals)
    """
    assert await run_python(python, body) == "a at 3, , c at 4"
