"""The scripting console in a real window: Python in a worker, with `mooring` and `requests`; the page stays usable."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from app.ui.scripting.actions import EXAMPLES
from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import open_headless_shell, wait_for_js
from tests.kit.browser.windows import MooringWindow, open_user
from tests.kit.browser.work import break_server, slow_workflow
from tests.kit.module_gateways import a_server
from tests.kit.services import ROOT, Service, free_ports, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"
FOCUS = "document.activeElement?.id || document.activeElement?.dataset.testid"
WIDTH = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
ELSEWHERE = "/elsewhere"  # a path that no other test requests
PARTS = re.compile(r"/static/js/script|/static/scripts/|/python/scripting\.zip")
IS_ASKED = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
# Resolves after some frames.
FRAMES = """() => new Promise((resolve) => {
  const draw = (left) => requestAnimationFrame(() => left ? draw(left - 1) : resolve());
  draw(30);
})"""


server = a_server("--step-seconds", "0.005")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(server: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """One window for all tests, each of which leaves the drawer open and nothing running.

    It is at http://studio.lan, which is no secure context and has no SharedArrayBuffer.
    """
    fleet = tmp_path_factory.mktemp("studio") / "fleet.toml"
    fleet.write_text(f'[gateway]\nnames = ["studio.lan"]\n\n[[server]]\nid = "user"\nurl = "{server.url}"\n', "utf-8")
    with start_gateway("--fleet", str(fleet), port=free_ports()) as gateway:
        async with (
            open_headless_shell(STUDIO) as browser,
            open_user(browser, f"http://studio.lan:{gateway.port}") as user,
        ):
            asked: list[str] = []
            user.watch.tried.append(f"{ELSEWHERE}$")
            profile = await user.new_profile()
            profile.on("request", lambda request: asked.append(request.url))
            page = (await user.open()).page
            assert await page.evaluate("[isSecureContext, typeof SharedArrayBuffer]") == [False, "undefined"]
            before = [address for address in asked if PARTS.search(address)]
            interpreters = len([address for address in asked if address.endswith("/pyodide.asm.wasm")])
            assert (before, interpreters) == ([], 1), "it is loaded only when it is opened"
            await page.keyboard.press("s")
            await expect(page.get_by_test_id("script-status")).to_have_text("Python is ready.")
            assert await page.evaluate(FOCUS) == "script-source"
            assert any(PARTS.search(address) for address in asked)
            yield page


async def run(page: Page, source: str, *, ends: str = "Done in") -> str:
    """Run a script to its end, and return its output."""
    await page.get_by_test_id("script-clear").click()
    await page.get_by_test_id("script-source").fill(source)
    await page.get_by_test_id("script-source").press("Control+Enter")
    await expect(page.get_by_test_id("script-status")).to_contain_text(ends)
    return "".join(await page.locator(".script-piece:not(.is-run)").all_text_contents())


async def test_script_output_and_last_value_are_shown(page: Page) -> None:
    assert await run(page, "print('沙丘')\nx = [1, 2]\nx + [3]") == "沙丘\n[1, 2, 3]\n"
    assert await run(page, "x") == "[1, 2]\n"
    output = await run(page, "def f():\n    return 1 / 0\nf()", ends="Ended with an error")
    assert "ZeroDivisionError" in output
    assert output.count("File") == 2
    assert "    return 1 / 0" in output
    await check_axe(page)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_each_example_runs_unchanged(page: Page, name: str) -> None:
    await page.get_by_test_id("script-clear").click()
    await page.get_by_test_id("script-source").fill("")
    await page.locator("#script-example").select_option(name)
    await page.get_by_test_id("script-insert").click()
    text = (ROOT / "static/scripts" / f"{name}.py").read_text(encoding="utf-8")
    await expect(page.get_by_test_id("script-source")).to_have_value(text)
    saved: list[str] = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    await page.get_by_test_id("script-run").click()
    await expect(page.get_by_test_id("script-status")).to_contain_text("Done in")
    output = await page.get_by_test_id("script-output").inner_text()
    said = {
        "servers": "user well 0 running, 0 waiting",
        "seeds": "Seed 3 of 3 succeeded on user",
        "result": "bytes from user",
        "queue_requests": "user 0 running, 0 waiting",
        "queue_urllib": "user 0 running, 0 waiting",
    }
    assert said[name] in output
    assert [Path(file).suffix for file in saved] == ([".png"] if name == "result" else [])
    assert len(await page.evaluate("windowTasks")) == (0 if name == "servers" else 3)


async def test_errors_are_exceptions_with_fields(page: Page) -> None:
    source = """
