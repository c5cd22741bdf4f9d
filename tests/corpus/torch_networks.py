"""Energies that are neural networks, in the styles people write them in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from case import Case


def perceptron(inputs: int, width: int, activation: Callable[[], nn.Module], outputs: int = 1) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, outputs)
    )


def mlp(activation: Callable[[], nn.Module], inputs: int = 4) -> Callable[[int], nn.Module]:
    """A perceptron as an energy `[batch, 1]`."""
    return lambda width: perceptron(inputs, width, activation)


class Squeezed(nn.Module):
    """A network whose energy has shape `[batch]`."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x).squeeze(-1)


class Functional(nn.Module):
    """Weights as plain parameters, activations as functions, no layers."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Parameter(torch.randn(4, width) / 2)
        self.offset = nn.Parameter(torch.randn(width))
        self.last = nn.Parameter(torch.randn(width) / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.first + self.offset) @ self.last


class Siren(nn.Module):
    """Sitzmann et al. (2020): sine activations with a frequency."""

    def __init__(self, width: int, frequency: float = 3.0):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, width), nn.Linear(width, width)])
        self.last = nn.Linear(width, 1)
        self.frequency = frequency

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.sin(self.frequency * layer(x))
        return self.last(x)


class Separable(nn.Module):
    """H = T(p) + V(q), the state cut by slices."""

    def __init__(self, width: int):
        super().__init__()
        self.kinetic = perceptron(2, width, nn.Tanh)
        self.potential = perceptron(2, width, nn.Softplus)

    def forward(self, x: Tensor) -> Tensor:
        return self.kinetic(x[:, 2:]) + self.potential(x[:, :2])


class Chunked(Separable):
    """The same with `chunk`, which becomes a Split."""

    def forward(self, x: Tensor) -> Tensor:
        q, p = torch.chunk(x, 2, dim=-1)
        return self.kinetic(p) + self.potential(q)


class FourierFeatures(nn.Module):
    """Tancik et al. (2020): sines and cosines of fixed random projections, then a small network."""

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("frequencies", torch.randn(4, width // 2))
        self.network = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        phase = x @ self.frequencies
        return self.network(torch.cat([torch.sin(phase), torch.cos(phase)], dim=-1)).squeeze(1)


class Residual(nn.Module):
    """Blocks that add to their input."""

    def __init__(self, width: int):
        super().__init__()
        self.lift = nn.Linear(4, width)
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)) for _ in range(2)]
        )
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.lift(x)
        for block in self.blocks:
            hidden = hidden + 0.5 * block(hidden)
        return self.head(hidden)


class Normalised(nn.Module):
    """A normalisation after every hidden layer."""

    def __init__(self, width: int, normalisation: Callable[[int], nn.Module]):
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(4, width), normalisation(width), nn.Tanh(), nn.Linear(width, width), normalisation(width),
            nn.SiLU(), nn.Linear(width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


class HandWrittenRmsNorm(nn.Module):
    """x·rsqrt(mean(x²) + ε)·g, spelled out."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(1 + 0.1 * torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.gain


