"""The validation of a prompt before it is queued, with the errors of ComfyUI, word by word.

Values are converted in place, unknown inputs are ignored, and an output that fails is dropped while the others run.
Exceptions that Python raises for a malformed node become that node's error, so the code indexes without checks.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.server.plan import is_link
from tests.simulation.server.versions import Version

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


def judge(prompt: Any, targets: list[str] | None, is_file: Callable[[Any], bool], version: Version) -> Verdict:
    """Check a prompt; `targets` limits the outputs, `is_file` says whether LoadImage would find a name."""
    outputs = []
    for node_id in prompt:
        class_type = prompt[node_id]["class_type"] if "class_type" in prompt[node_id] else None  # noqa: SIM401
        if class_type is None or class_type not in version.catalogue:
            refusal = _missing_type if version.is_new else _invalid_prompt
            return Verdict([], refusal(node_id, prompt[node_id], class_type))
        if version.catalogue.is_output(class_type) and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Verdict([], error_of("prompt_no_outputs", "Prompt has no outputs", ""))
    return _Judging(prompt, is_file, version).outputs(outputs)


def _invalid_prompt(node_id: str, _: Any, class_type: str | None) -> Error:
    why = f"node {class_type} does not exist" if class_type else "a node is missing the class_type property"
    return error_of("invalid_prompt", f"Cannot execute because {why}.", f"Node ID '#{node_id}'")


def _missing_type(node_id: str, node: Any, class_type: str | None) -> Error:
    title = node.get("_meta", {}).get("title", class_type)
    message = f"Node '{title}' not found. The custom node may not be installed."
    if class_type is None:
        shown = title or f"ID #{node_id}"
        message = f"Node '{shown}' has no class_type. The workflow may be corrupted or a custom node is missing."
    extra = {"node_id": node_id, "class_type": class_type, "node_title": title}
    return error_of("missing_node_type", message, f"Node ID '#{node_id}'", **extra)


class _Judging:
    """A prompt under validation; `_found` has (is valid, errors) of each checked node."""

    def __init__(self, prompt: dict[str, Any], is_file: Callable[[Any], bool], version: Version) -> None:
        self._prompt = prompt
        self._is_file = is_file
        self._version = version
        self._found: dict[str, tuple[bool, list[Error]]] = {}
        self._path: list[str] = []

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
            return self._cycle(node_id)
        node = self._prompt[node_id]
        inputs, class_type = node["inputs"], node["class_type"]
        errors: list[Error] = []
        is_sound = True
        for name, (group, entry) in self._version.catalogue.inputs_of(class_type).items():
            asked = _Asked(name, entry[0], entry[1] if len(entry) > 1 else {})
            if name not in inputs:
                if group == "required":
                    errors.append(
                        error_of("required_input_missing", "Required input is missing", name, input_name=name)
                    )
            elif isinstance(inputs[name], list):
                self._path.append(node_id)
                is_sound &= self._link(asked, inputs[name], errors)
                self._path.pop()
            else:
                errors += asked.check(inputs, self._version, has_own_check=class_type == "LoadImage")
        if class_type == "LoadImage":
            errors += self._file(inputs)
        _, earlier = self._found.get(node_id, (True, []))  # of a cycle that it is part of
        errors = earlier + [error for error in errors if error not in earlier]
        self._found[node_id] = (not errors and is_sound, errors)
        return self._found[node_id]

    def _cycle(self, node_id: str) -> tuple[bool, list[Error]]:
        """Blame all nodes of a cycle; older versions fail without a reason."""
        if not self._version.is_new:
            return False, []
        path = [*self._path[self._path.index(node_id) :], node_id]
        details = " -> ".join(f"{each} ({self._prompt[each]['class_type']})" for each in path)
        for each in path[:-1]:
            extra = {"node_id": each, "cycle_nodes": path[:-1]}
            self._found[each] = (False, [error_of("dependency_cycle", "Dependency cycle detected", details, **extra)])
        return self._found[node_id]

    def _link(self, asked: _Asked, link: list[Any], errors: list[Error]) -> bool:
        """Check a link and the node behind it; return False if it is invalid."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            errors.append(asked.error("bad_linked_input", message, asked.name, received_value=link))
            return True
        source = link[0]
        received = self._version.catalogue.output_types(self._prompt[source]["class_type"])[link[1]]
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

    def check(self, inputs: dict[str, Any], version: Version, *, has_own_check: bool) -> list[Error]:
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
        return [] if has_own_check else self._limits(value, version)

    def _limits(self, value: Any, version: Version) -> list[Error]:
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
        offered = self.options["options"] if version.is_new and self.type == "COMBO" else self.type
        if isinstance(offered, list) and value not in offered:
            is_long = len(offered) > QUOTED_CHOICES
            choices = f"(list of length {len(offered)})" if is_long else str(offered)
            shown = repr(value) if version.is_new else f"'{value}'"
            details = f"{self.name}: {shown} not in {choices}"
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
