"""The names that are offered while the user types, for `static/js/complete.js`."""

from __future__ import annotations

import json

from app.ui.kit.i18n import Translator
from app.ui.words.state import Completion


def names_json(offered: Completion, _: Translator) -> str:
    """Return what is offered besides tags, with the texts that the list shows."""
    return json.dumps(
        {
            "wildcards": [
                [name, _.plural("{count} line", "{count} lines", count) if count else ""]
                for name, count in offered.wildcards
            ],
            "embeddings": offered.embeddings,
            "loras": offered.loras,
            "label": _("Words to insert"),
            "said": _("{count} words: press the down arrow key to choose"),
        },
        ensure_ascii=False,
    )