class InputConvex(nn.Module):
    """Amos et al. (2017): convex in the state, by positive weights, a convex activation and passed-through inputs."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.raw = nn.Parameter(torch.randn(width, width))
        self.through = nn.Linear(4, width)
        self.raw_last = nn.Parameter(torch.randn(1, width))

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.softplus(self.first(x))
        hidden = F.softplus(F.linear(hidden, F.softplus(self.raw) / self.raw.shape[1]) + self.through(x))
        return F.linear(hidden, F.softplus(self.raw_last)) + 0.5 * x.square().sum(1, keepdim=True)


class Dense(nn.Module):
    """Every layer sees all earlier ones."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Linear(4 + width, width)
        self.head = nn.Linear(4 + 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.cat((x, torch.tanh(self.first(x))), dim=1)
        seen = torch.cat((seen, torch.sigmoid(self.second(seen))), dim=1)
        return self.head(seen)


class Gated(nn.Module):
    """Dauphin et al. (2017): half of a layer gates the other half."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Linear(4, 2 * width)
        self.second = nn.Linear(width, 2 * width)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.glu(self.second(F.glu(self.first(x), dim=-1)), dim=-1))


class Standardised(nn.Module):
    """Physical units outside, normalised inside: the scaling is part of the network."""

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.25, -0.5, 0.125, 1.0]))
        self.register_buffer("deviation", torch.tensor([0.5, 2.0, 1.5, 0.75]))
        self.register_buffer("scale", torch.tensor(3.5))
        self.network = perceptron(4, width, nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.network((x - self.mean) / self.deviation) + 1.25


class RadialBasis(nn.Module):
    """Gaussian bumps around learnt centres, distances by broadcasting."""

    def __init__(self, width: int):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(width, 4))
        self.sharpness = nn.Parameter(torch.rand(width) + 0.5)
        self.heights = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        gap = x.unsqueeze(1) - self.centres.unsqueeze(0)
        return (torch.exp(-self.sharpness * gap.pow(2).sum(-1)) * self.heights).sum(-1)


class ExpandedRadialBasis(RadialBasis):
    """The same by the squares' expansion |x|² − 2x·c + |c|², as fast implementations have it."""

    def forward(self, x: Tensor) -> Tensor:
        squares = x.square().sum(1, keepdim=True) - 2 * x @ self.centres.t() + self.centres.square().sum(1)
        return torch.exp(-self.sharpness * squares) @ self.heights


class PolynomialFeatures(nn.Module):
    """A linear model of all monomials of degree two, and the cubes."""

    def __init__(self, _: int):
        super().__init__()
        rows, cols = torch.triu_indices(4, 4)
        self.register_buffer("rows", rows)
        self.register_buffer("cols", cols)
        self.weights = nn.Linear(14, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.weights(torch.cat([x[:, self.rows] * x[:, self.cols], x**3], dim=1))


class QuadraticForm(nn.Module):
    """½ xᵀ(AAᵀ)x by einsum, plus a linear term."""

    def __init__(self, _: int):
        super().__init__()
        self.root = nn.Parameter(torch.randn(4, 4))
        self.linear = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.root @ self.root.T
        return 0.5 * torch.einsum("bi,ij,bj->b", x, matrix, x) + torch.einsum("bi,i->b", x, self.linear)


class SoftMinimum(nn.Module):
    """A smooth minimum of quadratic wells by logsumexp."""

    def __init__(self, width: int):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(width, 2))
        self.depths = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        q, p = x[..., :2], x[..., 2:]
        wells = self.depths - (q[:, None, :] - self.centres).square().sum(-1)
        return 0.5 * (p * p).sum(-1) - torch.logsumexp(wells, dim=-1)


class SoftplusMixture(nn.Module):
    """A softmax-weighted mixture of softplus ridges."""

    def __init__(self, width: int):
        super().__init__()
        self.ridges = nn.Linear(4, width)
        self.logits = nn.Parameter(torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.logits, dim=0)
        return (weights * F.softplus(self.ridges(x), beta=2.0)).sum(dim=1, keepdim=True)


class Experts(nn.Module):
    """Networks blended by a gate that depends on the state."""

    def __init__(self, width: int):
        super().__init__()
        self.experts = nn.ModuleList([perceptron(4, width, nn.Tanh) for _ in range(3)])
        self.gate = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        energies = torch.stack([expert(x) for expert in self.experts], dim=1).squeeze(2)
        return (torch.log_softmax(self.gate(x), dim=1).exp() * energies).sum(1)


class Bilinear(nn.Module):
    """A bilinear layer of positions and momenta; neither exporter knows `nn.Bilinear`."""

    def __init__(self, width: int):
        super().__init__()
        self.mix = nn.Parameter(torch.randn(width, 2, 2))
        self.head = nn.Linear(width, 1)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        return self.head(torch.tanh(torch.einsum("bi,kij,bj->bk", q, self.mix, p)))


class TwoInputs(nn.Module):
    """Positions and momenta as two arguments, joined inside."""

    def __init__(self, width: int):
        super().__init__()
        self.network = perceptron(4, width, nn.Tanh)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        return self.network(torch.cat([q, p], dim=-1)) + p.pow(2).sum(1, keepdim=True) / 2


class Hypernetwork(nn.Module):
    """A network of q makes the weights of a network of p: batched matrix products."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.maker = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 4 * width))

    def forward(self, x: Tensor) -> Tensor:
        q, p = x.split([2, 2], dim=1)
        weights, rest = self.maker(q).split([2 * self.width, 2 * self.width], dim=1)
        hidden = torch.bmm(p.unsqueeze(1), weights.reshape(-1, 2, self.width)).tanh()
        bias, head = rest.unflatten(1, (2, self.width)).unbind(1)
        return (hidden.squeeze(1) * head + bias.sin()).mean(1)


def weight_normalised(width: int) -> nn.Module:
    """Weight normalisation, kept as a parametrisation: the exported graph computes the weights."""
    layers = [nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1)]
    layers[0] = nn.utils.parametrizations.weight_norm(layers[0])
    return nn.Sequential(*layers)


CASES = [
    Case("mlp_tanh", mlp(nn.Tanh), 2, opset=13),
    Case("mlp_tanh_one_row", mlp(nn.Tanh), 2, opset=9, options={"frozen_batch": 1}),
    Case("mlp_tanh_four_rows", lambda width: Squeezed(perceptron(4, width, nn.Tanh)), 2, opset=13, options={"frozen_batch": 4}),
    Case("mlp_tanh_external", mlp(nn.Tanh), 2, options={"external_data": True}),
    Case("mlp_tanh_listed_weights", mlp(nn.Tanh), 2, opset=9, options={"listed_weights": True}),
    Case("mlp_tanh_unoptimised", mlp(nn.Tanh), 2, opset=7, options={"optimize": False}),
    Case("mlp_double", mlp(nn.Tanh), 2, dtype="float64", opset=15),
    Case("mlp_half", mlp(nn.Tanh), 2, dtype="float16", opset=16),
    Case("mlp_softplus", mlp(nn.Softplus), 2, opset=11),
    Case("mlp_sigmoid", lambda width: Squeezed(perceptron(4, width, nn.Sigmoid)), 2, opset=10, options={"dynamo_opset": 23}),
    Case("mlp_gelu", mlp(nn.GELU), 2, opset=9, options={"dynamo_opset": 20}),
    Case("mlp_gelu_tanh", mlp(lambda: nn.GELU(approximate="tanh")), 2, opset=20),
    Case("mlp_silu", mlp(nn.SiLU), 2, opset=14, options={"optimize": False}),
    Case("mlp_mish", mlp(nn.Mish), 2, opset=18),
    Case("mlp_relu", mlp(nn.ReLU), 2, smooth=False, opset=9),
    Case("mlp_leaky_relu", mlp(nn.LeakyReLU), 2, smooth=False, opset=11),
    Case("mlp_prelu", mlp(nn.PReLU), 2, smooth=False, opset=13),
    Case("mlp_elu", mlp(nn.ELU), 2, opset=8),
    Case("mlp_celu", mlp(lambda: nn.CELU(1.5)), 2, opset=13),
    Case("mlp_selu", mlp(nn.SELU), 2, smooth=False, opset=13),
    Case("mlp_softsign", mlp(nn.Softsign), 2, opset=13),
    Case("mlp_hardswish", mlp(nn.Hardswish), 2, smooth=False, opset=14),
    Case("mlp_tanhshrink", mlp(nn.Tanhshrink), 2, opset=13),
    Case("mlp_log_sigmoid", mlp(nn.LogSigmoid), 2, opset=13),
    Case("dropout", mlp(lambda: nn.Sequential(nn.Tanh(), nn.Dropout(0.3))), 2, opset=11),
    Case("functional", Functional, 2, opset=11),
    Case("siren", Siren, 2, opset=9),
    Case("separable", Separable, 2, opset=9),
    Case("separable_chunked", Chunked, 2, opset=11, options={"dynamo_opset": 19}),
    Case("fourier_features", FourierFeatures, 2, opset=9),
    Case("residual", Residual, 2, opset=17, options={"optimize": False}),
    Case("layer_norm", lambda width: Normalised(width, nn.LayerNorm), 2, opset=17),
    Case("layer_norm_decomposed", lambda width: Normalised(width, nn.LayerNorm), 2, opset=13),
    Case("rms_norm", lambda width: Normalised(width, lambda size: nn.RMSNorm(size, eps=1e-5)), 2, options={"dynamo_opset": 23}),
    Case("rms_norm_spelled_out", lambda width: Normalised(width, HandWrittenRmsNorm), 2, opset=11),
    Case("weight_norm", weight_normalised, 2, opset=13),
    Case("input_convex", InputConvex, 2, opset=13),
    Case("dense", Dense, 2, opset=9),
    Case("gated", Gated, 2, opset=13),
    Case("standardised", Standardised, 2, opset=17),
    Case("radial_basis", RadialBasis, 2, opset=11),
    Case("radial_basis_expanded", ExpandedRadialBasis, 2, opset=17),
    Case("polynomial_features", PolynomialFeatures, 2, opset=11),
    Case("quadratic_form", QuadraticForm, 2, opset=12),
    Case("soft_minimum", SoftMinimum, 2, opset=13),
    Case("softplus_mixture", SoftplusMixture, 2, opset=13),
    Case("experts", Experts, 2, opset=17, options={"optimize": False}),
    Case("bilinear", Bilinear, 2, inputs=("q", "p"), opset=13),
    Case("two_inputs", TwoInputs, 2, inputs=("q", "p"), opset=11),
    Case("hypernetwork", Hypernetwork, 2, opset=17),
]
