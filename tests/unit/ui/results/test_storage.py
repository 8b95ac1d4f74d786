"""The dialog about what is kept: nothing is set or deleted before it is asked for in so many words."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.ui.page.actions import PageActions
from app.ui.results.storage import KeepingDialog, KeepingView, read_cap, write_cap
from app.ui.results.storage_html import keeping
from tests.unit.ui.page_kit import (
    ENGLISH,
    MemoryContext,
    MemoryScreen,
    StillResults,
    StillSession,
    deletions,
)

SET = KeepSettings(2_000_000_000)
USAGE = Usage(settings=SET, count=5, size=900_000_000, thumbnails=9, thumbnails_size=90_000)


class Rig:
    """The dialog, opened."""

    def __init__(self, usage: Usage | None = USAGE) -> None:
        self.results = StillResults(usage=usage)
        self.context = MemoryContext()
        self.actions = PageActions(
            StillSession(results=self.results),
            self.context,
            MemoryScreen(),
            lambda limit: limit,
            deletions=deletions(self.context),
        )
        self.actions.act("open-keeping", {})

    @property
    def dialog(self) -> KeepingDialog | None:
        dialog = self.context.ui.dialog
        return dialog if isinstance(dialog, KeepingDialog) else None

    async def act(self, *names: str) -> list[tuple[Any, ...]]:
        """Click, and tell what was asked of the kept results besides a look."""
        for name in names:
            self.actions.act(name, {})
        while self.context.work:
            await self.context.work.pop(0)
        return [call for call in self.results.calls if call != ("refresh_soon",)]


async def test_opening_it_looks_afresh_and_sets_nothing() -> None:
    rig = Rig()
    assert rig.dialog == KeepingDialog()
    assert rig.results.calls == [("refresh_soon",)]


async def test_typing_sets_nothing_until_it_is_saved() -> None:
    """A cap on its way from 2 to 20 passes 0.2, and what a smaller cap deletes is gone."""
    rig = Rig()
    for text in ("", "0", "0.", "0.2"):
        rig.actions.act("cap", {"value": text})
        assert await rig.act() == []
    rig.actions.act("keep", {"value": "thumbnails"})
    assert await rig.act("save-keeping") == [("configure", KeepSettings(200_000_000, Keep.THUMBNAILS))]
    assert rig.dialog is None


async def test_what_was_not_saved_is_forgotten() -> None:
    rig = Rig()
    rig.actions.act("cap", {"value": "7"})
    assert await rig.act("close-dialog", "open-keeping") == []
    assert rig.dialog == KeepingDialog()


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "0.0001", "1e9", "nan", "inf"])
async def test_a_cap_that_is_no_size_is_not_saved_and_the_field_says_so(text: str) -> None:
    rig = Rig()
    rig.actions.act("cap", {"value": text})
    assert await rig.act("save-keeping") == []
    assert rig.dialog is not None
    shown = str(keeping(KeepingView(rig.dialog, USAGE), ENGLISH))
    assert 'aria-invalid="true"' in shown


async def test_everything_is_deleted_only_after_a_second_click() -> None:
    rig = Rig()
    assert await rig.act("ask-delete-kept") == []
    assert await rig.act("keep-kept") == []
    assert await rig.act("ask-delete-kept", "delete-kept") == [("delete_all",)]
    assert rig.dialog is None


async def test_the_browser_is_asked_again_when_the_person_wants_it() -> None:
    assert await Rig().act("ask-promise") == [("ask_promise",)]


def test_what_saving_would_delete_is_said_before() -> None:
    assert KeepingView(KeepingDialog(cap="0.5"), USAGE).excess == 400_000_000
    assert KeepingView(KeepingDialog(cap="1"), USAGE).excess == 0
    assert "400000000 B" in str(keeping(KeepingView(KeepingDialog(cap="0.5"), USAGE), ENGLISH))


@pytest.mark.parametrize("size", [50_000_000, 500_000_000, 2_000_000_000, 1_234_000_000])
def test_a_cap_survives_the_field(size: int) -> None:
    assert read_cap(write_cap(size)) == size
    assert read_cap(write_cap(size).replace(".", ",")) == size


def test_opening_and_saving_at_once_changes_nothing() -> None:
    odd = Usage(settings=KeepSettings(1_234_567_891))
    assert KeepingView(KeepingDialog(), odd).wanted == odd.settings
