"""Groups of members, by what they say: rules that anybody can edit, and clusters of those who talk alike."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nlp_service.errors import BadInput
from nlp_service.insight import wording
from nlp_service.insight.counting import Ledger, coded
from nlp_service.insight.likeminded import Circle, find_circles
from nlp_service.insight.results import Group
from nlp_service.text.normalise import normalise_batch, render

BUILT_IN = Path(__file__).with_name("groups.toml")
N_TERMS = 8
N_QUOTES = 3

_BLOCK = 20_000
_SAMPLE = 300  # messages whose words are looked up to say what made a group

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class GroupRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What makes somebody a member of a group; see the head of ``groups.toml``.

    Attributes:
        name: For people.
        strong: Patterns of which one message is enough.
        weak: Patterns of signs.
        intents: Whose messages are signs.
        unless: What makes a message no sign.
        least: Different statements that must be signs, if none is strong.
        share: Part of the member's messages that must be signs, in [0, 1].
    """

    name: str
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    unless: str = ""
    least: int = 2
    share: float = 0.02


class GroupRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules in the order of reports."""

    group: tuple[GroupRule, ...] = ()


def load_rules(path: Path | None = None) -> tuple[GroupRule, ...]:
    """Rules of a TOML file, the built-in ones unless given.

    Raises:
        BadInput: It cannot be read, or a rule is not right; the message names the file and the group's place in it.
    """
    path = BUILT_IN if path is None else path
    try:
        rules = msgspec.convert(tomllib.loads(path.read_text("utf-8")), GroupRules).group
    except OSError as error:
        raise BadInput(f"groups {path}: {error.strerror}", param="groups") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"groups {path}: {error}", param="groups") from error
    for number, rule in enumerate(rules, 1):
        if complaint := _fault(rule):
            raise BadInput(f"groups {path}, group {number}: {complaint}", param="groups")
    if len({rule.name for rule in rules}) < len(rules):
        raise BadInput(f"groups {path}: two groups have one name", param="groups")
    return rules


def find_groups(
    facts: pa.Table,
    rules: Sequence[GroupRule] | None = None,
    *,
    least_people: int = 3,
    corpus: wording.Corpus | None = None,
    ledger: Ledger | None = None,
) -> tuple[Group, ...]:
    """Groups of known authors, those by rules first, in the order of the rules; somebody may be in several.

    Args:
        facts: FACTS of a period.
        rules: As `load_rules` gives them; the built-in ones unless given. No rules leave the clusters.
        least_people: Members of a group at the least.
        corpus: The words of the rows, where they have been read.
        ledger: The ledger of the table, where there is one.

    Raises:
        BadInput: A pattern is none.
    """
    ledger = Ledger(facts) if ledger is None else ledger
    corpus = wording.read(facts.column("text")) if corpus is None else corpus
    intents = coded(facts.column("intent"))
    is_read = _is_one_of(intents.codes, intents.names, ("ad",))
    is_read = ~is_read & (ledger.people < ledger.n_known)
    found = []
    texts = _Texts(facts)
    for rule in load_rules() if rules is None else rules:
        strong, weak = texts.match(rule.strong), texts.match(rule.weak)
        weak |= _is_one_of(intents.codes, intents.names, rule.intents)
        unless = texts.match((rule.unless,) if rule.unless else ())
        rows = _evidence(rule, strong & is_read & ~unless, weak & is_read & ~unless, ledger, corpus)
        if ledger.count_people(rows) >= least_people:
            terms = texts.words(rule, rows) or wording.terms(corpus, [rows], N_TERMS)[0]
            found.append(_group(rule.name, "rule", terms, rows, facts, ledger, corpus))
    for circle in find_circles(corpus, ledger, np.flatnonzero(is_read), least_people=max(least_people, 5)):
        found.append(_of_circle(circle, facts, ledger, corpus))
    return tuple(found)


class _Texts:
    """The texts of a table as patterns see them, each different one once."""

    def __init__(self, facts: pa.Table) -> None:
        column = coded(facts.column("text"))
        self._row = column.codes
        self._plain: list[str] = []
        for first in range(0, len(column.names), _BLOCK):
            batch = normalise_batch(column.names[first : first + _BLOCK])
            bounds = zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True)
            # A lone surrogate is no text to Arrow.
            self._plain += [_sound(render(batch.units[start:end])) for start, end in bounds]
        self._column = pa.array(self._plain, pa.string())

    def match(self, patterns: Sequence[str]) -> Mask:
        """Which rows have one of the patterns; (n_rows,)."""
        if not patterns:
            return np.zeros(len(self._row), np.bool_)
        try:
            found = pc.match_substring_regex(self._column, "|".join(f"(?:{each})" for each in patterns))
        except pa.ArrowInvalid as error:
            raise BadInput("a pattern of a group is no regular expression", param="groups") from error
        mask: Mask = np.append(np.asarray(found).astype(np.bool_), False)[self._row]
        return mask

    def words(self, rule: GroupRule, rows: Index) -> tuple[str, ...]:
        """What the patterns of a rule found in some rows, most frequent first."""
        pattern = re.compile("|".join(f"(?:{each})" for each in (*rule.strong, *rule.weak)) or "(?!)")
        counts: Counter[str] = Counter()
        for row in rows[:: 1 + len(rows) // _SAMPLE].tolist():
            counts.update({match.group().strip() for match in pattern.finditer(self._plain[self._row[row]])})
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return tuple(word for word in ordered if word)[:N_TERMS]


def _evidence(rule: GroupRule, strong: Mask, weak: Mask, ledger: Ledger, corpus: wording.Corpus) -> Index:
    """Rows that speak for a rule's group, of those who are in it."""
    signs = np.flatnonzero(strong | weak)
    people, cores = ledger.people[signs], corpus.row_core[signs]
    pairs = np.unique(np.stack((people, cores)), axis=1)  # the same statement twice is one sign
    different = np.bincount(pairs[0], minlength=ledger.n_people)
    all_signs = np.bincount(people, minlength=ledger.n_people)
    says = np.bincount(ledger.people, minlength=ledger.n_people)
    is_strong = np.bincount(ledger.people[strong], minlength=ledger.n_people) > 0
    is_member = (is_strong | (different >= rule.least)) & (all_signs >= rule.share * says)
    rows: Index = signs[is_member[people]]
    return rows


