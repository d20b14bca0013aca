"""The programs whose kernels stand for all that a compiler of kernels is asked for: each skeleton, type and head width."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "onnx"), str(TESTS.parent / "examples" / "minilm")]
import skeletons  # noqa: E402
from export import export  # noqa: E402

# Of attention with masks, biases and the rest one program in so many; plain causal attention comes in every head width,
# and keys in pages always.
OTHER_ATTENTION = 5


def attention(folder: Path, tools: Path) -> list[Path]:
    subprocess.run([tools / "heed-numerics", "emit", folder], check=True, stdout=subprocess.DEVNULL)
    programs = sorted(folder.glob("*.mlir"))
    widths = [path for path in programs if "-causal-d" in path.name]
    pages = [path for path in programs if "-pages" in path.name]
    others = [path for path in programs if path not in widths + pages]
    return widths + pages + others[::OTHER_ATTENTION]


def write(folder: Path, tools: Path, words: list[str]) -> dict[str, Path]:
    """Sources by name, those with one of the words in their names: .mlir of attention, .onnx of everything else."""
    sources = {f"attend-{path.stem}": path for path in attention(folder / "attend", tools)}
    for name, case in skeletons.all_cases().items():
        sources[name] = case.write(folder / name)
    for path in export(folder / "minilm"):
        sources[path.stem] = path
    return {name: path for name, path in sources.items() if not words or any(word in name for word in words)}
