"""Where the chosen workflow can run: a line, and in its fold what each of the other servers lacks."""

from __future__ import annotations

import htpy as h

from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, own, server_chip
from app.ui.runs.runnability_words import word_lack, word_nodes, word_place, word_standing
from app.ui.runs.state import RunnabilityGroup, RunnabilityView
from app.workflows.needs import MissingClass, MissingValue

MOST = 20  # lacks of each kind that are listed; a workflow of another world lacks hundreds


def standing(view: RunnabilityView | None, _: Translator) -> h.Node:
    """The content of `#standing`."""
    if view is None:
        return None
    tone = "is-bad" if view.unable is not None or not view.runs_on else "is-warn" if view.groups else "is-good"
    return h.details(
        class_=["standing", tone], id=f"standing-{view.workflow_id}", data_testid="standing", data_tone=tone
    )[
        h.summary[
            icon("check" if tone == "is-good" else "warning", "standing-sign"),
            h.span(".standing-line")[word_standing(view, _)],
            icon("chevron"),
        ],
        h.div(".standing-body")[
            view.unable is not None and _moored(view.unable, _),
            (_group(item, view, _) for item in view.groups),
            bool(view.runs_on) and _servers(_("It runs on"), view.runs_on),
            bool(view.unknown) and _servers(_("Not known; they may be asked all the same"), view.unknown),
            h.div(".standing-look")[
                action_button(
                    _("Looking …") if view.is_looking else _("Look again"),
                    "look-at-catalogues",
                    icon_name="retry",
                    class_="is-small",
                    disabled=view.is_looking,
                    testid="look-at-catalogues",
                ),
                h.span(".quiet")[_("after a model or a node was added to a server")],
            ],
        ],
    ]


def _moored(tag: ServerTag, _: Translator) -> h.Element:
    return h.div(".standing-moored")[
        h.p[
            _(
                "This window stays with {server} until its work has ended. Wait for that, or use another window.",
                server=tag.name,
            )
        ],
        h.a(".button.is-small", href="./", target="_blank", rel="noopener")[
            icon("window"), h.span[_("Open another window")]
        ],
    ]


def _servers(title: str, tags: tuple[ServerTag, ...]) -> h.Element:
    return h.div(".standing-servers")[h.span(".quiet")[title], (server_chip(tag) for tag in tags)]


def _group(group: RunnabilityGroup, view: RunnabilityView, _: Translator) -> h.Element:
    lacks, labels = group.lacks, dict(view.labels)
    more = max(0, len(lacks.classes) - MOST) + max(0, len(lacks.values) - MOST)
    return h.section(".standing-group", data_testid="lacking")[
        h.div(".standing-servers")[
            (server_chip(tag) for tag in group.tags), h.span(".quiet")[_.plural("lacks", "lack", len(group.tags))]
        ],
        h.ul[
            (_class(item, _) for item in lacks.classes[:MOST]),
            (_value(item, labels, _) for item in lacks.values[:MOST]),
            more > 0 and h.li(".quiet")[_.plural("and {count} more thing", "and {count} more things", more)],
        ],
    ]


def _class(item: MissingClass, _: Translator) -> h.Element:
    return h.li[
        h.span(translate="no")[_("The node “{name}” is not installed.", name=item.class_type)],
        h.span(".quiet", translate="no")[_("Needed by {nodes}", nodes=word_nodes(item.nodes, _))],
    ]


def _value(item: MissingValue, labels: dict[tuple[str, str], str], _: Translator) -> h.Element:
    is_offered = bool(item.near) and (item.node_id, item.input_name) in labels
    return h.li[
        h.span(translate="no")[word_lack(item, labels, _)],
        h.span(".quiet")[own(word_place(item, labels, _))],
        is_offered
        and h.button(
            ".button.is-small",
            type="button",
            data_action="use-near",
            data_node=item.node_id,
            data_name=item.input_name,
            data_text=item.near,
            data_testid="use-near",
            translate="no",
        )[_("Use “{name}”", name=item.near)],
    ]
