"""Energies of many particles: pairs, distances, attention. The state is `[positions, momenta]`, each particle by particle."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from case import Case
from torch_networks import perceptron


def cut(x: Tensor, particles: int) -> tuple[Tensor, Tensor]:
    """Positions and momenta `[batch, particles, dimensions]`."""
    state = x.reshape(x.shape[0], 2, particles, -1)
    return state[:, 0], state[:, 1]


class Gravity(nn.Module):
    """Softened gravity over all pairs, distances by broadcasting, each pair counted once by a mask."""

    def __init__(self, _: int, particles: int = 3):
        super().__init__()
        self.particles = particles
        self.register_buffer("masses", torch.linspace(1.0, 2.0, particles))
        self.register_buffer("pairs", torch.triu(torch.ones(particles, particles), diagonal=1))

    def forward(self, x: Tensor) -> Tensor:
        q, p = cut(x, self.particles)
        gap = q.unsqueeze(2) - q.unsqueeze(1)
        inverse = torch.rsqrt(gap.pow(2).sum(-1) + 0.01)
        attraction = (self.masses[:, None] * self.masses * self.pairs * inverse).sum((-2, -1))
        return (p.square().sum(-1) / (2 * self.masses)).sum(-1) - attraction


class LennardJones(nn.Module):
    """Lennard-Jones (1924) on a line, pairs picked by index."""

    def __init__(self, _: int, particles: int = 4):
        super().__init__()
        first, second = torch.triu_indices(particles, particles, 1)
        self.register_buffer("first", first)
        self.register_buffer("second", second)

    def forward(self, x: Tensor) -> Tensor:
        q, p = x.chunk(2, dim=1)
        sixth = (q[:, self.first] - q[:, self.second]).abs().pow(-6)
        return 0.5 * p.square().sum(1) + 4 * (sixth * sixth - sixth).sum(1)


class Coulomb(nn.Module):
    """Charges in a harmonic trap, pairs by `index_select`, distances by `norm`."""

    def __init__(self, _: int, particles: int = 3):
        super().__init__()
        self.particles = particles
        first, second = torch.combinations(torch.arange(particles)).T.contiguous()
        self.register_buffer("first", first)
        self.register_buffer("second", second)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        places = q.view(-1, self.particles, 2)
        gap = torch.index_select(places, 1, self.first) - torch.index_select(places, 1, self.second)
        return 0.5 * (p * p + q * q).sum(-1) + (1 / gap.norm(dim=-1)).sum(-1)


class PairNetwork(nn.Module):
    """A learnt pair potential of the squared distance, over expanded pairs."""

    def __init__(self, width: int, particles: int = 3):
        super().__init__()
        self.particles = particles
        self.pair = perceptron(1, width, nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        n = self.particles
        q, p = cut(x, n)
        left = q.unsqueeze(1).expand(-1, n, -1, -1)
        right = q.unsqueeze(2).expand(-1, -1, n, -1)
        squares = (left - right).square().sum(-1, keepdim=True)
        return 0.5 * p.square().sum((1, 2)) + 0.5 * self.pair(squares).sum((1, 2, 3))


class RotatedPairs(nn.Module):
    """Every particle with every other one by rolling, so that no pair is with itself."""

    def __init__(self, width: int, particles: int = 4):
        super().__init__()
        self.particles = particles
        self.pair = perceptron(4, width, nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        q, p = cut(x, self.particles)
        energy = p.pow(2).sum(dim=(1, 2)).mul(0.5)
        for shift in range(1, self.particles):
            gap = q - q.roll(shift, dims=1)
            features = torch.cat([gap.pow(2), gap.cos()], dim=2)
            energy = energy + self.pair(features).sum(dim=[1, 2])
        return energy


class DeepSet(nn.Module):
    """Zaheer et al. (2017): one network for every particle, one for the mean of what they say."""

    def __init__(self, width: int, particles: int = 3):
        super().__init__()
        self.particles = particles
        self.each = nn.Sequential(nn.Linear(4, width), nn.GELU(), nn.Linear(width, width))
        self.all = perceptron(width, width, nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        features = torch.stack(cut(x, self.particles), dim=-1).flatten(2)
        return self.all(self.each(features).mean(dim=1))


class Attention(nn.Module):
    """One head over particles, written with einsum and softmax."""

    def __init__(self, width: int, particles: int = 3):
        super().__init__()
        self.particles = particles
        self.query, self.key, self.value = (nn.Linear(4, width) for _ in range(3))
        self.head = perceptron(width, width, nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        q, p = cut(x, self.particles)
        tokens = torch.cat([q, p], dim=-1)
        scores = torch.einsum("bid,bjd->bij", self.query(tokens), self.key(tokens))
        weights = torch.softmax(scores / self.query.out_features**0.5, dim=-1)
        mixed = torch.einsum("bij,bjd->bid", weights, self.value(tokens))
        return self.head(mixed).sum(dim=(1, 2))


class Transformer(nn.Module):
    """A block with two heads: scaled dot-product attention, layer normalisation, residual connections."""

    def __init__(self, width: int, particles: int = 3):
        super().__init__()
        self.particles, self.width = particles, width
        self.lift = nn.Linear(4, width)
        self.before = nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.after = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.lift(torch.cat(cut(x, self.particles), dim=-1))
        heads = self.mixed(self.before(hidden)).view(x.shape[0], self.particles, 3, 2, self.width // 2)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        hidden = hidden + self.out(mixed.transpose(1, 2).reshape(x.shape[0], self.particles, self.width))
        hidden = hidden + self.feed(self.after(hidden))
        return self.head(hidden.mean(dim=1)).squeeze(-1)


class GraphNetwork(nn.Module):
    """Messages along the edges of a ring, gathered and summed by an incidence matrix."""

    def __init__(self, width: int, particles: int = 4):
        super().__init__()
        self.particles = particles
        self.register_buffer("sender", torch.arange(particles))
        self.register_buffer("receiver", (torch.arange(particles) + 1) % particles)
        self.register_buffer("incidence", F.one_hot(self.receiver, particles).float())
        self.message = perceptron(4, width, nn.SiLU, width)
        self.update = nn.Linear(width + 2, width)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        nodes = torch.stack(x.chunk(2, dim=1), dim=2)
        messages = self.message(torch.cat([nodes[:, self.sender], nodes[:, self.receiver]], dim=-1))
        received = torch.einsum("er,bew->brw", self.incidence, messages)
        return self.head(torch.tanh(self.update(torch.cat([nodes, received], dim=-1)))).sum(1)


CASES = [
    Case("gravity", Gravity, 6, spread=0.5, opset=11),
    Case("lennard_jones", LennardJones, 4, (-0.1, 0.1), spread=1.2, opset=11),
    Case("coulomb", Coulomb, 6, (-0.5, 0.5), spread=0.75, inputs=("q", "p"), opset=13),
    Case("pair_network", PairNetwork, 6, opset=13),
    Case("rotated_pairs", RotatedPairs, 8, opset=11),
    Case("deep_set", DeepSet, 6, opset=17, options={"optimize": False}),
    Case("attention", Attention, 6, opset=13, options={"dynamo_opset": 21}),
    Case("transformer", Transformer, 6, opset=17),
    Case("transformer_one_row", Transformer, 6, opset=14, options={"frozen_batch": 1}),
    Case("graph_network", GraphNetwork, 4, opset=13),
]
