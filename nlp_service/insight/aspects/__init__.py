"""What members say of what: aspects, opinions and the categories that they are counted in."""

from nlp_service.insight.aspects.reader import AspectReader, Opinion
from nlp_service.insight.aspects.taxonomy import Taxonomy

__all__ = ["AspectReader", "Opinion", "Taxonomy"]
