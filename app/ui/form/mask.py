"""The dialogs for a field's picture: painting a mask over it, and taking it with the camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.ui.form.state import Draft, Picture
from app.ui.kit.state import Dialog
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Media, Upload
from app.workflows.graph import Key

MASKED = "-masked"  # at the end of a masked picture's name


@dataclass(frozen=True, slots=True)
class MaskDialog(Dialog):
    """Painting a mask over the picture of this field."""

    key: Key


@dataclass(frozen=True, slots=True)
class MaskView:
    """The open dialog with its picture; `own` is the picture in the field, if that is for masks."""

    field: Field
    picture: Picture
    own: Picture | None = None

    @property
    def is_used(self) -> bool:
        """Whether the workflow uses the mask."""
        return uses_mask(self.field)

    @property
    def is_apart(self) -> bool:
        """Whether the mask becomes a file of its own."""
        return _media_of(self.field) is Media.MASK


@dataclass(frozen=True, slots=True)
class CameraDialog(Dialog):
    """Taking a picture for this field."""

    key: Key


@dataclass(frozen=True, slots=True)
class CameraView:
    """The open dialog."""

    field: Field


def uses_mask(item: Field) -> bool:
    """Return whether the workflow uses the picture's transparency."""
    return isinstance(item.kind, Upload) and (item.kind.is_mask_used or item.kind.media is Media.MASK)


def base_of(item: Field, draft: Draft) -> Picture | None:
    """Return the picture to paint a field's mask on: its own, or another field's if the mask is a file of its own."""
    own = draft.pictures.get(item.key)
    if _media_of(item) is not Media.MASK:
        return own if takes_picture(item) else None
    return other_picture(item, draft) or own


def other_picture(item: Field, draft: Draft) -> Picture | None:
    """Return the first picture in another field."""
    return next((picture for key, picture in draft.pictures.items() if key != item.key and picture.width), None)


def takes_picture(item: Field) -> bool:
    """Return whether a field is for a picture that is no mask."""
    return _media_of(item) is Media.PICTURE


def _media_of(item: Field) -> Media | None:
    return item.kind.media if isinstance(item.kind, Upload) else None


def masked_name(name: str) -> str:
    """Return the name of a picture with a mask; a second mask does not change it."""
    stem = PurePosixPath(name).stem or name
    return f"{stem.removesuffix(MASKED)}{MASKED}.png"


def is_masked_name(name: str) -> bool:
    """Return whether the name is that of a picture with a mask."""
    return name.endswith(f"{MASKED}.png")


def picture_view(
    dialog: MaskDialog | CameraDialog, draft: Draft, fields: Mapping[Key, Field]
) -> MaskView | CameraView | None:
    """Return the open dialog's view; None once its field, or the picture to paint on, is gone."""
    item = fields.get(dialog.key)
    if item is None:
        return None
    if isinstance(dialog, CameraDialog):
        return CameraView(item)
    base = base_of(item, draft)
    return MaskView(item, base, draft.pictures.get(item.key)) if base is not None else None
