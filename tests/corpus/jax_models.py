"""Every energy of the corpus that is written in JAX: `energy(weights, x)`, of one state or of many."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
from jax import Array
from jax2onnx import onnx_function

from case import Case

Weights = dict[str, Array]
Shapes = dict[str, tuple[int, ...]]


def dense(sizes: list[int]) -> Shapes:
    """Shapes of a perceptron's weights."""
    layers = list(pairwise(sizes))
    kernels = {f"kernel{index}": pair for index, pair in enumerate(layers)}
    return kernels | {f"bias{index}": pair[1:] for index, pair in enumerate(layers)}


def perceptron(weights: Weights, x: Array, activation: Callable[[Array], Array], prefix: str = "") -> Array:
    """Hidden layers with an activation, a linear one at the end; the last dimension is the features."""
    depth = sum(name.startswith(f"{prefix}kernel") for name in weights)
    for index in range(depth):
        x = x @ weights[f"{prefix}kernel{index}"] + weights[f"{prefix}bias{index}"]
        x = activation(x) if index + 1 < depth else x
    return x


def network(activation: Callable[[Array], Array]) -> Callable[[int], tuple]:
    """A perceptron of two hidden layers as an energy."""
    energy = lambda weights, x: perceptron(weights, x, activation)[..., 0]
    return lambda width: (energy, dense([4, width, width, 1]))


def closed(formula: Callable[[Array, Array], Array]) -> Callable[[int], tuple]:
    """A formula of q and p `[…, n]`, without weights."""

    def energy(_: Weights, x: Array) -> Array:
        q, p = jnp.split(x, 2, axis=-1)
        return formula(q, p)

    return lambda _: (energy, {})


def separable(width: int) -> tuple:
    """H = T(p) + V(q)."""

    def energy(weights: Weights, x: Array) -> Array:
        q, p = x[:2], x[2:]
        kinetic = perceptron(weights, p, jnp.tanh, "kinetic_")
        return kinetic[0] + perceptron(weights, q, jax.nn.softplus, "potential_")[0]

    shapes = {f"{part}_{name}": shape for part in ("kinetic", "potential") for name, shape in dense([2, width, 1]).items()}
    return energy, shapes


def mass_matrix(width: int) -> tuple:
    """½ pᵀL(q)L(q)ᵀp with L scattered into a triangle."""

    def energy(weights: Weights, x: Array) -> Array:
        q, p = x[:3], x[3:]
        entries = perceptron(weights, q, jnp.tanh)
        factor = jnp.zeros((3, 3), x.dtype).at[jnp.tril_indices(3)].set(entries) + 0.5 * jnp.eye(3, dtype=x.dtype)
        return 0.5 * jnp.sum((factor.T @ p) ** 2) + jnp.sum(q**2)

    return energy, dense([3, width, 6])


def gravity(q: Array, p: Array) -> Array:
    """Three softened bodies in the plane."""
    places = q.reshape(3, 2)
    gap = places[:, None, :] - places[None, :, :]
    inverse = 1 / jnp.sqrt(jnp.sum(gap**2, axis=-1) + 0.05)
    return 0.5 * jnp.sum(p**2) - jnp.sum(jnp.triu(inverse, k=1))


def lennard_jones(q: Array, p: Array) -> Array:
    """Four particles on a line, pairs by index arrays."""
    first, second = jnp.triu_indices(4, k=1)
    sixth = (q[first] - q[second]) ** -6
    return 0.5 * jnp.sum(p * p) + 4 * jnp.sum(sixth**2 - sixth)


def double_pendulum(q: Array, p: Array) -> Array:
    """Two unit masses on unit rods, with the inverse mass matrix written out."""
    cosine = jnp.cos(q[0] - q[1])
    matrix = jnp.array([[1.0, -cosine], [-cosine, 2.0]]) / (2 - cosine**2)
    return 0.5 * p @ matrix @ p - 9.81 * (2 * jnp.cos(q[0]) + jnp.cos(q[1]))


def toda_lattice(q: Array, p: Array) -> Array:
    """The periodic lattice, neighbours by `roll`."""
    return jnp.sum(p**2, axis=-1) / 2 + jnp.sum(jnp.expm1(q - jnp.roll(q, -1, axis=-1)), axis=-1)


def henon_heiles(q: Array, p: Array) -> Array:
    """Hénon and Heiles (1964)."""
    x, y = q[..., 0], q[..., 1]
    return 0.5 * jnp.sum(p**2 + q**2, axis=-1) + x**2 * y - y**3 / 3


def stiff_wall(q: Array, p: Array) -> Array:
    """A wall by `where` and `maximum`; the force jumps at −1."""
    inside = jnp.where(q < -1, 2 * (-1 - q) + 0.5, 0.5 * q**2)
    return jnp.sum(inside + jnp.maximum(q - 1, 0.0) ** 2 + p**2 / 2, axis=-1)


