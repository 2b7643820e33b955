"""The source of callables: found without importing it, hashed for content keys.

A fit by the user's own function is the same fit only while the function is. Its module file and
the modules beside it that it imports, directly or through each other, are hashed; what comes from
installed packages is not looked into.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from modelrun.errors import UserMistake
from modelrun.nearest import suggestion


def fingerprint(
    callable_path: str,
    folder: Path | None,
    *,
    model: str,
    field: str,
    kwargs: Collection[str] = (),
) -> str:
    """Return a hash of a callable's source.

    Args:
        callable_path: `module:function`.
        folder: Where the user's modules are.
        model: The model's name, for messages.
        field: The path in the document.
        kwargs: Names of the keywords that the function will be given.

    Raises:
        UserMistake: There is no such module, it is no Python, it has no such function, or the
            function does not take the keywords.
    """
    module, _, function = callable_path.partition(":")
    path = _file_of(module, folder)
    if path is None:
        own = sorted(file.stem for file in folder.glob("*.py")) if folder is not None else []
        place = f"in {folder}" if folder is not None else "here"
        raise UserMistake(
            f"model {model!r}: there is no module {module!r} {place} and none is installed; "
            + (suggestion(module, own) if own else "that folder has no modules"),
            field=field,
        )
    tree = _parsed(path, model, field)
    defined = _names_of(tree)
    if function not in defined and "*" not in defined:
        raise UserMistake(
            f"model {model!r}: {path.name} has no function {function!r}; "
            f"{suggestion(function, sorted(defined))}",
            field=field,
        )
    _check_arguments(tree, function, kwargs, field)
    seen: dict[str, bytes] = {}
    _collect(path, folder, seen)
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(seen):
        total.update(name.encode() + b"\0" + seen[name] + b"\0")
    return total.hexdigest()


def _file_of(module: str, folder: Path | None) -> Path | None:
    own = _own_file(module, folder)
    if own is not None:
        return own
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return _own_file(module, Path(spec.origin).parent.parent) or Path(spec.origin)


def _own_file(module: str, folder: Path | None) -> Path | None:
    if folder is None:
        return None
    path = folder.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _parsed(path: Path, model: str, field: str) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UserMistake(
            f"model {model!r}: {path}{line} is not valid Python: {error}", field=field
        ) from None


def _check_arguments(tree: ast.Module, function: str, kwargs: Collection[str], field: str) -> None:
    """Compare keywords with the signature, where the module defines the function itself."""
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    if len(found) != 1 or found[0].decorator_list:
        return
    given = found[0].args
    if not (given.posonlyargs or given.args or given.vararg):
        raise UserMistake(f"{function} takes no frame: give it a first argument", field=field)
    plain = [*given.posonlyargs, *given.args][1:]
    plain = [argument for argument in plain if argument not in given.posonlyargs]
    names = [argument.arg for argument in (*plain, *given.kwonlyargs)]
    place = field.removesuffix(".callable") + ".kwargs"
    for name in kwargs:
        if name not in names and given.kwarg is None:
            raise UserMistake(
                f"{function} takes no argument {name!r}; {suggestion(name, names)}",
                field=f"{place}.{name}",
                at_key=True,
            )
    needed = plain[: len(plain) - len(given.defaults)] if given.defaults else plain
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    needed = [*needed, *(argument for argument, default in pairs if default is None)]
    missing = [argument.arg for argument in needed if argument.arg not in kwargs]
    if missing:
        raise UserMistake(
            f"{function} needs {', '.join(missing)}: write kwargs: {{{missing[0]}: ...}}",
            field=field,
        )


def _names_of(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
    return names


def _collect(path: Path, folder: Path | None, seen: dict[str, bytes]) -> None:
    home = folder if folder is not None else path.parent
    name = path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name
    if name in seen:
        return
    source = path.read_bytes()
    seen[name] = source
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for module in _imported(tree):
        own = _own_file(module, folder)
        if own is not None:
            _collect(own, folder, seen)


def _imported(tree: ast.Module) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                modules.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(module), names=aliases):
                modules.add(module)
                modules.update(f"{module}.{alias.name}" for alias in aliases)
            case ast.ImportFrom(module=None, names=aliases):
                modules.update(alias.name for alias in aliases)
    return modules
