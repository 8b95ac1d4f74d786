"""What `direct = true` means for an installation: pages of a plain web server ask that server at its own address.

A gateway passes requests through to such a server as to any other. But whoever may open its address past the gateway
sees everybody's work, so it goes together neither with users nor with a log-in of the server's own.
"""

from __future__ import annotations

from gateway.errors import ConfigError
from gateway.fleet.fleet import Fleet


def check_direct(fleet: Fleet, *, has_users: bool) -> None:
    """Raise a ConfigError, with line and key, if people are told apart here and a server is a direct one."""
    for server in fleet.servers if has_users else ():
        if server.is_direct:
            raise ConfigError(
                f"{server.id} can be asked past this gateway then, which tells people apart: leave out direct,"
                " --users or trusted_header",
                file=fleet.files[0].path if fleet.files else None,
                line=server.direct_at,
                key="direct",
            )
