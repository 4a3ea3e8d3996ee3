"""How a report is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FORMATS = {".html": "html", ".md": "markdown", ".docx": "docx", ".json": "json"}
"""Of a report, by the end of its file's name."""

MESSAGE_PATH = "/console/messages/{id}"
"""Where a message is shown, below a base URL that does not say it."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a report is wanted.

    Attributes:
        made_at: Its time stamp, with a zone; the only thing that two runs on the same data differ in.
        language: ``zh`` or ``en``.
        base_url: Of the service, for links to stored messages: ``https://host``, or an address with ``{id}`` in it
            where messages are shown elsewhere; None for no links.
        is_daily: Whether it is called a daily report; None: by the length of its period.
        most_items: Pains, needs, topics and keywords that are shown, of each.
        most_messages: Ids that an entry of the appendix lists.
    """

    made_at: datetime
    language: str = "zh"
    base_url: str | None = None
    is_daily: bool | None = None
    most_items: int = 10
    most_messages: int = 50

    def __post_init__(self) -> None:
        if self.made_at.tzinfo is None:
            raise ValueError("made_at needs a zone")
        if min(self.most_items, self.most_messages) < 1:
            raise ValueError("most_items and most_messages must be at least 1")
