"""Heed's tools as the tests use them: as a user would, through their command lines."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HEED_BUILD", ROOT / "build" / "release"))
# Software devices take most of it: a sentence encoder under validation needs a minute a batch on a busy machine.
TIMEOUT_SECONDS = 600
# Where packages run, such as vulkan:0; they are compiled for the kind of device it names.
DEVICE = os.environ.get("HEED_DEVICE", "cpu")
TARGET = os.environ.get("HEED_TARGET", DEVICE.split(":")[0])


@dataclass
class Outcome:
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def crashed(self) -> bool:
        return self.status < 0 or self.status > 2

    def error_line(self) -> str:
        """The one line that says what is wrong."""
        lines = [line for line in self.stderr.splitlines() if "error:" in line]
        return lines[0] if lines else ""


def tool(name: str, *arguments, timeout: float = TIMEOUT_SECONDS, threads: int | None = None) -> Outcome:
    import time

    environment = dict(os.environ)
    if threads is not None:
        environment["HEED_THREADS"] = str(threads)
    begin = time.monotonic()
    command = [str(BUILD / "bin" / name), *map(str, arguments)]
    # A timeout raises: a tool that hangs is a failure of the test, with its command line in the message.
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, env=environment)
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)


def compile_model(model: Path, package: Path, *options: str) -> Outcome:
    return tool("heedc", model, "-o", package, f"--target={TARGET}", *options)


def must_compile(model: Path, package: Path, *options: str) -> Outcome:
    outcome = compile_model(model, package, *options)
    assert outcome.status == 0, f"heedc exits with {outcome.status}\n{outcome.stderr}"
    return outcome


def run_test_directory(package: Path, folder: Path, rtol: float, atol: float) -> Outcome:
    options = (f"--test-dir={folder}", f"--device={DEVICE}", f"--rtol={rtol}", f"--atol={atol}")
    return tool("heed-run", package, *options)


def run(package: Path, inputs: dict[str, np.ndarray], outputs: list[str], folder: Path) -> dict[str, np.ndarray]:
    """Runs a package on arrays; through .npy files, as from a shell."""
    folder.mkdir(parents=True, exist_ok=True)
    options = [f"--device={DEVICE}"]
    for name, array in inputs.items():
        np.save(folder / f"in-{name}.npy", array)
        options.append(f"--input={name}=@{folder / f'in-{name}.npy'}")
    options += [f"--output={name}=@{folder / f'out-{name}.npy'}" for name in outputs]
    outcome = tool("heed-run", package, *options)
    assert outcome.status == 0, f"heed-run exits with {outcome.status}\n{outcome.stderr}"
    return {name: np.load(folder / f"out-{name}.npy") for name in outputs}


def reported_error(outcome: Outcome) -> float | None:
    """The largest norm-wise error, max|err| / max|ref|, that heed-run reports over its outputs."""
    found = [float(text) for text in re.findall(r"norm-wise[ =:]+([-+.\deE]+)", outcome.stdout + outcome.stderr)]
    return max(found) if found else None
