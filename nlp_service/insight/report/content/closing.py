"""The end of a report: how its figures are to be read, and the appendix."""

from __future__ import annotations

from collections.abc import Iterator

from nlp_service.insight.report.content.context import Context
from nlp_service.insight.report.document import Appendix, Block, Bullets, Paragraph, Run
from nlp_service.insight.report.safe import plain

_ALWAYS = ("people", "change", "segments", "quotes", "large", "health")
_FEW = 30  # messages; a share of 10 % of them is uncertain by as much


def method(context: Context) -> Iterator[Block]:
    """What a reader must know, from the notes of the data first."""
    yield context.heading(2, "method")
    yield Bullets(tuple((Run(said),) for said in dict.fromkeys(_notes(context))))


def appendix(context: Context) -> Iterator[Block]:
    """The messages behind the numbers of all that was built before."""
    yield context.heading(2, "appendix")
    yield Paragraph((Run(context.words.say("appendix.intro", n=context.options.most_messages)),), "note")
    yield Appendix(context.refs.entries())


def _notes(context: Context) -> Iterator[str]:
    words, mining = context.words, context.mining
    if not mining.messages:
        yield words.say("note.no_messages")
    elif mining.messages == 1:
        yield words.say("note.one_message")
    elif mining.messages < _FEW:
        yield words.say("note.few_messages", n=_FEW)
    if not context.is_comparable:
        yield words.say("note.no_previous")
    for code in mining.notes:
        name, _, number = code.partition(":")
        if words.known("note", name) is None or name in _ALWAYS:
            yield words.say("note.unknown", code=plain(code))
        else:
            yield words.say(f"note.{name}", n=words.exact(int(number)) if number.isdecimal() else plain(number))
    for name in _ALWAYS:
        yield words.say(f"note.{name}")
    yield words.say("note.model", version=plain(mining.model_version))