import mooring
try:
    await mooring.wait_for("none")
except mooring.TaskNotFound as error:
    print(type(error).__mro__[1].__name__, error.operation, error.prompt_id)
await mooring.submitWorkflow([], {"title": "x"})
"""
    output = await run(page, source, ends="Ended with an error")
    assert output.startswith("AffinityError wait_for none\n")
    assert "mooring.BadInput: BadInput(cause='bad-workflow'" in output


async def test_files_are_uploaded_as_bytes(page: Page) -> None:
    source = """
import mooring, requests
[first, *_] = await mooring.tasks()
picture = requests.get(mooring.origin + await mooring.get_task_bound_image_url(first["promptId"])).content
given = await mooring.upload_image(picture, "again.png")
print(given["server"], (await mooring.get_api_base_url()) is not None)
workflow = {
    "1": {"class_type": "LoadImage", "inputs": {"image": f"{given['subfolder']}/{given['name']}"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "script"}},
}
task = await mooring.wait_for(await mooring.submit_workflow(workflow))
print(task["state"])
workflow["1"]["inputs"]["image"] = ""
task = await mooring.wait_for(await mooring.submit_workflow(workflow, inputs={"1": {"image": bytearray(picture)}}))
print(task["state"])
"""
    assert await run(page, source) == "user True\nsucceeded\nsucceeded\n"


async def test_requests_of_scripts_name_the_pages_user(page: Page) -> None:
    """With several users, no script acts under the name of a user who has logged in later."""
    requests: list[tuple[str, str | None]] = []
    page.context.on("request", lambda one: requests.append((urlsplit(one.url).path, one.headers.get("x-mooring-page"))))
    source = "import mooring, requests\nprint(requests.get(mooring.origin + '/fleet/stats').status_code)"
    assert await run(page, source) == "200\n"
    assert ("/fleet/stats", "nobody") in requests


async def test_requests_of_scripts_pass_the_guard(page: Page) -> None:
    source = """
import mooring, requests
print(requests.get(mooring.origin + "/servers/none/queue").status_code)
answer = requests.post(mooring.origin + "/servers/user/interrupt", json={})
print(answer.status_code, answer.headers["X-Mooring-Gateway"])
"""
    assert await run(page, source) == "404\n400 refused-body; sent=no\n"


async def test_other_addresses_are_unreachable_with_the_usual_error(page: Page) -> None:
    """Not even one that allows all origins."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    elsewhere = await asyncio.start_server(hear, "127.0.0.1", 0)
    source = f"""
import requests, urllib.error, urllib.request
address = "http://127.0.0.1:{elsewhere.sockets[0].getsockname()[1]}{ELSEWHERE}"
for reach in (requests.get, urllib.request.urlopen):
    try:
        reach(address)
    except (requests.ConnectionError, urllib.error.URLError) as error:
        print(type(error).__name__)
"""
    assert await run(page, source) == "ConnectionError\nURLError\n"
    elsewhere.close()
    assert heard == []


async def test_blocking_script_never_freezes_the_window(page: Page, server: Service) -> None:
    """During a request to a hung server or an endless loop of prints, the page responds and can end the script.

    The uploads of such a script hold no server afterwards.
    """
    await break_server(server, hang=True)
    ask = 'requests.get(mooring.origin + "/servers/user/queue"'
    impatient = f"import mooring, requests\ntry: {ask}, timeout=0.5)\nexcept requests.Timeout: print('late')"
    assert await run(page, impatient) == "late\n"
    await block(page, f"import mooring, requests\nprint('asks')\n{ask})", "asks")
    await break_server(server, hang=False)
    upload = 'import mooring\nawait mooring.upload_image(b"GIF89a", "a.gif")\n'
    await block(page, f"{upload}while True: print('flood ' * 8)", "flood")
    await wait_for_js(page, "windowLockedServer === null")


