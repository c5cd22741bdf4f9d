"""Every energy of the corpus that is written in PyTorch."""

from __future__ import annotations

import torch_mechanics
import torch_networks
import torch_particles

CASES = torch_networks.CASES + torch_mechanics.CASES + torch_particles.CASES
