#!/usr/bin/env python3
"""Heed against ONNX Runtime and torch on this machine's CPU, as ratios of times taken in one run.

    python tests/perf/compare.py [--threads 2] [--rounds 7] [--only attention] [--json FILE]

Needs a release build, and torch beside the packages of tests/requirements.txt (see NOTES.md). The contestants take
turns for a short while each, round after round, so that a slow minute of the machine is slow for all of them; a figure
is the median over rounds of a contestant's median call. Ratios are Heed's time over the peer's: below 1 Heed is faster.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HEED_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(ROOT / "examples" / "minilm"))

HEADS, WIDTH = 12, 64
SECONDS_A_TURN = 0.4
ONE_GIGA = 1e9


@dataclass
class Line:
    """One row of the table: a model, its inputs, the work in it, and what torch would run instead."""

    name: str
    model: Path
    inputs: dict[str, np.ndarray]
    flops: float
    torch_call: object = None
    times: dict[str, list[float]] = field(default_factory=dict)

    def median(self, contestant: str) -> float:
        return statistics.median(self.times[contestant])


def save(path: Path, node, inputs: dict[str, np.ndarray], initializers: dict[str, np.ndarray]) -> Path:
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in inputs.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(value, name) for name, value in initializers.items()]
    graph = helper.make_graph([node], "bench", infos, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def attention_line(folder: Path, length: int, causal: bool) -> Line:
    generator = np.random.default_rng(length)
    shape = (1, HEADS, length, WIDTH)
    inputs = {name: generator.standard_normal(shape, np.float32) for name in ("query", "key", "value")}
    name = f"attention L={length} {'causal' if causal else 'full'}"
    node = helper.make_node("Attention", list(inputs), ["y"], is_causal=int(causal))
    pairs = length * (length + 1) / 2 if causal else length * length
    flops = 4 * HEADS * WIDTH * pairs

    def torch_call(torch):
        operands = [torch.from_numpy(value) for value in inputs.values()]
        return lambda: torch.nn.functional.scaled_dot_product_attention(*operands, is_causal=causal)

    return Line(name, save(folder / f"{name}.onnx", node, inputs, {}), inputs, flops, torch_call)


def matmul_line(folder: Path, rows: int, inner: int, columns: int) -> Line:
    generator = np.random.default_rng(inner)
    inputs = {"x": generator.standard_normal((rows, inner), np.float32)}
    weight = generator.standard_normal((inner, columns), np.float32)
    name = f"matmul {rows}x{inner}x{columns}"
    model = save(folder / f"{name}.onnx", helper.make_node("MatMul", ["x", "w"], ["y"]), inputs, {"w": weight})

    def torch_call(torch):
        x, w = torch.from_numpy(inputs["x"]), torch.from_numpy(weight)
        return lambda: torch.matmul(x, w)

    return Line(name, model, inputs, 2 * rows * inner * columns, torch_call)


def minilm_lines(folder: Path) -> list[Line]:
    from export import export

    model = next(path for path in export(folder) if "decomposed" in path.name)
    lines = []
    for batch, length in ((1, 128), (8, 128)):
        ids = np.random.default_rng(3).integers(1000, 30000, (batch, length))
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden, inner, layers = 384, 1536, 6
        a_token = 2 * hidden * (4 * hidden + 2 * inner) + 4 * hidden * length
        lines.append(Line(f"MiniLM {batch}x{length}", model, inputs, layers * batch * length * a_token))
    return lines


def timed(call, seconds: float) -> float:
    """Median seconds of a call, called for about that long, after one warm-up."""
    call()
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        begin = time.perf_counter()
        call()
        samples.append(time.perf_counter() - begin)
    return statistics.median(samples)


class Heed:
    """heed-bench in a process of its own; it measures the FMA peak of its threads in the same process."""

    name = "heed"

    def __init__(self, line: Line, folder: Path, threads: int):
        self.package, self.threads, self.peaks = folder / f"{line.name}.heed", threads, []
        subprocess.run([BUILD / "bin/heedc", line.model, "-o", self.package, "--target=cpu"], check=True)
        self.arguments = []
        for name, value in line.inputs.items():
            np.save(folder / f"{line.name}-{name}.npy", value)
            self.arguments.append(f"--input={name}=@{folder / f'{line.name}-{name}.npy'}")

    def turn(self) -> float:
        options = ["--json", f"--threads={self.threads}", f"--seconds={SECONDS_A_TURN}", "--device=cpu"]
        command = [BUILD / "bin/heed-bench", self.package, *options, *self.arguments]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        self.peaks.append(report["peak_flops"])
        return report["median_seconds"]


class OnnxRuntime:
    name = "onnxruntime"

    def __init__(self, line: Line, folder: Path, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Its threads would otherwise spin through the other contestants' turns.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(str(line.model), options, providers=["CPUExecutionProvider"])
        self.call = lambda: session.run(None, line.inputs)

    def turn(self) -> float:
        return timed(self.call, SECONDS_A_TURN)


class Torch:
    name = "torch"

    def __init__(self, line: Line, folder: Path, threads: int):
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.call = line.torch_call(torch)

    def turn(self) -> float:
        return timed(self.call, SECONDS_A_TURN)


def measure(line: Line, folder: Path, threads: int, rounds: int) -> float:
    """Fills the line's times; returns the FMA peak measured meanwhile, in FLOP/s."""
    kinds = [Heed, OnnxRuntime] + ([Torch] if line.torch_call else [])
    contestants = [kind(line, folder, threads) for kind in kinds]
    for _ in range(rounds):
        for contestant in contestants:
            line.times.setdefault(contestant.name, []).append(contestant.turn())
    return statistics.median(contestants[0].peaks)