async def block(page: Page, source: str, shown: str) -> None:
    """Run a script that blocks, use the page with the drawer closed, and have the script ended."""
    await page.get_by_test_id("script-clear").click()
    await page.get_by_test_id("script-source").fill(source)
    await page.get_by_test_id("script-source").press("Control+Enter")
    await expect(page.get_by_test_id("script-output")).to_contain_text(shown)
    assert await page.evaluate(IS_ASKED), "leaving would end it"
    await page.get_by_test_id("close-scripting").click()
    await page.locator("dialog").wait_for(state="detached")
    other = await page.evaluate("document.querySelector('.pick:not([aria-current])').id")
    await page.get_by_test_id("workflow-picker").click()
    await page.locator(f"#{other}").click()
    await page.locator(f"#{other.replace('pick', 'fields')}").wait_for()
    await page.evaluate(FRAMES)
    await page.get_by_test_id("script-sign").click()
    await expect(page.get_by_test_id("script-status")).to_contain_text("The script runs.")
    await page.get_by_test_id("script-stop").click()
    await expect(page.get_by_test_id("script-output")).to_contain_text("did not react")
    await expect(page.get_by_test_id("script-status")).to_have_text("Python is ready.")
    await expect(page.get_by_test_id("script-sign")).to_have_count(0)
    assert not await page.evaluate(IS_ASKED)


async def test_waiting_script_is_stopped_and_keeps_its_variables(page: Page, server: Service) -> None:
    workflow = slow_workflow()
    await break_server(server, dead_worker=True)  # so that its work waits
    await page.get_by_test_id("script-clear").click()
    source = (
        f"import mooring\nkept = 7\nmine = await mooring.submit_workflow({workflow!r})\nawait mooring.wait_for(mine)"
    )
    await page.get_by_test_id("script-source").fill(source)
    await page.get_by_test_id("script-run").click()
    await wait_for_js(page, "windowTasks.some((task) => task.state === 'queued')")
    await page.get_by_test_id("script-stop").click()
    await expect(page.get_by_test_id("script-status")).to_contain_text("Stopped after")
    output = await run(page, "print(kept)\n(await mooring.cancel(mine))['promptId'] == mine")
    assert output == "7\nTrue\n"
    await break_server(server, dead_worker=False)


async def test_console_is_used_and_left_by_keyboard(page: Page) -> None:
    source = page.get_by_test_id("script-source")
    await page.get_by_test_id("close-scripting").click()
    await page.locator("dialog").wait_for(state="detached")
    await page.get_by_test_id("open-settings").focus()
    await page.keyboard.press("s")
    await wait_for_js(page, f"({FOCUS}) === 'script-source'")
    await source.fill("")
    await page.keyboard.type("for x in 'ab':\nprint(x)")
    await expect(source).to_have_value("for x in 'ab':\n    print(x)")
    await page.keyboard.press("Control+BracketLeft")
    await expect(source).to_have_value("for x in 'ab':\nprint(x)")
    await page.keyboard.press("Control+BracketRight")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_test_id("script-status")).to_contain_text("Done in")
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUS) == "script-run"
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")
    assert await page.evaluate(FOCUS) == "open-settings", "where it was before the drawer was opened"
    await page.goto(f"{page.url}?lang=pseudo")
    await MooringWindow(page).ready()
    await page.keyboard.press("Control+K")
    await page.keyboard.type("python")
    await page.keyboard.press("Enter")
    await expect(source).to_have_value("for x in 'ab':\n    print(x)")
    await page.evaluate("document.documentElement.dataset.private = 'yes'")
    await source.fill("nobody's business")
    await page.get_by_test_id("close-scripting").click()
    await page.locator("dialog").wait_for(state="detached")
    await page.keyboard.press("s")
    await expect(source).to_have_value("nobody's business")
    assert "nobody" not in await page.evaluate("JSON.stringify(sessionStorage)"), "a private window leaves nothing"


async def test_console_fits_a_phone_with_longer_texts(page: Page) -> None:
    for width, theme in ((360, "dark"), (1280, "light")):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        await page.locator("#script-body[data-state=idle]").wait_for()
        assert await page.evaluate(WIDTH) <= width
        assert await page.evaluate("document.getElementById('script-body').scrollWidth") <= width
        await check_axe(page)
