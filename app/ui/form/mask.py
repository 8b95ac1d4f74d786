"""The dialogs about the picture of a field: what they are about, and what they are drawn from.

A mask is painted over the picture in one; the other takes the picture with the camera.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.ui.form.state import Draft, Picture
from app.ui.kit.state import Dialog
from app.workflows.forms.fields import Field, Media, Upload
from app.workflows.graph import Key

MASKED = "-masked"  # at the end of a masked picture's name


@dataclass(frozen=True, slots=True)
class MaskDialog(Dialog):
    """A mask is painted over the picture of this field."""

    key: Key


@dataclass(frozen=True, slots=True)
class MaskView:
    """The open dialog, with the picture that is painted on."""

    field: Field
    picture: Picture
    own: Picture | None = None  # what stands in a field for masks

    @property
    def is_used(self) -> bool:
        """Whether the workflow makes something of the mask."""
        return uses_mask(self.field)

    @property
    def is_apart(self) -> bool:
        """Whether the mask becomes a file of its own."""
        return _media_of(self.field) is Media.MASK


@dataclass(frozen=True, slots=True)
class CameraDialog(Dialog):
    """A picture is taken for this field."""

    key: Key


@dataclass(frozen=True, slots=True)
class CameraView:
    """The open dialog."""

    field: Field


def uses_mask(item: Field) -> bool:
    """Whether the workflow makes something of a picture's transparency."""
    return isinstance(item.kind, Upload) and (item.kind.is_mask_used or item.kind.media is Media.MASK)


def base_of(item: Field, draft: Draft) -> Picture | None:
    """What a mask for a field would be painted on: its own picture, or for a mask apart the first other one."""
    own = draft.pictures.get(item.key)
    if _media_of(item) is not Media.MASK:
        return own if takes_picture(item) else None
    return other_picture(item, draft) or own


def other_picture(item: Field, draft: Draft) -> Picture | None:
    """The first picture that stands in another field."""
    return next((picture for key, picture in draft.pictures.items() if key != item.key and picture.width), None)


def takes_picture(item: Field) -> bool:
    """Whether a field is for a picture: one that a camera may give, and that a mask can be painted over."""
    return _media_of(item) is Media.PICTURE


def _media_of(item: Field) -> Media | None:
    return item.kind.media if isinstance(item.kind, Upload) else None


def masked_name(name: str) -> str:
    """What a picture is called once it has a mask; it is called so also when that is painted over."""
    stem = PurePosixPath(name).stem or name
    return f"{stem.removesuffix(MASKED)}{MASKED}.png"


def is_masked_name(name: str) -> bool:
    """Whether a picture is called as those are that were masked here."""
    return name.endswith(f"{MASKED}.png")


def picture_view(
    dialog: MaskDialog | CameraDialog, draft: Draft, fields: Mapping[Key, Field]
) -> MaskView | CameraView | None:
    """The open dialog as it is drawn; None once its field, or the picture to paint on, is gone."""
    item = fields.get(dialog.key)
    if item is None:
        return None
    if isinstance(dialog, CameraDialog):
        return CameraView(item)
    base = base_of(item, draft)
    return MaskView(item, base, draft.pictures.get(item.key)) if base is not None else None
