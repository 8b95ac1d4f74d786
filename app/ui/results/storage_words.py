"""The labels of the dialog about what is kept in this browser."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.ports.blobs import Usage
from app.ui.kit.i18n import Translator
from app.ui.results.storage import LEAST, KeepingView


def storage_facts(usage: Usage, _: Translator) -> list[tuple[str, str, str]]:
    """Return what takes room: name, number where it matters, and size."""
    facts: list[tuple[str, int | None, int]] = [
        (_("Originals"), usage.count, usage.size),
        (_("Thumbnails"), usage.thumbnails, usage.thumbnails_size),
    ]
    if usage.inputs_size:
        facts.append((_("Pictures put in, for running again"), None, usage.inputs_size))
    if usage.quota is not None and usage.used is not None:
        facts.append((_("Still free for this page"), None, max(0, usage.quota - usage.used)))
    return [
        (name, "" if count is None else _.formats.number(count), _.formats.size(size)) for name, count, size in facts
    ]


def word_cap(view: KeepingView, _: Translator) -> str:
    """Say what saving the size would do, or why it is not valid."""
    if view.wanted is None:
        return _("This has to be a number of gigabytes, {least} or more.", least=_.formats.number(LEAST, 3))
    if view.excess:
        return _(
            "On saving, {size} of the oldest originals are deleted here. Their thumbnails stay.",
            size=_.formats.size(view.excess),
        )
    return _("When it is full, the oldest make room. Thumbnails do not count and stay. All windows share this.")


def parts_text(parts: Iterable[str], separator: str) -> str:
    """Join the names that a file name's template may use, in braces."""
    return separator.join(f"{{{part}}}" for part in parts)
