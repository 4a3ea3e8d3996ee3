"""Taxonomies as people write them: TOML to nodes, with errors that name the line and the field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from nlp_service.errors import BadInput
from nlp_service.insight.aspects.tree import LISTS, Change, Node, Tree, plain
from nlp_service.text.normalise import normalise

MAX_TARGET = 32
"""Code points of a target."""

MAX_WORDS = 2_000
"""Synonyms of a node, and expressions."""

_INDUSTRY_KEYS = {"title", "nodes", "use"}
_NODE_KEYS = {"category", "target", "only", "remove", *LISTS}


def read(path: Path) -> Tree:
    """Read a taxonomy.

    Raises:
        BadInput: It cannot be read, is not TOML, or a field is not as it must be; the message names file, line and
            field.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BadInput(f"taxonomy {path}: {reason}", param="taxonomy") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"taxonomy {path}: {error}", param="taxonomy") from error
    return _Reading(path, text).tree(raw)


class _Reading:
    """One file; everything that is wrong with it is said through `fault`."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def tree(self, raw: Mapping[str, Any]) -> Tree:
        for key in raw:
            if key != "industries":
                raise self.fault(self._top(key), key, "is not known; a taxonomy holds [industries.KEY]")
        titles, unused, changes, lines = {}, set(), [], []
        for key, industry in self._table(raw.get("industries", {}), 0, "industries").items():
            field = f"industries.{key}"
            line = self._line(rf"\[industries\.{re.escape(key)}\]")
            for name in self._table(industry, line, field):
                if name not in _INDUSTRY_KEYS:
                    raise self.fault(line, f"{field}.{name}", f"is not known; there are {_and(_INDUSTRY_KEYS)}")
            titles[key] = self._text(industry.get("title", ""), line, f"{field}.title", empty=True)
            if not self._flag(industry.get("use", True), line, f"{field}.use"):
                unused.add(key)
            nodes = industry.get("nodes", [])
            if not isinstance(nodes, list):
                raise self.fault(line, f"{field}.nodes", f"must be tables: [[{field}.nodes]]")
            for i, node in enumerate(nodes):
                start = self._line(rf"\[\[industries\.{re.escape(key)}\.nodes\]\]", i)
                changes.append(self._change(key, node, start, f"{field}.nodes[{i}]"))
                lines.append(start)
        self._check_repeats(changes, lines)
        return Tree(titles, frozenset(unused), tuple(changes), tuple(lines))

    def fault(self, line: int, field: str, complaint: str) -> BadInput:
        where = f", line {line}" if line else ""
        return BadInput(f"taxonomy {self._path}{where}: {field} {complaint}", param="taxonomy")

    def _change(self, industry: str, raw: Any, start: int, field: str) -> Change:
        for name in self._table(raw, start, field):
            if name not in _NODE_KEYS:
                raise self.fault(
                    self._below(start, name), f"{field}.{name}", f"is not known; there are {_and(_NODE_KEYS)}"
                )
        target = self._text(raw.get("target"), self._below(start, "target"), f"{field}.target")
        if len(target) > MAX_TARGET:
            raise self.fault(self._below(start, "target"), f"{field}.target", f"has more than {MAX_TARGET} characters")
        line = self._below(start, "category")
        category = self._text(raw.get("category", ""), line, f"{field}.category", empty=True)
        if category and not all(part.strip() for part in category.split("/")):
            raise self.fault(line, f"{field}.category", 'has an empty part; write "a/b"')
        found: dict[str, tuple[Any, ...]] = {}
        for name in LISTS:
            line = self._below(start, name)
            words = self._words(raw.get(name, []), line, f"{field}.{name}")
            make = self._synonym if name == "synonyms" else self._expression
            found[name] = tuple(make(word, line, f"{field}.{name}[{i}]") for i, word in enumerate(words))
        only = self._flag(raw.get("only", False), self._below(start, "only"), f"{field}.only")
        remove = self._flag(raw.get("remove", False), self._below(start, "remove"), f"{field}.remove")
        return Change(Node(industry, category, target, **found), only, remove)

    def _synonym(self, word: str, line: int, field: str) -> str:
        read = plain(word)
        if not read:
            raise self.fault(line, field, "has nothing that is read")
        return read

    def _expression(self, word: str, line: int, field: str) -> re.Pattern[str]:
        try:
            pattern = re.compile(_as_read(word))
        except re.error as error:
            raise self.fault(line, field, f"is not a regular expression ({error.msg})") from error
        if pattern.search("") is not None:
            raise self.fault(line, field, "matches nothing at all, and so everywhere")
        return pattern

    def _check_repeats(self, changes: list[Change], lines: list[int]) -> None:
        owners: dict[tuple[str, str], str] = {}
        targets = set()
        for change, line in zip(changes, lines, strict=True):
            node = change.node
            if (node.industry, node.target) in targets:
                raise self.fault(line, f"industries.{node.industry}", f"has two nodes with the target {node.target!r}")
            targets.add((node.industry, node.target))
            for word in node.synonyms:
                if owners.setdefault((node.industry, word), node.target) != node.target:
                    both = f"has {word!r} under {owners[node.industry, word]!r} and under {node.target!r}"
                    raise self.fault(self._below(line, "synonyms"), f"industries.{node.industry}", both)

    def _table(self, value: Any, line: int, field: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fault(line, field, "must be a table")
        return value

    def _text(self, value: Any, line: int, field: str, *, empty: bool = False) -> str:
        if not isinstance(value, str) or not (empty or value.strip()):
            raise self.fault(line, field, "must be a text")
        return value.strip()

    def _flag(self, value: Any, line: int, field: str) -> bool:
        if not isinstance(value, bool):
            raise self.fault(line, field, "must be true or false")
        return value

    def _words(self, value: Any, line: int, field: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
            raise self.fault(line, field, "must be a list of texts")
        if len(value) > MAX_WORDS:
            raise self.fault(line, field, f"has more than {MAX_WORDS} entries")
        return value

    def _top(self, key: str) -> int:
        return self._line(rf"\[{{0,2}}{re.escape(key)}\b")

    def _line(self, start: str, skip: int = 0) -> int:
        """Number of the line that begins so, after `skip` others; 0 where there is none, since TOML has other ways."""
        pattern = re.compile(rf"\s*{start}")
        found = [i for i, line in enumerate(self._lines, 1) if pattern.match(line)]
        return found[skip] if len(found) > skip else 0

    def _below(self, start: int, key: str) -> int:
        """Line of a key of the node that begins at `start`; that of the node itself where it has none."""
        for i, line in enumerate(self._lines[start:], start + 1):
            if line.lstrip().startswith("[["):
                break
            if start and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return i
        return start


def _as_read(expression: str) -> str:
    """An expression with its letters as the normaliser writes them; what has a meaning there keeps it."""
    parts, escaped = [], False
    for char in expression:
        if ord(char) < 128:
            parts.append(char if escaped else char.lower())
        else:
            parts.append(_letter(char))
        escaped = char == "\\" and not escaped
    return "".join(parts)


@cache
def _letter(char: str) -> str:
    read = normalise(char).normalised
    return re.escape(read) if len(read) == 1 else char


def _and(names: set[str]) -> str:
    return ", ".join(sorted(names))
