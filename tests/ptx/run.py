#!/usr/bin/env python3
"""Runs kernels for NVIDIA's sm_90a without a GPU: attention and products in which some warps copy and others multiply.

    run.py BUILD        compiles each case, runs it with few workgroups, so that they go through several programs each, and
                        compares what it stores with float64: rms(e) <= 1.25 rms(e_plain) + half a unit in the last place
"""

import pathlib
import sys

import numpy

import machine
from package import interpret

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from attention_source import source

# batch, heads, rows, head width, is causal, workgroups. Rows that blocks of 128 and 192 do not divide, several programs for
# each workgroup, turns of heads up and down; one workgroup for all, and more workgroups than some rounds have programs.
ATTENTION = [(1, 3, 193, 64, True, 1), (2, 3, 450, 64, True, 5), (2, 2, 400, 64, False, 3), (2, 2, 333, 128, True, 4),
             (2, 2, 260, 128, False, 5), (1, 2, 130, 128, False, 1), (1, 1, 70, 64, False, 1), (1, 2, 140, 192, True, 1)]

# Models in ONNX's text form, with depth {k} and columns {n}, and whether the weights lie columns by depth.
PRODUCTS = {
    "plain": ("(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w) => (bfloat16[rows,{n}] y) {{ y = MatMul(x, w) }}", False),
    "across": ("(bfloat16[rows,{k}] x, bfloat16[{n},{k}] w) => (bfloat16[rows,{n}] y) {{ y = Gemm<transB=1>(x, w) }}", True),
    "added": ("(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w, bfloat16[{n}] c, bfloat16[rows,{n}] r) => (bfloat16[rows,{n}] y)"
              "{{ p = MatMul(x, w) s = Add(p, c) y = Add(s, r) }}", False),
}
# kind, block, rows, columns, depth, workgroups. Rows that blocks do not divide, and columns and depths; several programs for
# each workgroup, one workgroup for all, and rings that wrap in the middle of a program.
PRODUCT_CASES = [("plain", "128x256", 300, 512, 192, 4), ("across", "128x256", 256, 504, 376, 3),
                 ("added", "128x256", 130, 256, 128, 1), ("plain", "128x128", 257, 384, 376, 2),
                 ("across", "128x192", 300, 384, 192, 2), ("added", "128x64", 257, 192, 376, 3),
                 ("across", "128x128", 128, 256, 128, 2), ("added", "128x128", 200, 248, 192, 1)]


def attention(query, key, value, is_causal, kind, weights=lambda values: values):
    query, key, value = (machine.widen(tensor).astype(kind) for tensor in (query, key, value))
    scores = query @ key.swapaxes(2, 3) * kind(query.shape[3] ** -0.5)
    if is_causal:
        scores[..., numpy.triu(numpy.ones(scores.shape[2:], bool), 1)] = -numpy.inf
    powers = numpy.exp(scores - scores.max(-1, keepdims=True))
    return weights(powers).astype(kind) @ value / powers.sum(-1, keepdims=True)


def check(out, exact, plain):
    """The error of a result, as a share of what is allowed by the error of plain f32 computation."""
    rms = lambda tensor: numpy.sqrt(numpy.mean(numpy.square(tensor.astype(numpy.float64))))
    allowed = 1.25 * rms(plain - exact) + 0.5 * 2**-8 * rms(exact)
    error = rms(machine.widen(out) - exact)
    if not error <= allowed:
        raise machine.Wrong(f"error {error:.2e}, {allowed:.2e} are allowed")
    return error / allowed


def run_attention(build, batch, heads, rows, width, is_causal, workgroups):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    model = "case.mlir", source(heads, width, "causal" if is_causal else "full").encode()
    out, programs = interpret(build, model, {"batch": batch, "sequence": rows}, "_aligned", operands, shape, workgroups)
    exact = attention(*operands, is_causal, numpy.float64)
    plain = machine.widen(machine.narrow(attention(*operands, is_causal, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)))))
    return check(out, exact, plain), programs


def run_product(build, kind, block, rows, columns, depth, workgroups):
    import onnx
    random, (text, is_across) = numpy.random.default_rng(1), PRODUCTS[kind]
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> agraph ' + text.format(k=depth, n=columns))
    weights = (columns, depth) if is_across else (depth, columns)
    shapes = [(rows, depth), weights, (columns,), (rows, columns)][:len(model.graph.input)]
    operands = [machine.narrow(random.standard_normal(shape)) for shape in shapes]
    out, programs = interpret(build, ("case.onnx", model.SerializeToString()), {"rows": rows}, f"_{block}_aligned",
                              operands, (rows, columns), workgroups)
    x, w, *added = (machine.widen(operand) for operand in operands)
    round_off = lambda tensor: machine.widen(machine.narrow(tensor))
    exact, plain = (x @ (w.T if is_across else w) for x, w in ((x.astype(numpy.float64), w.astype(numpy.float64)), (x, w)))
    plain = round_off(plain)
    for each in added:
        exact, plain = exact + each, round_off(plain + each)
    return check(out, exact, plain), programs


def main():
    build, failures = pathlib.Path(sys.argv[1]), 0
    cases = [(f"attention: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]} causal {case[4]}", run_attention, case)
             for case in ATTENTION]
    cases += [(f"product: {case[0]} in blocks of {case[1]}, {case[2]} x {case[3]} x {case[4]}", run_product, case)
              for case in PRODUCT_CASES]
    for name, run, case in cases:
        try:
            share, programs = run(build, *case)
            print(f"{name}: {programs} programs on {min(case[-1], programs)} workgroups, error {share:.2f} of what is allowed",
                  flush=True)
        except machine.Wrong as wrong:
            print(f"{name}: WRONG: {wrong}", flush=True)
            failures += 1
    print(f"{len(cases) - failures} of {len(cases)} cases right")
    return 1 if failures else 0


if __name__ == "__main__":
    numpy.seterr(all="ignore")
    sys.exit(main() if len(sys.argv) == 2 else __doc__)
