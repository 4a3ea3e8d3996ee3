"""A report as bytes, in the format that a file's name asks for."""

from __future__ import annotations

from collections.abc import Sequence

from nlp_service.errors import BadInput
from nlp_service.insight.report.building import build
from nlp_service.insight.report.html import render_html
from nlp_service.insight.report.markdown import render_markdown
from nlp_service.insight.report.options import FORMATS, ReportOptions
from nlp_service.insight.report.plainjson import render_json
from nlp_service.insight.report.summary import Summarise, summarise
from nlp_service.insight.results import Mining


def write_report(
    mining: Mining, options: ReportOptions, formats: Sequence[str], ask: Summarise | None = None
) -> dict[str, bytes]:
    """The report in each of `formats`, whose texts are equal: one summary for all of them.

    Two runs on the same data with the same options give the same bytes, if `ask` is None.

    Args:
        mining: The data.
        options: How it is wanted.
        formats: Of the values of `options.FORMATS`.
        ask: A language model for a summary before our own, of which only checked sentences are kept.

    Raises:
        BadInput: There is no such format, or zone, language or base URL cannot be used.
    """
    for name in formats:
        if name not in FORMATS.values():
            raise BadInput(f"format must be one of {', '.join(FORMATS.values())}", param="format")
    phrased = summarise(mining, options, ask) if ask else ()
    built = build(mining, options, phrased)
    written = {}
    for name in formats:
        if name == "json":
            written[name] = render_json(built, mining)
        elif name == "docx":
            # Half a second to import, which a report in another format need not wait for.
            from nlp_service.insight.report.word import render_docx

            written[name] = render_docx(built.document)
        else:
            render = render_html if name == "html" else render_markdown
            written[name] = render(built.document).encode()
    return written


def format_of(name: str) -> str:
    """The format of a file by the end of its name.

    Raises:
        BadInput: It ends in none of `options.FORMATS`.
    """
    for end, found in FORMATS.items():
        if name.lower().endswith(end):
            return found
    raise BadInput(f"the file must end in {', '.join(FORMATS)}", param="output")
