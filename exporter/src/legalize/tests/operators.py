"""Writes operators.json: what single operators give, according to the ONNX reference implementation and NumPy.

Run with the PyPI packages onnx 1.22.0 and numpy: python3 operators.py > operators.json
All numbers are f64. `state` inputs hold one state per index of their first axis where a case is `batched`.
"""

import json
import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

generator = np.random.default_rng(20)
cases = []


def draw(*shape, positive=False):
    values = np.round(generator.standard_normal(shape), 3)
    return np.abs(values) + 0.25 if positive else values


def ints(*values):
    return np.array(values[0] if len(values) == 1 else values, dtype=np.int64)


def spelled(value):
    if value is None:
        return None
    value = np.asarray(value)
    key = {"f": "reals", "i": "integers", "b": "truths"}[value.dtype.kind]
    flat = [number if np.isfinite(number) else str(number) for number in value.ravel().tolist()]
    return {"shape": list(value.shape), key: flat}


def reference(kind, opset, inputs, attributes, output_count):
    names = [f"i{place}" if value is not None else "" for place, value in enumerate(inputs)]
    outputs = [f"o{place}" for place in range(output_count)]
    kinds = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.BOOL}
    given = {name: np.asarray(value) for name, value in zip(names, inputs) if value is not None}
    declared = [helper.make_tensor_value_info(n, kinds[v.dtype.kind], v.shape) for n, v in given.items()]
    results = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in outputs]
    graph = helper.make_graph([helper.make_node(kind, names, outputs, **attributes)], "g", declared, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return ReferenceEvaluator(model).run(None, given)


def case(name, kind, inputs, attributes=None, *, opset=20, wanted=None, batched=True, smooth=True, states=1, count=1,
         nodes=None):
    """`wanted` overrides the reference implementation; `nodes` is how many it should become."""
    attributes = attributes or {}
    if wanted is None:
        wanted = reference(kind, opset, inputs, attributes, count)
    spelled_attributes = {
        key: spelled(onnx.numpy_helper.to_array(value)) if isinstance(value, TensorProto) else value
        for key, value in attributes.items()
    }
    cases.append({
        "name": name, "kind": kind, "opset": opset, "attributes": spelled_attributes, "batched": batched,
        "smooth": smooth, "states": states, "nodes": nodes,
        "inputs": [spelled(value) for value in inputs], "outputs": [spelled(value) for value in wanted],
    })


x = draw(2, 3, 4)
flat = draw(3, 5)

# Sums, norms and extremes.
for kind in ["Sum", "Mean", "SumSquare", "L1", "L2", "LogSum", "LogSumExp", "Max", "Min", "Prod"]:
    data = draw(2, 3, 5, positive=kind == "LogSum")
    case(f"{kind} over a negative axis", f"Reduce{kind}", [data, ints([-1])], {"keepdims": 0})
    case(f"{kind} over two axes, kept", f"Reduce{kind}", [data, ints([2, 1])])
    case(f"{kind} over all axes", f"Reduce{kind}", [data], {"keepdims": 0}, batched=False)
    case(f"{kind} over no axes", f"Reduce{kind}", [data, ints([])], {"noop_with_empty_axes": 1})
    if kind != "Sum":
        case(f"{kind} with axes as attribute", f"Reduce{kind}", [data], {"axes": [1], "keepdims": 1}, opset=13)
case("Sum with axes as attribute", "ReduceSum", [x], {"axes": [1, -1], "keepdims": 0}, opset=11)
case("log-sum-exp of large numbers", "ReduceLogSumExp", [np.array([[800.0, 801.5, -3.0]]), ints([1])])
case("mean is a sum and a product", "ReduceMean", [flat, ints([1])], {"keepdims": 0}, nodes=2)
case("maximum of 13 is a tree", "ReduceMax", [draw(2, 13), ints([1])], nodes=13)
case("product of nothing", "ReduceProd", [np.zeros((2, 0, 3)), ints([1])], smooth=False)
case("maximum of nothing", "ReduceMax", [np.zeros((2, 0, 3)), ints([1])], smooth=False, wanted=[np.full((2, 1, 3), -np.inf)])

# Softmax: along one axis, and before opset 13 along all from an axis on.
for kind in ["Softmax", "LogSoftmax"]:
    case(f"{kind} along the last axis", kind, [x])
    case(f"{kind} along axis 1", kind, [x], {"axis": 1})
    powers = np.exp(x - x.max(axis=(1, 2), keepdims=True))
    old = powers / powers.sum(axis=(1, 2), keepdims=True)
    case(f"{kind} of opset 11", kind, [x], opset=11, wanted=[old if kind == "Softmax" else np.log(old)])
    large = np.array([[1000.0, 1001.0, 999.5], [-1e4, 0.0, 1.0]])
    shifted = large - large.max(axis=1, keepdims=True)
    logarithm = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    case(f"{kind} of large numbers", kind, [large], smooth=False,
         wanted=[np.exp(logarithm) if kind == "Softmax" else logarithm])

# Products of matrices.
w, b = draw(5, 2), draw(2)
case("Gemm", "Gemm", [flat, w, b], nodes=2)
case("Gemm, transposed and scaled", "Gemm", [flat, w.T.copy(), b], {"transB": 1, "alpha": 0.5, "beta": -2.0})
case("Gemm, left side transposed", "Gemm", [draw(5, 3), w], {"transA": 1}, batched=False, opset=11)
case("Gemm of opset 7", "Gemm", [flat, w, np.array(0.5)], opset=7)
case("MatMul of matrices", "MatMul", [flat, w], nodes=1)
case("MatMul by a vector", "MatMul", [flat, draw(5)])
case("MatMul of a vector", "MatMul", [draw(5), draw(2, 5, 3)], batched=False)
case("MatMul of vectors", "MatMul", [draw(5), draw(5)], batched=False)
case("MatMul, both batched", "MatMul", [draw(2, 3, 4), draw(2, 4, 2)], states=2)
case("MatMul, leads broadcast", "MatMul", [draw(2, 3, 1, 2, 4), draw(5, 4, 3)])
case("MatMul of rank 6", "MatMul", [draw(2, 1, 2, 1, 2, 3), draw(2, 1, 2, 3, 2)])

# Normalization. The reference implementation works in f32 here, so these are the formulas of the specification.
def standardized(data, axes, epsilon):
    mean = data.mean(axis=axes, keepdims=True)
    variance = ((data - mean) ** 2).mean(axis=axes, keepdims=True)
    return (data - mean) / np.sqrt(variance + epsilon), mean, 1 / np.sqrt(variance + epsilon)


def channels(values, rank):
    return values.reshape((-1,) + (1,) * (rank - 2))


scale, bias = draw(4), draw(4)
y, mean, inverse = standardized(x, -1, 1e-5)
case("LayerNormalization", "LayerNormalization", [x, scale, bias], wanted=[y * scale + bias], nodes=14)
case("LayerNormalization, all results", "LayerNormalization", [x, scale], wanted=[y * scale, mean, inverse], count=3)
y, _, _ = standardized(x, (1, 2), 0.01)
scale2 = draw(3, 4)
case("LayerNormalization over two axes", "LayerNormalization", [x, scale2], {"axis": 1, "epsilon": 0.01}, wanted=[y * scale2])
root = np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5)
case("RMSNormalization", "RMSNormalization", [x, scale], opset=23, wanted=[x / root * scale])
image = draw(2, 4, 3, 2)
y, _, _ = standardized(image, (2, 3), 1e-5)
case("InstanceNormalization", "InstanceNormalization", [image, scale, bias],
     wanted=[y * channels(scale, 4) + channels(bias, 4)])
