"""What is checked in a prompt before it is queued, with the real server's errors, word by word.

Values are converted in place ("2" becomes 2), unknown inputs are ignored, an output that fails is dropped while the
others run. Errors of Python itself (a missing `inputs`, a link to a missing node or slot) are reported under their own
names, which is why this module indexes without asking first.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo_comfyui.model.catalogue import ANY, LOADERS, Catalogue
from demo_comfyui.model.prompts import Prompt, is_link
from demo_comfyui.model.versions import Version

Error = dict[str, Any]

LONG_LIST = 20
"""Longer lists of choices are only counted in the error, not quoted."""
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outputs that may run, the error that refuses the whole prompt or None, and each node's own errors."""

    outputs: list[str]
    error: Error | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


def validate_prompt(
    prompt: Prompt,
    targets: list[str] | None,
    is_input: Callable[[Any], bool],
    version: Version,
    catalogue: Catalogue,
) -> Verdict:
    """Check a prompt; `targets` limits the outputs that run, `is_input` says whether LoadImage would find a name.

    Raises as the real server does if the prompt is no object.
    """
    outputs = []
    for node_id in prompt:
        node = prompt[node_id]
        if "class_type" not in node or node["class_type"] not in catalogue:
            explain = _missing_type if version.names_causes else _invalid_prompt
            return Verdict([], explain(node_id, node))
        if catalogue.is_output(node["class_type"]) and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict([], error_of("prompt_no_outputs", "Prompt has no outputs", ""))
    return _Validation(prompt, is_input, version, catalogue).verdict(outputs)


def _invalid_prompt(node_id: str, node: Any) -> Error:
    cause = "a node is missing the class_type property"
    if "class_type" in node:
        cause = f"node {node['class_type']} does not exist"
    return error_of("invalid_prompt", f"Cannot execute because {cause}.", f"Node ID '#{node_id}'")


def _missing_type(node_id: str, node: Any) -> Error:
    if "class_type" in node:
        class_type = node["class_type"]
        title = node.get("_meta", {}).get("title", class_type)
        message = f"Node '{title}' not found. The custom node may not be installed."
    else:
        class_type, title = None, node.get("_meta", {}).get("title")
        shown = title or f"ID #{node_id}"
        message = f"Node '{shown}' has no class_type. The workflow may be corrupted or a custom node is missing."
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error_of("missing_node_type", message, f"Node ID '#{node_id}'", **extra)


