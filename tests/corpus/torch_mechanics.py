"""Energies of mechanics: closed forms, structured networks and hybrids of both."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from case import Case
from torch_networks import perceptron


class ClosedForm(nn.Module):
    """A formula of (q, p), both `[batch, n]`, as a module of x."""

    def __init__(self, formula: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.formula = formula

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[-1] // 2
        return self.formula(x[..., :n], x[..., n:])


def closed(formula: Callable[[Tensor, Tensor], Tensor]) -> Callable[[int], nn.Module]:
    """A formula without weights, whatever the width."""
    return lambda _: ClosedForm(formula)


def henon_heiles(q: Tensor, p: Tensor) -> Tensor:
    """Hénon and Heiles (1964)."""
    x, y = q[:, 0], q[:, 1]
    return 0.5 * (p**2).sum(1) + 0.5 * (x**2 + y**2) + x**2 * y - y**3 / 3


def double_pendulum(q: Tensor, p: Tensor) -> Tensor:
    """Two unit masses on unit rods in a plane."""
    difference = q[:, 0] - q[:, 1]
    kinetic = p[:, 0] ** 2 + 2 * p[:, 1] ** 2 - 2 * p[:, 0] * p[:, 1] * torch.cos(difference)
    kinetic = kinetic / (2 * (1 + torch.sin(difference) ** 2))
    return kinetic - 9.81 * (2 * torch.cos(q[:, 0]) + torch.cos(q[:, 1]))


def cart_pole(q: Tensor, p: Tensor) -> Tensor:
    """A pole of mass 0.5 and length 0.75 on a cart of mass 2, by the inverse of the 2×2 mass matrix."""
    cart, pole, length = 2.0, 0.5, 0.75
    a = torch.full_like(q[:, 1], cart + pole)
    b = pole * length * torch.cos(q[:, 1])
    c = torch.ones_like(b) * (pole * length**2)
    matrix = torch.stack([torch.stack([c, -b], -1), torch.stack([-b, a], -1)], -2) / (a * c - b * b)[:, None, None]
    return 0.5 * torch.einsum("bi,bij,bj->b", p, matrix, p) + pole * 9.81 * length * torch.cos(q[:, 1])


def symmetric_top(q: Tensor, p: Tensor) -> Tensor:
    """A heavy symmetric top in Euler angles (φ, θ, ψ), away from θ = 0; Goldstein, section 5.7."""
    angle = 1.2 + 0.4 * torch.tanh(q[:, 1])
    across = (p[:, 0] - p[:, 2] * torch.cos(angle)) / torch.sin(angle)
    return (p[:, 1].square() + across.square()) / 2 + p[:, 2].square() / 4 + 3 * torch.cos(angle)


def spring_chain(q: Tensor, p: Tensor) -> Tensor:
    """Masses between two walls: differences by concatenation and slices."""
    wall = torch.zeros_like(q[:, :1])
    stretched = torch.cat([q, wall], 1) - torch.cat([wall, q], 1)
    return 0.5 * (p.pow(2).sum(-1) + stretched.pow(2).sum(-1))


def fermi_pasta_ulam(q: Tensor, p: Tensor) -> Tensor:
    """The β chain (Fermi, Pasta, Ulam and Tsingou 1955), padded with the fixed ends."""
    stretched = F.pad(q, (1, 0)) - F.pad(q, (0, 1))
    return 0.5 * p.square().sum(-1) + (stretched**2 / 2 + 0.7 * stretched**4 / 4).sum(-1)


def toda_lattice(q: Tensor, p: Tensor) -> Tensor:
    """The periodic lattice of Toda (1967), neighbours by `roll`."""
    return 0.5 * p.square().sum(-1) + (torch.exp(q - torch.roll(q, -1, dims=-1)) - 1).sum(-1)


def frenkel_kontorova(q: Tensor, p: Tensor) -> Tensor:
    """A chain in a periodic potential, neighbours by two slices."""
    return (p * p / 2 + 1 - torch.cos(q)).sum(dim=-1) + 0.5 * ((q[..., 1:] - q[..., :-1]) ** 2).sum(dim=-1)


def kepler(q: Tensor, p: Tensor) -> Tensor:
    """Two bodies in relative coordinates; the momentum part by a norm."""
    return torch.linalg.vector_norm(p, dim=1).square() / 2 - torch.linalg.vector_norm(q, dim=1).reciprocal()


def relativistic(q: Tensor, p: Tensor) -> Tensor:
    """√(1 + p²) in a Morse potential."""
    return torch.sqrt(1 + p.square().sum(1)) + (1 - torch.exp(-q)).square().sum(1)


def charged_particle(q: Tensor, p: Tensor) -> Tensor:
    """A charge in a magnetic field along z, with an electrostatic quadrupole."""
    a = torch.stack([-q[:, 1], q[:, 0], torch.zeros_like(q[:, 2])], dim=1) * 0.75
    return ((p - a) ** 2).sum(1) / 2 + q[:, 0] * q[:, 1] - torch.atan2(q[:, 2], 2 + q[:, 0].square()) ** 2


def soft_contact(q: Tensor, p: Tensor) -> Tensor:
    """A bouncing mass on a stiff floor: the penalty is quadratic, so the force is continuous."""
    depth = torch.clamp(0.2 - q, min=0.0)
    return (0.5 * p**2 + 9.81 * q + 50.0 * depth**2).sum(1)


def piecewise_spring(q: Tensor, p: Tensor) -> Tensor:
    """A spring whose force drops to a constant beyond a stretch of 1, by `where`."""
    energy = torch.where(q.abs() > 1.0, 0.3 * (q.abs() - 1) + 0.5, 0.5 * q.square())
    return (energy + p.square() / 2).sum(-1)


def arm(q: Tensor, p: Tensor) -> Tensor:
    """Potential of a chain of rods whose absolute angles are cumulative sums, with diagonal inertia."""
    absolute = torch.cumsum(q, dim=1)
    height = torch.cumsum(torch.sin(absolute), dim=1)
    inertia = torch.tensor([1.5, 1.0, 0.5], dtype=q.dtype)
    return (p.square() / inertia).sum(1) / 2 + 2.5 * height.sum(1)


def special_functions(q: Tensor, p: Tensor) -> Tensor:
    """The less usual elementary functions, each once."""
    angles = torch.asin(0.5 * torch.sin(q)) + torch.acos(0.5 * torch.cos(q)) + torch.atan(q) + torch.tan(q / 4)
    grown = torch.sinh(p / 2) ** 2 + torch.cosh(p) + torch.asinh(p) ** 2 + torch.erf(q) + torch.log1p(p.square())
    return (angles + grown + torch.acosh(1.5 + q.square()) + torch.atanh(p / 4)).sum(1)


def products(q: Tensor, p: Tensor) -> Tensor:
    """Products, powers, norms and means over the coordinates."""
    norm = torch.norm(p, p=2, dim=-1)
    return norm**3 + torch.prod(1.5 + torch.sin(q), dim=-1) + torch.pow(2.0, q.mean(-1)) + (q.square() + 1).pow(0.75).sum(-1)


class CholeskyMassMatrix(nn.Module):
    """Lutter et al. (2019): M⁻¹(q) = L(q)L(q)ᵀ from a network, entries written into a matrix by index."""

    def __init__(self, width: int, n: int = 3):
        super().__init__()
        self.n = n
        self.diagonal = perceptron(n, width, nn.Tanh, n)
        self.lower = perceptron(n, width, nn.Tanh, n * (n - 1) // 2)
        self.potential = perceptron(n, width, nn.Softplus)
        rows, cols = torch.tril_indices(n, n, -1)
        self.register_buffer("rows", rows)
        self.register_buffer("cols", cols)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        factor = torch.zeros(q.shape[0], self.n, self.n, dtype=q.dtype)
        factor[:, self.rows, self.cols] = self.lower(q)
        entries = torch.arange(self.n)
        factor[:, entries, entries] = F.softplus(self.diagonal(q)) + 0.1
        half = torch.einsum("bij,bi->bj", factor, p)
        return 0.5 * (half * half).sum(1, keepdim=True) + self.potential(q)


class TrilMassMatrix(nn.Module):
    """The same with `tril` and a diagonal, and batched matrix products."""

    def __init__(self, width: int, n: int = 2):
        super().__init__()
        self.n = n
        self.entries = perceptron(n, width, nn.SiLU, n * n)
        self.potential = perceptron(n, width, nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        q, p = torch.split(x, self.n, dim=1)
        entries = self.entries(q).view(-1, self.n, self.n)
        positive = F.softplus(entries) * torch.eye(self.n, dtype=x.dtype)
        factor = torch.tril(entries, diagonal=-1) + positive
        inverse = factor @ factor.transpose(1, 2)
        return 0.5 * (p.unsqueeze(1) @ inverse @ p.unsqueeze(2)).flatten() + self.potential(q).flatten()


class EmbeddedMassMatrix(TrilMassMatrix):
    """The same with `diagonal` and `diag_embed`."""

    def forward(self, x: Tensor) -> Tensor:
        q, p = torch.split(x, self.n, dim=1)
        entries = self.entries(q).view(-1, self.n, self.n)
        positive = torch.diag_embed(F.softplus(torch.diagonal(entries, dim1=1, dim2=2)))
        factor = torch.tril(entries, diagonal=-1) + positive
        return 0.5 * torch.einsum("bij,bi->bj", factor, p).square().sum(1) + self.potential(q)[:, 0]


class MaskedMassMatrix(TrilMassMatrix):
    """The same with a constant mask."""

    def __init__(self, width: int, n: int = 2):
        super().__init__(width, n)
        self.register_buffer("mask", torch.tril(torch.ones(n, n)))

    def forward(self, x: Tensor) -> Tensor:
        q, p = x[:, : self.n], x[:, self.n :]
        factor = self.entries(q).reshape(q.size(0), self.n, self.n) * self.mask + 0.5 * torch.eye(self.n, dtype=x.dtype)
        return 0.5 * torch.matmul(factor.transpose(-1, -2), p[..., None]).square().sum((1, 2)) + self.potential(q).squeeze(-1)


class HybridPendulum(nn.Module):
    """What is known of a pendulum, plus a small network for the rest."""

    def __init__(self, width: int):
        super().__init__()
        self.length = nn.Parameter(torch.tensor(0.6))
        self.correction = perceptron(3, width, nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        q, p = x[:, 0], x[:, 1]
        known = p**2 / (2 * self.length**2) + 9.81 * self.length * (1 - torch.cos(q))
        features = torch.stack([torch.cos(q), torch.sin(q), p], dim=-1)
        return known + 0.1 * self.correction(features)[:, 0]


CASES = [
    Case("henon_heiles", closed(henon_heiles), 2, (-0.5, 0.5), opset=10),
    Case("double_pendulum", closed(double_pendulum), 2, opset=10),
    Case("double_pendulum_double", closed(double_pendulum), 2, dtype="float64", opset=19),
    Case("cart_pole", closed(cart_pole), 2, opset=13),
    Case("symmetric_top", closed(symmetric_top), 3, opset=11),
    Case("spring_chain", closed(spring_chain), 5, opset=11),
    Case("fermi_pasta_ulam", closed(fermi_pasta_ulam), 4, opset=13),
    Case("toda_lattice", closed(toda_lattice), 4, opset=17),
    Case("frenkel_kontorova", closed(frenkel_kontorova), 4, opset=10),
    Case("kepler", closed(kepler), 2, (0.5, 1.5), opset=13),
    Case("relativistic", closed(relativistic), 2, (-1.0, 1.5), opset=12),
    Case("charged_particle", closed(charged_particle), 3, opset=13),
    Case("soft_contact", closed(soft_contact), 2, (-0.5, 1.5), opset=12),
    Case("piecewise_spring", closed(piecewise_spring), 2, smooth=False, opset=13),
    Case("arm", closed(arm), 3, opset=13),
    Case("special_functions", closed(special_functions), 2, (-1.0, 1.0), opset=13),
    Case("products", closed(products), 3, (0.25, 1.5), opset=11),
    Case("mass_matrix_cholesky", CholeskyMassMatrix, 3, inputs=("q", "p"), opset=13),
    Case("mass_matrix_tril", TrilMassMatrix, 2, opset=14),
    Case("mass_matrix_embedded", EmbeddedMassMatrix, 2, opset=14),
    Case("mass_matrix_masked", MaskedMassMatrix, 2, opset=17),
    Case("hybrid_pendulum", HybridPendulum, 1, opset=11),
]
