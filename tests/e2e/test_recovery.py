"""What the page shows and offers after faults, in a real browser with real servers that break."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.test_unreadable import TOUCH
from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import BARE, held, wait_for_js
from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, KillableGateway, cancel_prompts
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import break_server, load_server, paused, quick_workflow, runs_of, slow_workflow
from tests.kit.module_gateways import gateway_to_kill

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STEP_SECONDS = 0.05

gateway = gateway_to_kill


def other_than(server_id: str) -> str:
    """Return the other server."""
    return "b" if server_id == "a" else "a"


async def focused_card(window: MooringWindow) -> str | None:
    """Return the prompt_id of the focused card or row."""
    return await window.call("document.activeElement.closest('[data-prompt-id]')?.dataset.promptId ?? null")


async def test_work_of_a_killed_server_runs_elsewhere_with_its_input(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow, photo: Path
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    await window.page.set_viewport_size({"width": 360, "height": 740})
    async with paused(*fleet.up.values()):
        others = {server_id: await load_server(server, 1) for server_id, server in fleet.up.items()}
        first = await window.send_photo(photo)
        await window.wait_state(first, "queued")
        gone = (await window.task(first))["executionServer"]
        fleet.kill(gone)
        doubtful = window.card(first, "unreachable")
        await expect(doubtful).to_contain_text(f"{gone} does not answer")
        offers = doubtful.get_by_test_id("offers")
        await expect(offers.locator("li")).to_have_count(7)
        await expect(offers).to_contain_text(f"As soon as {gone} answers, this continues automatically.")
        await check_axe(window.page)
        assert await window.call("document.documentElement.scrollWidth") == 360

        await offers.locator("[data-offer=run-elsewhere] button").click()
        question = window.page.get_by_test_id("run-again-dialog")
        await expect(question).to_contain_text(f"if {gone} still runs it, it runs twice")
        await check_axe(window.page)
        await question.get_by_test_id("confirm-run-again").click()
        await window.show("results")
        await window.card(first, "given_up").wait_for()
        second_id = await window.card(first).get_by_test_id("again-as").get_attribute("data-prompt-id") or ""
        there = other_than(gone)
        card = window.card(second_id)
        await expect(card.get_by_test_id("again-of")).to_have_attribute("data-prompt-id", first)
        await expect(card).to_have_attribute("data-server", there)
        await cancel_prompts(fleet[there], others[there])
    task = await window.wait_for(second_id)
    assert (task["state"], task["executionServer"], task["againOf"]) == ("succeeded", there, first)
    await window.card(second_id, "succeeded").get_by_test_id("result-image").wait_for()
    assert await runs_of(fleet[there], second_id) == 1
    await window.check()


async def test_offers_open_another_window_or_give_up_by_keyboard(user: BrowserUser, fleet: Fleet) -> None:
    user.watch.expected += BROKEN_NETWORK
    window = await user.open("/?lang=zh-CN")
    await fleet.break_all(pause_at_step=1)
    prompt_id = await window.submit(slow_workflow())
    await window.wait_state(prompt_id, "running")
    gone = (await window.task(prompt_id))["executionServer"]
    fleet.kill(gone)
    offers = window.card(prompt_id, "unreachable").get_by_test_id("offers")
    async with window.page.context.expect_page() as opened:
        await offers.get_by_test_id("open-window").click()
    other = MooringWindow(await opened.value)
    await other.ready()
    assert await other.call("document.documentElement.lang") == "zh-CN"
    await expect(other.page.locator("[data-testid=notice][data-kind=duplicate]")).to_have_count(0)
    assert (await other.facts())["windowId"] != (await window.facts())["windowId"]
    done = await other.wait_for(await other.submit(quick_workflow()))
    assert (done["state"], done["executionServer"]) == ("succeeded", other_than(gone))

    await offers.get_by_test_id("give-up").focus()
    await window.page.keyboard.press("Enter")
    question = window.page.get_by_test_id("give-up-dialog")
    await question.wait_for()
    await window.page.keyboard.press("Escape")
    await question.wait_for(state="detached")
    assert await window.call("document.activeElement.dataset.testid") == "give-up"
    await window.page.keyboard.press("Enter")
    await question.wait_for()
    await window.page.keyboard.press("Tab")
    assert await window.call("document.activeElement.closest('dialog') !== null")
    await window.page.keyboard.press("Enter")
    await window.card(prompt_id, "given_up").wait_for()
    await wait_for_js(window.page, "document.activeElement.matches('[data-prompt-id]')")
    assert await focused_card(window) == prompt_id
    assert (await window.facts())["lockedServer"] is None


async def test_work_of_a_closed_window_is_adopted_or_given_up(user: BrowserUser, fleet: Fleet, photo: Path) -> None:
    """One task by keyboard, two with their pictures by one click; a fourth one's record is damaged."""
    user.watch.expected.append("favicon.ico")
    async with paused(*fleet.up.values()):
        others = {server_id: await load_server(server, 1) for server_id, server in fleet.up.items()}
        window = await user.open()
        first = await window.submit(slow_workflow(), "Tide")
        damaged = await window.submit(slow_workflow())
        await window.choose_sample("enlarge")
        await window.put_picture(photo)
        waiting = window.page.get_by_test_id("waiting-item")
        for number in (1, 2):  # two are ahead of them
            await window.page.locator("[data-testid=run]:enabled").click()
            await expect(waiting).to_have_count(number)
        with_pictures = [await item.get_attribute("data-prompt-id") or "" for item in await waiting.all()]
        await window.press_on(window.page.locator("#waiting"), "line-all")
        for prompt_id in (first, damaged, *with_pictures):
            await window.wait_state(prompt_id, "queued")
        server_id = (await window.task(first))["executionServer"]
        await window.page.close()
        bare = (await user.open(BARE, is_ready=False)).page
        await bare.evaluate(TOUCH, [damaged, {"state": "paused"}])

        heir = await user.open()
        top = "document.getElementById('results').getBoundingClientRect().top"
        before = await heir.page.evaluate(top)
        await heir.page.get_by_test_id("left-sign").wait_for()
        assert await heir.page.evaluate(top) == before, "what the user aims at stays under the pointer"
        await heir.show_left()
        record = heir.page.get_by_test_id("orphan-record")
        while await record.count() == 0:  # a closing tab briefly holds its lock
            await heir.call("mooring.orphans()")
        await expect(heir.page.get_by_test_id("orphan")).to_have_count(3)
        await expect(heir.page.locator("[data-testid=orphan] img")).to_have_count(2)
        assert {task["promptId"] for task in await heir.call("mooring.orphans()")} == {first, *with_pictures}
        await check_axe(heir.page)
        left = heir.page.locator(f'[data-testid=orphan][data-prompt-id="{first}"]')
        await expect(left).to_contain_text("Tide")
        await expect(left).to_contain_text(server_id)
        await left.get_by_test_id("adopt").focus()
        await heir.page.keyboard.press("Enter")
        await heir.card(first).wait_for()
        await expect(left).to_have_count(0)
        assert await focused_card(heir) == first
        await expect(heir.card(first)).to_contain_text("Adopted from a window that was closed.")
        assert (await heir.facts())["lockedServer"] is None

        await expect(record).to_contain_text("Its record is damaged and cannot be read")
        await expect(record.get_by_test_id("adopt")).to_have_count(0)
        await record.get_by_test_id("give-up-record").click()
        await heir.page.get_by_test_id("confirm-give-up").click()
        await expect(record).to_have_count(0)
        assert await bare.evaluate(TOUCH, [damaged, None]) is None

        await heir.page.get_by_test_id("adopt-all").click()
        await expect(heir.page.locator("#left")).to_be_empty()
        await cancel_prompts(fleet[server_id], others[server_id])
    for prompt_id in (first, *with_pictures):
        assert (await heir.wait_for(prompt_id))["state"] == "succeeded"
        await heir.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()
        await heir.expect_told(prompt_id, "Adopted from a window that was closed.")
    assert await heir.call("mooring.orphans()") == []
    await heir.check()


