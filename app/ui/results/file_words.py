"""What the page says about a file that it shows by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.core.file_facts import META
from app.core.model import Output
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from wire.media import medium_of

FEW = 3  # facts on a card
_ICONS = {"model": "cube", "text": "file-text", "image": "picture"}


def file_icon(output: Output) -> str:
    """Return the icon of its kind."""
    return _ICONS.get(medium_of(output.media_type, output.filename), "file")


def word_file(output: Output, _: Translator) -> str:
    """Return its kind, the ending of its name, and its size."""
    ending = output.filename.rpartition(".")[2].upper() if "." in output.filename else ""
    kinds = {"model": _("3D model"), "text": _("Text"), "image": _("Picture")}
    kind = kinds.get(medium_of(output.media_type, output.filename), _("File"))
    return SEPARATOR.join(filter(None, (kind, ending, _.formats.size(output.size) if output.size else "")))


def word_facts(output: Output, _: Translator) -> str:
    """Return the first few facts in one line."""
    facts = list(file_facts(output, _))[:FEW]
    return SEPARATOR.join(f"{name} {value}" for name, value in facts)


def file_facts(output: Output, _: Translator) -> Iterator[tuple[str, str]]:
    """Yield what is known of a file, each with its label; entries of its own metadata keep their names."""
    counts = {
        "vertices": _("Vertices"),
        "triangles": _("Triangles"),
        "materials": _("Materials"),
        "textures": _("Textures"),
        "animations": _("Animations"),
        "tensors": _("Tensors"),
        "parameters": _("Parameters"),
    }
    texts = {
        "pixels": _("Size in pixels"),
        "channels": _("Channels"),
        "shape": _("Shape"),
        "types": _("Number types"),
        "compression": _("Compression"),
        "extensions": _("Needs"),
    }
    for fact in output.facts:
        if fact.name in counts and fact.value.isdecimal():
            yield counts[fact.name], _.formats.number(int(fact.value))
        else:
            yield texts.get(fact.name, fact.name.removeprefix(META)), fact.value


def view_words(_: Translator) -> str:
    """Return what the 3D view says to screen readers, as JSON under the names that model-viewer gives."""
    sides = {
        "front": _("Seen from the front"),
        "right": _("Seen from the right"),
        "back": _("Seen from behind"),
        "left": _("Seen from the left"),
    }
    heights = {"upper": _("from above"), "lower": _("from below")}
    words = sides | {
        f"{place}-{side}": _("{first}, {rest}", first=seen, rest=height)
        for side, seen in sides.items()
        for place, height in heights.items()
    }
    return json.dumps(words | {"interaction-prompt": _("Turn it with the mouse, a finger or the arrow keys.")})
