"""Messages about prompts with choices and wildcards, and about files of words for them."""

from __future__ import annotations

from app.core.errors import BadInput
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words

_FILE_CAUSES = frozenset({"words-too-large", "words-empty", "words-no-tags", "words-no-text", "too-many-lists"})
PROMPT_CAUSES = _FILE_CAUSES | {
    "no-wildcard",
    "wildcard-empty",
    "wildcard-loop",
    "prompt-too-long",
    "too-many-wildcards",
}


def word_prompt_error(error: BadInput, _: Translator) -> Words:
    """Return the message about a prompt that cannot be drawn, or about a file without words."""
    if error.cause in _FILE_CAUSES:
        return _file(error, _)
    wildcard = f"__{error.detail}__"
    match error.cause:
        case "no-wildcard":
            return Words(
                _("There is no wildcard {wildcard}.", wildcard=wildcard),
                _(
                    "Drop its text file on the page, or write {text} to send it as it is.",
                    text=f"\\{wildcard}",
                ),
                tone=Tone.WARN,
            )
        case "wildcard-empty":
            return Words(
                _("The wildcard {wildcard} has no lines.", wildcard=wildcard),
                _("Add its text file again in the library."),
                tone=Tone.WARN,
            )
        case "wildcard-loop":
            return Words(
                _("The wildcard {wildcard} leads back to itself.", wildcard=wildcard),
                _("Change its lines, or use another wildcard."),
                tone=Tone.WARN,
            )
        case "too-many-wildcards":
            return Words(
                _("“{label}” leads to too many wildcards.", label=_.known(error.name)),
                _("At most {count} can be read for one run.", count=error.detail),
                tone=Tone.WARN,
            )
    return Words(
        _("The text that “{label}” would send is too long.", label=_.known(error.name)),
        _("At most {count} characters can be drawn.", count=error.detail),
        tone=Tone.WARN,
    )


def _file(error: BadInput, _: Translator) -> Words:
    match error.cause:
        case "words-too-large":
            return Words(
                _("“{name}” is too large for words for prompts.", name=error.name),
                _("At most {size} MB are read.", size=error.detail),
                tone=Tone.WARN,
            )
        case "words-no-tags":
            return Words(
                _("“{name}” is no list of tags.", name=error.name),
                _("Each line has a tag and, after commas, its category, its count and other names."),
                tone=Tone.WARN,
            )
        case "words-no-text":
            return Words(_("“{name}” is no text file.", name=error.name), _("Choose another file."), tone=Tone.WARN)
        case "too-many-lists":
            return Words(
                _("“{name}” is one list of words too many.", name=error.name),
                _("Delete lists that you do not need in the library."),
                tone=Tone.WARN,
            )
    return Words(_("“{name}” has no lines to draw from.", name=error.name), _("Choose another file."), tone=Tone.WARN)
