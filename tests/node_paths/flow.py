"""Which parameters of a function become paths of files: a data-flow analysis of Python sources, as text only.

A parameter of a node holds what a prompt gives: JSON, so a text, a number, a list or an object. Its value is followed
through assignments, expressions and calls of known functions. What JSON cannot do ends it: a tensor's `.shape`, a
video's `.get_dimensions()`. It has become a path once it reaches one of `SINKS`.

The analysis finds too much rather than too little: it takes both branches of each condition, and a call by name
reaches every function of that name that the module could mean.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wire.paths import Use

Names = frozenset[str]
NOTHING: Names = frozenset()


@dataclass(frozen=True, slots=True)
class Sink:
    """A call whose argument at `position`, or of this `keyword`, is a path."""

    use: Use
    position: int = 0
    keyword: str = ""


# By the last part of the called name, or by its last two parts where the last one means several things.
SINKS: Mapping[str, Sink] = {
    "get_annotated_filepath": Sink(Use.READS, 0, "name"),
    "exists_annotated_filepath": Sink(Use.READS, 0, "name"),
    "get_save_image_path": Sink(Use.WRITES, 0, "filename_prefix"),
    "get_full_path": Sink(Use.MODEL, 1, "filename"),
    "get_full_path_or_raise": Sink(Use.MODEL, 1, "filename"),
    "os.listdir": Sink(Use.LISTS),
    "os.walk": Sink(Use.LISTS),
    "os.scandir": Sink(Use.LISTS),
    "os.stat": Sink(Use.READS),
    "glob.glob": Sink(Use.LISTS),
    "path.exists": Sink(Use.READS),
    "path.isfile": Sink(Use.READS),
    "path.isdir": Sink(Use.READS),
    "path.getsize": Sink(Use.READS),
    "path.getmtime": Sink(Use.READS),
    "Image.open": Sink(Use.READS),
    "np.load": Sink(Use.READS),
    "torch.load": Sink(Use.READS),
    "torchaudio.load": Sink(Use.READS),
    "safe_open": Sink(Use.READS),
    "load_file": Sink(Use.READS),
    "load_torch_file": Sink(Use.READS),
    "read_bytes": Sink(Use.READS),
    "read_text": Sink(Use.READS),
    "VideoFromFile": Sink(Use.READS),
    "File3D": Sink(Use.READS),
    "os.makedirs": Sink(Use.OVERWRITES),
    "os.mkdir": Sink(Use.OVERWRITES),
    "os.remove": Sink(Use.OVERWRITES),
    "os.unlink": Sink(Use.OVERWRITES),
    "os.rename": Sink(Use.OVERWRITES, 1),
    "os.replace": Sink(Use.OVERWRITES, 1),
    "shutil.copy": Sink(Use.OVERWRITES, 1),
    "shutil.copyfile": Sink(Use.OVERWRITES, 1),
    "shutil.move": Sink(Use.OVERWRITES, 1),
    "shutil.rmtree": Sink(Use.OVERWRITES),
    "torch.save": Sink(Use.OVERWRITES, 1),
    "np.save": Sink(Use.OVERWRITES),
    "save_file": Sink(Use.OVERWRITES, 1),
    "save_torch_file": Sink(Use.OVERWRITES, 1, "ckpt"),
    "save": Sink(Use.OVERWRITES),
    "save_to": Sink(Use.OVERWRITES),
    "write_bytes": Sink(Use.OVERWRITES),
    "write_text": Sink(Use.OVERWRITES),
}
_OPENS = {"open": 1, "av.open": 1, "builtins.open": 1}  # the position of the mode
# Calls that make a text, list or path of their arguments; whatever else is called outside the sources makes no path.
_KEEPS = frozenset(
    {
        "Path", "PurePath", "PurePosixPath", "abs", "abspath", "basename", "casefold", "copy", "decode", "deepcopy",
        "dict", "dirname", "encode", "enumerate", "expanduser", "extend", "filter", "format", "fspath", "get",
        "glob", "items", "iter", "iterdir", "join", "joinpath", "keys", "list", "loads", "lower", "lstrip", "map",
        "max", "min", "next", "normpath", "partition", "pop", "quote", "realpath", "relpath", "removeprefix",
        "removesuffix", "replace", "repr", "resolve", "reversed", "rglob", "rpartition", "rsplit", "rstrip",
        "run_sync", "set", "setdefault", "sorted", "split", "splitext", "splitlines", "str", "strftime", "strip",
        "sub", "tuple", "unquote", "update", "upper", "values", "with_name", "with_suffix", "zip",
    }
)  # fmt: skip
# What is still a path, or a part of one.
_PARTS = frozenset({"parent", "name", "stem", "suffix", "parts"})  # of a path
_PATH_METHODS = {"open": Use.READS, "iterdir": Use.LISTS, "rglob": Use.LISTS, "glob": Use.LISTS,
                 "read_bytes": Use.READS, "read_text": Use.READS, "exists": Use.READS, "is_file": Use.READS,
                 "is_dir": Use.READS, "mkdir": Use.OVERWRITES, "unlink": Use.OVERWRITES,
                 "write_bytes": Use.OVERWRITES, "write_text": Use.OVERWRITES}  # fmt: skip


@dataclass(eq=False, slots=True)
class Function:
    """A function with what is known of it so far: the uses of each parameter, and which ones its result is made of."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    module: str
    owner: str = ""  # the class that it is a method of
    uses: dict[str, set[Use]] = field(default_factory=lambda: defaultdict(set))
    returns: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)  # the classes of local names, as in `loader = LoadImage()`

    def __post_init__(self) -> None:
        for item in ast.walk(self.node):
            match item:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=made)):
                    self.made[name] = _last(made)

    @property
    def parameters(self) -> list[str]:
        """The names in order, without `self` or `cls`."""
        given = self.node.args
        names = [one.arg for one in (*given.posonlyargs, *given.args)]
        is_static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in self.node.decorator_list)
        return names[1:] if self.owner and names and not is_static else names

    @property
    def rest(self) -> tuple[str, ...]:
        """The names of `*args`, keyword-only parameters and `**kwargs`."""
        given = self.node.args
        return (*(one.arg for one in given.kwonlyargs), *(one.arg for one in (given.vararg, given.kwarg) if one))


