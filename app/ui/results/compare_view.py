"""Two results compared. The pictures are read from the store by `static/js/compare.js`."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon_button, own
from app.ui.results.state import Compared, CompareDialog


def comparing(dialog: CompareDialog, _: Translator) -> h.Element:
    """The dialog."""
    way = _("Side by side") if dialog.is_slider else _("With a slider")
    return h.dialog(
        ".dialog.large.compare",
        data_modal="",
        id="compare",
        aria_labelledby="compare-title",
        data_testid="compare-dialog",
    )[
        h.div(".large-head")[
            h.h2("#compare-title.large-title")[_("Compare")],
            h.span(".compare-space"),
            action_button(way, "album-compare-way", icon_name="invert", class_="is-small", testid="compare-way"),
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(class_=["compare-stage", {"is-slider": dialog.is_slider}])[
            _side(dialog.one, _), _side(dialog.other, _)
        ],
        dialog.is_slider
        and h.input(
            "#compare-slider.compare-slider", type="range", min="0", max="100", value="50", step="0.5",
            aria_label=_("How much of the first is seen"), autofocus=True,
        ),
    ]  # fmt: skip


def _side(side: Compared, _: Translator) -> h.Element:
    title = _.known(side.title) or _("Untitled")
    return h.figure[
        h.img(
            data_name=side.name,
            alt=_("Result of “{title}” from {server}", title=title, server=side.server),
            decoding="async",
        ),
        h.figcaption[
            own(title) if title == side.title else title,
            " · ",
            own(side.server),
            " · ",
            _.formats.clock(side.at),
            bool(side.seed) and h.fragment[" · ", _("Seed"), " ", own(side.seed)],
        ],
    ]
