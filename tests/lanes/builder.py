"""Writes simt.kernels as text, and describes what they are given and what they must give."""
import dataclasses
from typing import Callable

import ml_dtypes
import numpy as np

TYPES = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "f16": np.float16,
         "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}


def size_of(element):
    return np.dtype(TYPES[element]).itemsize


@dataclasses.dataclass
class TensorMap:
    base: int
    element: str
    sizes: tuple
    strides: tuple
    box: tuple
    swizzle: int
    offset: int

    def text(self):
        lists = [", ".join(map(str, numbers)) for numbers in (self.sizes, self.strides, self.box)]
        return (f"#simt.tensor_map<base {self.base} of {self.element} offset ()[] -> ({self.offset}) sizes ()[] -> "
                f"({lists[0]}) strides ()[] -> ({lists[1]}) box [{lists[2]}] swizzle {self.swizzle}>")


class Kernel:
    """The text of one kernel. Values are names of the text."""

    def __init__(self, name, lanes, bases, threads=64, shared=0):
        self.name, self.lanes, self.bases, self.threads, self.shared = name, lanes, bases, threads, shared
        self.lines, self.count, self.maps = [], 0, []

    def op(self, text):
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def do(self, text):
        self.lines.append("  " + text)

    def const(self, value, element="i32"):
        return self.op(f"arith.constant {value} : {element}")

    def binary(self, op, a, b, element="i32"):
        return self.op(f"{op} {a}, {b} : {element}")

    def thread(self):
        first = self.binary("arith.muli", self.op("simt.warp"), self.const(self.lanes))
        return self.binary("arith.addi", first, self.op("simt.lane"))

    def item(self):
        """The thread's number in the whole grid."""
        first = self.binary("arith.muli", self.op("simt.program"), self.const(self.threads))
        return self.binary("arith.addi", first, self.thread())

    def place(self, base, index, size):
        """The address of element `index` (i32) of base number `base`."""
        wide = self.op(f"arith.extsi {index} : i32 to i64")
        return self.binary("arith.addi", f"%b{base}", self.binary("arith.muli", wide, self.const(size, "i64"), "i64"),
                           "i64")

    def load(self, base, index, element):
        size = size_of(element)
        return self.op(f"simt.load global {self.place(base, index, size)} align {size} : i64 -> {element}")

    def store(self, base, index, value, element):
        size = size_of(element)
        self.do(f"simt.store global {value}, {self.place(base, index, size)} align {size} : {element}, i64")

    def tensor_map(self, base, element, sizes, strides, box, swizzle, offset=0):
        """The number of a new tensor map, of numbers outermost first, in elements."""
        self.maps.append(TensorMap(base, element, sizes, strides, box, swizzle, offset))
        return len(self.maps) - 1

    def text(self):
        arguments = ", ".join([f"%b{i}: i64" for i in range(self.bases)] + ["%x: i64", "%y: i64", "%z: i64"])
        maps = f", tensor_maps = [{', '.join(each.text() for each in self.maps)}]" if self.maps else ""
        return (f"simt.kernel @{self.name}({arguments}) attributes {{num_bases = {self.bases} : i64, "
                f"threads = {self.threads} : i64, lanes = {self.lanes} : i64, shared_bytes = {self.shared} : i64{maps}}} {{\n"
                + "\n".join(self.lines) + "\n  simt.return\n}\n")


@dataclasses.dataclass
class Case:
    """A kernel, the arrays it is given, and a check of them after it ran, which asserts."""
    kernel: Kernel
    arrays: list
    check: Callable
    grid: tuple = (1, 1, 1)
    launch: tuple = None  # workgroups along x and y, where these are not x * y * z and 1


def same(actual, expected, what=""):
    """Equal bit for bit, but for which NaN it is."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.dtype.kind in "fV" or actual.dtype == ml_dtypes.bfloat16:
        with np.errstate(all="ignore"):
            a, e = actual.astype(np.float64), expected.astype(np.float64)
        wrong = ~((a == e) & (np.signbit(a) == np.signbit(e)) | (np.isnan(a) & np.isnan(e)))
    else:
        wrong = actual != expected
    if wrong.any():
        at = tuple(int(i[0]) for i in np.nonzero(wrong))
        raise AssertionError(f"{what} {int(wrong.sum())} of {wrong.size} differ, first at {at}: got {actual[at]}, "
                             f"expected {expected[at]}")


def close(actual, expected, ulps, what=""):
    """Within some units in the last place of f32, or of the smallest normal number; specials equal."""
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(all="ignore"):
        special = ~np.isfinite(e) | (np.abs(e) > np.finfo(np.float32).max)
        e32 = e.astype(np.float32).astype(np.float64)
        equal = (a == e32) | (np.isnan(a) & np.isnan(e32))
        unit = np.maximum(np.abs(e), np.finfo(np.float32).tiny) * 2.0**-23
        wrong = np.where(special, ~equal, ~(np.abs(a - e) <= ulps * unit))
    if wrong.any():
        at = int(np.nonzero(wrong)[0][0])
        raise AssertionError(f"{what} {int(wrong.sum())} of {wrong.size} differ, first at {at}: got {a[at]}, "
                             f"expected {e[at]}")
