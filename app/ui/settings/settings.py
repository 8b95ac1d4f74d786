"""The user's settings for all windows of this browser: one value, kept as JSON text under one name.

    settings = read_settings(screen.kept(KEY))
    screen.keep(KEY, write_settings(replace(settings, theme=Theme.DARK)))

`static/js/theme.js` reads the same text before the first paint: colours and language count before Python has started.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from enum import Enum, StrEnum
from typing import Any

from app.core.previews import Previews
from app.ui.kit.account import Account
from app.ui.kit.state import Dialog, Slice

KEY = "mooring.settings"
_CODE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]+)*|")  # whether there is such a catalogue is checked later


class Theme(Enum):
    """The page's colours."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Permission(StrEnum):
    """Whether the browser shows notifications of this page, in its own words."""

    ABSENT = "absent"  # no secure context, or a browser without notifications
    DEFAULT = "default"  # it has not been asked
    GRANTED = "granted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class SettingsDialog(Dialog):
    """The open settings. `permission` is the browser's, for notifications."""

    permission: str = Permission.ABSENT


class SettingGroup(Enum):
    """The part of the dialog that a setting is in."""

    PAGE = "page"
    WORK = "work"  # while work runs
    NOTICES = "notices"  # when work has ended
    KEYS = "keys"


class SettingSwitch(Enum):
    """A setting that is on or off, by the name of its field in `Settings`."""

    NOTICES = "has_notices"  # the system's own, when work ends while the focus is elsewhere
    SOUND = "has_sound"
    KEYS = "has_keys"  # shortcuts of a single key

    @property
    def group(self) -> SettingGroup:
        match self:
            case SettingSwitch.NOTICES | SettingSwitch.SOUND:
                return SettingGroup.NOTICES
            case SettingSwitch.KEYS:
                return SettingGroup.KEYS

    @property
    def slug(self) -> str:
        """Its name in ids of the page."""
        return self.value.replace("_", "-")


class SettingChoice(Enum):
    """A setting with one of several values, by the name of its field in `Settings`."""

    LANGUAGE = "language"
    THEME = "theme"
    PREVIEWS = "previews"

    @property
    def group(self) -> SettingGroup:
        match self:
            case SettingChoice.LANGUAGE | SettingChoice.THEME:
                return SettingGroup.PAGE
            case SettingChoice.PREVIEWS:
                return SettingGroup.WORK

    @property
    def is_segmented(self) -> bool:
        """Whether all its values are in sight, beside each other."""
        return self is SettingChoice.THEME


@dataclass(frozen=True, slots=True)
class Settings(Slice):
    """All settings. An empty `language` is the browser's."""

    language: str = ""
    theme: Theme = Theme.SYSTEM
    has_notices: bool = False
    has_sound: bool = False
    previews: Previews = Previews.AUTOMATIC
    has_keys: bool = True

    def is_on(self, switch: SettingSwitch) -> bool:
        return bool(getattr(self, switch.value))

    def chosen(self, choice: SettingChoice) -> str:
        """Return the value of a choice as text."""
        return str(_plain(getattr(self, choice.value)))

    def changed(self, name: str, plain: object) -> Settings:
        """Return the settings with another value of a field, as it is kept in JSON; ValueError if it does not fit."""
        default = getattr(_DEFAULTS, name)
        value: Any = type(default)(plain) if isinstance(default, Enum) else plain
        if type(value) is not type(default) or (isinstance(value, str) and not _CODE.fullmatch(value)):
            raise ValueError(f"{name} cannot be {plain!r}")
        return replace(self, **{name: value})


_DEFAULTS = Settings()


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


@dataclass(frozen=True, slots=True)
class SettingsView:
    """The settings, with what the browser allows."""

    dialog: SettingsDialog
    settings: Settings = field(default_factory=Settings)
    account: Account = field(default_factory=Account)

    def is_impossible(self, switch: SettingSwitch) -> bool:
        """Whether the browser allows no such thing."""
        denied = self.dialog.permission in {Permission.ABSENT, Permission.DENIED}
        return switch is SettingSwitch.NOTICES and denied

    def is_on(self, switch: SettingSwitch) -> bool:
        """Whether it is on, and the browser does what it says."""
        is_shown = switch is not SettingSwitch.NOTICES or self.dialog.permission == Permission.GRANTED
        return self.settings.is_on(switch) and is_shown


def read_settings(text: str) -> Settings:
    """Read kept settings; an invalid one has its default."""
    settings = Settings()
    try:
        kept = json.loads(text or "{}")
    except ValueError:
        return settings
    if not isinstance(kept, dict):
        return settings
    if kept.get("has_previews") is False:  # the name of an older switch
        kept = {"previews": Previews.OFF.value, **kept}
    for item in fields(Settings):
        with contextlib.suppress(ValueError):
            settings = settings.changed(item.name, kept.get(item.name))
    return settings


def write_settings(settings: Settings) -> str:
    """Return the text to keep."""
    return json.dumps({item.name: _plain(getattr(settings, item.name)) for item in fields(Settings)})


def page_settings(settings: Settings, keys: Collection[str] = ()) -> dict[str, object]:
    """Return the settings for the page's JavaScript and styles: attributes of the root, and the enabled `keys`."""
    return {
        "root": {
            "theme": "" if settings.theme is Theme.SYSTEM else settings.theme.value,
            "language": settings.language,
            "previews": "off" if settings.previews is Previews.OFF else "",
            "keys": "" if settings.has_keys else "off",
        },
        "keys": list(keys) if settings.has_keys else [],
    }
