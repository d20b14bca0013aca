"""Machines that run compiled simt.kernels."""
import ctypes
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from builder import size_of

AMD_LANES = {"gfx90a": 64, "gfx942": 64, "gfx950": 64, "gfx1100": 32, "gfx1151": 32, "gfx1200": 32, "gfx1201": 32}
CUDA_CHIPS = ["sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100a", "sm_120"]


def find_ptxas():
    """The assembler of the package nvidia-cuda-nvcc in this Python environment."""
    found = sorted(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/nvidia/*/bin/ptxas"))
    return str(found[0]) if found else ""


def compile_kernels(tools, target, text, arguments=()):
    with tempfile.TemporaryDirectory() as folder:
        source, image = pathlib.Path(folder, "kernels.mlir"), pathlib.Path(folder, "kernels.image")
        source.write_text(text)
        run = subprocess.run([str(pathlib.Path(tools, "heed-simt")), str(source), f"--target={target}", "-o", str(image),
                              *arguments], capture_output=True, text=True)
        if run.returncode or run.stderr:
            raise RuntimeError(f"heed-simt --target={target}: {run.stderr[:2000]}")
        return image.read_bytes()


class Compiler:
    """No machine: kernels for the chip are only compiled."""

    def __init__(self, chip, tools):
        self.tools, self.lanes = tools, AMD_LANES.get(chip, 32)
        self.chip, self.target = (chip, f"rocm:{chip}") if chip in AMD_LANES else ("cuda", f"cuda:{chip}")

    def load(self, text):
        image = compile_kernels(self.tools, self.target, text) if text else b"\x7fELF"
        if image[:4] != b"\x7fELF":
            raise RuntimeError(f"{self.target}: the first image is no machine code")


class Amd:
    """An emulated AMD GPU. Needs $HEED_AMD_EMULATOR, the folder of run_hsaco.py, and what that needs."""

    def __init__(self, chip, tools):
        sys.path.insert(0, os.environ["HEED_AMD_EMULATOR"])
        import run_hsaco
        self.emulator, self.chip, self.tools, self.lanes = run_hsaco, chip, tools, AMD_LANES[chip]
        self.target = f"rocm:{chip}"

    def runs(self, chip):
        return self.chip == chip

    def load(self, text, chip=""):
        with tempfile.NamedTemporaryFile(suffix=".hsaco") as file:
            file.write(compile_kernels(self.tools, self.target, text))
            file.flush()
            return self.emulator.CodeObject(file.name)

    def launch(self, module, kernel, arrays, grid, launch):
        statistics = self.emulator.run(module, grid=launch, block=(kernel.threads,), args=[*arrays, *grid],
                                       kernel=kernel.name, dynamic_lds=kernel.shared, quantum=7)
        if statistics.warnings:
            raise AssertionError("; ".join(statistics.warnings))


class Cuda:
    """The first NVIDIA GPU, through its driver. It may be of another machine than the compiler: with tools kernels are
    compiled into a folder, without they are taken from there and run."""

    def __init__(self, tools, images):
        self.tools, self.images, self.lanes, self.chip = tools, images, 32, "cuda"
        if tools:
            return
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        device, context = ctypes.c_int(), ctypes.c_void_p()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)
        capability = [ctypes.c_int(), ctypes.c_int()]
        for number, attribute in zip(capability, (75, 76)):
            self.call("cuDeviceGetAttribute", ctypes.byref(number), attribute, device)
        self.device_chip = "sm_" + "".join(str(number.value) for number in capability)

    def call(self, name, *arguments):
        status = getattr(self.driver, name)(*arguments)
        if status:
            raise RuntimeError(f"{name} failed with {status}")

    def runs(self, chip):
        """Everything is compiled; what is for a chip alone runs on no other."""
        return bool(self.tools) or chip.rstrip("a") == self.device_chip

    def load(self, text, chip=""):
        path = pathlib.Path(self.images, hashlib.sha256(text.encode()).hexdigest() + ".ptx")
        if self.tools:
            # The portable image, which the driver assembles.
            os.environ["HEED_PTXAS"] = ""
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(compile_kernels(self.tools, f"cuda:{chip}" if chip else "cuda", text))
            return None
        image = path.read_bytes()
        module = ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(image))
        return module

    def tensor_map(self, of, address):
        """What cuTensorMapEncodeTiled writes, at an address that is a multiple of 64."""
        size, rank = size_of(of.element), len(of.sizes)
        room = (ctypes.c_byte * 192)()
        encoded = (ctypes.c_byte * 128).from_buffer(room, -ctypes.addressof(room) % 64)
        sizes = (ctypes.c_uint64 * rank)(*reversed(of.sizes))
        strides = (ctypes.c_uint64 * rank)(*(stride * size for stride in reversed(of.strides[:-1])))
        box = (ctypes.c_uint32 * rank)(*reversed(of.box))
        steps = (ctypes.c_uint32 * rank)(*([1] * rank))
        kind = {1: 0, 2: 1, 4: 2, 8: 4}[size]
        swizzle = {0: 0, 32: 1, 64: 2, 128: 3}[of.swizzle]
        self.call("cuTensorMapEncodeTiled", encoded, kind, rank, ctypes.c_void_p(address + of.offset * size), sizes,
                  strides, box, steps, 0, swizzle, 3, 0)
        return encoded

    def launch(self, module, kernel, arrays, grid, launch):
        if module is None:
            return
        function = ctypes.c_void_p()
        self.call("cuModuleGetFunction", ctypes.byref(function), module, kernel.name.encode())
        if kernel.shared > 48 * 1024:
            maximum_dynamic_shared = 8
            self.call("cuFuncSetAttribute", function, maximum_dynamic_shared, kernel.shared)
        words = []
        for array in arrays:
            pointer = ctypes.c_uint64()
            self.call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(max(array.nbytes, 1)))
            self.call("cuMemcpyHtoD_v2", pointer, array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes))
            words.append(pointer)
        values = [*words, *(ctypes.c_int64(size) for size in grid)]
        values += [self.tensor_map(each, words[each.base].value) for each in kernel.maps]
        parameters = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        self.call("cuLaunchKernel", function, launch[0], launch[1], 1, kernel.threads, 1, 1, kernel.shared, None,
                  parameters, None)
        self.call("cuCtxSynchronize")
        for array, pointer in zip(arrays, words):
            self.call("cuMemcpyDtoH_v2", array.ctypes.data_as(ctypes.c_void_p), pointer, ctypes.c_size_t(array.nbytes))
            self.call("cuMemFree_v2", pointer)
