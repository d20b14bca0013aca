"""Graphs whose kernels are the skeletons of products, rows and maps, in every type that each has.

Dimensions are symbols, so that a kernel gets everything it may meet; the data's divide nothing. Attention has programs
of its own (tests/numerics).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cases
import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

OPSET = 23
FLOATS = ("f32", "f16", "bf16")
NUMBERS = (*FLOATS, "i32", "i64")
ONNX_TYPES = {"f32": TensorProto.FLOAT} | {name: kind for name, (kind, _, _) in cases.VARIANT_TYPES.items()}
# Relative to the element, and to the largest one; integers are exact.
TOLERANCES = {"f32": 4e-6, "f16": 2**-9, "bf16": 2**-6}


@dataclass
class Graph:
    """Inputs by name with (symbol, size) pairs or sizes; nodes as (operator, inputs, attributes), the last is the result."""

    types: tuple[str, ...]
    inputs: dict[str, list[tuple[str, int] | int]]
    nodes: list[tuple[str, list[str], dict]]
    constants: dict[str, Callable[[], np.ndarray]] | None = None


def weights(*shape: int) -> Callable[[], np.ndarray]:
    return lambda: (np.random.default_rng(11).standard_normal(shape) / shape[0] ** 0.5).astype(np.float32)


B, M, N, K = ("batch", 3), ("rows", 37), ("columns", 53), ("depth", 71)

GRAPHS = {
    "matmul": Graph(FLOATS, {"x": [B, M, K], "y": [B, K, N]}, [("MatMul", ["x", "y"], {})]),
    "matmul_transposed": Graph(FLOATS, {"x": [K, M], "y": [N, K]}, [("Gemm", ["x", "y"], {"transA": 1, "transB": 1})]),
    "matmul_linear": Graph(
        FLOATS,
        {"x": [B, M, 72], "residual": [B, M, 96]},
        [
            ("MatMul", ["x", "weight"], {}),
            ("Add", ["", "bias"], {}),
            ("Gelu", [""], {}),
            ("Add", ["", "residual"], {}),
        ],
        {"weight": weights(72, 96), "bias": weights(96)},
    ),
    "matmul_gated": Graph(
        FLOATS,
        {"x": [M, K], "y": [K, N], "z": [K, N]},
        [("MatMul", ["x", "y"], {}), ("Sigmoid", [""], {}), ("MatMul", ["x", "z"], {}), ("Mul", ["value1", ""], {})],
    ),
    "matmul_one_row": Graph(FLOATS, {"x": [1, K], "y": [K, N]}, [("MatMul", ["x", "y"], {})]),
    "row_softmax": Graph(FLOATS, {"x": [B, M, N]}, [("Softmax", ["x"], {"axis": -1})]),
    "row_layernorm": Graph(
        FLOATS,
        {"x": [B, M, 100]},
        [("LayerNormalization", ["x", "gain", "shift"], {"axis": -1})],
        {"gain": weights(100), "shift": weights(100)},
    ),
    "row_rmsnorm": Graph(FLOATS, {"x": [M, 256]}, [("RMSNormalization", ["x", "gain"], {})], {"gain": weights(256)}),
    "row_sum": Graph(NUMBERS, {"x": [M, N]}, [("ReduceSum", ["x", "axis"], {})], {"axis": lambda: np.array([1])}),
    "row_maximum": Graph(NUMBERS, {"x": [M, N]}, [("ReduceMax", ["x", "axis"], {})], {"axis": lambda: np.array([0])}),
    "row_largest": Graph(NUMBERS, {"x": [M, N]}, [("ArgMax", ["x"], {"axis": 1})]),
    "row_running_sum": Graph(NUMBERS, {"x": [M, N]}, [("CumSum", ["x", "axis"], {})], {"axis": lambda: np.array(1)}),
    "map_add": Graph(NUMBERS, {"x": [B, M, N], "y": [N]}, [("Add", ["x", "y"], {})]),
    "map_transpose": Graph(NUMBERS, {"x": [B, M, N]}, [("Transpose", ["x"], {"perm": [2, 0, 1]})]),
    "map_join": Graph(NUMBERS, {"x": [M, N], "y": [M, ("others", 19)]}, [("Concat", ["x", "y"], {"axis": 1})]),
    "map_smaller": Graph(NUMBERS, {"x": [M, N], "y": [M, N]}, [("Min", ["x", "y"], {}), ("Mul", ["", "y"], {})]),
    "map_gelu": Graph(FLOATS, {"x": [M, N]}, [("Gelu", ["x"], {"approximate": "tanh"})]),
    "map_functions": Graph(
        FLOATS, {"x": [M, N]}, [("Sin", ["x"], {}), ("Exp", [""], {}), ("Sqrt", [""], {}), ("Erf", [""], {})]
    ),
}


def build(name: str, graph: Graph, onnx_type: int) -> ModelProto:
    """The graph in a type; an empty name among a node's inputs is the result before it."""

    def constant(key: str, value: np.ndarray):
        kind = helper.tensor_dtype_to_np_dtype(onnx_type) if value.dtype == np.float32 else value.dtype
        return numpy_helper.from_array(value.astype(kind), key)

    inputs = [
        helper.make_tensor_value_info(key, onnx_type, [dim if isinstance(dim, int) else dim[0] for dim in dims])
        for key, dims in graph.inputs.items()
    ]
    nodes, last = [], ""
    for index, (operator, operands, attributes) in enumerate(graph.nodes):
        result = "out" if index + 1 == len(graph.nodes) else f"value{index}"
        nodes.append(helper.make_node(operator, [operand or last for operand in operands], [result], **attributes))
        last = result
    constants = [constant(key, make()) for key, make in (graph.constants or {}).items()]
    result_type = TensorProto.INT64 if graph.nodes[-1][0] == "ArgMax" else onnx_type
    outputs = [helper.make_tensor_value_info("out", result_type, None)]
    made = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return shape_inference.infer_shapes(model, strict_mode=True)


def make_case(name: str, graph: Graph, label: str) -> cases.Case:
    onnx_type = ONNX_TYPES[label]
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(onnx_type))
    random = np.random.default_rng(7)
    inputs = []
    for dims in graph.inputs.values():
        values = random.standard_normal([dim if isinstance(dim, int) else dim[1] for dim in dims])
        inputs.append((np.rint(values * 9) if dtype.kind == "i" else values).astype(dtype))
    wide = TensorProto.DOUBLE if label in FLOATS else onnx_type
    reference = ReferenceEvaluator(build(name, graph, wide))
    given = [value.astype(helper.tensor_dtype_to_np_dtype(wide)) for value in inputs]
    (expected,) = reference.run(None, dict(zip(graph.inputs, given, strict=True)))
    if expected.dtype == np.float64:
        expected = expected.astype(dtype)
    tolerance = TOLERANCES.get(label, 0.0)
    return cases.Case(f"{name}_{label}", name, build(name, graph, onnx_type), inputs, [expected], tolerance, tolerance, 0.0)


@functools.cache
def all_cases() -> dict[str, cases.Case]:
    made = [make_case(name, graph, label) for name, graph in GRAPHS.items() for label in graph.types]
    return {case.name: case for case in made}
