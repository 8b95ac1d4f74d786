"""The model picker in a real browser: a model is found by a trigger word and chosen with the keyboard."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.e2e.test_open_workflow import PASTE
from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

PICTURE_SHOWN = "() => document.querySelector('.combo-side .combo-tile img')?.naturalWidth > 0"

# A server may list a name that every object has a property of.
ADD_CHOICE = """() => {
  const holder = document.getElementById(document.querySelector("#field-2-lora_name").dataset.options);
  holder.textContent = JSON.stringify([...JSON.parse(holder.textContent), "constructor"]);
}"""


def make_workflow() -> dict[str, Any]:
    """Return a picture that a LoRA tints."""
    inputs = {"text": "a calm harbour", "seed": 7, "steps": 2, "width": 64, "height": 64}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {
            "class_type": "DemoLora",
            "inputs": {"image": ["1", 0], "lora_name": "styles/ink-wash.safetensors", "strength": 0.5},
        },
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mooring"}},
    }


async def test_model_is_found_by_a_trigger_word(user: BrowserUser) -> None:
    window = await user.open()
    page, asked = window.page, list[str]()
    page.on("request", lambda one: asked.append(urlsplit(one.url).path.partition("@")[2].partition("/")[2]))
    await page.evaluate(PASTE, json.dumps(make_workflow()))
    field, choices = page.locator("#field-2-lora_name"), page.locator("#combo-list [role=option]")
    await expect(field).to_have_value("styles/ink-wash.safetensors")
    await field.focus()
    assert not any("model" in path for path in asked), "nothing is asked for before the picker is opened"
    await page.keyboard.press("ArrowDown")
    await expect(choices.and_(page.locator("[aria-selected=true]"))).to_contain_text("ink-wash")
    await expect(page.locator(".combo-facts")).to_contain_text("ink wash painting")
    await wait_for_js(page, PICTURE_SHOWN)
    await check_axe(page)
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(".combo-facts")).to_contain_text("neonrain")
    await page.evaluate(ADD_CHOICE)
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.type("neonrain")
    await expect(choices).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("styles/neon-rain.safetensors")
    await expect(page.locator(".model .word").first).to_contain_text("neonrain")
    await page.keyboard.press("Tab")
    await expect(page.locator(".model .word").first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#field-1-text")).to_have_value("a calm harbour, neonrain")
    counts = Counter(path for path in asked if "model" in path)
    assert set(counts.values()) == {1}, counts
