"""What a person or a script gave that cannot be used, in plain words."""

from __future__ import annotations

from app.core.errors import BadInput, BadPlan, SourceFault
from app.ui.i18n import Translator
from app.ui.plan_words import word_bad_plan
from app.ui.words import Tone, Words
from app.ui.workflow_words import word_cannot_convert, word_source_fault
from app.workflows.editor_problems import CannotConvert

# An empty file has the words of any empty file.
_SOURCE_FAULTS = {fault.value: fault for fault in SourceFault if fault is not SourceFault.EMPTY}


def word_bad_input(error: BadInput, _: Translator) -> Words:
    """The words for one cause; each has its own."""
    if isinstance(error, BadPlan):
        return word_bad_plan(error, _)
    if isinstance(error, CannotConvert):
        return word_cannot_convert(error, _)
    if error.cause in _SOURCE_FAULTS:
        return word_source_fault(_SOURCE_FAULTS[error.cause], error, _)
    match error.cause:
        case "not-a-picture" | "not-a-film" | "not-a-sound" | "too-large" | "unreadable" | "empty":
            return _file(error, _)
        case "input-not-kept":
            return Words(
                _("“{name}” is no longer kept in this browser.", name=error.name),
                _("Nothing was sent. Put the picture into the form again and press Run."),
            )
        case "not-a-number" | "out-of-range" | "not-an-option":
            return Words(_value(error, _), tone=Tone.WARN)
        case "not-a-file" | "bad-inputs":
            return Words(
                _("The script gave something else than was needed."), _("See the console contract."), error.detail
            )
        case "no-picture-field":
            return Words(_("This workflow takes no picture."), _("Choose a workflow for photos first."), tone=Tone.WARN)
        case "no-file-field":
            return Words(_("This workflow takes no such file."), _("Choose another workflow first."), tone=Tone.WARN)
        case "cannot-break":
            return Words(_("This cannot be done to {server} now.", server=error.name), quote=error.detail)
        case "bad-workflow":
            return Words(
                _("This workflow cannot be read."),
                _("Export it from ComfyUI in API format and try again."),
                " ".join(filter(None, (error.name, error.detail))),
            )
    return Words(
        _("What was given cannot be used."), _("Choose something else."), error.detail or error.cause or error.name
    )


def _file(error: BadInput, _: Translator) -> Words:
    match error.cause:
        case "not-a-picture":
            return Words(
                _("“{name}” is no picture that can be read.", name=error.name),
                _("Choose a PNG, JPEG or WebP file. Photos in HEIC or RAW have to be converted first."),
            )
        case "not-a-film":
            return Words(_("“{name}” is no film.", name=error.name), _("Choose an MP4, WebM or MOV file."))
        case "not-a-sound":
            return Words(_("“{name}” is no sound.", name=error.name), _("Choose a WAV, MP3, FLAC or OGG file."))
        case "too-large":
            return Words(
                _("“{name}” is too large for the server.", name=error.name),
                _("Choose a smaller file, or raise the server's upload limit (--max-upload-size)."),
                error.detail,
            )
        case "unreadable":
            return Words(
                _("“{name}” cannot be read any more.", name=error.name),
                _("It was changed or moved since it was chosen. Choose it again."),
                error.detail,
            )
    return Words(_("“{name}” is empty.", name=error.name), _("Choose another file."))


def _value(error: BadInput, _: Translator) -> str:
    match error.cause:
        case "not-a-number":
            return _("This has to be a number.")
        case "out-of-range":
            return _("This has to lie within {range}.", range=error.detail)
    return _("This is none of the choices.")
