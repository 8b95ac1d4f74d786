"""Users who share one fleet, in browsers of their own, and one after another in one browser."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import break_server, paused, slow_workflow
from tests.kit.services import Service, start_demo, start_gateway
from tests.kit.studio import PASSWORD, write_users

LOGIN = re.compile(r"/login([?#]|$)")  # it may say how long copies stay valid, and keeps a link

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

UNDER_WAY = {"queued", "running", "unreachable"}
FJORD, KETTLE = "a moonlit fjord of glass", "an old copper kettle"
STORES = "async () => (await indexedDB.databases()).map((item) => item.name)"
KEYS = "() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]"


@pytest.fixture(scope="module")
def team_servers() -> Iterator[dict[str, Service]]:
    """Two servers for the whole module."""
    with start_demo() as a, start_demo() as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def gateway(team_servers: dict[str, Service], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway with a fleet file of these servers, and three users."""
    home = tmp_path_factory.mktemp("team")
    write_users(home / "users.toml")
    rows = "".join(
        f'[[server]]\nid = "{name}"\nurl = "{demo.url}"\ndrain = false\n' for name, demo in team_servers.items()
    )
    (home / "fleet.toml").write_text(rows, encoding="utf-8")
    flags = ("--fleet", str(home / "fleet.toml"), "--users", str(home / "users.toml"))
    with start_gateway(*flags) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def user(module_user: BrowserUser) -> AsyncIterator[BrowserUser]:
    """The module's user at that gateway. Refusals on purpose appear in the console too."""
    module_user.watch.restart()
    module_user.watch.expected += [r"status of 40[13]", r"WebSocket connection to .* failed", r"\b40[13]\b"]
    yield module_user
    module_user.watch.check()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alice(module_user: BrowserUser) -> MooringWindow:
    """A window in which Alice is logged in."""
    return await open_logged_in(await module_user.new_profile(), module_user.base, "alice")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bob(module_user: BrowserUser) -> MooringWindow:
    """A window in which Bob is logged in, in another browser."""
    return await open_logged_in(await module_user.new_profile(), module_user.base, "bob")


async def log_in(page: Page, name: str) -> MooringWindow:
    """Log in on the open login page."""
    await page.locator("#name").fill(name)
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#enter").click()
    window = MooringWindow(page)
    await window.ready()
    return window


async def open_logged_in(profile: BrowserContext, base: str, name: str) -> MooringWindow:
    """Open a tab and log in."""
    page = await profile.new_page()
    await page.goto(base)
    await page.wait_for_url(LOGIN)
    return await log_in(page, name)


async def open_log_out(window: MooringWindow, button: str = "ask-log-out") -> None:
    """Open the confirmation of a log-out through the settings."""
    await window.page.get_by_test_id("open-settings").first.click()
    await window.page.get_by_test_id(button).click()
    await window.page.get_by_test_id("log-out").wait_for()


async def log_out(window: MooringWindow, button: str = "ask-log-out", *, is_wiping: bool = False) -> Page:
    """Log out, and wait for the login page."""
    await open_log_out(window, button)
    if is_wiping:
        await window.page.get_by_test_id("wipe").check()
    await window.page.get_by_test_id("confirm-log-out").click()
    await window.page.wait_for_url(LOGIN)
    return window.page


async def ask(window: MooringWindow, path: str) -> tuple[int, str]:
    """Return the gateway's answer to this window's user."""
    status, text = await window.call("fetch(a[0]).then(async (one) => [one.status, await one.text()])", path)
    return int(status), str(text)


async def everything(window: MooringWindow, servers: Iterable[str] = ("a", "b")) -> str:
    """Return everything that the servers and the page show this user."""
    asked = [await ask(window, f"/servers/{name}/{path}") for name in servers for path in ("queue", "history")]
    assert {status for status, _text in asked} == {200}
    return "\n".join([*(text for _status, text in asked), await window.page.content()])


async def notice(window: MooringWindow, kind: str) -> None:
    """Wait for a notice of that kind."""
    await window.page.locator(f"[data-testid=notice][data-kind={kind}]").wait_for()


