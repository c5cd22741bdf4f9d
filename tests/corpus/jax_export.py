"""Exports JAX energies with jax2onnx, and evaluates them in f64."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import onnx
from jax2onnx import to_onnx

import jax_models
from case import Case

FRAMEWORK = f"JAX {jax.__version__}"
EXPORTERS = ("jax2onnx",)
CASES = jax_models.CASES


def build(case: Case, width: int) -> tuple[Callable, dict[str, np.ndarray]]:
    """The energy, and weights from the case's seed, rounded to the type that is exported."""
    energy, shapes = case.build(width)
    generator = np.random.default_rng(case.seed)
    scaled = {name: generator.normal(size=shape) / max(shape[0], 1) ** 0.5 for name, shape in shapes.items()}
    return energy, {name: value.astype(case.dtype) for name, value in scaled.items()}


def evaluate(_: Case, built: tuple[Callable, dict], states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H `[states]` and its gradient `[states, 2n]` by `jax.grad`, in f64."""
    energy, weights = built
    with jax.enable_x64(True):
        weights = {name: value.astype(np.float64) for name, value in weights.items()}
        of_one = lambda x: energy(weights, x).reshape(())
        energies, gradient = jax.vmap(jax.value_and_grad(of_one))(states)
        return np.asarray(energies), np.asarray(gradient)


def export(case: Case, built: tuple[Callable, dict], _: str, path: Path) -> None:
    """Writes one file; raises whatever the exporter raises."""
    energy, weights = built
    of_state = lambda x: energy(weights, x)
    if case.options.get("mapped"):
        of_state = jax.vmap(of_state)
    shape = ("batch", 2 * case.dof) if case.batched else (2 * case.dof,)
    double = case.dtype == "float64"
    with jax.enable_x64(double):
        model = to_onnx(
            of_state, [shape], model_name=case.name, opset=case.opset, enable_double_precision=double,
            input_names=["x"], output_names=["H"],
        )
    onnx.save(model, path)
