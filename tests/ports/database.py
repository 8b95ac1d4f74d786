"""What the checks of the port suite work on: a EmptyDatabase with an empty store, and records to put into it."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from app.core.balancer import Claims
from app.core.errors import InvalidTransition, MooringError
from app.core.model import Choice, ClientId, Note, PromptId, Reservation, ServerId, Task, TaskState, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.ports.store import PastStore, TaskStore, WindowRecord

BOUND = 1_000_000  # bytes of kept results in the stores that a EmptyDatabase makes
QUOTA = 2_000_000  # bytes of everything, where the disk is to be full
ADDRESS = "http://10.0.0.1:8188"


class EmptyDatabase(Protocol):
    """An empty store, as many windows as wanted look into."""

    def store(self) -> TaskStore:
        """One more window's own way into the same store."""

    def past(self) -> PastStore:
        """One more window's own way to what was laid by."""

    def documents(self) -> DocumentStore:
        """One more window's own way to the documents."""

    def blob(self, data: bytes, media_type: str = "") -> Blob:
        """Bytes as this side keeps them."""

    async def picture(self, width: int, height: int) -> Blob:
        """A PNG of that size, grainy, so that it is large."""

    async def damage(self, prompt_id: str, changes: Mapping[str, object], without: Collection[str] = ()) -> None:
        """Change a stored task's record behind everybody's back, as another version or a fault does."""


async def raises(kind: type[MooringError], awaitable: Awaitable[object]) -> MooringError:
    """The error of that very kind; any other outcome fails."""
    try:
        outcome = await awaitable
    except MooringError as error:
        assert type(error) is kind, f"{error!r} is no {kind.__name__}"
        return error
    raise AssertionError(f"{kind.__name__} expected, got {outcome!r}")


def window(name: str) -> WindowRecord:
    return WindowRecord(window_id=WindowId(name), client_id=ClientId(f"client of {name}"), created_at=1.0, seen_at=1.0)


def reservation(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1") -> Reservation:
    return Reservation(
        prompt_id=PromptId(prompt_id),
        window_id=WindowId(owner),
        server_id=ServerId(server_id),
        address=ADDRESS,
        at=10.0,
        choice=Choice(server_id=ServerId(server_id), reason="tie", loads={"gpu-1": 0, "gpu-2": 0}),
    )


def task(prompt_id: str, owner: str = "w-1", server_id: str = "gpu-1", created_at: float = 20.0) -> Task:
    return Task(
        prompt_id=PromptId(prompt_id),
        server_id=ServerId(server_id),
        address=ADDRESS,
        client_id=ClientId("c-1"),
        owner=WindowId(owner),
        epoch=1,
        created_at=created_at,
        title="沙丘 \ud83c",  # half of a surrogate pair: servers and people send such things
        workflow='{"1": {"class_type": "LoadImage", "inputs": {}}}',
        notes=(Note(20.0, "registered"),),
    )


async def registered(store: TaskStore, prompt_id: str, owner: str = "w-1", created_at: float = 20.0) -> Task:
    """A task in the store, as a run puts it there."""
    await store.reserve(lambda _claims: reservation(prompt_id, owner))
    fresh = task(prompt_id, owner, created_at=created_at)
    await store.register(fresh)
    return fresh


async def kept_of(store: TaskStore) -> frozenset[tuple[PromptId, int]]:
    """Which outputs of the tasks p-0 to p-10 are kept, up to the hundredth of each."""
    return await store.read_kept([(PromptId(f"p-{number}"), index) for number in range(11) for index in range(100)])


async def seen_claims(store: TaskStore) -> Claims:
    """What the next window to choose would see; nothing is left behind."""
    seen: list[Claims] = []

    def look(claims: Claims) -> Reservation:
        seen.append(claims)
        raise InvalidTransition("look")

    await raises(InvalidTransition, store.reserve(look))
    return seen[0]


async def ended(store: TaskStore, prompt_id: str) -> Task:
    known = await registered(store, prompt_id)
    done = replace(known, state=TaskState.SUCCEEDED, ended_at=30.0)
    await store.update(done)
    return done
