#!/usr/bin/env python3
"""collect_nodes.py OUT PACKAGES KIND TARGETS JOBS: the ONNX node cases as packages and data for a machine without heedc.

Writes OUT/onnx-KIND/NAME.heed, OUT/onnx-data/NAME/test_data_set_0, OUT/onnx-KIND/cases.txt (name, rtol, atol a line) and
OUT/onnx-KIND/sanitize.txt (the cases to look at closely). Packages are kept in PACKAGES and made again when heedc is newer.
"""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "onnx"))
import cases  # noqa: E402
import heed  # noqa: E402
import test_nodes  # noqa: E402

# One case of each skeleton but attention, in every type that it has.
SKELETONS = {"matmul": "matmul_2d", "row": "softmax_axis_2", "statistics": "layer_normalization_3d_axis1_epsilon", "map": "add_bcast"}
TYPES = ("", "_f16", "_bf16", "_i32")


def compile_case(name: str, case: cases.Case, folder: Path, target: str) -> str | None:
    """Compiles a case unless it is there; returns heedc's error."""
    work, package = folder / "data" / name, folder / f"{name}.heed"
    case.write(work)
    if package.exists() and package.stat().st_mtime > (heed.BUILD / "bin" / "heedc").stat().st_mtime:
        return None
    package.unlink(missing_ok=True)
    outcome = heed.tool("heedc", work / "model.onnx", "-o", package, f"--target={target}")
    return None if outcome.status == 0 else outcome.error_line() or outcome.stderr.strip()[-300:]


def main() -> int:
    out, packages, kind, target, jobs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
    failing = test_nodes.expected_failures()
    chosen = {
        name: case for name, case in test_nodes.all_cases().items() if not cases.asks_scores(case) and name not in failing
    }
    folder, target_folder = packages / f"onnx-{kind}", out / f"onnx-{kind}"
    for path in (folder, target_folder):
        path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        errors = list(pool.map(lambda item: compile_case(*item, folder, target), chosen.items()))
    lines = []
    for (name, case), error in zip(chosen.items(), errors, strict=True):
        lines.append(f"{name} {case.rtol} {test_nodes.elementwise_tolerance(case)}\n")
        if error:
            print(f"heedc failed on {name}: {error}")
            continue
        shutil.copy(folder / f"{name}.heed", target_folder)
        data = out / "onnx-data" / name / "test_data_set_0"
        shutil.copytree(folder / "data" / name / "test_data_set_0", data, dirs_exist_ok=True)
    (target_folder / "cases.txt").write_text("".join(lines))
    closely = [base + suffix for base in SKELETONS.values() for suffix in TYPES]
    (target_folder / "sanitize.txt").write_text("".join(f"{name}\n" for name in closely if (target_folder / f"{name}.heed").exists()))
    print(f"{len(lines)} node cases for {target}, {sum(error is not None for error in errors)} do not compile")
    return 0


if __name__ == "__main__":
    sys.exit(main())
