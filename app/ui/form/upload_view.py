"""A field that takes a file: dropped, pasted, chosen, or one that is on the server already."""

from __future__ import annotations

import htpy as h

from app.ui.form.arrange_view import tools
from app.ui.form.controls import combo, field_id, list_trouble, shown_label
from app.ui.form.mask import takes_picture, uses_mask
from app.ui.form.state import FieldView, Picture
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button
from app.workflows.forms.fields import Media, Upload

ACCEPTED = {Media.PICTURE: "image/*", Media.MASK: "image/*", Media.VIDEO: "video/*", Media.AUDIO: "audio/*"}
ICONS = {Media.PICTURE: "picture", Media.MASK: "picture", Media.VIDEO: "film", Media.AUDIO: "sound"}


def upload(view: FieldView, _: Translator, fault: h.Element | None) -> h.Element:
    """The place for the file, what is in it, and what is wrong with it."""
    item, picture = view.field, view.picture
    kind = item.kind if isinstance(item.kind, Upload) else Upload()
    name = field_id(item)
    return h.div(class_=["field", {"has-fault": fault is not None}])[
        h.div(".field-head")[
            h.span(".label", id=f"{name}-label")[shown_label(item.label, _)],
            picture is not None
            and icon_button(_("Take the file out"), "clear-picture", "close", node=item.node_id, name=item.input_name),
        ],
        tools(view, _),
        h.label(
            class_=["drop", {"has-picture": picture is not None, "is-checking": view.is_checking}],
            data_testid=f"drop-{item.node_id}-{item.input_name}",
            data_drop="",
            data_node=item.node_id,
            data_name=item.input_name,
        )[
            h.input(
                ".visually-hidden",
                type="file",
                accept=ACCEPTED.get(kind.media),
                id=name,
                aria_labelledby=f"{name}-label",
                aria_describedby=f"{name}-fault" if fault is not None else None,
                data_files="",
                data_node=item.node_id,
                data_name=item.input_name,
            ),
            _filled(view, kind, _) if picture else _empty(view, kind, _),
        ],
        picture is not None and _player(picture, kind),
        (view.can_mask or takes_picture(item)) and _picture_tools(view, _),
        picture is None and view.list_id and _on_server(view, _),
        picture is None and list_trouble(view, _),
        fault,
    ]


def _on_server(view: FieldView, _: Translator) -> h.Element:
    name = f"{field_id(view.field)}-there"
    return h.div(".there")[h.label(for_=name)[_("or one that is on the server")], combo(view, _, "-there")]


def _filled(view: FieldView, kind: Upload, _: Translator) -> h.Node:
    picture = view.picture
    if picture is None:
        return None
    size = _.formats.size(picture.picked.blob.size)
    facts = f"{_('{width} × {height}', width=picture.width, height=picture.height)} · {size}" if picture.width else size
    return h.fragment[
        _shown(picture, kind),
        h.span(".drop-facts")[
            h.span(".drop-name", translate="no")[picture.picked.name], h.span(".quiet.numeric")[facts]
        ],
    ]


def _shown(picture: Picture, kind: Upload) -> h.Node:
    """A picture, with its mask if it has one; other files have a player below."""
    if kind.media not in (Media.PICTURE, Media.MASK):
        return None
    return h.img(".drop-picture", src=picture.look_url or picture.url, alt=picture.picked.name, translate="no")


def _player(picture: Picture, kind: Upload) -> h.Node:
    match kind.media:
        case Media.VIDEO:
            return h.video(".drop-player", src=picture.url, controls=True, preload="metadata")
        case Media.AUDIO:
            return h.audio(".drop-player", src=picture.url, controls=True, preload="metadata")
    return None


def _picture_tools(view: FieldView, _: Translator) -> h.Element:
    return h.div(".drop-tools")[
        view.can_mask and _mask_button(view, _),
        view.other_name
        and action_button(
            _("Use “{name}” here too", name=view.other_name),
            "same-picture",
            icon_name="copy",
            class_="is-small is-quiet is-long",
            node=view.field.node_id,
            name=view.field.input_name,
        ),
        takes_picture(view.field) and _camera(view, _),
    ]


def _mask_button(view: FieldView, _: Translator) -> h.Node:
    """What opens the dialog for a mask: plain to see where the workflow uses one, quiet elsewhere."""
    is_masked = view.picture is not None and bool(view.picture.look_url)
    return action_button(
        _("Paint on with the mask") if is_masked else _("Paint a mask"),
        "paint-mask",
        icon_name="brush",
        class_="is-small" if uses_mask(view.field) or is_masked else "is-small is-quiet",
        node=view.field.node_id,
        name=view.field.input_name,
        testid=f"mask-{view.field.node_id}-{view.field.input_name}",
    )


def _camera(view: FieldView, _: Translator) -> h.Node:
    """Two ways to the camera; the style sheet shows the one that there is on this device, or none."""
    where = {"data-node": view.field.node_id, "data-name": view.field.input_name}
    return h.fragment[
        h.label(".button.is-small.is-quiet.camera-phone")[
            h.input(
                ".visually-hidden", where, type="file", accept="image/*", capture="environment", data_files=""
            ),
            icon("camera"),
            h.span[_("Camera")],
        ],
        h.button(".button.is-small.is-quiet.camera-live", where, type="button", data_action="open-camera")[
            icon("camera"), h.span[_("Camera")]
        ],
    ]  # fmt: skip


def _empty(view: FieldView, kind: Upload, _: Translator) -> h.Node:
    if view.is_checking:
        return h.span(".drop-words")[_("Reading the file …")]
    return h.fragment[
        icon(ICONS.get(kind.media, "report"), "drop-icon"),
        h.span(".drop-words")[h.strong[_words(kind, _)], h.span(".quiet")[_("paste it, or click to choose")]],
    ]


def _words(kind: Upload, _: Translator) -> str:
    match kind.media:
        case Media.PICTURE:
            return _("Drop a picture here")
        case Media.MASK:
            return _("Drop a mask here")
        case Media.VIDEO:
            return _("Drop a film here")
        case Media.AUDIO:
            return _("Drop a sound here")
    return _("Drop a file here")