def attention(width: int) -> tuple:
    """One head over three particles."""

    def energy(weights: Weights, x: Array) -> Array:
        tokens = jnp.transpose(x.reshape(2, 3, 2), (1, 0, 2)).reshape(3, 4)
        query, key, value = (tokens @ weights[name] for name in ("query", "key", "value"))
        scores = jax.nn.softmax(jnp.einsum("id,jd->ij", query, key) / width**0.5, axis=-1)
        return jnp.sum(jnp.tanh(scores @ value) @ weights["head"])

    return energy, {"query": (4, width), "key": (4, width), "value": (4, width), "head": (width,)}


def layer_norm(width: int) -> tuple:
    """A normalisation by mean and variance, written out."""

    def energy(weights: Weights, x: Array) -> Array:
        hidden = x @ weights["kernel0"] + weights["bias0"]
        centred = hidden - jnp.mean(hidden, axis=-1, keepdims=True)
        hidden = centred * jax.lax.rsqrt(jnp.var(hidden, axis=-1, keepdims=True) + 1e-5)
        return (jax.nn.silu(hidden) @ weights["kernel1"] + weights["bias1"]).squeeze(-1)

    return energy, dense([4, width, 1])


def soft_minimum(width: int) -> tuple:
    """Quadratic wells joined by logsumexp."""

    def energy(weights: Weights, x: Array) -> Array:
        wells = -jnp.sum((x[:2] - weights["centres"]) ** 2, axis=-1)
        return 0.5 * jnp.sum(x[2:] ** 2) - jax.nn.logsumexp(wells)

    return energy, {"centres": (width, 2)}


@onnx_function
def residual_block(x: Array, kernel: Array, bias: Array) -> Array:
    """A block that stays a local function in the file."""
    return x + jnp.tanh(x @ kernel + bias)


def local_functions(width: int) -> tuple:
    """Two calls of a local function."""

    def energy(weights: Weights, x: Array) -> Array:
        hidden = x @ weights["lift"]
        for index in range(2):
            hidden = residual_block(hidden, weights[f"kernel{index}"], weights[f"bias{index}"])
        return jnp.sum(hidden**2, axis=-1, keepdims=True)

    shapes = {"lift": (4, width)} | {f"kernel{index}": (width, width) for index in range(2)}
    return energy, shapes | {f"bias{index}": (width,) for index in range(2)}


CASES = [
    Case("jax_mlp_tanh", network(jnp.tanh), 2, opset=18),
    Case("jax_mlp_one_state", network(jnp.tanh), 2, opset=21, batched=False),
    Case("jax_mlp_mapped", network(jax.nn.softplus), 2, opset=21, options={"mapped": True}),
    Case("jax_mlp_gelu", network(jax.nn.gelu), 2, opset=23),
    Case("jax_mlp_silu", network(jax.nn.silu), 2, opset=21),
    Case("jax_mlp_relu", network(jax.nn.relu), 2, opset=21, smooth=False),
    Case("jax_mlp_elu", network(jax.nn.elu), 2, opset=21, options={"mapped": True}),
    Case("jax_mlp_double", network(jnp.tanh), 2, dtype="float64", opset=21),
    Case("jax_separable", separable, 2, opset=21, options={"mapped": True}),
    Case("jax_mass_matrix", mass_matrix, 3, opset=21, options={"mapped": True}),
    Case("jax_mass_matrix_one_state", mass_matrix, 3, opset=21, batched=False),
    Case("jax_gravity", closed(gravity), 6, spread=0.25, opset=21, options={"mapped": True}),
    Case("jax_gravity_one_state", closed(gravity), 6, spread=0.25, opset=23, batched=False),
    Case("jax_lennard_jones", closed(lennard_jones), 4, (-0.1, 0.1), spread=1.2, opset=21, options={"mapped": True}),
    Case("jax_double_pendulum", closed(double_pendulum), 2, opset=21, batched=False),
    Case("jax_double_pendulum_mapped", closed(double_pendulum), 2, opset=21, options={"mapped": True}),
    Case("jax_toda_lattice", closed(toda_lattice), 4, opset=21),
    Case("jax_henon_heiles", closed(henon_heiles), 2, (-0.5, 0.5), dtype="float64", opset=21),
    Case("jax_stiff_wall", closed(stiff_wall), 2, opset=21, smooth=False),
    Case("jax_attention", attention, 6, opset=21, options={"mapped": True}),
    Case("jax_layer_norm", layer_norm, 2, opset=21),
    Case("jax_soft_minimum", soft_minimum, 2, opset=21, options={"mapped": True}),
    Case("jax_local_functions", local_functions, 2, opset=21),
]
