"""Weights of the committed graphs: taken out when a graph is exported, made again from a seed when it is used.

A graph names its weights as ONNX external data in NAME.weights beside it. `materialise` writes a copy of the graph and
that file into a folder, so that every reader of it sees the same numbers.
"""

import math
import zlib
from pathlib import Path

import numpy as np
import onnx

STRIPPED_FROM_BYTES = 256
ALIGNMENT = 64


def float_tensors(model: onnx.ModelProto):
    """Every large float tensor of the graph: initialisers, and values of Constant nodes."""
    tensors = list(model.graph.initializer)
    tensors += [attribute.t for node in model.graph.node if node.op_type == "Constant" for attribute in node.attribute]
    for tensor in tensors:
        if tensor.data_type == onnx.TensorProto.FLOAT and 4 * math.prod(tensor.dims) >= STRIPPED_FROM_BYTES:
            yield tensor


def strip_weights(model: onnx.ModelProto, location: str) -> onnx.ModelProto:
    """Replaces every large float initialiser by a reference into the file `location`."""
    offset = 0
    for tensor in float_tensors(model):
        for field in ("raw_data", "float_data", "external_data"):
            tensor.ClearField(field)
        length = 4 * math.prod(tensor.dims)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        offset += -(-length // ALIGNMENT) * ALIGNMENT
    return model


def drop_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Removes stack traces and other notes of the exporter, which are larger than the graph and name local files."""
    model.ClearField("metadata_props")
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in model.graph.initializer:
        tensor.ClearField("metadata_props")
        tensor.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("doc_string")
    return model


def seeded_values(name: str, dims) -> np.ndarray:
    """Normally distributed, seeded by the tensor's name; spread so that attention is far from uniform."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    scales_a_norm = "norm" in name.lower() and name.endswith("weight")
    spread = 0.1 if len(dims) < 2 else 0.15
    return (generator.standard_normal(tuple(dims)) * spread + (1.0 if scales_a_norm else 0.0)).astype(np.float32)


def materialise(source: Path, folder: Path) -> Path:
    """Writes `source` and its weights into `folder`; returns the path of the copy."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / source.name
    copy.write_bytes(source.read_bytes())
    model = onnx.load(source, load_external_data=False)
    files: dict[str, list[tuple[int, bytes]]] = {}
    for tensor in float_tensors(model):
        entry = {item.key: item.value for item in tensor.external_data}
        files.setdefault(entry["location"], []).append(
            (int(entry["offset"]), seeded_values(tensor.name, tensor.dims).tobytes())
        )
    for location, pieces in files.items():
        with open(folder / location, "wb") as file:
            for offset, data in pieces:
                file.seek(offset)
                file.write(data)
    return copy
