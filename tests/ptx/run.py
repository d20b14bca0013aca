#!/usr/bin/env python3
"""Runs kernels for NVIDIA's sm_90a without a GPU: attention in which some warps copy and others multiply.

    run.py BUILD        compiles each case, runs it with few workgroups, so that they go through several programs each, and
                        compares what it stores with float64: rms(e) <= 1.25 rms(e_plain) + half a unit in the last place
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

import machine

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from attention_source import source

OUT = 1 << 36

# batch, heads, rows, head width, is causal, workgroups. Rows that do not divide blocks of 128, several programs for each
# workgroup, turns of heads up and down; one workgroup for all, and more workgroups than some rounds have programs.
CASES = [(1, 3, 129, 64, True, 1), (2, 3, 400, 64, True, 5), (2, 2, 300, 64, False, 3), (2, 2, 333, 128, True, 4),
         (2, 2, 260, 128, False, 5), (1, 2, 130, 128, False, 1), (1, 1, 17, 64, False, 1), (1, 2, 140, 192, True, 1)]


class Package:
    """The aligned variant of a package's one kernel: what heed-dump says of it, for given symbols."""

    def __init__(self, dump, symbols):
        self.names = {**symbols, "ceildiv": lambda a, b: -(-a // b)}
        self.variant = re.search(r"variant \[.*\] \S+:(\w+_aligned) grid (.*?) threads(.*)\n((?:\s+tensor map.*\n)*)", dump)
        self.entry = self.variant.group(1)
        self.grid = [self.number(size) for size in self.variant.group(2).split(" x ")]
        step = re.search(r"steps\n\s+0\s+\w+\(.*?\) \[(.*)\]", dump).group(1)
        self.parameters = [self.number(part) for part in re.split(r", (?![^(]*\))", step)]

    def number(self, expression):
        return eval(expression, {"__builtins__": {}}, self.names)

    def boxes(self, operands, first):
        """By the number of the parameter."""
        found = {}
        for line in self.variant.group(4).splitlines():
            operand, dims = re.search(r"operand (\d+), 2 bytes: (.*) swizzle 128", line).groups()
            parts = [re.match(r"(.*) by (.*) \((\d+)\)", dim).groups() for dim in dims.split(" x ")]
            sizes, strides, box = ([self.number(value) for value in column] for column in zip(*parts))
            view = numpy.lib.stride_tricks.as_strided(operands[int(operand)], sizes, [2 * stride for stride in strides])
            found[first + len(found)] = (view, box)
        return found


def attention(query, key, value, is_causal, kind, weights=lambda values: values):
    query, key, value = (machine.widen(tensor).astype(kind) for tensor in (query, key, value))
    scores = query @ key.swapaxes(2, 3) * kind(query.shape[3] ** -0.5)
    if is_causal:
        scores[..., numpy.triu(numpy.ones(scores.shape[2:], bool), 1)] = -numpy.inf
    powers = numpy.exp(scores - scores.max(-1, keepdims=True))
    return weights(powers).astype(kind) @ value / powers.sum(-1, keepdims=True)


def launch(text, plan, operands, workgroups, are_copies_late):
    """The words that the kernel stores."""
    words = numpy.zeros(operands[0].size // 2, numpy.uint32)
    stores = numpy.zeros(words.size, numpy.int64)

    def store(address, word):
        words[(address - OUT) // 4] = word
        stores[(address - OUT) // 4] += 1

    parameters = [1 << 33, 1 << 34, 1 << 35, OUT, *plan.parameters, *plan.grid]
    boxes = plan.boxes(operands, len(parameters))
    machine.Launch(text, plan.entry, parameters, boxes, store).run(workgroups, are_copies_late)
    if (stores != 1).any():
        raise machine.Wrong(f"{int((stores != 1).sum())} of {words.size} words are not stored exactly once")
    return words


def run_case(build, folder, case):
    batch, heads, rows, width, is_causal, workgroups = case
    mlir, ptx, package = (folder / f"case.{end}" for end in ("mlir", "ptx", "heed"))
    mlir.write_text(source(heads, width, "causal" if is_causal else "full"))
    for arguments in (["--emit=ptx", "-o", ptx], ["-o", package]):
        subprocess.run([build / "bin/heedc", mlir, "--target=cuda:sm_90a", *arguments], check=True)
    dump = subprocess.run([build / "bin/heed-dump", package], check=True, capture_output=True, text=True).stdout
    plan = Package(dump, {"batch": batch, "sequence": rows})
    random = numpy.random.default_rng(1)
    operands = [machine.narrow(random.standard_normal((batch, heads, rows, width))) for _ in range(3)]
    programs = int(numpy.prod(plan.grid))
    early, late = (launch(ptx.read_text(), plan, operands, min(workgroups, programs), is_late) for is_late in (False, True))
    if (early != late).any():
        raise machine.Wrong("results depend on when copies come")
    out = machine.widen(early.view(numpy.uint16)).reshape(operands[0].shape)
    exact = attention(*operands, is_causal, numpy.float64)
    plain = machine.widen(machine.narrow(attention(*operands, is_causal, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)))))
    rms = lambda tensor: numpy.sqrt(numpy.mean(numpy.square(tensor.astype(numpy.float64))))
    allowed = 1.25 * rms(plain - exact) + 0.5 * 2**-8 * rms(exact)
    error = rms(out - exact)
    if not error <= allowed:
        raise machine.Wrong(f"error {error:.2e}, {allowed:.2e} are allowed")
    return f"{programs} programs on {min(workgroups, programs)} workgroups, error {error / allowed:.2f} of what is allowed"


def main():
    build, failures = pathlib.Path(sys.argv[1]), 0
    for case in CASES:
        name = "batch {} heads {} rows {} width {} causal {} workgroups {}".format(*case)
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"{name}: {run_case(build, pathlib.Path(folder), case)}", flush=True)
            except machine.Wrong as wrong:
                print(f"{name}: WRONG: {wrong}", flush=True)
                failures += 1
    print(f"{len(CASES) - failures} of {len(CASES)} cases right")
    return 1 if failures else 0


if __name__ == "__main__":
    numpy.seterr(all="ignore")
    sys.exit(main() if len(sys.argv) == 2 else __doc__)
