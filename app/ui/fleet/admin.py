"""What an admin sees of the servers: their queues with the owners of prompts, and the results of admin actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId
from app.core.ports.fleet import QueuedPrompt


@dataclass(frozen=True, slots=True)
class AdminState:
    """By server: the shown queue (None until it was read), the actions under way, and their results."""

    queues: Mapping[ServerId, tuple[QueuedPrompt, ...] | None] = field(default_factory=dict)
    asked: tuple[ServerId, PromptId] | None = None  # the prompt of the open question whether to cancel it
    renaming: tuple[ServerId, str] | None = None  # the server, and the name as it is typed
    removing: tuple[ServerId, bool] | None = None  # that of the open question, and whether it was drained for that
    doing: frozenset[tuple[ServerId, str]] = frozenset()
    done: Mapping[ServerId, str] = field(default_factory=dict)
    refusals: Mapping[ServerId, MooringError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerAdmin:
    """The same for one server. `queue` counts if it `is_shown`; `own` of it are this tab's, `ours` this browser's."""

    is_shown: bool = False
    own: frozenset[PromptId] = frozenset()
    ours: frozenset[PromptId] = frozenset()
    queue: tuple[QueuedPrompt, ...] | None = None
    asked: PromptId | None = None
    new_name: str | None = None
    is_removing: bool = False
    doing: frozenset[str] = frozenset()
    done: str = ""
    refusal: MooringError | None = None


def admin_at(
    admin: AdminState,
    server_id: ServerId,
    own: frozenset[PromptId] = frozenset(),
    ours: frozenset[PromptId] = frozenset(),
) -> ServerAdmin:
    """Return the part of the state about one server."""
    return ServerAdmin(
        own=own,
        ours=ours,
        is_shown=server_id in admin.queues,
        queue=admin.queues.get(server_id),
        asked=admin.asked[1] if admin.asked is not None and admin.asked[0] == server_id else None,
        new_name=admin.renaming[1] if admin.renaming is not None and admin.renaming[0] == server_id else None,
        is_removing=admin.removing is not None and admin.removing[0] == server_id,
        doing=frozenset(name for there, name in admin.doing if there == server_id),
        done=admin.done.get(server_id, ""),
        refusal=admin.refusals.get(server_id),
    )
