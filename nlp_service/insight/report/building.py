"""From a `Mining` to a `Document`: all sections in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from nlp_service.insight.report.content import closing, details, measures, opening
from nlp_service.insight.report.content.context import Context, text
from nlp_service.insight.report.content.references import Reference
from nlp_service.insight.report.document import Block, Document
from nlp_service.insight.report.options import ReportOptions
from nlp_service.insight.results import Mining


@dataclass(frozen=True, slots=True)
class Built:
    """A report, ready for a renderer.

    Attributes:
        document: What it says.
        refs: All messages behind its numbers, by the ids of the appendix.
        sentences: Its summary from figures alone.
        phrased: Its summary by a language model, checked; empty where there is none.
    """

    document: Document
    refs: dict[str, Reference]
    sentences: tuple[str, ...]
    phrased: tuple[str, ...]


def build(mining: Mining, options: ReportOptions, phrased: Sequence[str] = ()) -> Built:
    """Build a report; the same for the same data and options.

    Args:
        mining: The data.
        options: How it is wanted.
        phrased: Sentences of a summary that `summary.summarise` has let through.

    Raises:
        BadInput: Zone, language or base URL cannot be used.
    """
    context = Context(mining, options)
    blocks: list[Block] = [*opening.opening(context, phrased)]
    if mining.messages:
        blocks += measures.charts(context)
        blocks += details.items(context, "pain")
        blocks += details.items(context, "need")
        blocks += details.segment_table(context)
        blocks += details.topics(context)
        blocks += details.keywords(context)
        blocks += details.groups(context)
        blocks += measures.channel_table(context)
        blocks += measures.health_table(context)
    blocks += closing.method(context)
    if context.refs.all():
        blocks += closing.appendix(context)
    stamp = options.made_at.astimezone(UTC)
    name = f"{opening.title(context)} {context.words.period(mining.period, context.zone)}"
    made_at = context.words.say("head.made", at=context.words.time(context.local(stamp), with_year=True))
    document = Document(options.language, name, tuple(blocks), made_at, stamp.strftime("%Y-%m-%dT%H:%M:%SZ"))
    sentences = tuple(text(line) for line in opening.sentences(context))
    return Built(document, context.refs.all(), sentences, tuple(phrased))
