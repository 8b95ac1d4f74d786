"""The composition root of one window: builds the adapters, starts the session, then the page.

The only module that knows all parts. `app/main.py` calls it, after `index.html` has painted the shell.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import traceback
from typing import Any

from app.browser.about import read_about
from app.browser.adapters import documents_of, make_panel_sources, make_ports, make_team
from app.browser.breaks import make_breaker
from app.browser.console import install_console
from app.browser.dom import BrowserScreen, read_bytes, read_text
from app.browser.files import address
from app.browser.folder import BrowserFolder
from app.browser.journal import listen_hidden
from app.browser.layout import arrange
from app.browser.memory import BrowserMemory, BrowserPageBlobs, PrivateMemory, is_private_window
from app.browser.notifications import BrowserNotifier
from app.browser.owned import can_administer, has_copies, has_login, has_worker, user
from app.browser.tray import BrowserTray
from app.core.errors import MooringError, StorageError
from app.core.ports.documents import DocumentStore
from app.session import Session
from app.session.console import ConsoleContract
from app.session.journal_writer import LogNotes
from app.session.memory.documents import PrivateDocuments
from app.session.memory.private import private_ports
from app.ui.fleet.feature import Breaking
from app.ui.form.context import OpenWorkflows
from app.ui.form.open_workflow import SHIPPED_IDS, OpenWorkflow, open_shipped
from app.ui.graph.feature import Arranging
from app.ui.kit.account import Account
from app.ui.kit.i18n import Translator, make_translator, read_languages
from app.ui.kit.services import PagePorts
from app.ui.notices.releases import Releases
from app.ui.page.page import Page
from app.ui.results.feature import SavesTo
from app.ui.settings.account import Attendance
from app.ui.settings.account_actions import Team
from app.ui.settings.actions import first_language
from app.ui.settings.feature import Notifications
from app.ui.settings.settings import KEY as SETTINGS_KEY
from app.ui.settings.settings import Settings, read_settings
from app.ui.tray.feature import SharedFiles
from app.ui.windows.panel_data import PanelSources

log = logging.getLogger("mooring")


def random_seed(limit: int) -> int:
    """Return a random whole number from 0 up to and including `limit`."""
    return secrets.randbelow(limit + 1)


def read_account() -> Account:
    return Account(user(), has_login=has_login(), runs_fleet=can_administer(), has_copies=has_copies())


async def read_workflows() -> tuple[OpenWorkflow, ...]:
    """Return the workflows that come with Mooring."""
    texts = await asyncio.gather(*(read_text(address(f"static/workflows/{item}.json")) for item in SHIPPED_IDS))
    return tuple(open_shipped(item, text) for item, text in zip(SHIPPED_IDS, texts, strict=True))


async def main(page_js: Any) -> None:
    """Start the session and the page; the shell shows any failure. `page_js` is the module `static/js/page.js`."""
    notify, patch, shell = page_js.notify, page_js.patch, page_js.shell
    shell.begin()
    await shell.opened()
    is_private = is_private_window()
    memory = PrivateMemory(BrowserMemory(), {SETTINGS_KEY}) if is_private else BrowserMemory()
    screen = BrowserScreen(patch, shell, memory)
    releases = Releases(str(shell.build()))
    attendance = Attendance(read_account())
    ports = make_ports(on_build=releases.note_build, on_newer=releases.note_store, on_user=attendance.note_user)
    team = Team(attendance, *make_team(ports))
    documents: DocumentStore = documents_of(ports.store)
    panel_sources = PanelSources(*make_panel_sources(ports))
    if is_private:
        ports, documents = private_ports(ports, BrowserPageBlobs(patch)), PrivateDocuments(documents)
    session = Session(ports)
    session.choose_previews(read_settings(screen.kept(SETTINGS_KEY)).previews)  # before it sends any waiting run
    install_console(ConsoleContract(session, read_about))
    logging.getLogger("mooring").addHandler(LogNotes(session.note))
    listen_hidden(session.journal.hurry)

    async def translator(language: str) -> Translator:
        path = languages.path_of(language)
        catalogue = await read_bytes(path) if path is not None else b""
        return make_translator(language, catalogue, screen.formats(language), languages)

    workflows, listed, _ = await asyncio.gather(read_workflows(), screen.languages(), session.start())
    languages = read_languages(listed)
    page = Page(
        session,
        screen,
        PagePorts(
            documents=documents,
            read_input=ports.store.read_input,
            random_seed=random_seed,
            now=ports.clock.now,
            steady=ports.clock.steady,
            sleep=asyncio.sleep,
            is_private=is_private,
        ),
        OpenWorkflows(workflows),
        releases,
        team,
        panel_sources,
        Breaking(make_breaker(ports.http)),
        Arranging(arrange),
        Notifications(BrowserNotifier(notify)),
        *(() if is_private else (SavesTo(BrowserFolder(patch)),)),
        *((SharedFiles(BrowserTray()),) if has_worker() and not is_private else ()),
        translators=translator,
    )
    await page.start(first_language(page.ui.of(Settings), screen.language_wishes(), languages))
    screen.listen(page.actions.act, page.take_files, page.take_many)
    screen.listen_wakes(session.wake)
    screen.listen_wakes(page.wake)
    screen.listen_tab(page.request)
    screen.listen_kept(page.follow_kept)
    screen.listen_links(page.follow_link)
    gc.freeze()  # everything up to here stays: each full collection would otherwise take 50 ms longer
    shell.ready()
    await page.load_rest()


async def boot(page_js: Any) -> None:
    """Run `main` and let the shell show a failure, since nothing else works then."""
    shell = page_js.shell
    try:
        await main(page_js)
    except StorageError as error:
        shell.fail("storage", str(error))
    except MooringError as error:
        shell.fail("file", str(error))
    except Exception as error:  # noqa: BLE001 - the last place that can show anything
        log.error("the window did not start: %s", traceback.format_exc())
        shell.fail("python", repr(error))