def report(line: Line, peak: float) -> dict:
    heed = line.median("heed")
    ratios = {name: heed / line.median(name) for name in line.times if name != "heed"}
    return {
        "name": line.name,
        "milliseconds": {name: 1e3 * line.median(name) for name in line.times},
        "ratios": ratios,
        "worst_ratio": max(ratios.values()),
        "gflops": line.flops / heed / ONE_GIGA,
        "peak_gflops": peak / ONE_GIGA,
        "peak_fraction": line.flops / heed / peak,
    }


def print_row(row: dict):
    cells = [f"{row['milliseconds']['heed']:9.3f}"]
    for peer in ("onnxruntime", "torch"):
        cells.append(f"{row['milliseconds'][peer]:9.3f} {row['ratios'][peer]:6.2f}" if peer in row["ratios"] else " " * 16)
    print(f"{row['name']:24}", *cells, f"{row['gflops']:8.1f} {100 * row['peak_fraction']:5.1f} %", sep="  ", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="lines whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        lines = [attention_line(folder, length, causal) for length in (128, 512, 2048) for causal in (False, True)]
        lines += [matmul_line(folder, 512, 512, 512), matmul_line(folder, 128, 384, 1536)]
        lines += minilm_lines(folder)
        head = ("heed ms", "ort ms  ratio", "torch ms  ratio", "GFLOP/s  of peak")
        print(f"{'':24}  {head[0]:>9}  {head[1]:>16}  {head[2]:>16}  {head[3]}")
        rows = []
        for line in lines:
            if options.only in line.name:
                rows.append(report(line, measure(line, folder, options.threads, options.rounds)))
                print_row(rows[-1])
    if not rows:
        sys.exit(f"error: no line contains {options.only!r}")
    peak = statistics.median(row["peak_gflops"] for row in rows)
    print(f"FMA peak of {options.threads} threads in this run: {peak:.1f} GFLOP/s")
    beyond = [row["name"] for row in rows if row["worst_ratio"] > 2]
    print(f"beyond twice the best peer: {', '.join(beyond) if beyond else 'none'}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
