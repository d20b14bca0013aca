"""Whole models: the sentence encoder in both graphs, and the graphs exported by torch."""

import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import heed

sys.path[:0] = [str(heed.ROOT / "examples" / "minilm"), str(Path(__file__).parent / "models")]
from export import export, package_folder  # noqa: E402
from tokenizer import Tokenizer  # noqa: E402
from weights import materialise  # noqa: E402

HERE = Path(__file__).resolve().parent
ERROR_BOUND = 2e-5
COMPILE_SECONDS = 30
BATCH = 8
MINILM_LAYERS = 6
EXPORTED_LAYERS = 3
EXPORTED = sorted(path.stem for path in (HERE / "models").glob("*.onnx"))


def largest_error(got: np.ndarray, reference: np.ndarray) -> float:
    return float(np.abs(got.astype(np.float64) - reference).max() / np.abs(reference).max())


def run_onnxruntime(model: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def attention_kernels(explanation: str) -> list[int]:
    """Attention kernels of every plan, as the last line that `heedc --explain` prints about each says."""
    return [int(text) for text in re.findall(r"(\d+) attention kernels", explanation)]


def compile_checked(model: Path, package: Path, layers: int) -> float:
    """Compiles with one attention kernel a layer and nothing materialised; returns the seconds it took."""
    outcome = heed.must_compile(model, package, "--require-fused", "--explain")
    explanation = outcome.stdout + outcome.stderr
    counts = attention_kernels(explanation)
    assert counts and set(counts) == {layers}, explanation
    return outcome.seconds


def arena_bytes(package: Path, batch: int, sequence: int) -> list[int]:
    """The sizes of the plan's arena slices at these dimensions, as `heed-dump` evaluates them."""
    outcome = heed.tool("heed-dump", package, f"--arena=batch={batch},sequence={sequence}")
    assert outcome.status == 0, outcome.stderr
    return [int(text) for text in re.findall(r"^ *buffer .* bytes +(\d+)", outcome.stdout, re.MULTILINE)]


@pytest.fixture(scope="session")
def minilm(tmp_path_factory) -> dict[str, Path]:
    paths = export(tmp_path_factory.mktemp("minilm"))
    return {path.stem.removeprefix("minilm-"): path for path in paths}


def sentence_batches() -> list[dict[str, np.ndarray]]:
    """Fifty sentences in padded batches, short ones beside long ones."""
    sentences = (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
    assert len(sentences) == 50
    tokenizer = Tokenizer(package_folder() / "vocab.txt")
    strides = range(-(-len(sentences) // BATCH))
    return [tokenizer(sentences[begin :: len(strides)]) for begin in strides]


@pytest.mark.parametrize("graph", ["attention", "decomposed"])
def test_minilm(graph, minilm, tmp_path):
    model, package = minilm[graph], tmp_path / "minilm.heed"
    seconds = compile_checked(model, package, MINILM_LAYERS)
    worst = 0.0
    for number, batch in enumerate(sentence_batches()):
        got = heed.run(package, batch, ["last_hidden_state"], tmp_path / str(number))["last_hidden_state"]
        reference = run_onnxruntime(model, batch)
        assert got.shape == reference.shape
        assert np.isfinite(got).all()
        unpadded = batch["attention_mask"] == 1
        worst = max(worst, largest_error(got[unpadded], reference[unpadded]))
    print(f"minilm {graph}: compiled in {seconds:.1f} s, worst error {worst:.2e}")
    assert worst <= ERROR_BOUND
    assert seconds < COMPILE_SECONDS


@pytest.mark.parametrize("graph", ["attention", "decomposed"])
def test_minilm_plan_holds_no_score_matrix(graph, minilm, tmp_path):
    package = tmp_path / "minilm.heed"
    heed.must_compile(minilm[graph], package)
    short, long = arena_bytes(package, 2, 256), arena_bytes(package, 2, 512)
    assert short and len(short) == len(long)
    # Twice the length at most doubles a slice; a slice of scores would grow fourfold.
    assert all(after <= 2 * before for before, after in zip(short, long))


@pytest.mark.parametrize("graph", ["attention", "decomposed"])
def test_two_compilations_are_byte_identical(graph, minilm, tmp_path):
    first, second = tmp_path / "first.heed", tmp_path / "second.heed"
    heed.must_compile(minilm[graph], first)
    heed.must_compile(minilm[graph], second)
    assert first.read_bytes() == second.read_bytes()


def exported_inputs(name: str, batch: int, sequence: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(7)
    if name.startswith("vit"):
        return {"pixel_values": generator.standard_normal((batch, 3, 32, 32)).astype(np.float32)}
    ids = generator.integers(0, 512, (batch, sequence))
    lengths = generator.integers(1, sequence + 1, batch)
    lengths[0] = sequence
    mask = (np.arange(sequence) < lengths[:, None]).astype(np.int64)
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids % 2}


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_by_torch(name, tmp_path):
    model, package = materialise(HERE / "models" / f"{name}.onnx", tmp_path), tmp_path / "model.heed"
    compile_checked(model, package, EXPORTED_LAYERS)
    sizes = [(1, 1), (1, 128), (3, 37), (8, 16)] if name.startswith("bert") else [(1, 0), (5, 0)]
    for batch, sequence in sizes:
        inputs = exported_inputs(name, batch, sequence)
        got = heed.run(package, inputs, ["last_hidden_state"], tmp_path / f"{batch}x{sequence}")["last_hidden_state"]
        reference = run_onnxruntime(model, inputs)
        unpadded = inputs["attention_mask"] == 1 if "attention_mask" in inputs else ...
        error = largest_error(got[unpadded], reference[unpadded])
        print(f"{name} {batch}x{sequence}: {error:.2e}")
        assert error <= ERROR_BOUND
