"""The nodes of a taxonomy, and how a file of one's own changes those below it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_service.errors import BadInput
from nlp_service.text.normalise import normalise

LISTS = ("synonyms", "complaints", "praises")
"""Fields of a node that hold several things."""


@dataclass(frozen=True, slots=True)
class Node:
    """What is counted under one name.

    Attributes:
        industry: Its key.
        category: Path below the industry's title, parts joined by "/".
        target: The name.
        synonyms: As the normaliser writes them, without spaces.
        complaints, praises: Expressions that imply it.
    """

    industry: str
    category: str
    target: str
    synonyms: tuple[str, ...] = ()
    complaints: tuple[re.Pattern[str], ...] = ()
    praises: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A node of a file, and what becomes of the one of the same name below it.

    Attributes:
        node: What the file says.
        only: Whether its lists take the place of the old ones instead of being added.
        remove: Whether the old one is left out.
    """

    node: Node
    only: bool
    remove: bool


@dataclass(frozen=True, slots=True)
class Tree:
    """A file.

    Attributes:
        titles: Of the industries that the file names, by key; empty where it gives none.
        unused: Industries to be left out.
        changes: Its nodes, in order.
        lines: Line of each node, as the changes are ordered; 0 where it is not known.
    """

    titles: dict[str, str]
    unused: frozenset[str]
    changes: tuple[Change, ...]
    lines: tuple[int, ...]


def merge(base: Tree, own: Tree, path: Path) -> tuple[dict[str, str], tuple[Node, ...]]:
    """Titles by industry and nodes of two trees; the second one's nodes stand first and win.

    Raises:
        BadInput: `own`, from `path`, takes away what is not there, or a new node of it has no category.
    """
    nodes = {(change.node.industry, change.node.target): change.node for change in base.changes}
    first: dict[tuple[str, str], Node] = {}
    for change, line in zip(own.changes, own.lines, strict=True):
        node, key = change.node, (change.node.industry, change.node.target)
        old = nodes.pop(key, None)
        where = f"taxonomy {path}" + (f", line {line}" if line else "")
        if old is None and (change.remove or not node.category):
            complaint = "is not there to be removed" if change.remove else "is new and has no category"
            raise BadInput(f"{where}: industries.{node.industry}: {node.target!r} {complaint}", param="taxonomy")
        if not change.remove:
            first[key] = node if old is None else _joined(old, node, change.only)
    titles = base.titles | {key: title for key, title in own.titles.items() if title or key not in base.titles}
    unused = base.unused | own.unused
    kept = tuple(node for node in (*first.values(), *nodes.values()) if node.industry not in unused)
    return {key: title or key for key, title in titles.items()}, kept


def plain(text: str) -> str:
    """A text as the normaliser writes it, without spaces."""
    return normalise(text).normalised.replace(" ", "")


def _joined(old: Node, new: Node, only: bool) -> Node:
    kept = replace(new, category=new.category or old.category)
    if only:
        return kept
    lists: dict[str, Any] = {name: tuple(dict.fromkeys((*getattr(new, name), *getattr(old, name)))) for name in LISTS}
    return replace(kept, **lists)
