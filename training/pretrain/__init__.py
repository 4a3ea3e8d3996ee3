"""Masked-unit pre-training of the encoder on unlabelled text.

``python -m training pretrain`` prepares the tokens once and then trains until the wanted number of them was seen. It
saves a checkpoint every few minutes and goes on from it when it is started again.

A machine with a GPU may be lent for minutes, without our libraries and without the data. So nothing here needs more
than torch and numpy, but for the preparation of the tokens: those travel as `shards`, and the weights come back as
`parts`. ``python -m training.pretrain`` is the command there.
"""

from training.pretrain.loop import begin, pretrain
from training.pretrain.model import MaskedUnits
from training.pretrain.plan import PretrainPlan
from training.pretrain.states import load, save
from training.pretrain.tokens import load_lookup, prepare

__all__ = ["MaskedUnits", "PretrainPlan", "begin", "load", "load_lookup", "prepare", "pretrain", "save"]