y, _, _ = standardized(image.reshape(2, 2, -1), 2, 1e-5)
case("GroupNormalization", "GroupNormalization", [image, scale, bias], {"num_groups": 2}, opset=21,
     wanted=[y.reshape(image.shape) * channels(scale, 4) + channels(bias, 4)])
per_group = [draw(2), draw(2)]
case("GroupNormalization of opset 18", "GroupNormalization", [image, *per_group], {"num_groups": 2}, opset=18,
     wanted=[(y * channels(per_group[0], 3) + channels(per_group[1], 3)).reshape(image.shape)])
mean, variance = draw(4), draw(4, positive=True)
case("BatchNormalization", "BatchNormalization", [image, scale, bias, mean, variance], {"epsilon": 0.25},
     wanted=[(image - channels(mean, 4)) / np.sqrt(channels(variance, 4) + 0.25) * channels(scale, 4) + channels(bias, 4)])
y, mean, _ = standardized(image, (1, 2, 3), 0.0)
case("MeanVarianceNormalization", "MeanVarianceNormalization", [image], {"axes": [1, 2, 3]},
     wanted=[(image - mean) / (image.std(axis=(1, 2, 3), keepdims=True) + 1e-9)])

# Elements at known places.
row = draw(2, 40)
case("Slice", "Slice", [x, ints([1, 0]), ints([3, -1]), ints([2, 1])], nodes=2)
case("Slice in steps", "Slice", [row, ints([1]), ints([2**40]), ints([1]), ints([3])], nodes=4)
case("Slice in steps of a middle axis", "Slice", [draw(2, 7, 3), ints([2]), ints([7]), ints([1]), ints([2])], nodes=3)
case("Slice backwards", "Slice", [draw(2, 6), ints([-1]), ints([-(2**63)]), ints([1]), ints([-2])])
case("Slice backwards, long", "Slice", [row, ints([2**40]), ints([-(2**40)]), ints([1]), ints([-1])], nodes=1)
case("Slice of nothing", "Slice", [x, ints([2]), ints([1]), ints([2])], smooth=False)
case("Slice of opset 9", "Slice", [x], {"axes": [1], "starts": [-2], "ends": [2**31]}, opset=9, wanted=[x[:, -2:]])
case("Slice of opset 9 without axes", "Slice", [x], {"starts": [0, 1], "ends": [2**31, 2]}, opset=9, wanted=[x[:, 1:2]])
case("Gather of neighbours is one slice", "Gather", [row, ints([3, 4, 5])], {"axis": 1}, nodes=1)
case("Gather of a matrix of indices", "Gather", [x, ints([[0, -1], [3, 1]])], {"axis": 2})
case("Gather of one", "Gather", [x, ints(1)], {"axis": -2}, nodes=2)
case("Gather of one repeated", "Gather", [row, ints([5, 5, 5])], {"axis": 1}, nodes=2)
shuffled = generator.permutation(40)
case("Gather of a permutation is one product", "Gather", [row, ints(shuffled)], {"axis": 1}, nodes=1)
case("Gather of a permutation of a middle axis", "Gather", [draw(2, 40, 2), ints(shuffled)], {"axis": 1}, nodes=1)
case("Gather of a permutation of an axis in between", "Gather", [draw(2, 2, 40, 2), ints(shuffled)], {"axis": 2})
case("Gather of every other", "Gather", [draw(1, 3, 8), ints([1, 3, 5, 7])], {"axis": 2}, nodes=3)
case("GatherElements", "GatherElements", [draw(3, 3), ints([[1, -3, 0], [2, 0, 0]])], {"axis": 0}, batched=False)
case("GatherElements, the same everywhere", "GatherElements", [flat, ints([[4, 0], [4, 0]])], {"axis": 1}, batched=False,
     wanted=[flat[:2, [4, 0]]])
