"""A row of the corpus: an energy, the states it is tried at, and how it is exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STATES = 8
"""States at which every energy is tried."""


@dataclass(frozen=True)
class Case:
    """An energy H(x) with x = [q, p], or H(q, p) where `inputs` names two."""

    name: str
    """File stem; the seed of weights and states is derived from it."""
    build: Callable[[int], Any]
    """From the hidden width to the energy; closed forms ignore the width."""
    dof: int
    """Number of positions n; the state has 2n coordinates."""
    region: tuple[float, float] = (-1.5, 1.5)
    """States are uniform in it, in every coordinate."""
    spread: float = 0.0
    """Added to position i as i·spread: keeps particles apart where they would collide."""
    inputs: tuple[str, ...] = ("x",)
    smooth: bool = True
    """Whether H has a continuous gradient everywhere."""
    dtype: str = "float32"
    """Type of the exported weights and inputs."""
    opset: int = 17
    """Opset of the TorchScript-based exporter and of JAX; the other one starts at 18."""
    batched: bool = True
    """Whether the energy takes `[batch, 2n]`; otherwise it takes one state `[2n]`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What else an exporter is asked for; `export.py` says which words it knows."""

    @property
    def seed(self) -> int:
        """The same on every machine, different for every name."""
        return int.from_bytes(self.name.encode(), "little") % (2**31 - 1)

    def states(self) -> np.ndarray:
        """`[STATES, 2n]` in f64, every number one that the exported type holds."""
        generator = np.random.default_rng(self.seed)
        states = generator.uniform(*self.region, size=(STATES, 2 * self.dof))
        states[:, : self.dof] += self.spread * np.arange(self.dof)
        # Binary fractions of 2⁻⁷ are exact in half, single and double precision alike.
        return np.round(states * 128.0) / 128.0