def _group(
    name: str, source: str, terms: tuple[str, ...], rows: Index, facts: pa.Table, ledger: Ledger, corpus: wording.Corpus
) -> Group:
    return Group(
        name=name,
        source=source,
        terms=terms,
        authors=ledger.authors(rows),
        messages=len(rows),
        quotes=wording.quotes(facts, rows, terms, corpus, N_QUOTES),
        keys=ledger.keys(rows),
    )


def _of_circle(circle: Circle, facts: pa.Table, ledger: Ledger, corpus: wording.Corpus) -> Group:
    name = "常聊" + wording.name(circle.terms)
    return _group(name, "cluster", circle.terms, circle.rows, facts, ledger, corpus)


def _is_one_of(codes: Index, names: Sequence[str], wanted: Sequence[str]) -> Mask:
    found: Mask = np.array([name in wanted for name in (*names, "")], np.bool_)[codes]
    return found


def _sound(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _fault(rule: GroupRule) -> str | None:
    if not rule.name.strip():
        return "it has no name"
    if not (rule.strong or rule.weak or rule.intents):
        return "it has neither patterns nor intents"
    if rule.least < 1 or not 0.0 <= rule.share <= 1.0:
        return "least is 1 or more, share from 0 to 1"
    for pattern in (*rule.strong, *rule.weak, *filter(None, [rule.unless])):
        if not _is_pattern(pattern):
            return "a pattern is no regular expression, or finds the empty text"
    return None


@cache
def _is_pattern(pattern: str) -> bool:
    try:
        return not pc.match_substring_regex(pa.array([""]), pattern)[0].as_py() and re.compile(pattern) is not None
    except (pa.ArrowInvalid, re.error):
        return False
