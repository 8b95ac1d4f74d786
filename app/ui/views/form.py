"""The picker of workflows and the chosen one's form."""

from __future__ import annotations

import htpy as h

from app.ui.i18n import Translator
from app.ui.samples import Sample
from app.ui.state import FormView, SampleEntry
from app.ui.views.fields import field
from app.ui.views.parts import icon, panel_title


def form(view: FormView, _: Translator) -> h.Node:
    """The content of `#form`."""
    return h.fragment[
        panel_title(_("New work")),
        h.fieldset(".picker", data_testid="workflow-picker")[
            h.legend(".visually-hidden")[_("Workflow")],
            (_entry(entry, view.chosen, _) for entry in view.entries),
        ],
        view.chosen is not None
        and h.div(".fields", id=f"fields-{view.chosen.sample_id}", role="group", aria_label=_.known(view.chosen.title))[
            (field(item, _) for item in view.fields)
        ],
    ]


def _entry(entry: SampleEntry, chosen: Sample | None, _: Translator) -> h.Element:
    sample = entry.sample
    is_chosen = chosen is sample
    return h.label(class_=["pick", {"is-chosen": is_chosen, "is-impossible": not entry.is_possible}])[
        h.input(
            type="radio",
            name="workflow",
            value=sample.sample_id,
            id=f"pick-{sample.sample_id}",
            checked=is_chosen,
            data_change="sample",
        ),
        icon(f"flow-{sample.sample_id}", "pick-icon"),
        h.span(".pick-text")[
            h.span(".pick-title")[_.known(sample.title)],
            is_chosen and h.span(".pick-about")[_.known(sample.about)],
            not entry.is_possible and h.span(".pick-lack")[_("Needs a demo server; this fleet has none.")],
        ],
    ]
