"""How files of words are read and written: as those of knowledge bases are."""

from __future__ import annotations

from nlp_service.knowledge.decoding import decode
from nlp_service.knowledge.rows import guard, read_time, unguard, write_time
from nlp_service.knowledge.sheets import read_sheet, write_sheet
from nlp_service.moderation.wordrows import Tables

TABLES = Tables(decode, read_sheet, write_sheet, read_time, write_time, guard, unguard)
