"""The dialog in which a mask is painted. Its body is `static/js/mask.js`'s: `data-kept` keeps patches out of it."""

from __future__ import annotations

import json

import htpy as h

from app.ui.form.controls import shown_label
from app.ui.form.mask import MaskView, masked_name
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon, icon_button


def masking(view: MaskView, _: Translator) -> h.Element:
    """The open dialog."""
    item, picture = view.field, view.picture
    return h.dialog(
        ".dialog.large.masking",
        data_modal="",
        id=f"mask-{item.node_id}-{'-'.join(item.input_name.split())}",
        aria_labelledby="mask-title",
        data_testid="mask-dialog",
    )[
        h.div(".large-head")[
            h.h2("#mask-title.large-title")[_("Paint a mask"), " · ", shown_label(item.label, _)],
            icon_button(_("Close without using it"), "close-dialog", "close"),
        ],
        h.div(
            ".mask-body",
            data_mask="",
            data_kept=f"{item.node_id} {picture.url}",
            data_src=picture.url,
            data_own=(view.own.url if view.own is not None else "") if view.is_apart else None,
            data_node=item.node_id,
            data_name=item.input_name,
            data_file=masked_name(picture.picked.name),
            data_words=json.dumps(_words(_), ensure_ascii=False),
        )[_tools(_), _stage(_), _foot(view, _)],
    ]  # fmt: skip


def _words(_: Translator) -> dict[str, str]:
    """What is told while the mask is painted; `{…}` are filled in there."""
    return {
        "reading": _("Reading the file …"),
        "unreadable": _("This picture cannot be read any more. Put it in again."),
        "failed": _("The browser has no room for a picture of this size. Close other tabs, or choose a smaller one."),
        "writing": _("Writing the picture …"),
        "scaled": _("The mask file is {size}; it was scaled to the picture."),
        "nomask": _("“{name}” is no picture that can be read."),
        "size": _("{size} px"),
    }


def _tools(_: Translator) -> h.Element:
    return h.div(".mask-tools", role="group", aria_label=_("Tools"))[
        h.div(".mask-group.is-joined")[
            _tool("brush", "brush", _("Brush"), "B", is_pressed=True),
            _tool("erase", "erase", _("Erase"), "E", is_pressed=False),
        ],
        h.label(".mask-size")[
            h.span(".visually-hidden")[_("Brush width")],
            icon("dot-small"),
            h.input("#mask-size", type="range", min="0", max="100", step="1", autocomplete="off", title="[ ]"),
            icon("dot-large"),
            h.output("#mask-size-told.quiet.numeric", for_="mask-size"),
        ],
        h.div(".mask-group")[
            _icon_tool("undo", "undo", _("Undo"), disabled=True), _icon_tool("redo", "redo", _("Redo"), disabled=True)
        ],
        h.div(".mask-group")[
            _tool("invert", "invert", _("Invert"), "I"),
            _tool("clear", "trash", _("Clear")),
            h.label(".button.mask-load")[
                h.input("#mask-file.visually-hidden", type="file", accept="image/*"),
                icon("open"),
                h.span[_("Mask file")],
            ],
        ],
    ]


def _stage(_: Translator) -> h.Element:
    help_words = _("Paint with a mouse, a pen or a finger; or lead the brush with the arrow keys and press space.")
    return h.div(".mask-main")[
        h.div(
            "#mask-stage.mask-stage",
            tabindex="0",
            autofocus=True,
            role="application",
            aria_label=_("The picture to paint on"),
            aria_describedby="mask-help",
        )[h.div("#mask-sheet.mask-sheet")],
        h.p("#mask-help.visually-hidden")[help_words],
        h.div(".graph-tools")[
            _icon_tool("out", "minus", _("Zoom out")),
            _icon_tool("fit", "fit", _("Fit all of it")),
            _icon_tool("in", "plus", _("Zoom in")),
        ],
    ]


def _foot(view: MaskView, _: Translator) -> h.Element:
    return h.div(".mask-foot")[
        h.p(".mask-words")[
            h.span("#mask-note", role="status"),
            not view.is_used
            and h.span(".quiet")[_("This workflow uses no mask of this picture: painting one changes nothing.")],
        ],
        h.div("#mask-ends.mask-ends")[
            h.button(".button.is-large", type="button", data_action="close-dialog")[h.span[_("Cancel")]],
            _use(_),
        ],
        _question(_),
    ]  # fmt: skip


def _use(_: Translator) -> h.Element:
    return h.button(".button.is-primary.is-large", type="button", data_mask_tool="done")[h.span[_("Use this mask")]]


def _question(_: Translator) -> h.Element:
    """Return the question that replaces the buttons when the user is about to discard a painting."""
    return h.div(
        "#mask-question.mask-ends", hidden=True, role="group", aria_labelledby="mask-asked", data_testid="mask-question"
    )[
        h.p("#mask-asked")[_("What you painted is not used yet.")],
        h.button(".button.is-large", type="button", data_mask_tool="resume")[h.span[_("Go on painting")]],
        h.button(".button.is-danger.is-large", type="button", data_action="close-dialog", data_discard="",
                 data_testid="mask-discard")[h.span[_("Throw it away")]],
        _use(_),
    ]  # fmt: skip


def _tool(name: str, icon_name: str, label: str, key: str = "", *, is_pressed: bool | None = None) -> h.Element:
    pressed = None if is_pressed is None else str(is_pressed).lower()
    return h.button(
        ".button", type="button", data_mask_tool=name, aria_pressed=pressed, title=f"{label} ({key})" if key else label
    )[icon(icon_name), h.span[label]]  # fmt: skip


def _icon_tool(name: str, icon_name: str, label: str, *, disabled: bool = False) -> h.Element:
    shown_label = {"aria-label": label, "title": label}
    return h.button(
        ".button.icon-only", shown_label, type="button", data_mask_tool=name, disabled=disabled
    )[icon(icon_name)]  # fmt: skip
