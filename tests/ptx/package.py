"""Kernels of packages, compiled for sm_90a and interpreted."""

import pathlib
import re
import subprocess
import tempfile

import numpy

import machine


class Package:
    """A variant of the kernel of a step: what heed-dump says of it, for given symbols."""

    def __init__(self, dump, symbols, entry, number=0):
        self.names = {**symbols, "ceildiv": lambda a, b: -(-a // b), "floordiv": lambda a, b: a // b}
        self.variant = re.search(r"variant \[.*\] \S+:(\w+" + entry + r") grid (.*?) threads(.*)\n((?:\s+tensor map.*\n)*)", dump)
        if not self.variant:
            raise machine.Wrong(f"no variant {entry}")
        self.entry = self.variant.group(1)
        self.grid = [self.number(size) for size in self.variant.group(2).split(" x ")]
        step = re.search(rf"steps\n(?:.*\n){{{number}}}\s+{number}\s+[\w.]+\(.*?\) \[(.*)\]", dump).group(1)
        self.parameters = [self.number(part) for part in machine.split_operands(step)]

    def number(self, expression):
        return eval(expression, {"__builtins__": {}}, self.names)

    def boxes(self, operands, first):
        """By the number of the parameter."""
        found = {}
        for line in self.variant.group(4).splitlines():
            operand, size, dims, swizzle = re.search(r"operand (\d+), (\d) bytes: (.*?)(?: swizzle (\d+))?$", line).groups()
            parts = [re.match(r"(.*) by (.*) \((\d+)\)", dim).groups() for dim in dims.split(" x ")]
            sizes, strides, box = ([self.number(value) for value in column] for column in zip(*parts))
            view = numpy.lib.stride_tricks.as_strided(operands[int(operand)], sizes, [int(size) * stride for stride in strides])
            found[first + len(found)] = (view, box, int(swizzle or 0))
        return found


def launch(text, plan, operands, result_bytes, workgroups, are_copies_late, pending):
    """What the kernel stores, and how often it does."""
    if " opens" in plan.variant.group(3):  # a launch of another call may still write any input
        pending = range(len(operands))
    memory = machine.Memory(operands, result_bytes, pending)
    parameters = [*memory.bases, *plan.parameters, *plan.grid]
    boxes = plan.boxes(operands, len(parameters))
    machine.Launch(text, plan.entry, parameters, boxes, memory).run(workgroups, are_copies_late)
    return memory


def compile_model(build, model, symbols, *entries):
    """The PTX of a model, given as the name of a file and its bytes, and what is known of these variants of its first steps."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, ptx, package = folder / model[0], folder / "case.ptx", folder / "case.heed"
        source.write_bytes(model[1])
        for arguments in (["--emit=ptx", "-o", ptx], ["-o", package]):
            subprocess.run([build / "bin/heedc", source, "--target=cuda:sm_90a", *arguments], check=True)
        dump = subprocess.run([build / "bin/heed-dump", package], check=True, capture_output=True, text=True).stdout
        return ptx.read_text(), *(Package(dump, symbols, entry, number) for number, entry in enumerate(entries))


def run_twice(text, plan, operands, result_bytes, workgroups, pending=()):
    """What copies that come early and copies that come late lead to, which must be the same, once everywhere or never."""
    early, late = (launch(text, plan, operands, result_bytes, workgroups, is_late, pending) for is_late in (False, True))
    for first, second in zip(early.results, late.results):
        if (first != second).any():
            raise machine.Wrong("results depend on when copies come, or on the order of programs")
    for stores in early.stores + late.stores:
        if (stores > 1).any():
            raise machine.Wrong(f"{int((stores > 1).sum())} of {stores.size} bytes are stored more than once")
    return early


def interpret(build, model, symbols, entry, operands, result_shape, workgroups, result_type=numpy.uint16, before=()):
    """The result of a kernel of a model, behind those of the steps `before`, and how many programs it has; no `workgroups`: one
    for each."""
    text, *_, plan = compile_model(build, model, symbols, *before, entry)
    programs = int(numpy.prod(plan.grid))
    memory = run_twice(text, plan, operands, [result_type().nbytes * int(numpy.prod(result_shape))],
                       min(workgroups or programs, programs))
    if (memory.stores[0] == 0).any():
        raise machine.Wrong(f"{int((memory.stores[0] == 0).sum())} of {memory.stores[0].size} bytes are not stored")
    return memory.results[0].view(result_type).reshape(result_shape), programs