case("GatherND", "GatherND", [x, ints([[0, 1], [1, -1]])], batched=False)
case("GatherND of numbers", "GatherND", [x, ints([[[0, 1, 3]], [[1, 2, 0]]])], batched=False)
case("GatherND with shared axes", "GatherND", [x, ints([[2], [0]])], {"batch_dims": 1}, batched=False)
case("ScatterND", "ScatterND", [draw(5), ints([[4], [-4]]), draw(2)], batched=False)
case("ScatterND of blocks", "ScatterND", [draw(4, 3, 2), ints([[0], [2]]), draw(2, 3, 2)], batched=False)
for reduction in ["add", "mul", "max", "min"]:
    inputs = [draw(4, 2), ints([[0], [3], [0]]), draw(3, 2)]
    case(f"ScatterND, {reduction}", "ScatterND", inputs, {"reduction": reduction}, opset=18, batched=False)
case("ScatterND, add to neighbours", "ScatterND", [draw(5), ints([[1], [2]]), draw(2)], {"reduction": "add"}, opset=18,
     batched=False, nodes=2)
case("ScatterElements", "ScatterElements", [draw(3, 3), ints([[1, 0, 2], [0, 2, 1]]), draw(2, 3)], batched=False)
case("ScatterElements along an axis", "ScatterElements", [draw(1, 5), ints([[1, 3]]), draw(1, 2)], {"axis": 1}, batched=False)
case("ScatterElements, add", "ScatterElements", [draw(1, 5), ints([[1, 1]]), draw(1, 2)], {"axis": 1, "reduction": "add"},
     opset=18, batched=False)

