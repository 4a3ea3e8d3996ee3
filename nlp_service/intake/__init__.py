"""The way of a message, the same for every door of the service.

`reader` is the part that knows a message alone and runs where the models are; all else here knows what came before it,
and runs beside the database. So this package imports only the first, and a worker process never loads a database.
"""

from nlp_service.intake.reader import Analyse, Reader

__all__ = ["Analyse", "Reader"]
