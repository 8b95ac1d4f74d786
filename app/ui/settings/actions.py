"""The settings' actions. Settings are kept for all windows of this browser, which follow each other's changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.core.previews import Previews
from app.ui.kit.actions import InvalidFacts, action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.i18n import Languages, Translator
from app.ui.kit.screen import Screen
from app.ui.settings.notifications import Notification, Notifier
from app.ui.settings.settings import (
    KEY,
    Permission,
    SettingChoice,
    Settings,
    SettingsDialog,
    SettingSwitch,
    read_settings,
    write_settings,
)


class SettingsActions:
    """Actions on the settings. `words` gives the page's language once there is one; `choose_previews` passes that
    choice to the session; `hand_over` lets a new window begin with this one's form."""

    def __init__(
        self,
        context: PageContext,
        screen: Screen,
        notifier: Notifier,
        words: Callable[[], Translator | None],
        choose_previews: Callable[[Previews], None],
        *,
        hand_over: Callable[[], None],
    ) -> None:
        self._context = context
        self._screen = screen
        self._notifier = notifier
        self._words = words
        self._choose_previews = choose_previews
        self._hand_over = hand_over

    @action("open-settings")
    def open_dialog(self) -> None:
        self._show(SettingsDialog(self._notifier.permission()))

    @action("choose-setting")
    def choose(self, setting: SettingChoice, value: str) -> None:
        """Choose another value, as the page names it; InvalidFacts if the setting has no such value."""
        try:
            self._set(setting.value, value)
        except ValueError as error:
            raise InvalidFacts("choose-setting", "value", value, setting.value) from error

    @action("save-report")
    def save_report(self) -> None:
        self._screen.save_report()

    @action("new-window")
    def open_window(self) -> None:
        self._hand_over()
        self._screen.open_window()

    @action("new-private-window")
    def open_private_window(self) -> None:
        """Open a window that keeps nothing."""
        self._screen.open_window(is_private=True)

    def follow(self, key: str) -> None:
        """Take over a setting of another window by its key; an empty key means all of them."""
        if key in {KEY, ""}:
            self._apply(read_settings(self._screen.kept(KEY)))

    @action("setting")
    def turn(self, setting: SettingSwitch) -> None:
        is_on = not self._context.ui.of(Settings).is_on(setting)
        if setting is SettingSwitch.NOTICES and is_on and self._notifier.permission() != Permission.GRANTED:
            self._context.begin(self._ask())
        else:
            self._set(setting.value, is_on)

    async def _ask(self) -> None:
        """Turn notifications on only if the browser shows them."""
        permission = self._notifier.permission()
        if permission == Permission.DEFAULT:
            permission = await self._notifier.ask()
        if permission == Permission.GRANTED:
            self._set(SettingSwitch.NOTICES.value, True)
        if isinstance(self._context.ui.dialog, SettingsDialog):
            self._show(SettingsDialog(permission))

    @action("try-notification")
    def try_notification(self) -> None:
        """Show and sound a notification, to try it."""
        _, settings = self._words(), self._context.ui.of(Settings)
        if _ is not None:
            title, body = _("Finished"), _("This is what a notification looks like.")
            self._notifier.notify(
                Notification((), title, body, has_notice=settings.has_notices, has_sound=settings.has_sound)
            )  # fmt: skip

    def _set(self, name: str, plain: object) -> None:
        """Change a setting, on top of what other windows have saved since."""
        kept = self._screen.kept(KEY)
        settings = (read_settings(kept) if kept else self._context.ui.of(Settings)).changed(name, plain)
        self._screen.keep(KEY, write_settings(settings))
        self._apply(settings)

    def _apply(self, settings: Settings) -> None:
        before = self._context.ui.of(Settings)
        set_slices(self._context, settings)
        if settings.previews is not before.previews:
            self._choose_previews(settings.previews)
        if settings.language != before.language:
            _asked, *wishes = self._screen.language_wishes()
            if (words := self._words()) is not None:
                self._context.spawn(self._context.speak(words.languages.choose(settings.language, *wishes)))

    def _show(self, dialog: SettingsDialog) -> None:
        self._context.set_ui(replace(self._context.ui, dialog=dialog))


def first_language(settings: Settings, wishes: Sequence[str], languages: Languages) -> str:
    """Return the language to start with: that of the address, of the settings, or of the browser."""
    asked, *others = wishes
    return languages.choose(asked, settings.language, *others)
