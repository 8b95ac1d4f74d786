"""The labels of the album: counts, and the choices of its filters."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.results.album import AlbumView, DateSpan

Options = tuple[tuple[str, str], ...]  # values with their labels


def word_count(view: AlbumView, _: Translator) -> str:
    if view.is_reading and not view.total:
        return _("Reading …")
    if view.wish.is_narrow:
        return _("{found} of {total}", found=_.formats.number(view.found), total=_.formats.number(view.total))
    return _.plural("{count} result", "{count} results", view.total)


def word_unshown(view: AlbumView, _: Translator) -> str:
    """Say which new results the filters hide."""
    if not view.wish.text.strip():
        return _.plural(
            "{count} new result is not shown: it does not match the filters.",
            "{count} new results are not shown: they do not match the filters.", view.unshown,
        )  # fmt: skip
    return _.plural(
        "{count} new result is not shown: it does not match the search.",
        "{count} new results are not shown: they do not match the search.", view.unshown,
    )  # fmt: skip


def title_options(view: AlbumView, _: Translator) -> Options:
    """The workflows; a sample's title is translated."""
    return tuple((item, _.known(item)) for item in view.titles)


def project_options(view: AlbumView) -> Options:
    return tuple((item, item) for item in view.projects)


def media_options(_: Translator) -> Options:
    """The kinds of results, as in `medium_of`."""
    return (
        ("image", _("Pictures")),
        ("video", _("Films")),
        ("audio", _("Sounds")),
        ("model", _("3D models")),
        ("text", _("Texts")),
        ("other", _("Other files")),
    )


def span_options(_: Translator) -> Options:
    return (
        (DateSpan.ALL.value, _("Any time")),
        (DateSpan.TODAY.value, _("Today")),
        (DateSpan.YESTERDAY.value, _("Yesterday")),
        (DateSpan.WEEK.value, _("Last 7 days")),
        (DateSpan.TWO_WEEKS.value, _("Last 2 weeks")),
        (DateSpan.MONTH.value, _("Last 30 days")),
        (DateSpan.EARLIER.value, _("Over 30 days ago")),
    )
