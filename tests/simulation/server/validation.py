"""The validation of a prompt before it is queued, with the errors of ComfyUI, word by word.

Values are converted in place, unknown inputs are ignored, an output that fails is dropped while the others run, and a
cycle fails without a reason. Exceptions that Python raises for a malformed node become that node's error, so the code
indexes without checks.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.server.catalogue import DEFINITIONS, inputs_of, is_output, output_types
from tests.simulation.server.plan import is_link

Error = dict[str, Any]

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
QUOTED_CHOICES = 20  # longer lists are only counted in the error


@dataclass
class Verdict:
    """The outputs that may run, the refusal of the whole prompt (or None), and each node's errors."""

    outputs: list[str]
    error: Error | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)


def error_of(kind: str, message: str, details: str, **extra: Any) -> Error:
    """Return an error in the server's form."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def judge(prompt: Any, targets: list[str] | None, is_file: Callable[[Any], bool]) -> Verdict:
    """Check a prompt; `targets` limits the outputs, `is_file` says whether LoadImage would find a name."""
    outputs = []
    for node_id in prompt:
        class_type = prompt[node_id]["class_type"] if "class_type" in prompt[node_id] else None  # noqa: SIM401
        where = f"Node ID '#{node_id}'"
        if class_type is None:
            message = "Cannot execute because a node is missing the class_type property."
            return Verdict([], error_of("invalid_prompt", message, where))
        if class_type not in DEFINITIONS:
            message = f"Cannot execute because node {class_type} does not exist."
            return Verdict([], error_of("invalid_prompt", message, where))
        if is_output(class_type) and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict([], error_of("prompt_no_outputs", "Prompt has no outputs", ""))
    return _Judging(prompt, is_file).outputs(outputs)


class _Judging:
    """A prompt under validation; `_found` has (is valid, errors) of each checked node."""

    def __init__(self, prompt: dict[str, Any], is_file: Callable[[Any], bool]) -> None:
        self._prompt = prompt
        self._is_file = is_file
        self._found: dict[str, tuple[bool, list[Error]]] = {}
        self._path: set[str] = set()

    def outputs(self, outputs: list[str]) -> Verdict:
        good: list[str] = []
        bad: list[Error] = []
        blamed: dict[str, Any] = {}
        for output in outputs:
            self._path.clear()
            try:
                is_valid, errors = self._node(output)
            except Exception as error:  # noqa: BLE001 - any exception of a malformed node is its error
                is_valid, errors = self._found[output] = (False, [_raised(error)])
            if is_valid:
                good.append(output)
            else:
                bad += errors
                self._blame(blamed, output)
        if good:
            return Verdict(good, None, blamed)
        details = "\n".join(f"{error['message']}: {error['details']}" for error in bad)
        refusal = error_of("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return Verdict([], refusal, blamed)

    def _blame(self, blamed: dict[str, Any], output: str) -> None:
        """Add every node that was found invalid so far, as ComfyUI does, whether or not this output needs it."""
        for node_id, (is_valid, errors) in self._found.items():
            if not is_valid and errors:
                class_type = self._prompt[node_id]["class_type"]
                entry = {"errors": errors, "dependent_outputs": [], "class_type": class_type}
                blamed.setdefault(node_id, entry)["dependent_outputs"].append(output)

    def _node(self, node_id: str) -> tuple[bool, list[Error]]:
        if node_id in self._found:
            return self._found[node_id]
        if node_id in self._path:
            return False, []  # a cycle
        self._path.add(node_id)
        node = self._prompt[node_id]
        inputs, class_type = node["inputs"], node["class_type"]
        errors: list[Error] = []
        is_sound = True
        for name, (group, entry) in inputs_of(class_type).items():
            asked = _Asked(name, entry[0], entry[1] if len(entry) > 1 else {})
            if name not in inputs:
                if group == "required":
                    errors.append(
                        error_of("required_input_missing", "Required input is missing", name, input_name=name)
                    )
            elif isinstance(inputs[name], list):
                is_sound &= self._link(asked, inputs[name], errors)
            else:
                errors += asked.check(inputs, has_own_check=class_type == "LoadImage")
        if class_type == "LoadImage":
            errors += self._file(inputs)
        self._found[node_id] = (not errors and is_sound, errors)
        return self._found[node_id]

    def _link(self, asked: _Asked, link: list[Any], errors: list[Error]) -> bool:
        """Check a link and the node behind it; return False if it is invalid."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(asked.error("bad_linked_input", message, asked.name, received_value=link))
            return True
        source = link[0]
        received = output_types(self._prompt[source]["class_type"])[link[1]]
        if received != asked.type:
            details = f"{asked.name}, received_type({received}) mismatch input_type({asked.type})"
            message = "Return type mismatch between linked nodes"
            more = {"received_type": received, "linked_node": link}
            errors.append(asked.error("return_type_mismatch", message, details, **more))
            return True
        try:
            return self._node(source)[0]
        except Exception as error:  # noqa: BLE001 - as in `outputs`, for the node upstream
            raised = _raised(error)
            more = {"exception_message": str(error), **raised["extra_info"], "linked_node": link}
            kind, message = "exception_during_inner_validation", "Exception when validating inner node"
            self._found[source] = (False, [asked.error(kind, message, str(error), **more)])
            return False

    def _file(self, inputs: dict[str, Any]) -> list[Error]:
        """Check LoadImage's file, and raise where its input is missing or a link."""
        if "image" not in inputs:
            raise TypeError("LoadImage.VALIDATE_INPUTS() missing 1 required positional argument: 'image'")
        name = None if is_link(inputs["image"]) else inputs["image"]
        if self._is_file(name):
            return []
        details = f"image - Invalid image file: {name}"
        return [error_of("custom_validation_failed", "Custom validation failed for node", details, input_name="image")]


