"""Exports PyTorch energies with both exporters, and evaluates them in f64."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import torch

import torch_models
from case import Case

FRAMEWORK = f"PyTorch {torch.__version__.split('+')[0]}"
EXPORTERS = ("script", "dynamo")
CASES = torch_models.CASES

DYNAMO_OPSET = 18
"""The oldest opset that the exporter writes without converting."""


def build(case: Case, width: int) -> torch.nn.Module:
    """The energy with weights from the case's seed, rounded to the type that is exported."""
    torch.manual_seed(case.seed)
    return case.build(width).eval().to(getattr(torch, case.dtype))


def evaluate(case: Case, module: torch.nn.Module, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H `[states]` and its gradient `[states, 2n]` by autograd, in f64. Leaves the module in f64."""
    x = torch.tensor(states, dtype=torch.float64, requires_grad=True)
    energies = module.double()(*arguments(case, x)).reshape(len(states))
    energies.sum().backward()
    return energies.detach().numpy(), x.grad.numpy()


def arguments(case: Case, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The state as the energy takes it."""
    return (x,) if len(case.inputs) == 1 else (x[:, : case.dof].contiguous(), x[:, case.dof :].contiguous())


def example(case: Case) -> tuple[torch.Tensor, ...]:
    """What an exporter traces with: as many rows as the batch is frozen to, three where it stays open."""
    rows = case.options.get("frozen_batch", 3)
    return arguments(case, torch.tensor(case.states()[:rows], dtype=getattr(torch, case.dtype)))


def export(case: Case, module: torch.nn.Module, exporter: str, path: Path) -> None:
    """Writes one file; raises whatever the exporter raises."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    (script if exporter == "script" else dynamo)(case, module, path)


def script(case: Case, module: torch.nn.Module, path: Path) -> None:
    """The exporter based on TorchScript."""
    open_batch = {} if "frozen_batch" in case.options else {name: {0: "batch"} for name in (*case.inputs, "H")}
    torch.onnx.export(
        module,
        example(case),
        str(path),
        dynamo=False,
        opset_version=case.opset,
        input_names=list(case.inputs),
        output_names=["H"],
        dynamic_axes=open_batch,
        keep_initializers_as_inputs=case.options.get("listed_weights", False),
    )


def dynamo(case: Case, module: torch.nn.Module, path: Path) -> None:
    """The exporter based on `torch.export` and onnxscript."""
    # Many energies are refused without the lower bound, because a batch of 1 would broadcast.
    batch = {} if "frozen_batch" in case.options else {0: torch.export.Dim("batch", min=2)}
    torch.onnx.export(
        module,
        example(case),
        str(path),
        dynamo=True,
        opset_version=case.options.get("dynamo_opset", DYNAMO_OPSET),
        input_names=list(case.inputs),
        output_names=["H"],
        dynamic_shapes=tuple(batch for _ in case.inputs),
        optimize=case.options.get("optimize", True),
        external_data=case.options.get("external_data", False),
        verbose=False,
    )