async def test_unclear_submit_warns_that_another_run_may_be_double(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    await window.call("mooring.uploadImage(new Blob(['x'], {type: 'image/png'}), 'x.png')")  # moors: loads are read
    locked = fleet[(await window.facts())["lockedServer"]]
    await break_server(locked, next_submit="unsent")
    async with held(window.page, "**/history/*"):  # unclear until the server has been asked twice
        await window.page.evaluate("(workflow) => void mooring.submitWorkflow(workflow)", quick_workflow(9))
        card = window.page.locator("[data-testid=task-card][data-state=unclear]")
        await expect(card).to_contain_text("No clear answer from")
        await expect(card).to_contain_text("not sent a second time")
        prompt_id = await card.get_attribute("data-prompt-id") or ""
        server_id = await card.get_attribute("data-server") or ""
        await expect(card).to_contain_text(f"this window stays with {server_id}")
        await card.locator("[data-offer=run-again] button").click()
        question = window.page.get_by_test_id("run-again-dialog")
        await expect(question).to_contain_text(f"It is not known yet whether {server_id} has accepted the first one.")
        await window.page.keyboard.press("Escape")
    lost = window.card(prompt_id, "lost")
    await expect(lost).to_contain_text("Looked twice, last at")
    await lost.get_by_test_id("run-again").click()
    second_id = await lost.get_by_test_id("again-as").get_attribute("data-prompt-id") or ""
    assert (await window.wait_for(second_id))["state"] == "succeeded"
    assert [await runs_of(server, prompt_id) for server in fleet.up.values()] == [0, 0]


async def test_restarted_server_is_detected_and_lost_work_reported(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    await fleet.stop_workers()
    known = await window.submit(quick_workflow())
    prompt_id = await window.submit(slow_workflow())  # to the same server, which holds the window
    await fleet.break_all(pause_at_step=1, dead_worker=False)
    here = (await window.wait_for(known))["executionServer"]
    await window.wait_state(prompt_id, "running")
    assert (await window.task(prompt_id))["executionServer"] == here
    await break_server(fleet[here], restart=True)
    lost = window.card(prompt_id, "lost")
    await expect(lost).to_contain_text("The server's history no longer has what it had.")
    notices = window.page.locator("[data-testid=notice][data-kind=changed]")  # other tests have restarted a server too
    notice = notices.filter(has_text=f"{here} no longer has its history.")
    await notice.get_by_role("button").click()
    await expect(notice).to_have_count(0)
    await window.press_on(lost, "opens")
    await expect(lost.get_by_test_id("evidence")).to_contain_text("Looked again, some time later")
    await window.card(known, "succeeded").get_by_test_id("result-image").wait_for()


async def test_traceback_is_copied_without_clipboard_api(module_user: BrowserUser, window: MooringWindow) -> None:
    module_user.watch.expected.append("favicon.ico")
    await window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    workflow = quick_workflow()
    workflow["3"] = {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "fail_at": 1, "steps": 2}}
    workflow["2"]["inputs"]["images"] = ["3", 0]
    card = window.card(await window.submit(workflow), "failed")
    await card.locator(".row-why").click()
    await card.locator("summary", has_text="traceback").click()
    for has_clipboard in (True, False):
        if not has_clipboard:
            await window.page.evaluate(
                "() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
            )
        await window.page.evaluate("() => void getSelection().removeAllRanges()")
        await window.page.locator("#live").evaluate("(live) => live.replaceChildren()")
        button = card.get_by_test_id("copy")
        await expect(button).to_have_text("Copy details")
        await button.click()
        await expect(button).to_have_text("Copied")
        await expect(window.page.locator("#live").get_by_text("Copied", exact=True)).to_have_count(1)
    other = await module_user.open(BARE, is_ready=False)
    assert "failing on purpose" in await other.call("navigator.clipboard.readText()")
    await other.page.close()
    await window.page.evaluate("() => delete navigator.clipboard")


async def test_moved_server_receives_nothing_until_the_user_confirms(
    module_user: BrowserUser, killable_gateway: KillableGateway, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    await fleet.break_all(pause_at_step=1)
    prompt_id = await window.submit(slow_workflow())
    await window.wait_state(prompt_id, "running")
    server_id = (await window.task(prompt_id))["executionServer"]
    old = fleet[server_id].url
    new = old.replace("127.0.0.1", "localhost")
    killable_gateway.kill()
    killable_gateway.start(**{server_id: new})
    card = window.card(prompt_id, "unreachable_moved")
    await expect(card).to_contain_text(f"{old} → {new}")
    await expect(card.get_by_test_id("cancel")).to_have_count(0)
    await card.locator("[data-offer=same-server] button").click()
    question = window.page.get_by_test_id("same-server-dialog")
    await expect(question).to_contain_text(old)
    await expect(question).to_contain_text(new)
    await check_axe(window.page)
    assert (await window.task(prompt_id))["state"] == "unreachable_moved"
    await question.get_by_test_id("confirm-same-server").click()
    await fleet.break_all(pause_at_step=None)
    assert (await window.wait_for(prompt_id))["state"] == "succeeded"
    await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()
    assert await runs_of(fleet[server_id], prompt_id) == 1
