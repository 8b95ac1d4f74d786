"""Which language a page is in: chosen in the gateway for the first screen, and in the page."""

from __future__ import annotations

from collections.abc import Collection, Iterable

ENGLISH = "en"
COOKIE = "mooring-language"  # the language that the user has chosen; without one, the browser's wishes count


def choose_language(wishes: Iterable[str | None], codes: Collection[str]) -> str:
    """Return the first of the wishes that there is, or one of the same family; else English."""
    for wish in wishes:
        low = (wish or "").lower().replace("_", "-")
        same = next((code for code in codes if code.lower() == low), None)
        near = next((code for code in codes if low and code.split("-")[0].lower() == low.split("-")[0]), None)
        if same or near:
            return same or near or ""
    return ENGLISH


def accepted_languages(header: str) -> list[str]:
    """Return the languages of an `Accept-Language`, most wanted first."""
    found = []
    for item in header.split(","):
        language, _, weight = item.partition(";")
        if language.strip():
            found.append((-_weight(weight), language.strip()))
    return [language for _, language in sorted(found, key=lambda item: item[0])]


def _weight(parameter: str) -> float:
    _, _, value = parameter.strip().partition("q=")
    try:
        return float(value) if value else 1.0
    except ValueError:
        return 0.0
