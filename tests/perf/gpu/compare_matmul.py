#!/usr/bin/env python3
"""Products on an NVIDIA GPU: Heed against torch, which calls cuBLAS, in one run.

    compare_matmul.py emit DIR               writes a model for each product; needs the package onnx. Compile them anywhere:
                                             heedc DIR/x.onnx --target=cuda:sm_90a -o DIR/x.heed
    compare_matmul.py run DIR HEED_BENCH [KIND..]
                                             on the GPU machine, which needs torch; HEED_BENCH is the program

bf16; the number of rows is known at run time only. Weights are depth x columns, or columns x depth as linear layers keep
them. "linear" adds a bias and a residual behind the activation, for which torch runs several kernels. Prints TFLOP/s and
their ratio. Times are medians of kernel times as the device measures them.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from measure import heed_seconds, torch_seconds

SIZES = ((8192, 2048, 2048), (4096, 4096, 4096), (8192, 1536, 384), (8192, 384, 1536), (512, 2048, 2048))
KINDS = {
    "plain": "(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w) => (bfloat16[rows,{n}] y) {{ y = MatMul(x, w) }}",
    "transposed": "(bfloat16[rows,{k}] x, bfloat16[{n},{k}] w) => (bfloat16[rows,{n}] y) {{ y = Gemm<transB=1>(x, w) }}",
    "linear": "(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w, bfloat16[{n}] c, bfloat16[rows,{n}] r) => (bfloat16[rows,{n}] y)"
              "{{ p = MatMul(x, w) s = Add(p, c) g = Gelu<approximate=\"tanh\">(s) y = Add(g, r) }}",
}


def package(folder, kind, columns, depth):
    return folder / f"matmul-{kind}-{columns}-{depth}"


def emit(folder):
    import onnx
    for _, columns, depth in SIZES:
        for kind, text in KINDS.items():
            model = onnx.parser.parse_model(
                f'<ir_version: 9, opset_import: ["" : 20]> agraph {text.format(k=depth, n=columns)}')
            onnx.save(model, package(folder, kind, columns, depth).with_suffix(".onnx"))


def peer_seconds(kind, rows, columns, depth):
    import torch

    def random(*shape):
        return torch.randn(*shape, device="cuda", dtype=torch.bfloat16)

    x, w, c, r = random(rows, depth), random(depth, columns), random(columns), random(rows, columns)
    across = random(columns, depth).t()
    function = {
        "plain": lambda: torch.matmul(x, w),
        "transposed": lambda: torch.matmul(x, across),
        "linear": lambda: torch.nn.functional.gelu(torch.addmm(c, x, w), approximate="tanh") + r,
    }[kind]
    return torch_seconds(function)


def run(folder, bench, kinds):
    print(f"{'rows':>5} {'columns':>7} {'depth':>5} {'kind':>10} {'heed':>7} {'torch':>7}   heed/torch")
    for rows, columns, depth in SIZES:
        for kind in kinds or KINDS:
            path = package(folder, kind, columns, depth).with_suffix(".heed")
            work = 2 * rows * columns * depth / 1e12
            heed, torch = work / heed_seconds(bench, str(path), rows=rows), work / peer_seconds(kind, rows, columns, depth)
            print(f"{rows:5} {columns:7} {depth:5} {kind:>10} {heed:7.1f} {torch:7.1f}   {heed / torch:6.2f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) >= 4 and sys.argv[1] == "run" and set(sys.argv[4:]) <= set(KINDS):
        run(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        sys.exit(__doc__)
