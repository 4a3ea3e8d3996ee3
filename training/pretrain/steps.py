"""One step of training, on a processor as it always was or on a GPU as fast as that goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nlp_service.inference.lookup import Lookup
from training.pretrain import masking
from training.pretrain.masking import Masked
from training.pretrain.model import MaskedUnits, loss_of_all, loss_of_most
from training.pretrain.plan import PretrainPlan

Loss = Callable[[Masked], Tensor]
Compiler = Callable[[Loss], Loss]


@dataclass(frozen=True, slots=True)
class Engine:
    """Where and how a step is computed.

    Attributes:
        device: Of the weights.
        resident: Keep the stream of ids on the device, hide there, and compute products in bfloat16 (the weights and
            what the optimiser knows stay in 32 bits).
        compiler: Makes one program of the loss; None to take it as it is.
    """

    device: torch.device
    resident: bool = False
    compiler: Compiler | None = None

    @classmethod
    def here(cls) -> Engine:
        """The GPU, if torch sees one, or else the processor."""
        if torch.cuda.is_available():
            return cls(torch.device("cuda"), resident=True, compiler=torch.compile)
        return cls(torch.device("cpu"))

    def wait(self) -> None:
        """Return when the device has done what it was asked for."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Trainer:
    """A model and its optimiser.

    Args:
        model: Random or trained; moved to the engine's device.
    """

    def __init__(self, model: MaskedUnits, plan: PretrainPlan, engine: Engine) -> None:
        self.model = model.to(engine.device)
        self.plan = plan
        self.engine = engine
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )
        self._plain: Loss = self._loss_in_bf16 if engine.resident else self._loss
        self._compiled = engine.compiler(self._plain) if engine.compiler else None

    def batches(self, stream: np.ndarray, lookup: Lookup, skip: int) -> Iterator[Masked]:
        """Batches of the stream from the one with number `skip` on, for ever."""
        if not self.engine.resident:
            return masking.on_processor(stream, self.plan, lookup, skip)
        device = self.engine.device
        # Not uint16, for which a GPU has few operations.
        ids = torch.from_numpy(np.asarray(stream, np.int32)).to(device)
        pairs = torch.from_numpy(lookup.pairs.astype(np.int64)).to(device)
        return masking.on_device(ids, self.plan, pairs, skip)

    def step(self, batch: Masked, rate: float) -> Tensor:
        """Learn from a batch.

        Args:
            batch: Of the plan's size.
            rate: Share of the plan's learning rate; at 0 no weight changes.

        Returns:
            The mean cross-entropy before the step, on the device and maybe not computed yet.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * rate
        loss = self._gradients(batch)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return loss

    def forget(self) -> None:
        """Make the optimiser a new one; the weights stay."""
        self.optimiser.state.clear()

    def state(self) -> dict[str, Any]:
        """Weights and optimiser, for `restore`."""
        return {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _gradients(self, batch: Masked) -> Tensor:
        if self._compiled is None:
            return self._backward(self._plain, batch)
        try:
            return self._backward(self._compiled, batch)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # Compilers fail in many ways. What is wrong with the step itself comes up again below.
            print(json.dumps({"compile": "failed, going on without", "error": type(error).__name__}), flush=True)
            self._compiled = None
            return self._backward(self._plain, batch)

    def _backward(self, loss_of: Loss, batch: Masked) -> Tensor:
        self.optimiser.zero_grad(set_to_none=True)
        n = (batch.targets > 0).sum().clamp(min=1)
        total = torch.zeros((), device=self.engine.device)
        rows = self.plan.rows // self.plan.accumulate
        for i in range(self.plan.accumulate):
            loss = loss_of(Masked(*(part[i * rows : (i + 1) * rows] for part in batch))) / n
            loss.backward()
            total += loss.detach()
        return total

    def _loss(self, batch: Masked) -> Tensor:
        return loss_of_all(self.model, batch)

    def _loss_in_bf16(self, batch: Masked) -> Tensor:
        # A quarter more places than the share asks for: how many are hidden varies, and few rows vary more.
        n_places = min(batch.targets.numel(), int(1.25 * self.plan.masked * batch.targets.numel()) + 64)
        with torch.autocast(self.engine.device.type, torch.bfloat16):
            return loss_of_most(self.model, batch, n_places)


def begin_as(model: MaskedUnits, lookup: Lookup, state: dict[str, Any]) -> None:
    """Take the weights of an ``encoder.pt``, and those of the guessing head where it has them.

    Raises:
        ValueError: The weights are of another shape, or of another vocabulary as far as the state names it.
    """
    if state["shape"] != asdict(model.encoder.shape):
        raise ValueError(f"the weights to begin as are of {state['shape']}")
    for name, own in (("units", lookup.units), ("pairs", lookup.pairs)):
        if name in state and not np.array_equal(state[name].numpy(), own):
            raise ValueError(f"the weights to begin as are of other {name}")
    model.encoder.load_state_dict(state["weights"])
    model.load_state_dict(state.get("head", {}), strict=False)


def memory_mb(engine: Engine) -> int:
    """The most that was held at once: on a GPU of its memory, on a processor by the process."""
    if engine.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(engine.device) / 1e6)
    import resource  # not on every system

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def load_stream(folder: Path) -> np.ndarray:
    """The ids that `prepare` wrote, read as they are needed; uint16, shape (n,)."""
    return np.load(folder / "tokens.npy", mmap_mode="r")
