"""The nodes below the form, each folded until it is asked for; and the long lists of choices that fields need."""

from __future__ import annotations

import json

import htpy as h

from app.ui.form.controls import shown_label
from app.ui.form.field_view import field
from app.ui.form.state import NodesView, NodeView, OptionList
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, own
from app.workflows.forms.fields import text_of_option


def nodes(view: NodesView, _: Translator) -> h.Node:
    """The content of `#nodes`."""
    if view.is_coming:
        return h.p(".quiet")[_("Reading the other nodes …")]
    if not view.nodes and not view.hidden:
        return h.p(".quiet", role="status")[_("Nothing found below.")] if view.is_found else None
    return h.fragment[
        h.h3(".folds-title")[_("Found below") if view.is_found else _("All other inputs")],
        h.ul(".folds")[(_node(item, _, is_found=view.is_found) for item in view.nodes)],
        bool(view.hidden) and _hidden(view, _),
        view.more > 0
        and action_button(_.plural("Show {count} more node", "Show {count} more nodes", view.more), "more-nodes"),
    ]


def _hidden(view: NodesView, _: Translator) -> h.Fragment:
    return h.fragment[
        h.h3(".folds-title")[_("Hidden inputs")],
        h.div(".fields")[(field(item, _) for item in view.hidden)],
    ]


def _node(view: NodeView, _: Translator, *, is_found: bool) -> h.Element:
    body = f"fold-{view.node_id}"
    is_open = view.fields is not None
    named = h.fragment[
        h.span(".fold-title")[shown_label(view.title, _)],
        view.title != view.class_type and h.span(".fold-class")[own(view.class_type)],
        h.span(".fold-count.numeric")[_.plural("{count} input", "{count} inputs", view.count)],
    ]
    return h.li(".fold", data_testid="node", data_node=view.node_id)[
        h.div(".fold-head")[named]
        if is_found
        else h.button(
            ".fold-head",
            type="button",
            data_action="fold-node",
            data_node=view.node_id,
            aria_expanded="true" if is_open else "false",
            aria_controls=body,
        )[icon("chevron"), named],
        h.div(".fold-body", id=body, hidden=not is_open)[
            not view.is_known
            and is_open
            and h.p(".hint")[_("This kind of node is not known here: its inputs are sent as they are.")],
            is_open and h.div(".fields")[(field(item, _) for item in view.fields or ())],
        ],
    ]


def lists(view: tuple[OptionList, ...], _: Translator) -> h.Node:
    """The content of `#lists`: data for `static/js/combo.js`, [what is sent, what it is called], never shown itself."""
    return h.fragment[
        (
            h.div(id=item.list_id, translate="no", hidden=True)[
                json.dumps(
                    [text_of_option(option) for option in item.options]
                    if not item.labels
                    else [
                        [text_of_option(option), _.known(label)]
                        for option, label in zip(item.options, item.labels, strict=True)
                    ],
                    ensure_ascii=False,
                )
            ]
            for item in view
        )
    ]