@dataclass(frozen=True)
class _Asked:
    """An input of a class: its name, its type or list of choices, its options."""

    name: str
    type: Any
    options: dict[str, Any]

    def error(self, kind: str, message: str, details: str, **extra: Any) -> Error:
        return error_of(kind, message, details, input_name=self.name, input_config=[self.type, self.options], **extra)

    def check(self, inputs: dict[str, Any], *, has_own_check: bool) -> list[Error]:
        """Convert the value in place, and return its errors."""
        value = inputs[self.name]
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[self.name] = value["__value__"]
        convert = _CONVERSIONS.get(self.type) if isinstance(self.type, str) else None
        if convert is not None:
            try:
                value = inputs[self.name] = convert(value)
            except (TypeError, ValueError, OverflowError) as error:
                message = f"Failed to convert an input value to a {self.type} value"
                more = {"received_value": value, "exception_message": str(error)}
                return [self.error("invalid_input_type", message, f"{self.name}, {value}, {error}", **more)]
        return [] if has_own_check else self._limits(value)

    def _limits(self, value: Any) -> list[Error]:
        for limit, kind, word in (
            ("min", "value_smaller_than_min", "smaller"),
            ("max", "value_bigger_than_max", "bigger"),
        ):
            if limit not in self.options:
                continue
            bound = self.options[limit]
            if value < bound if limit == "min" else value > bound:
                message = f"Value {value} {word} than {limit} of {bound}"
                return [self.error(kind, message, self.name, received_value=value)]
        if isinstance(self.type, list) and value not in self.type:
            is_long = len(self.type) > QUOTED_CHOICES
            choices = f"(list of length {len(self.type)})" if is_long else str(self.type)
            details = f"{self.name}: '{value}' not in {choices}"
            problem = self.error("value_not_in_list", "Value not in list", details, received_value=value)
            if is_long:
                problem["extra_info"]["input_config"] = None
            return [problem]
        return []


def _raised(error: Exception) -> Error:
    more = {"exception_type": type_name(error), "traceback": traceback.format_tb(error.__traceback__)}
    return error_of("exception_during_validation", "Exception when validating node", str(error), **more)


def type_name(error: BaseException) -> str:
    """Return the class's name, with its module unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
