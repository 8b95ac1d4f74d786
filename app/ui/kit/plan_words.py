"""Messages about plans of many runs that cannot be used, row by row."""

from __future__ import annotations

from app.core.errors import BadPlan, RowFault
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words, sentences

SHOWN = 5  # rows; the plan's own list is longer


def word_bad_plan(error: BadPlan, _: Translator) -> Words:
    rows = sentences(*(word_row(fault, _) for fault in error.faults[:SHOWN]))
    return Words(_title(error, _), _advice(error, _), rows or _quote(error), tone=Tone.WARN)


def word_row(fault: RowFault, _: Translator) -> str:
    """Return what is wrong with one row."""
    row = str(fault.row)
    match fault.cause:
        case "bad-quotes":
            return _("Row {row}: a quotation mark is not closed, or is in the wrong place.", row=row)
        case "row-length":
            return _(
                "Row {row} has {found} values, and the header has {wanted}.",
                row=row,
                found=fault.detail,
                wanted=fault.name,
            )
        case "too-long":
            return _("Row {row} is too long.", row=row)
        case "bad-seed":
            return _("Row {row}: {value} is no seed.", row=row, value=fault.detail)
    return _("Row {row}: “{value}” does not fit “{name}”.", row=row, value=fault.detail, name=fault.name)


def word_shape(columns: int, rows: int, _: Translator) -> str:
    """Return the size of a grid."""
    across = _.plural("{count} column", "{count} columns", columns)
    return f"{across} × {_.plural('{count} row', '{count} rows', rows)}"


def _title(error: BadPlan, _: Translator) -> str:
    match error.cause:
        case "empty-plan":
            return _("There is nothing to run.")
        case "too-many-runs":
            return _(
                "These are too many runs: {count}, and at most {most} may wait.", count=error.detail, most=error.name
            )
        case "plan-too-large":
            return _("This text is too long.")
        case "bad-rows":
            return _("Some rows cannot be used.")
        case "bad-header":
            return _("The first row has to name each input once.")
        case "no-such-input":
            return _no_input(error, _)
        case "ambiguous-input":
            return _("“{name}” is the name of several inputs.", name=error.name)
        case "same-input":
            return _("Both sides of the grid change “{name}”.", name=error.name)
        case "bad-seed":
            return _("A seed lies between 0 and 18446744073709551615.")
        case "bad-step":
            return _("The step may not be 0.")
        case "bad-number":
            return _("“{value}” is no whole number.", value=error.name)
        case "no-text":
            return _("“{name}” is no text.", name=error.name)
    return _("This plan of many runs cannot be used.")


def _no_input(error: BadPlan, _: Translator) -> str:
    """A name that no input has, or no name at all."""
    if not error.name:
        return _("Choose an input first.")
    return _("“{name}” is no input of this workflow that can be set.", name=error.name)


def _advice(error: BadPlan, _: Translator) -> str:
    match error.cause:
        case "no-such-input":
            return _("Inputs that are linked to another node cannot be set.")
        case "ambiguous-input":
            return _("Put the node's number before it: {names}.", names=error.detail)
        case "bad-rows":
            return _("Nothing was added. Correct the rows and try again.")
    return _("Nothing was added. Correct it and try again.")


def _quote(error: BadPlan) -> str:
    return error.name if error.cause == "bad-header" else ""
