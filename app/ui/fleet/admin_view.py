"""A server in the panel *Fleet*, for those who run it: whether it takes new work, its memory, its queue."""

from __future__ import annotations

import htpy as h

from app.core.model import ServerId
from app.core.ports.fleet import QueuedPrompt
from app.ui.fleet.admin import ServerAdmin
from app.ui.fleet.panel import ServerRow
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.parts_html import action_button, own, told


def deeds(row: ServerRow, _: Translator) -> h.Element | None:
    """What can be done there; None for whoever does not run the fleet."""
    if row.deeds is None:
        return None
    view, server = row.deeds, row.server
    label = _("For those who run the fleet: {server}", server=server.name)
    return h.div(".server-deeds", role="group", aria_label=label, data_testid="deeds")[
        h.div(".server-deed-buttons")[
            action_button(
                _("Take new work again") if server.is_drained else _("Take nothing new"),
                "drain",
                class_="is-small",
                disabled="drain" in view.doing,
                server=server.server_id,
                drain="false" if server.is_drained else "true",
                testid="drain",
            ),
            action_button(
                _("Free memory"),
                "free-memory",
                class_="is-small",
                disabled="free-memory" in view.doing,
                server=server.server_id,
                testid="free-memory",
            ),
            h.button(
                ".button.is-small",
                type="button",
                data_action="see-queue",
                data_server=server.server_id,
                data_testid="see-queue",
                aria_expanded="true" if view.is_shown else "false",
            )[h.span[_("Its queue")]],
        ],
        _came_of_it(view, _),
        view.is_shown and _queue(view, server.server_id, _),
    ]


def _came_of_it(view: ServerAdmin, _: Translator) -> h.Element | None:
    if view.refusal is not None:
        return h.div(role="alert", data_testid="deed-refused")[told(word_error(view.refusal, _))]
    words = word_deed(view.done, _)
    return h.p(".quiet", role="status")[words] if words else None


def _reading(_: Translator) -> h.Element:
    return h.p(".skeleton", role="status")[h.span(".visually-hidden")[_("Reading the queue …")]]


def _queue(view: ServerAdmin, server_id: ServerId, _: Translator) -> h.Element | None:
    if view.queue is None:
        return None if view.refusal is not None else _reading(_)
    if not view.queue:
        return h.p(".quiet")[_("Nothing waits or runs there.")]
    return h.ol(".queue", aria_label=_("Its queue"), data_testid="queue")[
        (_prompt(item, view, server_id, _) for item in view.queue)
    ]


def _prompt(item: QueuedPrompt, view: ServerAdmin, server_id: ServerId, _: Translator) -> h.Element:
    name = own(item.name) if item.name and item.prompt_id not in view.ours | view.own else word_owner(item, view, _)
    if view.asked == item.prompt_id:
        hands: h.Node = h.div(".queue-ask", role="group", aria_label=_("Cancel this?"))[
            h.p[_("Cancel this? Whoever it is of sees that it was cancelled.")],
            action_button(_("Keep it"), "keep-prompt", class_="is-small", server=server_id, prompt=item.prompt_id),
            action_button(
                _("Cancel it"),
                "cancel-prompt",
                class_="is-small is-danger",
                testid="confirm-cancel-prompt",
                server=server_id,
                prompt=item.prompt_id,
            ),
        ]
    else:
        hands = action_button(
            _("Cancel …"),
            "ask-cancel-prompt",
            class_="is-small is-quiet",
            disabled=f"cancel {item.prompt_id}" in view.doing,
            testid="cancel-prompt",
            server=server_id,
            prompt=item.prompt_id,
        )
    return h.li(".queue-row", id=f"queued-{item.prompt_id}", data_testid="queued", data_prompt=item.prompt_id)[
        h.span(".queue-name")[name],
        h.span(".quiet")[_("runs") if item.is_running else _("waits")],
        hands,
    ]


def word_deed(deed: str, _: Translator) -> str:
    """What was done, for whoever has done it; empty where it is seen anyway."""
    if deed == "free-memory":
        return _("It gives back memory as soon as nothing runs there that needs it.")
    return _("It is cancelled.") if deed.startswith("cancel ") else ""


def word_owner(prompt: QueuedPrompt, view: ServerAdmin, _: Translator) -> str:
    """Whose it is."""
    if prompt.prompt_id in view.own:
        return _("yours, of this window")
    if prompt.prompt_id in view.ours:
        return _("yours, of another window")
    return prompt.name or _("another user")