# Ends added and removed.
amounts = ints([0, 1, 0, 0, 0, 2])
case("Pad with zeros", "Pad", [x, amounts], nodes=2)
case("Pad with a number", "Pad", [x, amounts, np.array(1.5)], nodes=3)
case("Pad with an infinity", "Pad", [flat, ints([0, 1, 0, 1]), np.array(-np.inf)], smooth=False)
case("Pad and cut", "Pad", [x, ints([0, -1, 2, 0, 1, -3])], wanted=[np.pad(x[:, 1:, :1], [(0, 0), (0, 1), (2, 0)])])
case("Pad of named axes", "Pad", [x, ints([1, 2]), np.array(2.0), ints([-1])])
for mode in ["reflect", "edge", "wrap"]:
    case(f"Pad, {mode}", "Pad", [x, ints([0, 2, 1, 0, 1, 3])], {"mode": mode})
    case(f"Pad, {mode} more than once", "Pad", [flat, ints([0, 11, 0, 9])], {"mode": mode},
         wanted=[np.pad(flat, [(0, 0), (11, 9)], mode=mode)])
    case(f"Pad of integers, {mode}", "Pad", [ints([[1, 2, 3], [4, 5, 6]]), ints([0, 2, 1, 1])], {"mode": mode}, batched=False,
         smooth=False)
case("Pad of integers", "Pad", [ints([1, 2, 3]), ints([2, -1]), ints(7)], batched=False, smooth=False,
     wanted=[ints([7, 7, 1, 2])])
case("Pad of opset 7", "Pad", [flat], {"pads": [0, 1, 0, 2], "value": -1.0}, opset=7,
     wanted=[np.pad(flat, [(0, 0), (1, 2)], constant_values=-1.0)])

# Parts joined, cut, repeated and moved.
case("Concat", "Concat", [flat, draw(3, 2)], {"axis": -1}, states=2, nodes=1)
case("Split", "Split", [flat], {"axis": 1, "num_outputs": 2}, count=2)
case("Split of opset 11", "Split", [flat], {"axis": 1, "split": [1, 4]}, opset=11, count=2, wanted=[flat[:, :1], flat[:, 1:]])
case("Split with a part of nothing", "Split", [flat, ints([5, 0])], {"axis": 1}, count=2, opset=13)
case("Tile", "Tile", [x, ints([1, 2, 3])])
case("Tile of length 1", "Tile", [draw(3, 1), ints([1, 4])], nodes=1)
case("Tile, literally", "Tile", [flat, ints([2, 1])], batched=False)
case("Expand", "Expand", [draw(2, 1, 4), ints([1, 3, 1])], nodes=1)
case("Transpose", "Transpose", [x], {"perm": [0, 2, 1]}, nodes=1)
case("Transpose, reversed", "Transpose", [flat], batched=False)
case("Reshape", "Reshape", [x, ints([0, -1, 2])], nodes=1)
case("Flatten", "Flatten", [draw(2, 3, 2)], nodes=1)
case("Flatten at the end", "Flatten", [draw(2, 3)], {"axis": 2}, batched=False)
case("Squeeze", "Squeeze", [draw(2, 1, 3, 1), ints([-1])])
case("Squeeze of opset 11", "Squeeze", [draw(2, 1, 3)], {"axes": [1]}, opset=11)
case("Unsqueeze", "Unsqueeze", [flat, ints([-1, 1])])
case("Unsqueeze of opset 11", "Unsqueeze", [flat], {"axes": [1]}, opset=11)
case("Dropout", "Dropout", [flat, np.array(0.5), np.array(False)], wanted=[flat], nodes=0)
case("Dropout of opset 7", "Dropout", [flat], {"ratio": 0.25}, opset=7, wanted=[flat], nodes=0)

# Triangles.
square = draw(2, 4, 4)
for upper in [0, 1]:
    for k in [-2, 0, 1]:
        case(f"Trilu, upper {upper}, diagonal {k}", "Trilu", [square, ints(k)], {"upper": upper}, nodes=1)
