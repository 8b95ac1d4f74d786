"""Mooring windows in a real Chromium, used as a user does, with strict checks of their consoles.

    async with open_user(browser, gateway.url) as user:
            window = await user.open()                  # Mooring, ready for work
        other = await user.open()                   # another tab of the same profile
        await window.run_photo(photo)

Any console error, uncaught error or request to a foreign origin fails the test when the block ends. A test names
the errors that it causes on purpose (`user.watch.expected`). Nothing excuses a foreign request; one that a test
tries (`user.watch.tried`) must have been blocked by the page's own policy.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, ViewportSize
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from tests.kit.browser.chromium import wait_for_js

# Windows of a test are few, and to let their cache keep the unpacked memory snapshot costs more than it saves.
# Playwright takes a page that is loaded ahead for a window, and for closed once it is opened.
KEEP_NOTHING = "globalThis.mooringKeepAfter ??= 1e9; delete HTMLScriptElement.supports;"
# They load it unpacked: on loopback that is a tenth of a start cheaper. A plain web server says what it is packed with.
FIRST_SCRIPT = f"""{KEEP_NOTHING}
new MutationObserver((changes, observer) => {{
  const link = document.querySelector("#snapshot");
  if (link && !link.dataset.coding) link.href = link.dataset.plain;
  if (link || document.body) observer.disconnect();
}}).observe(document, {{ childList: true, subtree: true }});
"""
VIEWPORT: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 120_000  # milliseconds, for several Pythons that start on a loaded two-core machine


class Watch:
    """Errors in browser profiles; `expected` are patterns of errors that a test causes on purpose."""

    def __init__(self, base: str, *expected: str) -> None:
        self.expected = list(expected)
        self.tried: list[str] = []  # patterns of foreign addresses
        self._own: tuple[str, ...] = ("blob:", "data:", "about:")
        self.allow(base)
        self._errors: list[str] = []
        self._foreign: list[str] = []

    def allow(self, *addresses: str) -> None:
        """Allow requests to these addresses: a page without a gateway has servers at other origins."""
        for address in addresses:
            self._own += (f"{address}/", f"ws{address.removeprefix('http')}/")

    def attach(self, context: BrowserContext) -> None:
        """Watch all windows of a profile from now on, including those that a page opens."""
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._errors.append(f"uncaught: {error.error}"))
        context.on("request", lambda request: self._see(request.url))
        context.on("requestfailed", self._see_stopped)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._see(socket.url)))

    def check(self) -> None:
        """Fail if there was an error that the test does not expect."""
        errors = [error for error in self._errors if not any(re.search(pattern, error) for pattern in self.expected)]
        assert not (found := [*self._foreign, *errors]), "\n".join(found)

    def restart(self) -> None:
        """Forget what has been seen, expected and tried so far: another test begins."""
        for seen in (self.expected, self.tried, self._errors, self._foreign):
            seen.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"console: {message.text} {message.location.get('url', '')}")

    def _see_stopped(self, request: Request) -> None:
        if request.failure == "csp" and any(re.search(pattern, request.url) for pattern in self.tried):
            self._foreign.remove(f"foreign request: {request.url}")

    def _see(self, url: str) -> None:
        if not url.startswith(self._own):
            self._foreign.append(f"foreign request: {url}")


class BrowserUser:
    """One user's windows: tabs of one browser profile, unless a test makes another profile."""

    def __init__(self, browser: Browser, base: str, first_script: str, profile: Mapping[str, Any]) -> None:
        self.base = base
        self.options = {"locale": "en-US", "viewport": VIEWPORT, **profile}
        self._first_script = first_script
        self.watch = Watch(base)
        self._browser = browser
        self._profiles: list[BrowserContext] = []

    async def new_profile(self, **options: Any) -> BrowserContext:
        """Create a profile with storage of its own. The first one is where `open` opens windows."""
        profile = await self._browser.new_context(**{**self.options, **options})
        profile.set_default_timeout(PATIENCE)
        await profile.add_init_script(self._first_script)
        self.watch.attach(profile)
        self._profiles.append(profile)
        return profile

    async def open(self, path: str = "/", *, is_ready: bool = True) -> MooringWindow:
        """Open a tab with Mooring, ready for work unless `is_ready` is False."""
        profile = self._profiles[0] if self._profiles else await self.new_profile()
        window = await MooringWindow.open(profile, f"{self.base}{path}")
        if is_ready:
            await window.ready()
        return window

    async def close(self) -> None:
        """Close all windows."""
        while self._profiles:
            await self._profiles.pop().close()


