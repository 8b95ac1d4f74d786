"""The settings of an installation with users: its keys, its accounts, and its ended sessions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError
from gateway.flags import Flags, exposed, is_loopback
from gateway.fleet.rules import Rules
from gateway.installation import PLACE, locate
from gateway.people.keys import Keys, load_keys
from gateway.people.user_flags import key_beside

_KEY = locate().key if PLACE.is_wheel else PLACE.state / "mooring.key"  # of an installation without a users' file


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """The keys, and the users' file if there is one; without it a login proxy names the users."""

    keys: Keys
    users: Path | None
    sessions: Path | None = None  # where ended sessions are listed, for all gateways


def find_login_settings(flags: Flags, rules: Rules) -> LoginSettings | None:
    """Return the settings that flags and fleet file give; None without users. ConfigError if they leave it open."""
    if rules.trusted_header and not rules.trusted_peers:
        raise ConfigError("name the addresses that it is believed from in trusted_peers", key="trusted_header")
    if flags.users is None and not rules.trusted_header:
        if not is_loopback(flags.host) and not flags.insecure:
            raise ConfigError(exposed(flags.host))
        return None
    return LoginSettings(
        load_keys(flags.key or (_KEY if flags.users is None else key_beside(flags.users))), flags.users, flags.sessions
    )
