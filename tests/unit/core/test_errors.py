"""The error tree: grouped by what the user can do, with facts that reach the console complete."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import pytest

from app.core import errors, model
from app.core.errors import (
    AffinityError,
    ComfyError,
    ConnectError,
    MooringError,
    NotOwner,
    RequestTimeout,
    ServerLockedError,
    TransportError,
)
from tests.kit.builders import A, B

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MooringError)]
TREE = {
    "MooringError": {
        "ConfigError",
        "BadInput",
        "TransportError",
        "ComfyError",
        "AffinityError",
        "StorageError",
        "GatewayRefused",
        "LayoutError",
    },
    "ConfigError": {"ListError"},
    "BadInput": {"BadPlan"},
    "TransportError": {"ConnectError", "RequestTimeout", "ServerBusy", "SocketClosed"},
    "ComfyError": {"HttpStatusError", "PromptRejected", "ProtocolError"},
    "AffinityError": {
        "StillRestoring",
        "ServerLockedError",
        "TaskNotFound",
        "UnboundTask",
        "NotOwner",
        "ServerMoved",
        "ServerUnable",
        "NoServerAvailable",
        "NotYourTurn",
        "InvalidTransition",
        "UnreadableRecord",
    },
}


def test_the_tree_is_the_documented_one() -> None:
    found = {kind.__name__: {child.__name__ for child in ALL if kind in child.__bases__} for kind in ALL}
    assert {name: children for name, children in found.items() if children} == TREE
    tree = inspect.getdoc(errors) or ""
    for kind in ALL:
        assert kind.__name__ in tree, f"{kind.__name__} is missing in the module's tree"


@pytest.mark.parametrize("kind", ALL)
def test_every_error_can_be_made_without_facts(kind: type[MooringError]) -> None:
    error = kind()
    assert str(error).startswith(f"{kind.__name__}(")
    assert error.facts() == {name: getattr(error, name) for name in error.facts()}
    assert inspect.getdoc(kind) != inspect.getdoc(MooringError) or kind is MooringError


@pytest.mark.parametrize("kind", ALL)
def test_facts_have_types_and_groups_share_theirs(kind: type[MooringError]) -> None:
    names = {"NodeError": model.NodeError, "PromptId": str, "ServerId": str, "WindowId": str}
    assert set(kind().facts()) <= set(get_type_hints(kind, None, names))
    if issubclass(kind, TransportError | ComfyError):
        assert "server_id" in kind().facts()
    if issubclass(kind, AffinityError):
        assert "operation" in kind().facts()


def test_a_refusal_names_operation_both_servers_and_what_holds() -> None:
    error = ServerLockedError("upload_image", B, A, 2)
    assert error.facts() == {"operation": "upload_image", "asked": B, "locked": A, "holders": 2}
    assert str(error) == "ServerLockedError(operation='upload_image', asked='gpu-b', locked='gpu-a', holders=2)"


def test_certainly_not_sent_and_unclear_are_two_things() -> None:
    assert not issubclass(ConnectError, RequestTimeout)
    assert not issubclass(RequestTimeout, ConnectError)


def test_errors_are_never_equal_and_can_be_reraised() -> None:
    assert NotOwner("update") != NotOwner("update")
    with pytest.raises(NotOwner):
        raise NotOwner("update")
