"""Settings: kept for all windows, followed immediately by the others, with what the browser allows."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest

from app.core.previews import Previews
from app.session import Preview
from app.ui.settings.actions import first_language
from app.ui.settings.settings import (
    KEY,
    Permission,
    Settings,
    SettingsDialog,
    SettingsView,
    SettingSwitch,
    Theme,
    page_settings,
    read_settings,
    write_settings,
)
from app.ui.settings.settings_html import settings as drawn
from tests.kit.page.stills import (
    LANGUAGES,
    ROOT,
    Bytes,
    MemoryNotifier,
    MemoryScreen,
    StillSession,
    task,
    translator,
    window,
)
from tests.unit.ui.page.test_page import opened

OTHERS = Settings("zh-CN", Theme.DARK, has_notices=True, has_sound=True, previews=Previews.BEST, has_keys=False)


def test_settings_survive_a_round_trip() -> None:
    assert read_settings(write_settings(OTHERS)) == OTHERS
    assert read_settings("") == Settings()


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", "3", '{"theme": "pink", "language": "../x", "has_keys": "no"}', '{"theme": {}}']
)
def test_invalid_settings_have_their_defaults(text: str) -> None:
    assert read_settings(text) == Settings()


def test_a_newer_version_may_keep_more() -> None:
    more = {**json.loads(write_settings(OTHERS)), "has_wings": True}
    assert read_settings(json.dumps(more)) == OTHERS


def test_the_first_paint_reads_what_is_kept() -> None:
    """`theme.js` reads the text before Python has started, so both must use the same names."""
    kept = json.loads(write_settings(OTHERS))
    assert (kept["theme"], kept["language"]) == ("dark", "zh-CN")
    script = (ROOT / "static/js/theme.js").read_text(encoding="utf-8")
    assert f'"{KEY}"' in script
    assert "{ theme, language }" in script


@pytest.mark.parametrize(
    ("wishes", "settings", "language"),
    [
        (["zh", "en"], Settings(), "zh-CN"),
        (["", "zh-TW", "en"], Settings(), "zh-CN"),
        (["", "zh-TW", "en"], Settings("en"), "en"),
        (["en", "zh"], OTHERS, "en"),
        (["", "fr"], Settings(), "en"),
    ],
)
def test_language_follows_address_then_settings_then_browser(
    wishes: list[str], settings: Settings, language: str
) -> None:
    assert first_language(settings, wishes, LANGUAGES) == language


async def test_setting_is_kept_and_applied_immediately() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    page.actions.act("choose-setting", {"setting": "theme", "value": "dark"})
    page.actions.act("setting", {"setting": "has_keys"})
    screen.draw()
    assert read_settings(screen.shared[KEY]) == Settings(theme=Theme.DARK, has_keys=False)
    texts = screen.changes[-1]
    assert texts["root"] == {"theme": "dark", "language": "", "previews": "", "keys": "off"}
    assert texts["keys"] == []


@pytest.mark.parametrize(("setting", "value"), [("theme", "pink"), ("previews", ""), ("language", "../x")])
async def test_no_setting_takes_what_does_not_fit(setting: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    with caplog.at_level(logging.ERROR, "mooring.ui"):
        page.actions.act("choose-setting", {"setting": setting, "value": value})
    assert (page.ui.of(Settings), KEY in screen.shared) == (Settings(), False)
    assert f"value={value!r}" in caplog.text


async def test_another_windows_settings_are_followed() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    screen.shared[KEY] = write_settings(OTHERS)
    page.follow_kept("mooring.something-else")
    assert page.ui.of(Settings) == Settings()
    page.follow_kept(KEY)
    await asyncio.wait(page._background)
    screen.draw()
    assert page.ui.of(Settings) == OTHERS
    assert (screen.changes[-1]["lang"], screen.changes[-1]["root"]) == ("zh-CN", page_settings(OTHERS)["root"])


async def test_setting_of_another_window_is_not_undone() -> None:
    screen = MemoryScreen()
    page, _session = await opened(screen)
    screen.shared[KEY] = write_settings(Settings(has_sound=True))  # which this window has not noticed yet
    page.actions.act("choose-setting", {"setting": "theme", "value": "light"})
    assert read_settings(screen.shared[KEY]) == Settings(theme=Theme.LIGHT, has_sound=True)


async def test_no_language_of_ones_own_is_the_browsers() -> None:
    screen = MemoryScreen(shared={KEY: write_settings(Settings("en"))})
    page, _session = await opened(screen)
    page.actions.act("choose-setting", {"setting": "language", "value": ""})
    await asyncio.wait(page._background)
    screen.draw()
    assert screen.changes[-1]["lang"] == "zh-CN"  # MemoryScreen's wish


async def test_previews_that_are_switched_off_take_no_memory() -> None:
    running = task("a")
    session = StillSession(window=window(running), previews={running.prompt_id: Preview(Bytes(), "image/png", 1)})
    screen = MemoryScreen()
    page, _session = await opened(screen, session)
    assert len(screen.previews) == 1
    page.actions.act("choose-setting", {"setting": "previews", "value": "off"})
    screen.draw()
    assert screen.previews == {}


@pytest.mark.parametrize(
    ("text", "previews"),
    [
        ('{"has_previews": false}', Previews.OFF),
        ('{"has_previews": true}', Previews.AUTOMATIC),
        ('{"has_previews": false, "previews": "fast"}', Previews.FAST),
        ('{"previews": "sharp"}', Previews.AUTOMATIC),
    ],
)
def test_previews_switched_off_in_an_older_version_stay_off(text: str, previews: Previews) -> None:
    assert read_settings(text).previews is previews


async def test_choice_of_previews_reaches_the_session_of_every_window() -> None:
    screen = MemoryScreen()
    page, session = await opened(screen)
    page.actions.act("choose-setting", {"setting": "previews", "value": "best"})
    page.actions.act("choose-setting", {"setting": "theme", "value": "dark"})
    screen.shared[KEY] = write_settings(Settings(previews=Previews.OFF))
    page.follow_kept(KEY)
    chosen = [call[1] for call in session.calls if call[0] == "choose_previews"]
    assert chosen == [Previews.BEST, Previews.OFF], "and nothing for a change of the colours"


@pytest.mark.parametrize(
    ("permitted", "answer", "is_on"),
    [
        (Permission.DEFAULT, Permission.GRANTED, True),
        (Permission.DEFAULT, Permission.DENIED, False),
        (Permission.GRANTED, Permission.DENIED, True),
        (Permission.DENIED, Permission.GRANTED, False),
        (Permission.ABSENT, Permission.GRANTED, False),
    ],
)
async def test_notices_are_on_only_where_the_browser_shows_them(permitted: str, answer: str, is_on: bool) -> None:
    notifier = MemoryNotifier(permitted=permitted, answer=answer)
    page, _session = await opened(MemoryScreen(), notifier=notifier)
    page.actions.act("open-settings", {})
    page.actions.act("setting", {"setting": "has_notices"})
    while page._background:
        await asyncio.wait(page._background)
    assert page.ui.of(Settings).has_notices is is_on
    assert page.ui.dialog == SettingsDialog(notifier.permitted)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_each_permission_has_a_text_and_unavailable_switches_a_reason(language: str) -> None:
    texts = set()
    for permission in Permission:
        text = str(drawn(SettingsView(SettingsDialog(permission), Settings(has_notices=True)), translator(language)))
        texts.add(re.search(r'id="has-notices-about"[^>]*>([^<]+)', text)[1])  # type: ignore[index]
        switch = re.search(r"<button[^>]*data-testid=\"has-notices\"[^>]*>", text)
        assert switch is not None
        assert ("disabled" in switch[0]) is (permission in {Permission.ABSENT, Permission.DENIED})
        assert ('aria-checked="true"' in switch[0]) is (permission == Permission.GRANTED)
    assert len(texts) == len(Permission)


async def test_it_can_be_tried_as_it_will_be() -> None:
    notifier = MemoryNotifier(permitted="granted")
    page, _session = await opened(MemoryScreen(), notifier=notifier)
    page.actions.act("setting", {"setting": SettingSwitch.SOUND.value})
    page.actions.act("try-notification", {})
    (notification,) = notifier.sent
    assert (notification.ids, notification.has_sound, notification.has_notice) == ((), True, False)