for exclusive in [0, 1]:
    for reverse in [0, 1]:
        case(f"CumSum, exclusive {exclusive}, reverse {reverse}", "CumSum", [x, ints(1)],
             {"exclusive": exclusive, "reverse": reverse}, nodes=1)
case("CumSum of the last axis", "CumSum", [flat, ints(-1)], nodes=1)

# Values made of shapes and numbers.
case("EyeLike", "EyeLike", [draw(3, 4)], {"k": -1}, batched=False, smooth=False)
case("EyeLike of integers", "EyeLike", [draw(2, 2)], {"dtype": TensorProto.INT64}, batched=False, smooth=False)
case("ConstantOfShape", "ConstantOfShape", [ints([2, 3])], {"value": helper.make_tensor("v", TensorProto.DOUBLE, [1], [1.5])},
     batched=False, smooth=False, states=0)

case("Range", "Range", [np.array(0.5), np.array(3.0), np.array(0.75)], batched=False, smooth=False, states=0)
case("Range downwards", "Range", [np.array(1.0), np.array(-1.0), np.array(-0.5)], batched=False, smooth=False, states=0)
case("Range of nothing", "Range", [np.array(1.0), np.array(1.0), np.array(1.0)], batched=False, smooth=False, states=0)

# Einsum, against NumPy.
def einsum(equation, *operands, batched=True, states=1, nodes=None):
    case(f"Einsum {equation}", "Einsum", list(operands), {"equation": equation}, wanted=[np.einsum(equation, *operands)],
         batched=batched, states=states, nodes=nodes)


q, matrix = draw(3, 4), draw(4, 4)
einsum("bi,oi->bo", q, draw(2, 4), nodes=1)
einsum("bi,ij->bj", q, matrix, nodes=1)
einsum("oi,bi->bo", draw(2, 4), q, batched=False)
einsum("bi,ij,bj->b", q, matrix, draw(3, 4), batched=False)
einsum("bi,bj,ij->b", q, draw(3, 4), matrix, states=2, nodes=3)
einsum("bi,ij,bj->b", q, matrix, q, batched=False)
einsum("bi, bi -> b", q, draw(3, 4), states=2, nodes=2)
einsum("bi,bj->bij", q, draw(3, 2), states=2)
einsum("bij,bjk->bik", draw(2, 3, 4), draw(2, 4, 2), states=2, nodes=1)
einsum("bij,bkj->bki", draw(2, 3, 4), draw(2, 5, 4), states=2)
einsum("bhqd,bhkd->bhqk", draw(2, 2, 3, 4), draw(2, 2, 5, 4), states=2, nodes=1)
einsum("bqhd,bkhd->bhqk", draw(2, 3, 2, 4), draw(2, 5, 2, 4), states=2)
einsum("bni,nij->bnj", draw(2, 3, 4), draw(3, 4, 2))
einsum("bni,ij->bnj", draw(2, 3, 4), draw(4, 2), nodes=1)
einsum("bij,oij->bo", draw(2, 3, 4), draw(5, 3, 4))
einsum("bij->b", draw(2, 3, 4), nodes=1)
einsum("bij->bji", draw(2, 3, 4), nodes=1)
einsum("bii->b", draw(2, 4, 4))
einsum("bii->bi", draw(2, 4, 4))
einsum("bijik->bjk", draw(2, 2, 3, 2, 2))
einsum("...i,i->...", draw(2, 3, 4), draw(4))
einsum("...ij,...jk->...ik", draw(2, 3, 4), draw(5, 1, 4, 2), batched=False)
einsum("b...,b...->b...", draw(2, 3, 4), draw(2, 1, 4), states=2)
einsum("ji", draw(2, 3), batched=False)
einsum("ij,jh", draw(2, 3), draw(3, 2), batched=False)
einsum("i,i", draw(3), draw(3), batched=False)
einsum("ij->", draw(2, 3), batched=False)
einsum("i,j,k->kij", draw(2), draw(3), draw(2), batched=False)
einsum("bi,bj,ij,k->bk", q, draw(3, 4), matrix, draw(2), batched=False)
einsum("bi,ij->bj", draw(3, 1), matrix, batched=False)
einsum("Bi,aB->Ba", draw(3, 4), draw(2, 3), batched=False)
einsum("bijk,bjl->bikl", draw(2, 2, 3, 2), draw(2, 3, 2), states=2)

print("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases) + "\n]")
