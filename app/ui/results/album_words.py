"""What a result in the album is called for those who do not see it, and what the grid is told of it."""

from __future__ import annotations

from app.core.past import media_of
from app.ui.kit.colours import ServerTag
from app.ui.kit.i18n import PSEUDO, Translator
from app.ui.results.album import AlbumCell

Told = tuple[str, str, str, float, int, str]


def word_cell(cell: AlbumCell, tag: ServerTag, _: Translator) -> Told:
    """A result as `static/js/grid.js` takes it: name, title, server, when it ended (s since the epoch), tone, kind."""
    row, kind = cell.row, media_of(cell.output.media_type, cell.output.filename)
    return cell.name, _.known(row.title) or _("Untitled"), tag.name, row.ended_at, tag.tone, kind


def grid_words(_: Translator) -> dict[str, str]:
    """The texts that the grid fills in itself, for those cells that are in sight."""
    return {
        "language": "en" if _.language == PSEUDO else _.language,
        "cell": _("{title} on {server}, {time}"),
        "favourite": _("{label}, favourite"),
    }
