"""The node cases: ONNX's own backend cases of every imported operator, and the same graphs in other element types.

A case is a model of one node with one set of inputs and expected outputs. Inputs that decide a shape (the target of
Reshape, the bounds of Slice) become initialisers: Heed fixes shapes before the data is seen.
"""

import functools
import warnings
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = Path(__file__).resolve().parent

# Operand positions that hold sizes, axes or bounds.
SHAPE_OPERANDS = {
    "ConstantOfShape": (0,),
    "CumSum": (1,),
    "Expand": (1,),
    "OneHot": (1,),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
} | {f"Reduce{kind}": (1,) for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")}

# Besides ONNX's own cases, which are mostly float32.
VARIANT_TYPES = {
    "f16": (TensorProto.FLOAT16, np.dtype(np.float16), 2**-10),
    "bf16": (TensorProto.BFLOAT16, np.dtype(ml_dtypes.bfloat16), 2**-7),
    "i64": (TensorProto.INT64, np.dtype(np.int64), 0.0),
    "i32": (TensorProto.INT32, np.dtype(np.int32), 0.0),
    "bool": (TensorProto.BOOL, np.dtype(np.bool_), 0.0),
}
EPSILON = {"float16": 2**-10, "bfloat16": 2**-7}
ELEMENT_TYPES = {"float32", "float16", "bfloat16", "int64", "int32", "bool"}
# Where a later version of an operator means something that is not imported yet.
LATEST_OPSET = {"Attention": 23}
# The element type is part of what these operators say, so swapping it gives another operator.
TYPED_OPERATORS = {"Cast", "CastLike", "Constant", "ConstantOfShape", "IsInf", "IsNaN", "Range", "Shape", "Size"}


@dataclass
class Case:
    name: str
    operator: str
    model: onnx.ModelProto
    inputs: list[np.ndarray]
    expected: list[np.ndarray]
    rtol: float
    # Allowed error relative to the largest expected value; elementwise tolerance where 0.
    norm_tolerance: float = 0.0
    atol: float = 1e-7

    def write(self, folder: Path) -> Path:
        """Writes an ONNX test directory (model.onnx, test_data_set_0); returns the model's path."""
        data = folder / "test_data_set_0"
        data.mkdir(parents=True, exist_ok=True)
        onnx.save(self.model, folder / "model.onnx")
        for kind, infos, arrays in (
            ("input", self.model.graph.input, self.inputs),
            ("output", self.model.graph.output, self.expected),
        ):
            for index, (info, array) in enumerate(zip(infos, arrays, strict=True)):
                tensor = numpy_helper.from_array(np.asarray(array), info.name)
                (data / f"{kind}_{index}.pb").write_bytes(tensor.SerializeToString())
        return folder / "model.onnx"


def operators() -> list[str]:
    """The operators that Heed imports."""
    lines = (HERE / "operators.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@functools.cache
def backend_cases() -> dict[str, Case]:
    """ONNX's cases of one node in the default domain, by name. Some are listed twice upstream; they are equal."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    wanted = set(operators())
    found = {}
    for case in collected:
        nodes = case.model.graph.node
        if len(nodes) != 1 or nodes[0].domain or nodes[0].op_type not in wanted:
            continue
        if case.model.opset_import[0].version > LATEST_OPSET.get(nodes[0].op_type, 99):
            continue
        inputs, expected = ([as_array(value) for value in values] for values in case.data_sets[0])
        if nodes[0].op_type not in TYPED_OPERATORS:
            inputs, expected = ([narrow(value) for value in values] for values in (inputs, expected))
        if any(value is None or value.dtype.name not in ELEMENT_TYPES for value in (*inputs, *expected)):
            continue
        model = onnx.ModelProto.FromString(case.model.SerializeToString())
        for info in (*model.graph.input, *model.graph.output):
            if info.type.tensor_type.elem_type == TensorProto.DOUBLE:
                info.type.tensor_type.elem_type = TensorProto.FLOAT
        name = case.name.removeprefix("test_")
        # Upstream compares sixteen-bit outputs with float32's tolerances; a rounding of the output needs more.
        norm = max(EPSILON.get(value.dtype.name, 0.0) for value in expected)
        found[name] = fix_shapes(Case(name, nodes[0].op_type, model, inputs, expected, case.rtol, norm))
    return found


def as_array(value) -> np.ndarray | None:
    """The array of a tensor; None for sequences and optionals."""
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None


def narrow(value: np.ndarray | None) -> np.ndarray | None:
    """float64 as float32: some operators (CumSum, Einsum) have their cases in float64 only."""
    return value.astype(np.float32) if value is not None and value.dtype == np.float64 else value


def fix_shapes(case: Case) -> Case:
    """Turns operands that decide shapes from inputs into initialisers."""
    node, graph = case.model.graph.node[0], case.model.graph
    names = {node.input[i] for i in SHAPE_OPERANDS.get(node.op_type, ()) if i < len(node.input) and node.input[i]}
    kept = []
    for info, value in zip(list(graph.input), case.inputs, strict=True):
        if info.name in names:
            graph.initializer.append(numpy_helper.from_array(value, info.name))
            graph.input.remove(info)
        else:
            kept.append(value)
    case.inputs = kept
    return case


@functools.cache
def typed_variants() -> dict[str, Case]:
    """Every float32 backend case in each other type that the operator's schema allows, without duplicates."""
    present = {case_signature(case): name for name, case in backend_cases().items()}
    found = {}
    for case in backend_cases().values():
        if asks_scores(case):
            continue
        if case.operator in TYPED_OPERATORS or not any(value.dtype == np.float32 for value in case.inputs):
            continue
        for label, (onnx_type, dtype, epsilon) in VARIANT_TYPES.items():
            variant = retype(case, label, onnx_type, dtype, epsilon)
            if variant is not None and case_signature(variant) not in present:
                present[case_signature(variant)] = variant.name
                found[variant.name] = variant
    return found


@functools.cache
def cast_cases() -> dict[str, Case]:
    """Cast between every pair of types; upstream covers few of them. Every value fits the target type."""
    values = np.array([[-2.75, -1.0, -0.25, 0.0], [0.5, 1.0, 2.5, 100.0]])
    types = {"f32": (TensorProto.FLOAT, np.dtype(np.float32), 2**-23)} | VARIANT_TYPES
    found = {}
    for source, (source_type, source_dtype, _) in types.items():
        for target, (target_type, target_dtype, _) in types.items():
            info = helper.make_tensor_value_info("input", source_type, values.shape)
            result = helper.make_tensor_value_info("output", target_type, values.shape)
            node = helper.make_node("Cast", ["input"], ["output"], to=target_type)
            graph = helper.make_graph([node], "cast", [info], [result])
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
            given = values != 0 if source == "bool" else values.astype(source_dtype)
            expected = given != 0 if target == "bool" else given.astype(target_dtype)
            name = f"cast_{source}_to_{target}"
            found[name] = Case(name, "Cast", model, [given], [expected], rtol=0.0, atol=0.0)
    return found


def case_signature(case: Case) -> tuple:
    """What a case exercises: operator, attributes, operand types and shapes."""
    node = case.model.graph.node[0]
    attributes = tuple(sorted(attribute.SerializeToString() for attribute in node.attribute))
    operands = tuple((value.dtype.name, value.shape) for value in case.inputs)
    shapes = tuple(tensor.SerializeToString() for tensor in case.model.graph.initializer)
    return (node.op_type, attributes, operands, shapes, tuple(bool(name) for name in (*node.input, *node.output)))


def retype(case: Case, label: str, onnx_type: int, dtype: np.dtype, epsilon: float) -> Case | None:
    """The case with float32 replaced by another type and expectations computed in float64; None where not allowed."""
    if not epsilon and scales_by_float(case.model.graph.node[0]):
        return None
    inputs = [convert(value, dtype, case.operator, index) for index, value in enumerate(case.inputs)]
    model = with_type(case.model, onnx_type, inputs)
    if model is None:
        return None
    wide = [value.astype(np.float64) if epsilon and value.dtype == dtype else value for value in inputs]
    reference = with_type(case.model, TensorProto.DOUBLE, wide) if epsilon else model
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(reference).run(None, dict(zip((i.name for i in model.graph.input), wide)))
    except (RuntimeError, TypeError, ValueError):
        return None
    types = [helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type) for info in model.graph.output]
    if any(epsilon and not np.isfinite(np.asarray(value, np.float64)).all() for value in results):
        return None
    expected = [np.asarray(value).astype(kind) for value, kind in zip(results, types, strict=True)]
    return Case(f"{case.name}_{label}", case.operator, model, inputs, expected, 2 * epsilon, 2 * epsilon, 0.0)


def scales_by_float(node: onnx.NodeProto) -> bool:
    """Whether integers would be multiplied by a fraction, where ONNX does not say how to round."""
    return any(attribute.name in ("alpha", "beta") and attribute.f != int(attribute.f) for attribute in node.attribute)


def convert(value: np.ndarray, dtype: np.dtype, operator: str, index: int) -> np.ndarray:
    """A float32 operand in another type; integers are spread over a few units, divisors and exponents are 1 to 3."""
    if value.dtype != np.float32:
        return value
    if dtype == np.bool_:
        return value > 0.25
    if dtype.kind == "i":
        spread = np.rint(np.nan_to_num(value * 3, posinf=9, neginf=-9)).astype(dtype)
        divides = operator in ("Div", "Mod", "Pow") and index == 1
        return np.clip(np.abs(spread), 1, 3) if divides else spread
    return value.astype(dtype)


def with_type(model: onnx.ModelProto, onnx_type: int, inputs: list[np.ndarray]) -> onnx.ModelProto | None:
    """A copy with every float32 input and initialiser in another type and outputs inferred; None where ONNX forbids."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    graph, node = copy.graph, copy.graph.node[0]
    for info in graph.input:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = onnx_type
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(onnx_type))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    schema = onnx.defs.get_schema(node.op_type, copy.opset_import[0].version)
    types = {info.name: info.type for info in graph.input}
    types |= {t.name: helper.make_tensor_type_proto(t.data_type, t.dims) for t in graph.initializer}
    try:
        inferred = onnx.shape_inference.infer_node_outputs(schema, node, types, opset_imports=list(copy.opset_import))
        for info in graph.output:
            info.type.tensor_type.elem_type = inferred[info.name].tensor_type.elem_type
        onnx.checker.check_model(copy, full_check=True)
    except (KeyError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    return copy


def asks_scores(case: Case) -> bool:
    """Whether an Attention case asks for qk_matmul_output, which Heed refuses."""
    outputs = case.model.graph.node[0].output
    return case.operator == "Attention" and len(outputs) > 3 and bool(outputs[3])


def skeleton(operator: str) -> str:
    """The skeleton that most kernels of the operator are made by."""
    if operator == "Attention":
        return "attend"
    if operator in ("MatMul", "Gemm", "Einsum"):
        return "matmul"
    rows = ("Softmax", "LogSoftmax", "Normalization", "Reduce", "ArgMax", "ArgMin", "CumSum")
    return "row" if any(part in operator for part in rows) else "map"
