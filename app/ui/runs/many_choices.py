"""The long lists of choices that the dialogs about runs offer, as `static/js/combo.js` reads them."""

from __future__ import annotations

from app.ui.form.state import OptionList
from app.ui.page.state import DialogView
from app.ui.runs.edit import EditView
from app.ui.runs.many import ManyView


def many_lists(view: DialogView) -> tuple[OptionList, ...]:
    """The lists that an open dialog needs."""
    shown = view.dialog
    if isinstance(shown, EditView):
        return (OptionList("edit-names", shown.names),)
    if not isinstance(shown, ManyView):
        return ()
    sides = (("across", shown.across), ("down", shown.down))
    added = (OptionList(f"many-{place}-options", side.options) for place, side in sides if side.options)
    return (OptionList("many-names", shown.names), *added)
