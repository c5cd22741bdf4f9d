"""Writes the corpus: every energy by every exporter of its framework, with what the framework says H and its gradient are.

    python export.py torch OUT [--size small|full] [--only NAME...]
    python export.py jax   OUT [--size small|full] [--only NAME...]

writes OUT/NAME.EXPORTER.onnx and OUT/NAME.json. Weights and states are functions of the name alone. The numbers in the JSON
file are computed in f64 with the weights as the file holds them; the gradient is the framework's own.

Words of `Case.options`: frozen_batch (exported with so many rows and no open dimension), listed_weights (initializers are inputs
too, as before IR 4), external_data (weights in a second file), optimize (False: without the exporter's
own clean-up), dynamo_opset, mapped (by `jax.vmap`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import onnx

from case import Case

WIDTH_SMALL = 6
"""Hidden width of the files that are committed."""
WIDTHS_FULL = (32, 64, 100, 200)
"""Hidden widths of networks as people train them, taken in turn."""
EXTERNAL_BYTES = 64
"""Weights of at least so many bytes go to the second file."""


def clean(path: Path, external: bool) -> onnx.ModelProto:
    """Drops what depends on the machine (stack traces); nothing that an engine reads. Moves weights out where asked for."""
    model = onnx.load(path)
    path.with_name(path.name + ".data").unlink(missing_ok=True)
    nodes = [node for graph in (model.graph, *model.functions) for node in graph.node]
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]
    for part in (model, model.graph, *model.functions, *nodes, *values):
        del part.metadata_props[:]
        part.doc_string = ""
    if external:
        data = path.name + ".data"
        onnx.save(model, path, save_as_external_data=True, location=data, size_threshold=EXTERNAL_BYTES)
    else:
        onnx.save(model, path)
    return onnx.load(path, load_external_data=False)


def facts(model: onnx.ModelProto, path: Path) -> dict:
    """What the file is, for the record."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return {"file": path.name, "opset": opset, "ir_version": model.ir_version}


def write(framework: ModuleType, case: Case, width: int, out: Path) -> dict:
    """Writes the files and the record of one energy."""
    states = case.states()
    files, refused = {}, {}
    for exporter in framework.EXPORTERS:
        path = out / f"{case.name}.{exporter}.onnx"
        try:
            framework.export(case, framework.build(case, width), exporter, path)
            files[exporter] = facts(clean(path, case.options.get("external_data", False)), path)
        except Exception as error:  # Whatever an exporter raises is its answer, and is recorded.
            path.unlink(missing_ok=True)
            refused[exporter] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
    energies, gradient = framework.evaluate(case, framework.build(case, width), states)
    record = {
        "name": case.name,
        "framework": framework.FRAMEWORK,
        "width": width,
        "inputs": list(case.inputs),
        "smooth": case.smooth,
        "files": files,
        "refused": refused,
        "states": states.tolist(),
        "H": energies.tolist(),
        "gradient": gradient.tolist(),
    }
    (out / f"{case.name}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    return record


def main() -> None:
    """Reads the command line, writes the files, prints one line for each energy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("framework", choices=["torch", "jax"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=["small", "full"], default="small")
    parser.add_argument("--only", nargs="*", default=[])
    request = parser.parse_args()
    request.out.mkdir(parents=True, exist_ok=True)
    framework = importlib.import_module(f"{request.framework}_export")
    unknown = set(request.only) - {case.name for case in framework.CASES}
    if unknown:
        sys.exit(f"no such energy: {', '.join(sorted(unknown))}")
    for index, case in enumerate(framework.CASES):
        if request.only and case.name not in request.only:
            continue
        width = WIDTH_SMALL if request.size == "small" else WIDTHS_FULL[index % len(WIDTHS_FULL)]
        record = write(framework, case, width, request.out)
        print(f"{case.name:28} {' '.join(record['files']):16}", record["refused"] or "", flush=True)


if __name__ == "__main__":
    main()
