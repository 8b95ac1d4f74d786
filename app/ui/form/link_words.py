"""Words for the values of a link that are not in the form."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.kit.input_words import word_bad_input
from app.workflows.links import LONGEST_VALUE, MOST_VALUES, LeftOutReason, RefusedValue

SHOWN_REFUSED = 6


def word_refused(item: RefusedValue, _: Translator) -> str:
    """Return why a value is not in the form."""
    name = _.known(item.name)
    match item.reason:
        case LeftOutReason.UNKNOWN:
            return _("“{name}”: this form has no such field.", name=name)
        case LeftOutReason.SEVERAL:
            return _("“{name}”: several fields have this name. A link can name the node: 3.steps", name=name)
        case LeftOutReason.TWICE:
            return _("“{name}”: the link names this field twice. The first value counts.", name=name)
        case LeftOutReason.FILE:
            return _("“{name}”: a link cannot choose a file.", name=name)
        case LeftOutReason.CREDITS:
            return _("“{name}”: a link cannot change nodes that cost credits.", name=name)
        case LeftOutReason.TOO_LONG:
            return _("“{name}”: the value is longer than {count} characters.", name=name,
                     count=_.formats.number(LONGEST_VALUE))  # fmt: skip
        case LeftOutReason.TOO_MANY:
            return _("The link has more than {count} values.", count=_.formats.number(MOST_VALUES))
        case LeftOutReason.INVALID if item.fault is not None:
            return _("“{name}”: its value does not fit. {fault}", name=name, fault=word_bad_input(item.fault, _).title)
    return _("“{name}”: the value cannot be read.", name=name)
