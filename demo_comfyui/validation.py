"""What is checked in a prompt before it is queued, with the real server's errors, word by word.

Values are converted in place ("2" becomes 2), unknown inputs are ignored, an output that fails is dropped while the
others run. A cycle fails with no reason at all, as in 0.3.64. Errors of Python itself (a missing `inputs`, a link to a
missing node or slot) are reported under their own names, which is why this module indexes without asking first.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo_comfyui.catalogue import ANY, DEFINITIONS, LOADERS, inputs_of, is_output, return_types
from demo_comfyui.output_cache import is_link

Prompt = dict[str, Any]
Error = dict[str, Any]
InputCheck = Callable[[str, Any], "bool | str"]

LONG_LIST = 20
"""Longer lists of choices are only counted in the error, not quoted."""
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outputs that may run, the error that refuses the whole prompt or None, and each node's own errors."""

    outputs: list[str]
    error: Error | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


def validate_prompt(prompt: Prompt, targets: list[str] | None, load_image_exists: Callable[[Any], bool]) -> Verdict:
    """Check a prompt; `targets` limits the outputs that run. Raises as the real server does if it is no object."""
    outputs = []
    for node_id in prompt:
        node = prompt[node_id]
        if "class_type" not in node:
            return _refused(
                "invalid_prompt",
                "Cannot execute because a node is missing the class_type property.",
                f"Node ID '#{node_id}'",
            )
        class_type = node["class_type"]
        if class_type not in DEFINITIONS:
            return _refused(
                "invalid_prompt",
                f"Cannot execute because node {class_type} does not exist.",
                f"Node ID '#{node_id}'",
            )
        if is_output(class_type) and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return _refused("prompt_no_outputs", "Prompt has no outputs", "")
    return _Validation(prompt, load_image_exists).verdict(outputs)


class _Validation:
    def __init__(self, prompt: Prompt, load_image_exists: Callable[[Any], bool]) -> None:
        self._prompt = prompt
        self._load_image_exists = load_image_exists
        self._results: dict[str, tuple[bool, list[Error]]] = {}
        self._open: set[str] = set()

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
            self._open.clear()
            if is_valid:
                good.append(output)
                continue
            reasons += errors
            self._collect(node_errors, output)
        if good:
            return Verdict(good, None, node_errors)
        details = "\n".join(f"{reason['message']}: {reason['details']}" for reason in reasons)
        refusal = _refused("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return Verdict([], refusal.error, node_errors)

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
        if node_id in self._open:
            return False, []  # a cycle: the real one recurses until Python stops it, and keeps no reason
        self._open.add(node_id)
        inputs = self._prompt[node_id]["inputs"]
        class_type = self._prompt[node_id]["class_type"]
        errors: list[Error] = []
        upstream_is_valid = True
        for name, (group, entry) in inputs_of(class_type).items():
            config = _Config(name, entry[0], entry[1] if len(entry) > 1 else {}, class_type)
            if name not in inputs:
                if group == "required":
                    errors.append(_missing(name))
            elif isinstance(inputs[name], list):
                upstream_is_valid &= self._link(config, inputs[name], errors)
            else:
                self._value(config, inputs, errors)
        errors += self._own_checks(class_type, inputs)
        self._results[node_id] = (not errors and upstream_is_valid, errors)
        return self._results[node_id]

    def _link(self, config: _Config, link: list[Any], errors: list[Error]) -> bool:
        """Check a link and the nodes behind it; return False if one upstream failed."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(config.error("bad_linked_input", message, config.name, received_value=link))
            return True
        source = link[0]
        received = return_types(self._prompt[source]["class_type"])[link[1]]
        if config.type not in (received, ANY):
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
        problem = None if config.has_own_check else config.problem_with(value)
        if problem:
            errors.append(problem)

    def _own_checks(self, class_type: str, inputs: dict[str, Any]) -> list[Error]:
        """Check a loader's file, even if its input is missing or a link: then it fails, as in the real server."""
        if class_type not in LOADERS:
            return []
        if "image" not in inputs:
            raise TypeError(f"{class_type}.VALIDATE_INPUTS() missing 1 required positional argument: 'image'")
        name = None if is_link(inputs["image"]) else inputs["image"]
        if self._load_image_exists(name):
            return []
        details = f"image - Invalid image file: {name}"
        return [_error("custom_validation_failed", "Custom validation failed for node", details, input_name="image")]


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
        return _error(kind, message, details, input_name=self.name, input_config=[self.type, self.options], **extra)

    def problem_with(self, value: Any) -> Error | None:
        if "min" in self.options and value < self.options["min"]:
            message = f"Value {value} smaller than min of {self.options['min']}"
            return self.error("value_smaller_than_min", message, self.name, received_value=value)
        if "max" in self.options and value > self.options["max"]:
            message = f"Value {value} bigger than max of {self.options['max']}"
            return self.error("value_bigger_than_max", message, self.name, received_value=value)
        if isinstance(self.type, list) and value not in self.type:
            is_long = len(self.type) > LONG_LIST
            choices = f"(list of length {len(self.type)})" if is_long else str(self.type)
            problem = self.error(
                "value_not_in_list",
                "Value not in list",
                f"{self.name}: '{value}' not in {choices}",
                received_value=value,
            )
            if is_long:
                problem["extra_info"]["input_config"] = None
            return problem
        return None


def _refused(kind: str, message: str, details: str) -> Verdict:
    return Verdict([], _error(kind, message, details))


def _error(kind: str, message: str, details: str, **extra: Any) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def _missing(name: str) -> Error:
    return _error("required_input_missing", "Required input is missing", name, input_name=name)


def _exception(error: Exception) -> Error:
    return _error(
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
