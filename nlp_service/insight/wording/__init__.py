"""What messages say, in words: statements without their trimmings, terms, names and quotes."""

from nlp_service.insight.wording.naming import excerpt, name, terms
from nlp_service.insight.wording.quoting import message_keys, quotes
from nlp_service.insight.wording.reading import Corpus, read

__all__ = ["Corpus", "excerpt", "message_keys", "name", "quotes", "read", "terms"]
