"""run.py --tools=BIN [CHIP...]: compiles kernels with BIN/heed-simt, runs them and compares with numpy.

The chips are AMD's, emulated, all of them by default. Without an emulator nothing is run, which is said and is no
failure. For NVIDIA: `run.py --tools=BIN --images=DIR cuda` compiles into a folder, and `run.py --images=DIR cuda`, on a
machine with a GPU, runs what is there; themes for one chip only where the GPU is that chip. -k WORD: only the themes whose name holds the word.

`run.py --tools=BIN code` compiles the kernels for every chip of both and runs nothing: none may keep values of its lanes
in memory, and NVIDIA's assembler must be there ($HEED_PTXAS, or in the Python environment) and take all of them."""
import argparse
import os
import time

import numpy as np

import cases
import machines


def run_theme(machine, theme, make):
    cases.RANDOM = np.random.default_rng(7)
    chip = cases.chip_of(make)
    if chip and not machine.runs(chip):
        return 0, []
    chosen = list(make(machine))
    if not chosen:
        return 0, []
    module = machine.load("\n".join(case.kernel.text() for case in chosen), chip)
    failures = []
    for case in chosen:
        arrays = [array.copy() for array in case.arrays]
        x, y, z = case.grid
        try:
            machine.launch(module, case.kernel, arrays, case.grid, case.launch or (x * y * z, 1))
            if module is not None:
                case.check(arrays)
        except (AssertionError, RuntimeError) as error:
            failures.append(f"{machine.chip} {theme} {case.kernel.name}: {error}")
    return len(chosen), failures


def check_code(tools):
    """Compiles everything for every chip; what compilers warn of is an error."""
    assembler = os.environ.get("HEED_PTXAS") or machines.find_ptxas()
    if not assembler:
        print("lanes: FAILED: no ptxas: install tests/requirements.txt, or set HEED_PTXAS")
        return 1
    os.environ["HEED_PTXAS"] = assembler
    failed = 0
    for chip in [*machines.CUDA_CHIPS, *machines.AMD_LANES]:
        machine, start, count = machines.Compiler(chip, tools), time.time(), 0
        for theme, make in cases.THEMES.items():
            cases.RANDOM = np.random.default_rng(7)
            wanted = cases.chip_of(make)
            texts = [case.kernel.text() for case in make(machine)] if wanted in ("", chip) else []
            try:
                machine.load("\n".join(texts))
                count += len(texts)
            except RuntimeError as error:
                print(f"FAILED {chip} {theme}: {error}")
                failed += 1
        print(f"{chip}: {count} kernels compiled, {time.time() - start:.1f} s")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools")
    parser.add_argument("--images", default="images")
    parser.add_argument("machines", nargs="*")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    if options.machines == ["code"]:
        return check_code(options.tools)
    chosen = options.machines or list(machines.AMD_LANES)
    if chosen != ["cuda"] and not (os.environ.get("HEED_AMD_EMULATOR") and os.environ.get("TINYGRAD_DIR")):
        print("lanes: NOT RUN: no AMD emulator; set HEED_AMD_EMULATOR to the folder of run_hsaco.py, and TINYGRAD_DIR")
        return 0
    failed = 0
    for name in chosen:
        machine = machines.Cuda(options.tools, options.images) if name == "cuda" else machines.Amd(name, options.tools)
        start, total, bad = time.time(), 0, []
        for theme, make in cases.THEMES.items():
            if options.k not in theme:
                continue
            try:
                count, failures = run_theme(machine, theme, make)
            except RuntimeError as error:
                count, failures = 1, [f"{name} {theme}: {error}"]
            total, bad = total + count, bad + failures
        for failure in bad:
            print("FAILED", failure)
        print(f"{name}: {total - len(bad)} of {total} kernels {'compiled' if name == 'cuda' and options.tools else 'right'}, {time.time() - start:.1f} s")
        failed += len(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
