"""What ComfyUI's versions do differently, as the contract expects it of a server of either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wire.versions import NEWEST, OLDEST

Refusal = tuple[str, str, dict[str, Any]]
"""The type, details and extra_info of an error."""

_SYSTEM = frozenset(
    {
        "os",
        "ram_total",
        "ram_free",
        "comfyui_version",
        "required_frontend_version",
        "installed_templates_version",
        "required_templates_version",
        "python_version",
        "pytorch_version",
        "embedded_python",
        "argv",
    }
)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The expectations of one version. A refusal that is None is a 500, which explains nothing."""

    system: frozenset[str] = _SYSTEM  # keys of /system_stats
    added: frozenset[str] = frozenset()  # keys that the server adds to extra_data
    shows_secrets: bool = False  # of extra_data, in the queue
    requires_uuids: bool = False  # as prompt_id
    checks_combos: bool = False  # of newer classes, before the run
    has_jobs: bool = False  # the jobs API
    has_assets: bool = False  # routes that need --enable-assets
    replaces_nodes: bool = False
    previews_on_request: bool = False  # of samplers, by `preview_method`
    lists_whole_cache: bool = True  # as outputs of a run: also those that its targets leave out
    hardens_views: bool = False  # files that may carry script are downloads
    cycle: Mapping[str, list[str]] = field(default_factory=dict)  # the types of errors by node
    refusals: Mapping[str, Refusal | None]


OLD = Expected(
    shows_secrets=True,
    refusals={
        "a list as prompt": ("prompt_no_outputs", "", {}),
        "an editor's workflow": ("invalid_prompt", "Node ID '#nodes'", {}),
        "no class": ("invalid_prompt", "Node ID '#1'", {}),
        "unknown class": ("invalid_prompt", "Node ID '#1'", {}),
    },
)
NEW = Expected(
    system=_SYSTEM | {"comfy_package_versions", "deploy_environment"},
    added=frozenset({"create_time"}),
    requires_uuids=True,
    checks_combos=True,
    has_jobs=True,
    has_assets=True,
    replaces_nodes=True,
    previews_on_request=True,
    lists_whole_cache=False,
    hardens_views=True,
    cycle={"1": ["dependency_cycle"], "2": ["dependency_cycle"]},
    refusals={
        "a list as prompt": None,
        "an editor's workflow": None,
        "no class": (
            "missing_node_type",
            "Node ID '#1'",
            {"node_id": "1", "class_type": None, "node_title": None},
        ),
        "unknown class": (
            "missing_node_type",
            "Node ID '#1'",
            {"node_id": "1", "class_type": "Nope", "node_title": "Nope"},
        ),
    },
)
_BY_VERSION = {OLDEST: OLD, NEWEST: NEW}


def expected_of(version: str) -> Expected:
    """Return the expectations of a version: those of the newest known one that is not newer."""
    return _BY_VERSION[max((known for known in _BY_VERSION if _key(known) <= _key(version)), key=_key)]


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
