"""run.py BUILD [--device=DEVICE] [--target=TARGET] [--cases=N] [-k WORD]: generated cases of products, rows and maps.

Compiles the models of models.py in every element type, with sizes left to run time, and runs each with drawn sizes: N
cases of each skeleton (100), or all models once where N is 0, in one process. Results are compared with the same graph in
double precision: no error may exceed the largest expected value times a few roundings to the element type. The last lines
count the cases of each skeleton."""

import argparse
import itertools
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

import library
import models

NUMPY = {
    "float": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
}
# Of one rounding, relative to the largest value; for float32 also what sums of a few hundred terms add to it.
ROUNDING = {"float": 2e-6, "float16": 2**-10, "bfloat16": 2**-7, "int32": 0.0, "int64": 0.0}


def parse(model: models.Model, element: str) -> onnx.ModelProto:
    inputs, rest = (part.strip() for part in model.text.split("=>"))
    outputs, nodes = rest.split("{")
    graph = f"agraph ({inputs}) => ({outputs.strip()}) {{{nodes}".replace("T[", f"{element}[")
    parsed = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {model.opset}]>\n{graph}')
    onnx.checker.check_model(parsed)
    return parsed


class Prepared:
    """A model in one element type."""

    def __init__(self, model: models.Model, element: str, folder: Path):
        self.model, self.element, self.name = model, element, f"{model.skeleton}/{model.name}-{element}"
        self.graph = parse(model, element)
        wide = "double" if element in models.FLOATS else element
        self.reference = ReferenceEvaluator(parse(model, wide))
        self.source = folder / f"{model.skeleton}-{model.name}-{element}.onnx"
        self.package = self.source.with_suffix(".heed")
        onnx.save(self.graph, self.source)

    def draw(self, round_number: int) -> tuple[dict[str, int], dict[str, np.ndarray]]:
        """Sizes and inputs; the same for the same round everywhere."""
        random = np.random.default_rng([round_number, *self.name.encode()])
        sizes, inputs = {}, {}
        for info in self.graph.graph.input:
            tensor = info.type.tensor_type
            shape = []
            for dim in tensor.shape.dim:
                if dim.dim_param and dim.dim_param not in sizes:
                    choice = models.SMALL if dim.dim_param in "BH" else models.SIZES
                    sizes[dim.dim_param] = int(random.choice(self.model.sizes.get(dim.dim_param, choice)))
                shape.append(sizes[dim.dim_param] if dim.dim_param else dim.dim_value)
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
            if info.name in self.model.indices:
                inputs[info.name] = random.integers(0, sizes[self.model.indices[info.name]], shape).astype(dtype)
            elif dtype.kind == "i":
                inputs[info.name] = random.integers(-1000, 1000, shape).astype(dtype)
            else:
                inputs[info.name] = random.normal(size=shape).astype(dtype)
        return sizes, inputs

    def judge(self, inputs: dict[str, np.ndarray], actual: np.ndarray) -> str:
        """What is wrong with the result, or nothing."""
        wide = {name: value if value.dtype.kind == "i" else value.astype(np.float64) for name, value in inputs.items()}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = np.asarray(self.reference.run(None, wide)[0])
        if actual.shape != expected.shape:
            return f"the shape is {actual.shape}, not {expected.shape}"
        if expected.dtype.kind == "i":
            wrong = np.argwhere(actual != expected)
            return f"{len(wrong)} of {expected.size} differ, first at {tuple(wrong[0])}" if len(wrong) else ""
        error = np.abs(actual.astype(np.float64) - expected)
        output = onnx.helper.tensor_dtype_to_np_dtype(self.graph.graph.output[0].type.tensor_type.elem_type)
        stored = next(name for name, dtype in NUMPY.items() if dtype == output)
        bound = self.model.roundings * max(ROUNDING[self.element], ROUNDING[stored]) * np.abs(expected).max(initial=0)
        if not (error <= bound).all():
            worst = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
            return f"{actual[worst]} for {expected[worst]} at {tuple(map(int, worst))}, allowed error {bound:.2e}"
        return ""


def compile_model(heedc: Path, prepared: Prepared, target: str) -> str:
    """heedc's error, or nothing."""
    command = [str(heedc), str(prepared.source), "-o", str(prepared.package), f"--target={target}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["heedc fails without a word"])[-1]


def run_case(heed: library.Library, module, prepared: Prepared, round_number: int) -> tuple[str, str]:
    """The case's name, and what is wrong with its result."""
    sizes, inputs = prepared.draw(round_number)
    name = f"{prepared.name}/{'-'.join(f'{letter}{size}' for letter, size in sizes.items())}"
    output = prepared.graph.graph.output[0]
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type))
    try:
        return name, prepared.judge(inputs, heed.run(module, inputs, output.name, dtype))
    except RuntimeError as error:
        return name, str(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--target")
    parser.add_argument("--cases", type=int, default=100, help="of each skeleton; 0: one of each model")
    parser.add_argument("-k", default="", help="only models whose name holds the word")
    options = parser.parse_args()
    target = options.target or options.device.split(":")[0]
    folder = options.build / "generated" / target.replace(":", "-")
    folder.mkdir(parents=True, exist_ok=True)
    start, failures, counts = time.time(), [], {}
    heed = library.Library(options.build / "lib" / "libheed.so", options.device)
    for skeleton, group in itertools.groupby(models.MODELS, key=lambda model: model.skeleton):
        prepared = [Prepared(model, element, folder) for model in group for element in model.types]
        prepared = [one for one in prepared if options.k in one.name]
        if not prepared:
            continue
        wanted = options.cases or len(prepared)
        # Evenly spread, so that every model and type takes part.
        shares = [wanted * (at + 1) // len(prepared) - wanted * at // len(prepared) for at in range(len(prepared))]
        chosen = [(one, share) for one, share in zip(prepared, shares, strict=True) if share]
        with ThreadPoolExecutor(2) as pool:
            errors = list(pool.map(lambda one: compile_model(options.build / "bin" / "heedc", one[0], target), chosen))
        passed = total = 0
        for (one, share), error in zip(chosen, errors, strict=True):
            module = None
            if not error:
                try:
                    module = heed.load(one.package)
                except RuntimeError as problem:
                    error = str(problem)
            for round_number in range(share):
                name, problem = run_case(heed, module, one, round_number) if module else (one.name, error)
                total, passed = total + 1, passed + (not problem)
                if problem:
                    failures.append(f"FAIL {name}: {problem}")
                    print(failures[-1], flush=True)
            if module:
                heed.release(module)
        counts[skeleton] = (passed, total)
    for skeleton, (passed, total) in counts.items():
        print(f"{skeleton}: {passed} of {total} cases passed on {heed.name}")
    print(f"{time.time() - start:.0f} s")
    return 1 if failures or not counts else 0


if __name__ == "__main__":
    sys.exit(main())