@dataclass(eq=False, slots=True)
class Class:
    """A class of the sources."""

    name: str
    module: str
    node: ast.ClassDef
    methods: dict[str, Function]

    @property
    def bases(self) -> list[str]:
        """The last parts of its bases' names."""
        return [_last(one) for one in self.node.bases]


class Sources:
    """All functions and classes of some modules, by name."""

    def __init__(self, folder: Path, modules: Iterable[Path]) -> None:
        self.classes: dict[str, list[Class]] = defaultdict(list)
        self.functions: dict[str, list[Function]] = defaultdict(list)  # those of modules
        self.methods: dict[str, list[Function]] = defaultdict(list)
        self.trees: dict[str, ast.Module] = {}
        for path in modules:
            module = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
            tree = ast.parse(path.read_text("utf-8"))
            self.trees[module] = tree
            self._collect(tree.body, module)
        self._settle()

    def _collect(self, body: Iterable[ast.stmt], module: str) -> None:
        for item in body:
            match item:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.functions[item.name].append(Function(item, module))
                case ast.ClassDef():
                    methods = {
                        one.name: Function(one, module, item.name)
                        for one in item.body
                        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
                    }
                    self.classes[item.name].append(Class(item.name, module, item, methods))
                    for name, method in methods.items():
                        self.methods[name].append(method)
                    self._collect([one for one in item.body if isinstance(one, ast.ClassDef)], module)
                case ast.If() | ast.Try():
                    self._collect([one for one in ast.iter_child_nodes(item) if isinstance(one, ast.stmt)], module)

    def family(self, owner: Class) -> Iterator[Class]:
        """Yield a class, its bases, and theirs."""
        seen: set[int] = set()
        waiting = [owner]
        while waiting:
            one = waiting.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            yield one
            for base in one.bases:
                near = [found for found in self.classes.get(base, ()) if found.module == one.module]
                waiting += near or self.classes.get(base, [])

    def method(self, owner: Class, name: str) -> Function | None:
        """Return a class's method of this name, its own or inherited."""
        return next((one.methods[name] for one in self.family(owner) if name in one.methods), None)

    def called(self, call: ast.Call, caller: Function) -> list[Function]:
        """Return the functions that a call may mean."""
        match call.func:
            case ast.Name(id=name):
                return self._named(name, caller)
            case ast.Attribute(value=value, attr=name):
                owner = _last(value.func if isinstance(value, ast.Call) else value)
                owner = caller.made.get(owner, owner)
                if owner in {"self", "cls", "super"}:
                    return self._inherited(caller, name)
                if owner in self.classes:
                    return [one.methods[name] for one in self.classes[owner] if name in one.methods]
                at_home = [one for one in self.functions.get(name, ()) if one.module.endswith(owner)]
                return at_home or self.functions.get(name, []) or self.methods.get(name, [])
        return []

    def _named(self, name: str, caller: Function) -> list[Function]:
        if name in self.classes:
            return [one.methods["__init__"] for one in self.classes[name] if "__init__" in one.methods]
        near = [one for one in self.functions.get(name, ()) if one.module == caller.module]
        return near or self.functions.get(name, [])

    def _inherited(self, caller: Function, name: str) -> list[Function]:
        """Return the methods that `cls.name` may mean: those of the bases, and those of all subclasses."""
        found: list[Function] = []
        for owner in self.classes.get(caller.owner, ()):
            if owner.module == caller.module and (one := self.method(owner, name)) is not None:
                found.append(one)
        for one in self.methods.get(name, ()):
            owners = [owner for owner in self.classes[one.owner] if owner.module == one.module]
            if any(caller.owner == member.name for owner in owners for member in self.family(owner)):
                found.append(one)
        return found

    def _settle(self) -> None:
        """Follow all functions until nothing new is found."""
        everything = [one for group in (*self.functions.values(), *self.methods.values()) for one in group]
        is_new = True
        while is_new:
            is_new = False
            for one in everything:
                is_new |= _Flow(self, one).follow()


