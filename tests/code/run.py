"""run.py --tools=BIN [-j N] [-k WORD] TARGET...: compiles the programs of sources.py with BIN/heedc for each target, such
as cuda:sm_80 or rocm:gfx942, and runs nothing. A warning of the compiler is a failure: it warns of values that do not
fit the registers and go to memory, and of what NVIDIA's assembler serialises. That assembler must be there: $HEED_PTXAS,
or the one in this Python environment. Every module for Vulkan must please spirv-val. -k WORD (repeatable): only programs with the word in their names."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lanes"))
import machines  # noqa: E402
import sources  # noqa: E402


def validate(modules: list[Path]) -> str:
    """What the validator says of SPIR-V modules."""
    said = [] if modules else ["no module was written"]
    for module in modules:
        done = subprocess.run(["spirv-val", "--target-env", "vulkan1.3", module], capture_output=True, text=True)
        if done.returncode:
            said.append(f"{module.name}: {done.stdout.strip()}{done.stderr.strip()}")
    return "\n".join(said)


def compile_program(tools: Path, source: Path, target: str, threads: int) -> tuple[str, float]:
    """What the compiler says, which ought to be nothing, and the seconds it took with so many threads."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "program.heed")
        command = [tools / "heedc", source, "-o", package, f"--target={target}", f"--threads={threads}"]
        if target.startswith("vulkan"):
            command.append(f"--dump-ir={folder}")
        done = subprocess.run(command, capture_output=True, text=True)
        said = done.stderr.strip() or ("" if done.returncode == 0 else f"exits with {done.returncode}")
        if target.startswith("vulkan") and not said:
            said = validate(sorted(Path(folder).rglob("*.spv")))
    return said, time.monotonic() - start


def check(tools: Path, programs: dict[str, Path], target: str, jobs: int) -> int:
    """Returns the number of programs with complaints."""
    start = time.monotonic()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda item: (item[0], *compile_program(tools, item[1], target, threads)), programs.items()))
    failed = 0
    for name, said, _ in results:
        if said:
            failed += 1
            print(f"FAILED {target} {name}: {said}")
    name, _, longest = max(results, key=lambda result: result[2])
    seconds = time.monotonic() - start
    print(f"{target}: {len(results) - failed} of {len(results)} programs clean, {seconds:.0f} s; longest {name}, {longest:.1f} s")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True)
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("-k", action="append", default=[])
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    if any(target.startswith("cuda") for target in options.targets):
        assembler = os.environ.get("HEED_PTXAS") or machines.find_ptxas()
        if not assembler:
            print("code: FAILED: no ptxas: install tests/requirements.txt, or set HEED_PTXAS")
            return 1
        os.environ["HEED_PTXAS"] = assembler
    with tempfile.TemporaryDirectory() as folder:
        programs = sources.write(Path(folder), options.tools, options.k)
        if not programs:
            print(f"code: FAILED: no program has one of {options.k} in its name")
            return 1
        return 1 if sum(check(options.tools, programs, target, options.j) for target in options.targets) else 0


if __name__ == "__main__":
    sys.exit(main())