@contextlib.asynccontextmanager
async def open_user(
    browser: Browser, base: str, *, first_script: str = FIRST_SCRIPT, profile: Mapping[str, Any] | None = None
) -> AsyncIterator[BrowserUser]:
    """Yield a user, whose windows are closed at the end, and checked if the test got there.

    `first_script` runs in each window before the page's own. `profile` holds options of all profiles, as of a phone.
    """
    user = BrowserUser(browser, base, first_script, profile or {})
    try:
        yield user
    finally:
        await user.close()
    user.watch.check()


class SharedWindow:
    """A window for several tests of a module; after a failed test the next one gets another."""

    def __init__(self, user: BrowserUser) -> None:
        self.user = user
        self._window: MooringWindow | None = None

    async def begin(self) -> MooringWindow:
        """Return the window as each test expects it."""
        if self._window is None:
            self._window = await self.user.open()
        else:
            await self._window.tidy(self.user.options["viewport"])
        self.user.watch.restart()
        return self._window

    async def end(self, *, has_failed: bool) -> None:
        """Fail if there was an error in the window since `begin`."""
        assert self._window is not None
        await self._window.page.evaluate("0")  # console messages until now come before its answer
        if has_failed:
            self._window = None
            await self.user.close()
        self.user.watch.check()


async def press_in_menu(item: Locator) -> None:
    """Open the menu that has this button, and press it."""
    menu = await item.locator("xpath=ancestor::*[@popover]").get_attribute("id")
    await item.page.locator(f"[popovertarget='{menu}']").click()
    await item.click()


async def close_dialogs(page: Page) -> None:
    """Close each open dialog by one Escape."""
    dialogs = page.locator("dialog[open]")
    while opened := await dialogs.count():
        await page.keyboard.press("Escape")
        fewer = "(count) => document.querySelectorAll('dialog[open]').length < count"
        try:
            await wait_for_js(page, fewer, arg=opened)
        except PlaywrightTimeoutError:
            raise AssertionError(f"Escape closes none of {await dialogs.all_inner_texts()}") from None


async def press_for_result(tile: Locator, action: str) -> None:
    """Open the menu of a result, which has its buttons from then on, and press the one of this action."""
    await tile.get_by_test_id("menu").click()
    await tile.locator(f".menu [data-action={action}]").click()