async def test_two_users_see_only_their_own_work(
    user: BrowserUser, team_servers: dict[str, Service], alice: MooringWindow, bob: MooringWindow
) -> None:
    of_alice = await alice.submit(slow_workflow(text=FJORD), "fjord")
    of_bob = await bob.submit(slow_workflow(text=KETTLE), "kettle")
    made = [(await alice.wait_for(of_alice)), (await bob.wait_for(of_bob))]
    assert [item["state"] for item in made] == ["succeeded", "succeeded"]
    async with paused(*team_servers.values()):
        long_one = await alice.submit(slow_workflow(text=FJORD), "fjord")
        await alice.wait_state(long_one, "running")

        seen_by_alice, seen_by_bob = await everything(alice), await everything(bob)
        assert FJORD in seen_by_alice and KETTLE in seen_by_bob
        assert KETTLE not in seen_by_alice and FJORD not in seen_by_bob
        assert of_bob not in seen_by_alice and long_one not in seen_by_bob and of_alice not in seen_by_bob

        server = (await alice.task(of_alice))["executionServer"]
        _, history = await ask(alice, f"/servers/{server}/history/{of_alice}")
        picture = _picture(json.loads(history)[of_alice])
        address = f"/servers/{server}/view?filename={picture['filename']}&subfolder={picture['subfolder']}&type=output"
        assert (await ask(bob, address))[0] == 403
        assert (await ask(bob, f"/servers/{server}/history/{of_alice}"))[0] == 403

        await alice.reload()
        await alice.card(of_alice, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()
        await alice.press_cancel(long_one)
    await alice.check()


def _picture(entry: Any) -> dict[str, Any]:
    return dict(next(item for made in entry["outputs"].values() for item in made.get("images", ())))


async def test_work_survives_log_out_everywhere_and_stays_private(
    user: BrowserUser, team_servers: dict[str, Service]
) -> None:
    profile = await user.new_profile()
    window = await open_logged_in(profile, user.base, "carol")
    other = await MooringWindow.open(profile, user.base)
    await other.ready()
    for server in team_servers.values():
        await break_server(server, dead_worker=True)  # so that nothing ends before its user logs in
    running = await window.submit(slow_workflow(text=FJORD), "fjord")
    await window.wait_state(running, "queued")
    await open_log_out(other, "ask-log-out-everywhere")
    await check_axe(other.page)
    await other.page.get_by_test_id("wipe").check()
    await other.page.get_by_test_id("loose-window").wait_for()
    await check_axe(other.page)
    await other.page.get_by_test_id("wipe").uncheck()
    await other.page.get_by_test_id("confirm-log-out").click()
    await other.page.wait_for_url(LOGIN)

    await notice(window, "logged-out")
    await check_axe(window.page)
    link = window.page.get_by_test_id("log-in")
    assert [await link.get_attribute(name) for name in ("href", "target", "rel")] == ["/login", "_blank", "noopener"]
    assert (await window.task(running))["state"] in UNDER_WAY, "nothing of it is lost"

    second = await log_in(other.page, "carol")
    await expect(window.page.locator("[data-testid=notice]")).to_have_count(0)
    for server in team_servers.values():
        await break_server(server, dead_worker=False)
    await window.card(running, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()

    async with paused(*team_servers.values()):
        later = await window.submit(slow_workflow(text=FJORD), "fjord")
        await window.wait_state(later, "running")
        bob = await log_in(await log_out(second), "bob")
        assert await bob.call("windowTasks.length") == 0
        assert FJORD not in await everything(bob)
        await notice(window, "other-person")
        await expect(window.page.get_by_test_id("run")).to_be_disabled()
        refused = "mooring.submitWorkflow(a[0]).then(() => 'sent', () => 'refused')"
        assert await window.call(refused, slow_workflow(text=FJORD)) == "refused"
        for name in ("a", "b"):
            assert FJORD not in (await ask(bob, f"/servers/{name}/history"))[1]
        assert (await window.task(later))["state"] in UNDER_WAY

        back = await log_in(await log_out(bob), "carol")
        await expect(window.page.locator("[data-testid=notice]")).to_have_count(0)
        await window.press_cancel(later)
    await back.check()


async def store_of(window: MooringWindow) -> str:
    """Return the ending of the names of this user's stores."""
    return str(await window.page.evaluate("document.documentElement.dataset.store"))


async def kept(page: Page, store: str) -> list[str]:
    """Return what the browser keeps under the name of one user: databases, keys, shared files, caches."""
    names = [*await page.evaluate(STORES), *await page.evaluate(KEYS), *await page.evaluate("caches.keys()")]
    return sorted(name for name in names if store in name)


async def test_log_out_may_delete_everything_of_one_user(user: BrowserUser) -> None:
    profile = await user.new_profile()
    bob = await open_logged_in(profile, user.base, "bob")
    of_bob, store_of_bob = await bob.submit(slow_workflow(text=KETTLE), "kettle"), await store_of(bob)
    await bob.card(of_bob, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()
    carol = await log_in(await log_out(bob), "carol")
    before = await kept(carol.page, store_of_bob)
    assert f"mooring@{store_of_bob}" in before
    await carol.wait_for(await carol.submit(slow_workflow(text=FJORD), "fjord"))
    store = await store_of(carol)
    assert f"mooring@{store}" in await kept(carol.page, store)
    page = await log_out(carol, is_wiping=True)
    assert await kept(page, store) == []
    assert await kept(page, store_of_bob) == before
    bob = await log_in(page, "bob")
    await bob.card(of_bob, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()
    again = await log_in(await log_out(bob), "carol")
    assert await again.call("windowTasks.length") == 0


async def test_logged_out_page_deletes_the_data_of_its_user(
    user: BrowserUser, team_servers: dict[str, Service]
) -> None:
    profile = await user.new_profile()
    bob = await open_logged_in(profile, user.base, "bob")
    store_of_bob = await store_of(bob)
    carol = await log_in(await log_out(bob), "carol")
    before, store = await kept(carol.page, store_of_bob), await store_of(carol)
    async with paused(*team_servers.values()):
        later = await carol.submit(slow_workflow(text=FJORD), "fjord")
        await carol.wait_state(later, "running")
        elsewhere = await open_logged_in(await user.new_profile(), user.base, "carol")
        await log_out(elsewhere, "ask-log-out-everywhere")
        await notice(carol, "logged-out")
        await carol.page.get_by_test_id("ask-delete-data").click()
        dialog = carol.page.get_by_test_id("log-out")
        await expect(dialog).to_contain_text("Delete what this browser keeps of carol?")
        await expect(dialog.get_by_test_id("loose-window")).to_contain_text("1 unfinished task")
        await check_axe(carol.page)
        await dialog.get_by_test_id("confirm-log-out").click()
        await carol.page.wait_for_url(LOGIN)
    assert await kept(carol.page, store) == []
    assert await kept(carol.page, store_of_bob) == before
    again = await log_in(carol.page, "carol")
    assert await again.call("windowTasks.length") == 0
    await again.check()


@pytest.mark.parametrize(
    ("language", "button", "message"),
    [("en", "Log in", "The name or the password is wrong."), ("zh-CN", "登录", "用户名或密码不正确。")],
)
async def test_login_page_has_the_language_of_the_browser(
    user: BrowserUser, language: str, button: str, message: str
) -> None:
    page = await (await user.new_profile(locale=language)).new_page()
    await page.goto(user.base)
    await page.wait_for_url(LOGIN)
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await expect(page.locator("#enter")).to_have_text(button)
    await check_axe(page)
    await page.locator("#name").fill("alice")
    await page.locator("#password").fill("a wrong password")
    await page.locator("#enter").click()
    await expect(page.locator("#trouble")).to_have_text(message)
    await check_axe(page)


async def test_fleet_role_drains_a_server_and_cancels_a_prompt(
    user: BrowserUser, team_servers: dict[str, Service], alice: MooringWindow
) -> None:
    await alice.page.get_by_test_id("open-fleet").first.click()
    await alice.page.get_by_test_id("fleet-panel").wait_for()
    assert await alice.page.get_by_test_id("fleet-panel").get_by_test_id("menu").count() == 0, (
        "she may not run the fleet"
    )
    await alice.page.get_by_test_id("close-fleet").click()
    # A seed of its own: a server that has done the same work before answers from its cache immediately.
    async with paused(*team_servers.values()):
        prompt_id = await alice.submit(slow_workflow(text=FJORD), "fjord")
        await alice.wait_state(prompt_id, "running")
        server = (await alice.task(prompt_id))["executionServer"]

        carol = await open_logged_in(await user.new_profile(), user.base, "carol")
        await carol.page.get_by_test_id("open-fleet").first.click()
        row = carol.page.locator(f"[data-testid=server][data-server={server}]")
        await row.get_by_test_id("menu").click()
        await row.get_by_test_id("drain").click()
        await expect(row.get_by_text("takes nothing new")).to_be_visible()
        await row.get_by_test_id("menu").click()
        await row.get_by_test_id("free-memory").click()
        await expect(row.get_by_text("It gives back memory")).to_be_visible()
        await row.get_by_test_id("menu").click()
        await row.get_by_test_id("see-queue").click()
        queued = row.locator(f"[data-testid=queued][data-prompt='{prompt_id}']")
        await expect(queued).to_contain_text("alice")
        assert FJORD not in await carol.page.content()
        await queued.get_by_test_id("cancel-prompt").click()
        await check_axe(carol.page)
        await queued.get_by_test_id("confirm-cancel-prompt").click()
        await queued.wait_for(state="detached")
        await alice.card(prompt_id, "cancelled").wait_for()
    await row.get_by_test_id("menu").click()
    await row.get_by_test_id("drain").click()
    await expect(row.get_by_text("takes nothing new")).to_have_count(0)


async def test_link_to_a_result_survives_the_login_and_opens_for_its_owner_only(
    user: BrowserUser, alice: MooringWindow, bob: MooringWindow
) -> None:
    prompt_id = await alice.submit(slow_workflow(2, text=FJORD))
    server = (await alice.wait_for(prompt_id))["executionServer"]
    link = f"{user.base}/#result={server}/{prompt_id}/0"
    await bob.page.evaluate("(link) => { location.href = link; }", link)
    await expect(bob.page.locator("#errors [data-testid=notice]")).to_contain_text("no such result for you")
    assert FJORD not in await bob.page.content()
    await bob.page.locator("#errors [data-action=dismiss-notice]").click()
    page = await (await user.new_profile()).new_page()
    await page.goto(link)
    await page.wait_for_url(LOGIN)
    assert page.url.endswith(f"/login#{link.partition('#')[2]}")
    await log_in(page, "alice")
    await page.locator("dialog.large img:not(.is-small)").wait_for()
    assert "#" not in page.url
    await page.close()


@pytest.mark.parametrize("target", ["http://[", "blob:{base}/x", "//elsewhere.invalid/", "javascript:alert(1)"])
async def test_login_with_an_invalid_target_opens_the_page(user: BrowserUser, target: str) -> None:
    page = await (await user.new_profile()).new_page()
    await page.goto(f"{user.base}/login?to={target.format(base=user.base)}&copies=x")
    await expect(page.locator("#copies")).to_be_hidden()
    await log_in(page, "alice")
    await page.wait_for_url(f"{user.base}/")
    await page.close()


async def test_whole_workflow_in_a_link_survives_the_login(user: BrowserUser) -> None:
    workflow = slow_workflow(2, text=FJORD)
    long = {**workflow, "_": {"class_type": "Note", "inputs": {"text": secrets.token_urlsafe(100_000)}}}
    link = f"open=Fjord&json={base64.urlsafe_b64encode(json.dumps(long).encode()).decode().rstrip('=')}"
    assert 150_000 < len(link) < 200_000
    page = await (await user.new_profile()).new_page()
    await page.goto(f"{user.base}/#{link}")
    await page.wait_for_url(LOGIN)
    await log_in(page, "alice")
    await expect(page.get_by_test_id("linked")).to_contain_text("are from a link")
    await expect(page.locator("#field-1-text")).to_have_value(FJORD)
    assert page.url == f"{user.base}/"
    await page.close()
