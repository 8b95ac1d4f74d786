"""What a result in the album is called for those who do not see it, and what the grid is told of it."""

from __future__ import annotations

from app.core.past import media_of
from app.ui.album import AlbumCell
from app.ui.i18n import Translator
from app.ui.tones import ServerTag


def word_cell(cell: AlbumCell, tag: ServerTag, _: Translator) -> tuple[str, str, int, str, int]:
    """A cell as `static/js/grid.js` takes it: name, label, tone, kind, and whether it is a favourite."""
    row, kind = cell.row, media_of(cell.output.media_type, cell.output.filename)
    title = _.known(row.title) or _("Untitled")
    label = _("{title} on {server}, {time}", title=title, server=tag.name, time=_.formats.clock(row.ended_at))
    if cell.is_favourite:
        label = _("{label}, favourite", label=label)
    return cell.name, label, tag.tone, kind, int(cell.is_favourite)
