"""Texts about an admin's part of the panel *Fleet*."""

from __future__ import annotations

from collections import Counter

from app.core.ports.fleet import QueuedPrompt
from app.ui.fleet.admin import ServerAdmin
from app.ui.kit.i18n import Translator
from app.ui.kit.words import word_list


def word_done(name: str, _: Translator) -> str:
    """Return the result of an action; empty if it is visible anyway."""
    if name == "free-memory":
        return _("It gives back memory as soon as nothing runs there that needs it.")
    return _("It is stopped.") if name.startswith("cancel ") else ""


def word_unfinished(view: ServerAdmin, _: Translator) -> str:
    """Return whose work is unfinished on a server."""
    owners = Counter(word_owner(prompt, view, _) for prompt in view.queue or ())
    named = [f"{name} ({_.formats.number(count)})" for name, count in owners.items()]
    return word_list(named, _)


def word_owner(prompt: QueuedPrompt, view: ServerAdmin, _: Translator) -> str:
    """Return whose prompt it is."""
    if prompt.prompt_id in view.own:
        return _("yours, of this window")
    if prompt.prompt_id in view.ours:
        return _("yours, of another window")
    return prompt.name or _("another user")