class _Flow:
    """One pass through one function."""

    def __init__(self, sources: Sources, function: Function) -> None:
        self._sources = sources
        self._function = function
        self._names: dict[str, Names] = {name: frozenset({name}) for name in (*function.parameters, *function.rest)}
        self._is_new = False
        self._depth = 0  # of conditions and loops: outside of them an assignment replaces what a name was before

    def follow(self) -> bool:
        """Return whether something new was found."""
        for _ in range(2):  # what a loop's end assigns reaches its beginning
            for statement in self._function.node.body:
                self._visit(statement)
        return self._is_new

    def _visit(self, item: ast.AST) -> None:  # noqa: PLR0912 - one case for each kind of statement
        match item:
            case ast.Assign(targets=targets, value=value):
                found = self._value(value)
                for target in targets:
                    if isinstance(target, ast.Name) and not self._depth:
                        self._names[target.id] = NOTHING
                    self._bind(target, found)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._bind(target, self._value(value))
            case ast.AugAssign(target=target, value=value):
                self._bind(target, self._value(value) | self._value(target))
            case ast.For() | ast.AsyncFor():
                self._bind_each(item.target, item.iter)
                self._visit_inner([*item.body, *item.orelse])
            case ast.With() | ast.AsyncWith():
                for one in item.items:
                    found = self._value(one.context_expr)
                    if one.optional_vars is not None:
                        self._bind(one.optional_vars, found)
                self._visit_all(item.body)
            case ast.Return(value=value) | ast.Expr(value=ast.Yield(value=value)):
                if value is not None:
                    self._note_returned(self._value(value))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                for one in item.args.args:
                    self._names.setdefault(one.arg, NOTHING)
                self._visit_inner(item.body if isinstance(item.body, list) else [item.body])
            case ast.expr():
                self._value(item)
            case _:
                self._visit_inner(ast.iter_child_nodes(item))

    def _visit_inner(self, items: Iterable[ast.AST]) -> None:
        self._depth += 1
        self._visit_all(items)
        self._depth -= 1

    def _visit_all(self, items: Iterable[ast.AST]) -> None:
        for one in items:
            self._visit(one)

    def _bind_each(self, target: ast.expr, items: ast.expr) -> None:
        """Bind a loop's target; the number that `enumerate` adds is no text."""
        found = self._value(items)
        match target, items:
            case ast.Tuple(elts=[_, member]), ast.Call(func=ast.Name(id="enumerate"), args=[within, *_]):
                self._bind_each(member, within)
            case ast.Tuple(elts=members), ast.Call(func=ast.Name(id="zip"), args=lists) if len(members) == len(lists):
                for member, one in zip(members, lists, strict=True):
                    self._bind(member, self._value(one))
            case _:
                self._bind(target, found)

    def _bind(self, target: ast.expr, found: Names) -> None:
        match target:
            case ast.Name(id=name):
                self._names[name] = self._names.get(name, NOTHING) | found
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._bind(part, found)
            case ast.Starred(value=value):
                self._bind(value, found)
            case ast.Subscript(value=value):
                self._bind(value, found)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self._names[f"self.{name}"] = self._names.get(f"self.{name}", NOTHING) | found

    def _value(self, item: ast.expr) -> Names:  # noqa: PLR0912 - one case for each kind of expression
        """Return the parameters that an expression's value is made of, if it can still be a text or path."""
        match item:
            case ast.Name(id=name):
                return self._names.get(name, NOTHING)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._names.get(f"self.{name}", NOTHING)
            case ast.Attribute(value=value, attr=name):
                found = self._value(value)
                return found if name in _PARTS else NOTHING
            case ast.Subscript(value=value, slice=index):
                self._value(index)
                return self._value(value)
            case ast.Call():
                return self._call(item)
            case ast.Compare() | ast.Constant():
                for child in ast.iter_child_nodes(item):
                    if isinstance(child, ast.expr):
                        self._value(child)
                return NOTHING
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                for loop in item.generators:
                    self._bind_each(loop.target, loop.iter)
                    for condition in loop.ifs:
                        self._value(condition)
                parts = [item.key, item.value] if isinstance(item, ast.DictComp) else [item.elt]
                return _union(self._value(part) for part in parts)
            case ast.Lambda(body=body):
                return self._value(body)
            case ast.NamedExpr(target=target, value=value):
                found = self._value(value)
                self._bind(target, found)
                return found
            case _:
                return _union(self._value(child) for child in ast.iter_child_nodes(item) if isinstance(child, ast.expr))

    def _call(self, call: ast.Call) -> Names:
        given = [self._value(one) for one in call.args]
        named = {one.arg or "**": self._value(one.value) for one in call.keywords}
        name = _last(call.func)
        receiver = self._value(call.func.value) if isinstance(call.func, ast.Attribute) else NOTHING
        whole = ".".join(_dotted(call.func)[-2:])
        if (sink := SINKS.get(whole) or SINKS.get(name)) is not None:
            found = given[sink.position] if sink.position < len(given) else named.get(sink.keyword, NOTHING)
            self._note(sink.use, found)
            if sink.use in {Use.WRITES, Use.MODEL}:
                return NOTHING  # a path of its own making: numbered, or below a folder of models
        elif whole in _OPENS or name == "open":
            mode = next((one.value for one in call.keywords if one.arg == "mode"), None)
            mode = mode or (call.args[1] if len(call.args) > 1 else None)
            is_writing = (
                isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) & set("wax+")
            )
            use = Use.OVERWRITES if is_writing else Use.READS
            self._note(use, given[0] if given else named.get("file", NOTHING))
        if receiver and name in _PATH_METHODS and name not in {"get", "glob"}:
            self._note(_PATH_METHODS[name], receiver)
        result = _union((receiver, *given, *named.values())) if name in _KEEPS else NOTHING
        for one in self._sources.called(call, self._function):
            result |= self._pass_into(one, given, named)
        if _dotted(call.func)[0] in {"io", "IO"} or name == "NodeOutput":
            result |= _union((*given, *named.values()))
        return result

    def _pass_into(self, called: Function, given: list[Names], named: Mapping[str, Names]) -> Names:
        result: Names = NOTHING
        names = called.parameters
        pairs = [*zip(names, given, strict=False), *named.items()]
        if len(given) > len(names) and called.node.args.vararg:
            pairs += [(called.node.args.vararg.arg, found) for found in given[len(names) :]]
        known = {*names, *called.rest}
        kwarg = called.node.args.kwarg
        for name, found in pairs:
            if name == "**":
                targets = known
            elif name in known:
                targets = {name}
            else:
                targets = {kwarg.arg} if kwarg else set()
            for target in targets:
                for use in called.uses.get(target, ()):
                    self._note(use, found)
                if target in called.returns:
                    result |= found
        return result

    def _note(self, use: Use, found: Names) -> None:
        for name in found:
            if use not in self._function.uses[name]:
                self._function.uses[name].add(use)
                self._is_new = True

    def _note_returned(self, found: Names) -> None:
        if not found <= self._function.returns:
            self._function.returns |= found
            self._is_new = True


def _union(groups: Iterable[Names]) -> Names:
    return NOTHING.union(*groups)


def _dotted(item: ast.expr) -> list[str]:
    match item:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=value, attr=name):
            return [*_dotted(value), name]
    return [""]


def _last(item: ast.expr) -> str:
    return _dotted(item)[-1]
