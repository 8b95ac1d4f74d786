"""The dialog about what is kept: it changes and deletes nothing before it is confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.ui.results.storage import KeepingDialog, KeepingView, read_cap, write_cap
from app.ui.results.storage_html import keeping
from tests.kit.page.elements import element
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import ENGLISH, StillResults, StillSession

SET = KeepSettings(2_000_000_000)
USAGE = Usage(settings=SET, count=5, size=900_000_000, thumbnails=9, thumbnails_size=90_000)


async def opened(usage: Usage | None = USAGE) -> PageRig:
    """Open the dialog."""
    rig = PageRig(session=StillSession(results=StillResults(usage=usage)))
    await rig.act("open-keeping")
    return rig


def requests(rig: PageRig) -> list[tuple[Any, ...]]:
    """Return what the kept results were asked to do, besides measuring."""
    return [call for call in rig.session.results.calls if call != ("refresh_soon",)]


async def test_opening_measures_and_changes_nothing() -> None:
    rig = await opened()
    assert rig.ui.dialog == KeepingDialog()
    assert rig.session.results.calls == [("refresh_soon",)]


async def test_typing_changes_nothing_until_it_is_saved() -> None:
    """Typing 0.2 on the way from 2 to 20 must not delete what exceeds it."""
    rig = await opened()
    for text in ("", "0", "0.", "0.2"):
        await rig.act("cap", value=text)
        assert requests(rig) == []
    await rig.act("keep", value="thumbnails")
    await rig.act("save-keeping")
    assert requests(rig) == [("configure", KeepSettings(200_000_000, Keep.THUMBNAILS))]
    assert rig.ui.dialog is None


async def test_closing_forgets_unsaved_changes() -> None:
    rig = await opened()
    await rig.act("cap", value="7")
    await rig.act("close-dialog")
    await rig.act("open-keeping")
    assert requests(rig) == []
    assert rig.ui.dialog == KeepingDialog()


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "0.0001", "1e9", "nan", "inf"])
async def test_invalid_cap_is_marked_and_not_saved(text: str) -> None:
    rig = await opened()
    await rig.act("cap", value=text)
    await rig.act("save-keeping")
    assert requests(rig) == []
    dialog = rig.ui.dialog
    assert isinstance(dialog, KeepingDialog)
    shown = str(keeping(KeepingView(dialog, USAGE), ENGLISH))
    assert element(shown, data_input="cap")["aria-invalid"] == "true"


async def test_deleting_everything_takes_a_second_click() -> None:
    rig = await opened()
    for action in ("ask-delete-kept", "keep-kept", "ask-delete-kept"):
        await rig.act(action)
    assert requests(rig) == []
    await rig.act("delete-kept")
    assert requests(rig) == [("delete_all",)]
    assert rig.ui.dialog is None


async def test_user_can_ask_for_persistent_storage() -> None:
    rig = await opened()
    await rig.act("ask-promise")
    assert requests(rig) == [("ask_promise",)]


def test_dialog_says_what_saving_would_delete() -> None:
    assert KeepingView(KeepingDialog(cap="0.5"), USAGE).excess == 400_000_000
    assert KeepingView(KeepingDialog(cap="1"), USAGE).excess == 0
    assert "400000000 B" in str(keeping(KeepingView(KeepingDialog(cap="0.5"), USAGE), ENGLISH))


@pytest.mark.parametrize("size", [50_000_000, 500_000_000, 2_000_000_000, 1_234_000_000])
def test_cap_survives_the_field(size: int) -> None:
    assert read_cap(write_cap(size)) == size
    assert read_cap(write_cap(size).replace(".", ",")) == size


def test_saving_the_opened_dialog_changes_nothing() -> None:
    odd = Usage(settings=KeepSettings(1_234_567_891))
    assert KeepingView(KeepingDialog(), odd).wanted == odd.settings