class MooringWindow:
    """A tab with Mooring, through the console API and the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    async def open(cls, context: BrowserContext, address: str) -> Self:
        """Open a tab at an address; `ready` waits for Mooring in it."""
        page = await context.new_page()
        await page.goto(address)
        return cls(page)

    async def ready(self) -> None:
        """Wait until the session has read its records and the page is drawn."""
        await wait_for_js(
            self.page, "() => globalThis.mooring && document.body.matches(':not(.is-booting), .has-failed')"
        )
        failure = self.page.locator("#boot-failure")
        assert not await failure.is_visible(), await failure.inner_text()
        await self.page.evaluate("() => mooring.ready.then(() => true)")
        await self.page.get_by_test_id("run").wait_for(state="attached")  # a phone may show another part

    async def reload(self) -> None:
        """Reload the tab and wait until it is ready."""
        await self.page.reload()
        await self.ready()

    async def tidy(self, viewport: ViewportSize = VIEWPORT) -> None:
        """Return to the state in which tests of a shared window begin: their ended tasks and typed values stay."""
        page = self.page
        await page.unroute_all()
        if page.viewport_size != viewport:
            await page.set_viewport_size({**viewport})
        await close_dialogs(page)
        if await page.get_by_test_id("dismiss-errors").is_visible():
            await page.get_by_test_id("dismiss-errors").click()
        for task in await self.call("windowTasks.filter((task) => !task.endedAt)"):
            await self.call("mooring.giveUp(a[0])", task["promptId"])
        await page.evaluate("document.querySelector('#results-latest[aria-pressed=false]')?.click()")
        await self.choose_sample("enlarge")
        if await page.locator("[data-action=clear-picture]").is_visible():
            await page.locator("[data-action=clear-picture]").click()
        await page.mouse.move(0, 0)  # or the next click at the same place may count as the second of a double click

    async def duplicate(self) -> MooringWindow:
        """Open a window from this one: it has a copy of the session storage, as a duplicated tab does."""
        async with self.page.expect_popup() as opened:
            await self.page.evaluate("() => void window.open(location.href)")
        twin = MooringWindow(await opened.value)
        await twin.ready()
        return twin

    # Actions of a user

    async def show(self, part: str) -> None:
        """On a phone, go to a part of the page: form, now or results. A wide window shows all of them."""
        tab = self.page.get_by_test_id(f"tab-{part}")
        if await tab.is_visible():
            await tab.click()

    async def show_left(self) -> None:
        """List the work of closed windows, once some is found."""
        sign = self.page.locator("[data-testid=left-sign][aria-expanded=false]")
        await sign.click()
        await self.page.locator("[data-testid=left-sign][aria-expanded=true]").wait_for()

    async def choose_sample(self, sample_id: str) -> None:
        """Choose a workflow in the picker."""
        await self.show("form")
        await self.page.get_by_test_id("workflow-picker").click()
        await self.page.locator(f"#pick-{sample_id}").click()
        await self.page.locator(f"#fields-{sample_id}").wait_for()

    async def choose_small_text(self) -> None:
        """Choose the workflow that draws a text, with a small picture: the usual size takes a second of a core."""
        await self.choose_sample("text")
        width = self.page.locator("#field-1-width")
        if not await width.count():
            await self.page.locator("[data-testid=node][data-node='1'] button").first.click()
        await width.fill("96")
        await self.page.locator("#field-1-height").fill("64")
        await self.page.locator("#field-1-height").press("Tab")

    async def plan_as(self, kind: str) -> None:
        """Choose how the runs of an open plan differ, and wait until that is drawn."""
        await self.page.locator(f"#many-kind-{kind}").check(force=True)
        await self.page.locator(f".segment.is-chosen #many-kind-{kind}").wait_for(state="attached")

    async def plan_grid(self, across: str, down: str, seeds: str = "see") -> None:
        """Open the plan of a grid: the first choice across, and seeds down, found by name in the list of inputs.

        `seeds` is the text to type for them, in the page's language.
        """
        await self.page.get_by_test_id("open-many").click()
        await self.plan_as("grid")
        inputs = self.page.get_by_test_id("many-down")
        await inputs.fill(seeds)
        await self.page.locator("#combo-list [role=option]").first.wait_for()
        await inputs.press("Enter")
        await self.page.get_by_test_id("many-across-text").fill(across)
        await self.page.get_by_test_id("many-down-text").fill(down)

    async def put_picture(self, file: Path, field_id: str = "1-image") -> None:
        """Put a picture into a field, and wait until it has been read."""
        await self.page.locator(f"[data-testid=drop-{field_id}] input").set_input_files(file)
        await self.page.locator(f"[data-testid=drop-{field_id}].has-picture").wait_for()

    async def press_run(self, press: Callable[[Locator], Awaitable[None]] = Locator.click) -> str:
        """Press Run, wait for the new task's card, and return its prompt_id."""
        cards = "[...document.querySelectorAll('[data-testid=task-card]')].map((card) => card.dataset.promptId)"
        before = await self.page.evaluate(cards)
        await self.show("form")
        await press(self.page.locator("[data-testid=run]:enabled"))
        found = await wait_for_js(self.page, f"(before) => {cards}.find((id) => !before.includes(id))", arg=before)
        return str(await found.json_value())

    async def send_photo(self, file: Path) -> str:
        """Put a photo into the workflow that enlarges it, press Run, and return the prompt_id."""
        await self.choose_sample("enlarge")
        await self.put_picture(file)
        return await self.press_run()

    async def run_photo(self, file: Path) -> str:
        """Do the main job: run a photo until its result is shown, and return the prompt_id."""
        prompt_id = await self.send_photo(file)
        result = self.card(prompt_id, "succeeded").locator("[data-testid=result][data-delivery=kept] img")
        await result.wait_for()
        return prompt_id

    async def run_slow(self) -> str:
        """Run the slow sample until its preview is shown, and return the prompt_id."""
        await self.choose_sample("slow")
        prompt_id = await self.press_run()
        await self.card(prompt_id, "running").get_by_test_id("preview").wait_for()
        return prompt_id

    async def press_cancel(self, prompt_id: str) -> None:
        """Press Stop, and wait until the task has stopped."""
        await self.card(prompt_id).get_by_test_id("cancel").click()
        await self.card(prompt_id, "cancelled").wait_for()

    async def open_large(self, prompt_id: str) -> Locator:
        """Open a task's first result large, and return its picture once that is the original."""
        await self.card(prompt_id, "succeeded").locator(".result-open").first.click()
        picture = self.page.locator(".large-stage img:not(.is-small)")
        await picture.wait_for()
        return picture

    async def expect_told(self, prompt_id: str, words: str) -> None:
        """Check that the large view of a task's result says this about its run."""
        await self.open_large(prompt_id)
        await self.page.locator(".large-told", has_text=words).wait_for()
        await self.close_large()

    async def close_large(self) -> None:
        """Close the large view."""
        await self.page.locator("dialog.large [data-action=close-dialog]").click()
        await self.page.locator("dialog").wait_for(state="detached")

    async def hold_deletions(self) -> None:
        """Pause the countdown of deletions until one is undone, as the pointer on their message does."""
        detail = {"name": "hold-deletions", "facts": {}}
        script = "(detail) => document.dispatchEvent(new CustomEvent('mooring-action', { detail }))"
        await self.page.evaluate(script, detail)

    async def press_on(self, card: Locator, test_id: str) -> None:
        """Press a button of a card or row; if it is in its menu, open that first."""
        button, menu = card.get_by_test_id(test_id).first, card.get_by_test_id("menu").first
        await button.or_(menu).first.wait_for()
        if not await button.is_visible():
            await menu.click()
        await button.click()

    def card(self, prompt_id: str, state: str = "") -> Locator:
        """Return a task's card, in this state if one is named."""
        wanted = f"[data-state={state}]" if state else ""
        return self.page.locator(f'[data-testid=task-card][data-prompt-id="{prompt_id}"]{wanted}')

    # Actions of a script

    async def call(self, expression: str, *arguments: Any) -> Any:
        """Evaluate an expression in the console; `a` are the arguments."""
        return await self.page.evaluate(f"async (a) => {{ return await ({expression}); }}", list(arguments))

    async def submit(self, workflow: dict[str, Any], title: str = "test") -> str:
        """Submit by the scripting interface, and return the prompt_id."""
        return str(await self.call("mooring.submitWorkflow(a[0], {title: a[1]})", workflow, title))

    async def facts(self) -> dict[str, Any]:
        """Return `debugServerConsistency()`."""
        return dict(await self.call("debugServerConsistency()"))

    async def task(self, prompt_id: str) -> dict[str, Any]:
        """Return one of `windowTasks`."""
        return dict(await self.call("windowTasks.find((task) => task.promptId === a[0]) ?? {}", prompt_id))

    async def wait_state(self, prompt_id: str, *states: str) -> None:
        """Wait until a task is in one of these states."""
        await wait_for_js(
            self.page,
            "([id, states]) => states.includes(windowTasks.find((task) => task.promptId === id)?.state)",
            arg=[prompt_id, list(states)],
        )

    async def connected(self) -> None:
        """Wait until the server has greeted the window's socket: what it sends from now on arrives."""
        await wait_for_js(self.page, "() => debugWebSocketLock().webSocket.state === 'open'")

    async def wait_progress(self, prompt_id: str) -> None:
        """Wait until the page shows that steps of a task are done."""
        await wait_for_js(
            self.page, "(id) => document.querySelector(`[data-prompt-id='${id}'] progress`)?.value > 0", arg=prompt_id
        )

    async def wait_for(self, prompt_id: str) -> dict[str, Any]:
        """Wait until a task has ended and is delivered."""
        return dict(await self.call("mooring.waitFor(a[0])", prompt_id))

    async def check(self) -> None:
        """Check that the window reports no inconsistency, cached or freshly read."""
        assert await self.call("checkServerSwitchRisk()") is False
        assert (await self.call("mooring.verify()"))["violations"] == []
