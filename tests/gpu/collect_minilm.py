#!/usr/bin/env python3
"""collect_minilm.py OUT KIND TARGETS: MiniLM as a package, with batches of sentences and what the CPU makes of them.

Writes OUT/minilm-KIND/minilm.heed, OUT/minilm-data/N/{input,output}_*.pb and OUT/minilm-data/tolerance.txt: the absolute
error allowed, from the bound on the norm-wise error that the tests of models use.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "onnx"))
import heed  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import test_models  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def write_tensor(path: Path, name: str, value: np.ndarray) -> None:
    path.write_bytes(numpy_helper.from_array(value, name).SerializeToString())


def clear_padding(graph: onnx.GraphProto) -> None:
    """Multiplies the output by the mask. What a model makes of padding is no result, and some of it is hundreds of times
    as sensitive to rounding as the rest: it would hide the error of what is one."""
    output = graph.output[0]
    for node in graph.node:
        node.output[:] = [name if name != output.name else "unmasked" for name in node.output]
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "last_axis"))
    graph.node.append(helper.make_node("Unsqueeze", ["attention_mask", "last_axis"], ["mask_columns"]))
    graph.node.append(helper.make_node("Cast", ["mask_columns"], ["mask_numbers"], to=TensorProto.FLOAT))
    graph.node.append(helper.make_node("Mul", ["unmasked", "mask_numbers"], [output.name]))


def keep_used_words(graph: onnx.GraphProto, batches: list[dict[str, np.ndarray]]) -> None:
    """Zeros for the words that no batch holds: half of the weights, which then compress to nothing."""
    used = np.unique(np.concatenate([batch["input_ids"].ravel() for batch in batches]))
    for tensor in graph.initializer:
        if len(tensor.dims) == 2 and tensor.dims[0] > 30000:
            weights = numpy_helper.to_array(tensor)
            kept = np.zeros_like(weights)
            kept[used] = weights[used]
            tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))


def main() -> int:
    out, kind, target = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        model = next(path for path in test_models.export(work) if path.stem == "minilm-attention")
        batches = test_models.sentence_batches()
        proto = onnx.load(model)
        keep_used_words(proto.graph, batches)
        clear_padding(proto.graph)
        model = work / "minilm-small.onnx"
        onnx.save(proto, model)
        inputs = [info.name for info in proto.graph.input]
        folder = out / f"minilm-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        package = folder / "minilm.heed"
        outcome = heed.tool("heedc", model, "-o", package, f"--target={target}", "--require-fused", timeout=600)
        if outcome.status != 0:
            package.unlink(missing_ok=True)
            print(f"heedc failed on MiniLM: {outcome.error_line()}")
            return 0
        largest = np.inf
        for number, batch in enumerate(batches):
            expected = test_models.run_onnxruntime(model, batch)
            data = out / "minilm-data" / str(number)
            data.mkdir(parents=True, exist_ok=True)
            for index, name in enumerate(inputs):
                write_tensor(data / f"input_{index}.pb", name, batch[name])
            write_tensor(data / "output_0.pb", "last_hidden_state", expected)
            largest = min(largest, float(np.abs(expected).max()))
        (out / "minilm-data" / "tolerance.txt").write_text(f"{test_models.ERROR_BOUND * largest}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
