"""Pain points and needs: what members suffer and ask for, grouped, counted by people, ranked."""

from nlp_service.insight.pains.mining import PainOptions, mine_pains
from nlp_service.insight.pains.subjects import cluster

__all__ = ["PainOptions", "cluster", "mine_pains"]
