"""run.py --tools=BIN [CHIP...]: compiles kernels with BIN/heed-simt, runs them and compares with numpy.

The chips are AMD's, emulated, all of them by default. Without an emulator nothing is run, which is said and is no
failure. For NVIDIA: `run.py --tools=BIN --images=DIR cuda` compiles into a folder, and `run.py --images=DIR cuda`, on a
machine with a GPU, runs what is there. -k WORD: only the themes whose name holds the word."""
import argparse
import os
import time

import numpy as np

import cases
import machines


def run_theme(machine, theme, make):
    cases.RANDOM = np.random.default_rng(7)
    chosen = list(make(machine))
    if not chosen:
        return 0, []
    module = machine.load("\n".join(case.kernel.text() for case in chosen))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools")
    parser.add_argument("--images", default="images")
    parser.add_argument("machines", nargs="*")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
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
