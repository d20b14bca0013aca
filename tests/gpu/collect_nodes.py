#!/usr/bin/env python3
"""collect_nodes.py WHAT OUT PACKAGES KIND TARGETS JOBS: cases as packages and data for a machine without heedc: the ONNX
node cases (WHAT is onnx), or those of every skeleton and type (skeletons).

Writes OUT/WHAT-KIND/NAME.heed, OUT/WHAT-data/NAME, and in OUT/WHAT-KIND the files cases.txt, a line a case as `heed-run
--test-list` reads them, uncompiled.txt, the cases that heedc does not take, and expected-failures.txt, those that are
known to fail in either way. Packages are kept in PACKAGES and made again when heedc is newer.
"""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The failures that are expected are those of this kind of device.
os.environ["HEED_DEVICE"] = sys.argv[4]
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "onnx"))
import cases  # noqa: E402
import heed  # noqa: E402
import skeletons  # noqa: E402
import test_nodes  # noqa: E402

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
    what, out, packages, kind, target, jobs = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:]
    all_cases, failing = (
        (test_nodes.all_cases(), test_nodes.expected_failures()) if what == "onnx" else (skeletons.all_cases(), set())
    )
    chosen = {name: case for name, case in all_cases.items() if not cases.asks_scores(case)}
    folder, target_folder = packages / f"{what}-{kind}", out / f"{what}-{kind}"
    for path in (folder, target_folder):
        path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(int(jobs)) as pool:
        errors = list(pool.map(lambda item: compile_case(*item, folder, target), chosen.items()))
    lines, uncompiled = [], []
    for (name, case), error in zip(chosen.items(), errors, strict=True):
        if error:
            uncompiled.append(f"{name} {error}\n")
            if name not in failing:
                print(f"heedc failed on {name}: {error}")
            continue
        shutil.copy(folder / f"{name}.heed", target_folder)
        shutil.copytree(folder / "data" / name / "test_data_set_0", out / f"{what}-data" / name, dirs_exist_ok=True)
        tolerance = f"{case.rtol} {test_nodes.elementwise_tolerance(case)}"
        lines.append(f"{name}.heed ../{what}-data/{name} {tolerance}\n")
    (target_folder / "cases.txt").write_text("".join(lines))
    (target_folder / "uncompiled.txt").write_text("".join(uncompiled))
    (target_folder / "expected-failures.txt").write_text("".join(f"{name}\n" for name in sorted(failing)))
    print(f"{len(lines)} {what} cases for {target}, {len(uncompiled)} do not compile")
    return 0


if __name__ == "__main__":
    sys.exit(main())
