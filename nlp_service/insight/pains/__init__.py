"""Pain points and needs: what members suffer and ask for, grouped, counted by people, ranked."""

from nlp_service.insight.pains.grouping import cluster
from nlp_service.insight.pains.mining import PainOptions, mine_pains

__all__ = ["PainOptions", "cluster", "mine_pains"]
