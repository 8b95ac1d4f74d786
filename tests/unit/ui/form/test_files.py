"""Files in the form: dialogs for masks and the camera, players, limits, and media types by name."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from app.core.errors import BadInput
from app.core.ports.blobs import Blob
from app.session import Picked
from app.ui.form.field_html import field
from app.ui.form.file_actions import FileActions
from app.ui.form.mask import CameraDialog, CameraView, MaskDialog, MaskView, masked_name, picture_view
from app.ui.form.mask_html import masking
from app.ui.form.projection import field_view
from app.ui.form.state import Draft, FieldView, Picture
from app.workflows.bounds import MAX_PAINTED, MAX_PIXELS
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Upload
from tests.kit.page.anything import ANYTHING, anything
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import Rig
from tests.kit.page.stills import ENGLISH, ROOT, Bytes, MemoryScreen

IMAGE, FILM, SOUND = ("1", "image"), ("1", "film"), ("1", "sound")
FACTS = {"node": "1", "name": "image"}


class FilesRig(Rig):
    """Actions on files, with a screen in memory."""

    def __init__(self, *, is_mask_used: bool = False, screen: MemoryScreen | None = None) -> None:
        opened = anything()
        if is_mask_used:
            by_key = {key: _used(item) if key == IMAGE else item for key, item in opened.form.by_key.items()}
            opened = replace(opened, form=replace(opened.form, by_key=by_key))
        self.opened = opened
        super().__init__(ANYTHING, workflows=(opened,), screen=screen)
        self.files = FileActions(self.session, self.context, self.screen, lambda: opened)

    async def give(self, data: bytes, name: str = "boat.png", media_type: str = "image/png") -> None:
        self.files.take_files(None, [(Bytes(data, media_type), name)])
        await self.done()


def _used(item: Field) -> Field:
    assert isinstance(item.kind, Upload)
    return replace(item, kind=replace(item.kind, is_mask_used=True))


def fault_of(draft: Draft, key: tuple[str, str] = IMAGE) -> str:
    fault = draft.faults.get(key)
    return fault.cause if isinstance(fault, BadInput) else ""


@pytest.mark.parametrize(
    ("data", "name", "is_used", "looks"),
    [
        (b"picture mask", "boat.png", True, True),
        (b"picture", "boat.png", True, False),
        (b"picture mask", "boat.png", False, False),  # a transparent logo without a workflow for masks
        (b"picture mask", "boat-masked.png", False, True),
    ],
)
async def test_mask_is_shown_only_where_it_is_used(data: bytes, name: str, is_used: bool, looks: bool) -> None:
    rig = FilesRig(is_mask_used=is_used)
    await rig.give(data, name)
    picture = rig.draft.pictures[IMAGE]
    assert bool(picture.look_url) is looks
    assert picture.picked == Picked(Bytes(data), name), "what is sent is the file itself"
    rig.files.clear(**FACTS)
    assert not rig.draft.pictures
    assert {picture.url, picture.look_url} - {""} == set(rig.screen.urls), "an undo brings it back"
    rig.draft = rig.draft.undo()
    assert rig.draft.pictures == {IMAGE: picture}
    rig.draft = Draft()
    rig.files.clear(**FACTS)
    assert rig.screen.urls == {}, "both addresses are let go"


JUNK = [(b"text", "bad.txt", "text/plain", "no-file-field"), (b"", "empty.png", "image/png", "empty")]


@pytest.mark.parametrize(("data", "name", "media_type", "cause"), [*JUNK, (b"junk", "junk.png", "image/png", "")])
@pytest.mark.parametrize("is_aimed", [False, True])
async def test_file_that_cannot_be_used_changes_nothing(
    data: bytes, name: str, media_type: str, cause: str, is_aimed: bool
) -> None:
    rig = FilesRig()
    for key in (IMAGE, ("mask", "image")):
        rig.files.take_files(key, [(Bytes(b"picture"), f"{key[0]}.png")])
    await rig.done()
    before = rig.draft
    assert set(before.pictures) == {IMAGE, ("mask", "image")}
    rig.files.take_files(IMAGE if is_aimed else None, [(Bytes(data, media_type), name)])
    await rig.done()
    assert rig.draft == before
    [(_, error)] = rig.ui.errors
    assert isinstance(error, BadInput) and error.name == name
    assert error.cause == ("not-a-picture" if is_aimed and data else cause or "not-a-picture")


async def test_each_dropped_file_without_a_field_is_named() -> None:
    rig = FilesRig()
    names = ("bad.txt", "one.png", "two.png", "three.png", "four.png")
    rig.files.take_files(None, [(Bytes(b"picture", f"{'text/plain' if 'txt' in name else 'image/png'}"), name)
                                for name in names])  # fmt: skip
    await rig.done()
    used = {picture.picked.name for picture in rig.draft.pictures.values()}
    causes = {error.name: error.cause for _, error in rig.ui.errors if isinstance(error, BadInput)}
    assert used | set(causes) == set(names) and not used & set(causes)
    assert causes["bad.txt"] == "no-file-field" and causes["four.png"] == "no-field-left"


async def test_undo_restores_the_replaced_picture() -> None:
    rig = FilesRig()
    for name in ("one.png", "two.png"):
        rig.files.take_files(IMAGE, [(Bytes(b"picture"), name)])
        await rig.done()
    assert rig.draft.pictures[IMAGE].picked.name == "two.png"
    back = rig.draft.undo()
    assert back.pictures[IMAGE].picked.name == "one.png" and back.pictures[IMAGE].url in rig.screen.urls
    assert back.redo().pictures[IMAGE].picked.name == "two.png"
    assert not back.undo().pictures


def test_late_hash_is_no_undo_step() -> None:
    picture = Picture(Picked(Bytes(), "a.png"), "blob:1", 4, 4)
    draft = Draft().with_picture(IMAGE, picture).with_value(("1", "text"), "sea").with_hash(picture, "abc")
    assert draft.pictures[IMAGE].sha256 == "abc"
    assert draft.undo().pictures[IMAGE].sha256 == "abc" and not draft.undo().values
    assert not draft.undo().undo().history.can_undo


def test_file_restored_after_reload_is_no_undo_step() -> None:
    draft = Draft(awaited={IMAGE: "a.png"}).with_picture(IMAGE, Picture(Picked(Bytes(), "a.png"), "b"), is_found=True)
    assert not draft.history.can_undo and not draft.awaited


async def test_mask_dialog_closes_with_its_picture() -> None:
    rig = FilesRig(is_mask_used=True)
    rig.files.paint_mask(**FACTS)
    assert rig.ui.dialog is None, "there is nothing to paint on"
    await rig.give(b"picture", "boat.jpg")
    rig.files.paint_mask(**FACTS)
    assert rig.ui.dialog == MaskDialog(IMAGE)
    body = element(rig.markup("dialogs"), data_mask="")
    assert (body["data-file"], body["data-src"]) == ("boat-masked.png", rig.draft.pictures[IMAGE].url)
    assert "changes nothing" not in body.text
    rig.files.clear(**FACTS)
    assert not elements(rig.markup("dialogs"), "dialog")


async def test_mask_of_its_own_is_painted_on_another_fields_picture() -> None:
    rig = FilesRig()
    mask = {"node": "mask", "name": "image"}
    rig.files.paint_mask(**mask)
    assert rig.ui.dialog is None, "there is no picture yet"
    await rig.give(b"picture", "boat.jpg")
    rig.files.paint_mask(**mask)
    body = element(rig.markup("dialogs"), data_mask="")
    assert (body["data-src"], body["data-own"]) == (rig.draft.pictures[IMAGE].url, "")
    await rig.give(b"picture mask", "old.png")
    assert element(rig.markup("dialogs"), data_mask="")["data-own"] == rig.draft.pictures[("mask", "image")].url
    assert rig.draft.pictures[("mask", "image")].look_url, "a mask is always shown as one"
    rig.files.paint_mask(**FACTS)
    assert "data-own" not in element(rig.markup("dialogs"), data_mask="")


async def test_picture_is_used_in_another_field_too() -> None:
    rig = FilesRig()
    rig.files.use_same_picture(**FACTS)
    assert not rig.draft.pictures
    rig.files.take_files(("mask", "image"), [(Bytes(b"picture"), "boat.jpg")])
    await rig.done()
    view = field_view(rig.opened.form.by_key[IMAGE], rig.draft)
    assert view.other_name == "boat.jpg"
    rig.files.use_same_picture(**FACTS)
    await rig.done()
    assert rig.draft.pictures[IMAGE].picked == Picked(Bytes(b"picture"), "boat.jpg")
    assert field_view(rig.opened.form.by_key[IMAGE], rig.draft).other_name == ""


async def test_mask_dialog_warns_if_no_mask_is_used() -> None:
    rig = FilesRig()
    await rig.give(b"picture")
    rig.files.paint_mask(**FACTS)
    assert "painting one changes nothing" in rig.markup("dialogs")


async def test_picture_too_large_to_paint_on_can_be_sent() -> None:
    rig = FilesRig()
    await rig.give(b"picture")
    picture = replace(rig.draft.pictures[IMAGE], width=8192, height=MAX_PAINTED // 8192 + 1)
    rig.draft = rig.draft.with_picture(IMAGE, picture)
    rig.files.paint_mask(**FACTS)
    assert fault_of(rig.draft) == "too-large-to-paint"
    assert rig.ui.dialog is None
    assert IMAGE in rig.draft.pictures


class WideScreen(MemoryScreen):
    """A screen where every picture has too many pixels."""

    async def measure(self, blob: Blob) -> tuple[int, int]:
        return 16385, 16384


async def test_picture_with_too_many_pixels_is_refused() -> None:
    rig = FilesRig(screen=WideScreen())
    await rig.give(b"picture")
    assert fault_of(rig.draft) == "too-many-pixels"
    assert not rig.draft.pictures


def test_javascript_has_the_same_limits() -> None:
    script = (ROOT / "static/js/picture.js").read_text(encoding="utf-8")
    found = dict(re.findall(r"const (MOST_\w+) = ([\d *]+);", script))
    limits = {name: [int(part) for part in text.split("*")] for name, text in found.items()}
    assert {name: one * other for name, (one, other) in limits.items()} == {
        "MOST_PIXELS": MAX_PIXELS,
        "MOST_PAINTED": MAX_PAINTED,
    }


@pytest.mark.parametrize(("name", "key"), [("tide.mp4", FILM), ("tide.flac", SOUND), ("tide.png", IMAGE)])
async def test_file_without_a_type_is_recognized_by_its_name(name: str, key: tuple[str, str]) -> None:
    rig = FilesRig()
    await rig.give(b"picture", name, "")
    assert set(rig.draft.pictures) == {key}


@pytest.mark.parametrize(
    ("name", "masked"),
    [("boat.jpg", "boat-masked.png"), ("boat-masked.png", "boat-masked.png"), ("a.b.webp", "a.b-masked.png")],
)
def test_name_of_a_masked_picture_has_one_suffix(name: str, masked: str) -> None:
    assert masked_name(name) == masked


def test_dialog_closes_with_its_field() -> None:
    fields = anything().form.by_key
    assert picture_view(CameraDialog(("9", "image")), Draft(), fields) is None
    assert picture_view(MaskDialog(IMAGE), Draft(), fields) is None
    assert picture_view(CameraDialog(IMAGE), Draft(), fields) == CameraView(fields[IMAGE])


async def test_camera_dialog_opens_for_a_field() -> None:
    rig = FilesRig()
    rig.files.open_camera(**FACTS)
    assert rig.ui.dialog == CameraDialog(IMAGE)
    assert element(rig.markup("dialogs"), "video")["data-name"] == "image"


@pytest.mark.parametrize(("key", "tag"), [(FILM, "video"), (SOUND, "audio")])
def test_players_have_controls_and_do_not_start(key: tuple[str, str], tag: str) -> None:
    item = anything().form.by_key[key]
    markup = str(field(FieldView(field=item, picture=Picture(Picked(Bytes(), "x"), "blob:1")), ENGLISH))
    player = element(markup, tag)
    assert "controls" in player and "autoplay" not in player
    assert markup.index("</label>") < markup.index(f"<{tag}"), "a click on the player does not choose another file"


def test_texts_of_the_mask_dialog_are_json() -> None:
    view = MaskView(anything().form.by_key[IMAGE], Picture(Picked(Bytes(), "boat.png"), "blob:1", 4, 4))
    texts = element(str(masking(view, ENGLISH)), data_mask="")["data-words"]
    assert json.loads(texts or "")["size"] == "{size} px"
