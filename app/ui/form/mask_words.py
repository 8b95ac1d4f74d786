"""What the dialog for masks says while the user paints."""

from __future__ import annotations

import json

from app.ui.kit.i18n import Translator


def mask_words(_: Translator) -> str:
    """All of it, as JSON for `static/js/mask.js`, which fills in each `{…}`."""
    return json.dumps(
        {
            "reading": _("Reading the file …"),
            "unreadable": _("This picture cannot be read any more. Put it in again."),
            "failed": _(
                "The browser has no room for a picture of this size. Close other tabs, or choose a smaller one."
            ),
            "writing": _("Writing the picture …"),
            "scaled": _("The mask file is {size}; it was scaled to the picture."),
            "nomask": _("“{name}” is no picture that can be read."),
            "size": _("{size} px"),
        },
        ensure_ascii=False,
    )
