"""Messages about a link into the page that cannot be followed."""

from __future__ import annotations

from app.core.errors import BadInput
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words


def word_link(error: BadInput, _: Translator) -> Words:
    """Return what is wrong with a link, and what can be done. Nothing has changed."""
    match error.cause:
        case "link-unknown":
            title = _("The link names a workflow that is not published here: “{name}”.", name=error.name)
            return Words(title, _("Ask the sender, or look into the library. Your form is as it was."), tone=Tone.WARN)
        case "link-not-yours":
            return Words(
                _("{server} has no such result for you.", server=error.name),
                _("It is another user's, or the server has forgotten it. Ask the sender of the link for the file."),
                tone=Tone.WARN,
            )
        case "link-no-output":
            return Words(
                _("The run on {server} has no such result.", server=error.name),
                _("It may not have ended yet, or it failed. Open the link later, or ask the sender."),
                tone=Tone.WARN,
            )
        case "link-too-large":
            return Words(
                _("The workflow in the link is too large."),
                _("Nothing of it was used. Save it as a file in ComfyUI's editor, and open that file here."),
                error.name,
                Tone.WARN,
            )
        case "link-too-long":
            return Words(
                _("The link is too long."),
                _("Nothing of it was used. Ask the sender for one with fewer values."),
                tone=Tone.WARN,
            )
    return Words(
        _("This is no link that Mooring can follow."),
        _("It may have been cut. Copy it once more from where it was sent."),
        error.name,
        Tone.WARN,
    )
