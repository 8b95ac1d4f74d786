"""The dialog that takes a picture with the camera; `static/js/camera.js` shows it live."""

from __future__ import annotations

import htpy as h

from app.ui.form.controls import shown_label
from app.ui.form.mask import CameraView
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon, icon_button


def camera(view: CameraView, _: Translator) -> h.Element:
    """The open dialog."""
    item = view.field
    return h.dialog(
        ".dialog.large.camera", data_modal="", id="camera", aria_labelledby="camera-title", data_testid="camera-dialog"
    )[
        h.div(".large-head")[
            h.h2("#camera-title.large-title")[_("Camera"), " · ", shown_label(item.label, _)],
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(".camera-stage", data_kept="camera")[
            h.video(
                data_camera="",
                data_node=item.node_id,
                data_name=item.input_name,
                muted=True,
                playsinline=True,
                aria_label=_("What the camera sees"),
            ),
            h.p("#camera-note.camera-note", role="alert", hidden=True)[
                _("The camera does not open. Allow it for this address in the browser, and try again.")
            ],
            h.button("#camera-take.button.is-primary.is-large", type="button", disabled=True, autofocus=True)[
                icon("camera"), h.span[_("Take picture")]
            ],
        ],
    ]  # fmt: skip