class _Validation:
    def __init__(self, prompt: Prompt, is_input: Callable[[Any], bool], version: Version, catalogue: Catalogue) -> None:
        self._prompt = prompt
        self._is_input = is_input
        self._version = version
        self._catalogue = catalogue
        self._results: dict[str, tuple[bool, list[Error]]] = {}
        self._path: list[str] = []

    def verdict(self, outputs: list[str]) -> Verdict:
        good: list[str] = []
        reasons: list[Error] = []
        node_errors: dict[str, Any] = {}
        for output in outputs:
            try:
                is_valid, errors = self._node(output)
            except Exception as error:  # noqa: BLE001 - anything a malformed node raises becomes its error
                is_valid, errors = False, [_exception(error)]
                self._results[output] = (is_valid, errors)
            self._path.clear()
            if is_valid:
                good.append(output)
                continue
            reasons += errors
            self._collect(node_errors, output)
        if good:
            return Verdict(good, None, node_errors)
        details = "\n".join(f"{reason['message']}: {reason['details']}" for reason in reasons)
        refusal = error_of("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return Verdict([], refusal, node_errors)

    def _collect(self, node_errors: dict[str, Any], output: str) -> None:
        """List this output under every failed node so far, as the real server does."""
        for node_id, (is_valid, errors) in self._results.items():
            if is_valid or not errors:
                continue
            entry = node_errors.setdefault(
                node_id,
                {"errors": errors, "dependent_outputs": [], "class_type": self._prompt[node_id]["class_type"]},
            )
            entry["dependent_outputs"].append(output)

    def _node(self, node_id: str) -> tuple[bool, list[Error]]:
        if node_id in self._results:
            return self._results[node_id]
        if node_id in self._path:
            return self._cycle(node_id)
        inputs = self._prompt[node_id]["inputs"]
        class_type = self._prompt[node_id]["class_type"]
        errors: list[Error] = []
        upstream_is_valid = True
        for name, (group, entry) in self._catalogue.inputs_of(class_type).items():
            config = _Config(name, entry[0], entry[1] if len(entry) > 1 else {}, class_type)
            if name not in inputs:
                if group == "required":
                    errors.append(_missing(name))
            elif isinstance(inputs[name], list):
                self._path.append(node_id)
                upstream_is_valid &= self._link(config, inputs[name], errors)
                self._path.pop()
            else:
                self._value(config, inputs, errors)
        errors += self._own_checks(class_type, inputs)
        is_valid, known = self._results.get(node_id, (True, []))  # known if it is part of a cycle
        more = [error for error in errors if error not in known]
        self._results[node_id] = (is_valid and not errors and upstream_is_valid, known + more)
        return self._results[node_id]

    def _cycle(self, node_id: str) -> tuple[bool, list[Error]]:
        """Fail at the second visit. An old server recurses until Python stops it, and keeps no reason."""
        if not self._version.names_causes:
            return False, []
        path = [*self._path[self._path.index(node_id) :], node_id]
        nodes = list(dict.fromkeys(path))
        details = " -> ".join(f"{each} ({self._prompt[each]['class_type']})" for each in path)
        for each in nodes:
            extra = {"node_id": each, "cycle_nodes": nodes}
            self._results[each] = (False, [error_of("dependency_cycle", "Dependency cycle detected", details, **extra)])
        return self._results[node_id]

    def _link(self, config: _Config, link: list[Any], errors: list[Error]) -> bool:
        """Check a link and the nodes behind it; return False if one upstream failed."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(config.error("bad_linked_input", message, config.name, received_value=link))
            return True
        source = link[0]
        received = self._catalogue.return_types(self._prompt[source]["class_type"])[link[1]]
        if not _accepts(config.type, received):
            details = f"{config.name}, received_type({received}) mismatch input_type({config.type})"
            errors.append(
                config.error(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    details,
                    received_type=received,
                    linked_node=link,
                )
            )
            return True
        try:
            return self._node(source)[0]
        except Exception as error:  # noqa: BLE001 - as in `verdict`, one node further up
            self._results[source] = (False, [_inner_exception(error, config, link)])
            return False

    def _value(self, config: _Config, inputs: dict[str, Any], errors: list[Error]) -> None:
        value = inputs[config.name]
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[config.name] = value["__value__"]
        convert = _CONVERSIONS.get(config.type) if isinstance(config.type, str) else None
        if convert:
            try:
                value = inputs[config.name] = convert(value)
            except (TypeError, ValueError, OverflowError) as error:
                errors.append(
                    config.error(
                        "invalid_input_type",
                        f"Failed to convert an input value to a {config.type} value",
                        f"{config.name}, {value}, {error}",
                        received_value=value,
                        exception_message=str(error),
                    )
                )
                return
        problem = None if config.has_own_check else config.problem_with(value, self._version)
        if problem:
            errors.append(problem)

    def _own_checks(self, class_type: str, inputs: dict[str, Any]) -> list[Error]:
        """Check a loader's file, even if its input is missing or a link: then it fails, as in the real server."""
        if class_type not in LOADERS:
            return []
        if "image" not in inputs:
            raise TypeError(f"{class_type}.VALIDATE_INPUTS() missing 1 required positional argument: 'image'")
        name = None if is_link(inputs["image"]) else inputs["image"]
        if self._is_input(name):
            return []
        details = f"image - Invalid image file: {name}"
        return [error_of("custom_validation_failed", "Custom validation failed for node", details, input_name="image")]


@dataclass(frozen=True, slots=True)
class _Config:
    """One input of a class: its name, its type (or list of choices) and its options."""

    name: str
    type: Any
    options: dict[str, Any]
    class_type: str

    @property
    def has_own_check(self) -> bool:
        return self.class_type in LOADERS and self.name == "image"

    def error(self, kind: str, message: str, details: str, **extra: Any) -> Error:
        return error_of(kind, message, details, input_name=self.name, input_config=[self.type, self.options], **extra)

    def problem_with(self, value: Any, version: Version) -> Error | None:
        if "min" in self.options and value < self.options["min"]:
            message = f"Value {value} smaller than min of {self.options['min']}"
            return self.error("value_smaller_than_min", message, self.name, received_value=value)
        if "max" in self.options and value > self.options["max"]:
            message = f"Value {value} bigger than max of {self.options['max']}"
            return self.error("value_bigger_than_max", message, self.name, received_value=value)
        offered = self.options.get("options", []) if self.type == "COMBO" and version.checks_combos else self.type
        if isinstance(offered, list) and value not in offered:
            is_long = len(offered) > LONG_LIST
            choices = f"(list of length {len(offered)})" if is_long else str(offered)
            shown = repr(value) if version.checks_combos else f"'{value}'"
            problem = self.error(
                "value_not_in_list", "Value not in list", f"{self.name}: {shown} not in {choices}", received_value=value
            )
            if is_long:
                problem["extra_info"]["input_config"] = None
            return problem
        return None


def error_of(kind: str, message: str, details: str, **extra: Any) -> Error:
    """Return an error in the server's form."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def _missing(name: str) -> Error:
    return error_of("required_input_missing", "Required input is missing", name, input_name=name)


def _exception(error: Exception) -> Error:
    return error_of(
        "exception_during_validation",
        "Exception when validating node",
        str(error),
        exception_type=type_name(error),
        traceback=traceback.format_tb(error.__traceback__),
    )


def _inner_exception(error: Exception, config: _Config, link: list[Any]) -> Error:
    return config.error(
        "exception_during_inner_validation",
        "Exception when validating inner node",
        str(error),
        exception_message=str(error),
        exception_type=type_name(error),
        traceback=traceback.format_tb(error.__traceback__),
        linked_node=link,
    )


def type_name(error: BaseException) -> str:
    """The class's name, with its module unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _accepts(wanted: object, received: object) -> bool:
    """Return whether an input takes an output; an input may name several types."""
    return wanted in (received, ANY) or (isinstance(wanted, str) and received in wanted.split(","))
