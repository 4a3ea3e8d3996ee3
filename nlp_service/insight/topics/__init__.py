"""What is talked about, day by day: clusters of messages under identities that stay."""

from nlp_service.insight.topics.advancing import advance, assign
from nlp_service.insight.topics.options import Embed, TopicOptions
from nlp_service.insight.topics.state import TopicState
from nlp_service.insight.topics.summary import summarise

__all__ = ["Embed", "TopicOptions", "TopicState", "advance", "assign", "summarise"]
