"""YAML text to documents: the same data that kubectl would send, and where each part stands.

PyYAML only composes the nodes (through libyaml where it is there, the parser that kubectl's is a
port of); what a scalar means is decided by `scalars`. Everything that kubectl would drop, change or
refuse without a clear word is a problem with a place: empty values, infinities, keys that are no
text, keys that stand twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any, Final

import yaml

from modelrun_api.document import Document, Place, excerpt
from modelrun_api.problems import Path, Problem, SpecError
from modelrun_api.scalars import read_scalar

__all__ = ["documents"]

_MOST_NODES: Final = 500_000
_DEEPEST: Final = 100
_PREFIX: Final = "tag:yaml.org,2002:"
_PLAIN: Final = "plain"
_TEXT: Final = _PREFIX + "str"
_KUBERNETES_OWN: Final = frozenset({"metadata", "status"})


def documents(text: str, source: str) -> tuple[tuple[Document, tuple[Problem, ...]], ...]:
    """Return every document of a YAML text with the problems of its own syntax.

    Problems stay with their document, because the others may belong to somebody else. Documents
    that are no mapping come with an empty value.

    Raises:
        SpecError: when the text is not YAML at all.
    """
    lines = tuple(text.splitlines())
    found = []
    try:
        for root in _nodes(text):
            builder = _Builder(source, lines)
            value = builder.build(root)
            if value is not None and not isinstance(value, dict):
                builder.refuse_root()
            document = Document(
                value=value if isinstance(value, dict) else {},
                source=source,
                lines=lines,
                places=builder.places,
            )
            found.append((document, tuple(builder.problems)))
    except yaml.YAMLError as error:
        raise SpecError([_syntax_problem(error, source, lines)]) from None
    return tuple(found)


def _syntax_problem(error: yaml.YAMLError, source: str, lines: tuple[str, ...]) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    line = min(mark.line, max(len(lines) - 1, 0)) + 1 if mark is not None else None
    written = lines[line - 1] if line is not None and lines else ""
    hint = None
    if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in str(what):
        hint = "YAML is indented with spaces, never with tabs"
    elif "mapping values are not allowed" in str(what):
        hint = "a text with a colon and a space needs quotes"
    elif "cannot start any token" in str(what):
        hint = "a text that starts with @, ` or % needs quotes"
    return Problem(
        path="",
        message=f"not YAML: {f'{context}: ' if context else ''}{what}",
        source=source,
        line=line,
        column=mark.column + 1 if mark is not None else None,
        hint=hint,
        excerpt=excerpt(lines, line),
    )


_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Composer(_Base):  # type: ignore[misc]
    """Composes nodes and only notes which scalars were plain; their meaning is decided here."""

    def resolve(self, kind: type[yaml.Node], _value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _PREFIX + ("seq" if kind is yaml.SequenceNode else "map")


def _nodes(text: str) -> Iterator[yaml.Node]:
    composer = _Composer(text.removeprefix("\ufeff"))
    try:
        while composer.check_node():
            yield composer.get_node()
    finally:
        composer.dispose()


class _Builder:
    """Turns the nodes of one document into data, places and problems."""

    def __init__(self, source: str, lines: tuple[str, ...]) -> None:
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._frame = Document(value={}, source=source, lines=lines, places=self.places)
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: Path = (), key: yaml.Node | None = None) -> Any:
        """Return the data of a node and note the places of all that is in it."""
        start = (node.start_mark.line, node.start_mark.column)
        self.places[path] = Place(
            key=(key.start_mark.line, key.start_mark.column) if key is not None else start,
            value=start,
            end=(node.end_mark.line, node.end_mark.column),
            text=node.value if node.tag == _PLAIN else None,
        )
        if len(self.places) > _MOST_NODES or len(path) > _DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, "the document is too large or too deep", node.start_mark
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in {_PREFIX + "map", _PREFIX + "seq"}:
            self._note(path, f"the YAML tag {node.tag} is not used here: leave it out")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        with self._entered(node):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]

    def refuse_root(self) -> None:
        """Note that the document is a list or a lone scalar."""
        self._note((), "not a mapping: a document starts with apiVersion, kind and metadata")

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag == _TEXT:
            return node.value
        if node.tag != _PLAIN:
            self._note(path, f"the YAML tag {node.tag} is not used here: leave it out")
            return node.value
        value = read_scalar(node.value)
        if isinstance(value, float) and not math.isfinite(value):
            self._note(
                path,
                f"{node.value} is not a number that JSON can hold",
                hint="kubectl refuses infinities and NaN: write a large number, or quote the word",
            )
        elif value is None and path and path[0] not in _KUBERNETES_OWN:
            self._note(
                path,
                "the value is empty (null)",
                hint="leave the key out to take the default: kubectl apply drops empty values",
            )
        return value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: dict[str, yaml.Node] = {}
        with self._entered(node):
            for key_node, value_node in node.value:
                if key_node.tag == _PLAIN and key_node.value == "<<":
                    merged |= self._merged(value_node, path, key_node, early=set(result))
                    continue
                key = self._key(key_node, path)
                if key is None:
                    continue
                if key in seen:
                    self._note_at(
                        key_node,
                        (*path, key),
                        f"the key {key} stands twice, first in line "
                        f"{seen[key].start_mark.line + 1}",
                        hint="kubectl keeps only one of them: remove one",
                    )
                    continue
                seen[key] = key_node
                result[key] = self.build(value_node, (*path, key), key_node)
        return {**merged, **result}

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._note_at(node, path, "a key must be text, not a list or a mapping")
            return None
        if node.tag != _PLAIN:
            return str(node.value)
        meaning = read_scalar(node.value)
        if isinstance(meaning, str):
            return meaning
        if isinstance(meaning, bool):
            message = f"YAML reads the key {node.value} as {'true' if meaning else 'false'}"
        elif meaning is None:
            message = "a key is empty (null)"
        else:
            message = f"YAML reads the key {node.value} as a number"
        self._note_at(
            node, (*path, node.value), message, hint=f'keys are text: quote it, "{node.value}"'
        )
        return None

    def _merged(
        self, node: yaml.Node, path: Path, key: yaml.Node, *, early: set[str]
    ) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                self._note_at(key, path, "<< merges mappings only")
                return {}
            merged |= self._mapping(part, path)
        if clash := sorted(early & set(merged)):
            # kubectl lets a late << win over keys above it, other readers do not.
            self._note_at(
                key,
                path,
                f"<< stands after {', '.join(clash)}, which it also sets",
                hint="put << first, so that the keys below it win everywhere",
            )
        return merged

    @contextlib.contextmanager
    def _entered(self, node: yaml.Node) -> Iterator[None]:
        if id(node) in self._open:
            raise yaml.composer.ComposerError(
                None, None, "an alias contains itself", node.start_mark
            )
        self._open.add(id(node))
        yield
        self._open.discard(id(node))

    def _note(self, path: Path, message: str, *, hint: str | None = None) -> None:
        self.problems.append(self._frame.problem(path, message, hint=hint))

    def _note_at(
        self, node: yaml.Node, path: Path, message: str, *, hint: str | None = None
    ) -> None:
        """Note a problem of a key, which may not be the one that its path leads to."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        same_line = node.end_mark.line == node.start_mark.line
        width = node.end_mark.column - node.start_mark.column if same_line else 1
        self.problems.append(
            dataclasses.replace(
                self._frame.problem(path, message, hint=hint),
                line=line,
                column=column,
                width=max(1, width),
                excerpt=excerpt(self._frame.lines, line),
            )
        )
