#!/usr/bin/env python3
"""Embeds sentences with a compiled all-MiniLM-L6-v2 and compares Heed with ONNX Runtime, in numbers and in time.

    python examples/minilm/embed.py build/minilm/minilm-decomposed.onnx build/minilm/minilm-decomposed.heed

An embedding is the mean of the last hidden state over the tokens of the sentence, scaled to length one.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from export import package_folder
from tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("HEED_BUILD", ROOT / "build" / "release")) / "bin"
THREADS = 2
SENTENCES = [
    "A man is eating food.",
    "Somebody is having a meal.",
    "A cheetah is running behind its prey.",
    "A big cat chases an antelope.",
    "The stock market fell sharply on Monday.",
    "Share prices dropped at the start of the week.",
]


def run_heed(package: Path, batch: dict[str, np.ndarray]) -> tuple[np.ndarray, float]:
    """The last hidden state, and the median seconds of a call."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = []
        for name, values in batch.items():
            np.save(f"{folder}/{name}.npy", values)
            inputs.append(f"--input={name}=@{folder}/{name}.npy")
        output = f"{folder}/last_hidden_state.npy"
        subprocess.run([TOOLS / "heed-run", package, *inputs, f"--output=last_hidden_state=@{output}"], check=True)
        bench = [TOOLS / "heed-bench", package, *inputs, "--json", f"--threads={THREADS}"]
        report = json.loads(subprocess.run(bench, check=True, capture_output=True, text=True).stdout)
        return np.load(output), report["median_seconds"]


def run_onnxruntime(model: Path, batch: dict[str, np.ndarray]) -> tuple[np.ndarray, float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    (hidden,) = session.run(None, batch)
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        session.run(None, batch)
        seconds.append(time.perf_counter() - begin)
    return hidden, statistics.median(seconds)


def embeddings(hidden: np.ndarray, mask: np.ndarray) -> np.ndarray:
    weights = mask[..., None].astype(np.float32)
    means = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def print_similarities(vectors: np.ndarray):
    width = max(map(len, SENTENCES))
    print(f"\n{'cosine similarity':{width + 3}}" + "".join(f"{index:7}" for index in range(1, len(SENTENCES) + 1)))
    for index, (sentence, row) in enumerate(zip(SENTENCES, vectors @ vectors.T), 1):
        print(f"{index}  {sentence:{width}}" + "".join(f"{value:7.2f}" for value in row))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("package", type=Path)
    arguments = parser.parse_args()
    batch = Tokenizer(package_folder() / "vocab.txt")(SENTENCES)
    hidden, heed_seconds = run_heed(arguments.package, batch)
    reference, reference_seconds = run_onnxruntime(arguments.model, batch)
    print_similarities(embeddings(hidden, batch["attention_mask"]))

    tokens = batch["attention_mask"] == 1
    error = np.abs(hidden[tokens] - reference[tokens]).max() / np.abs(reference[tokens]).max()
    rows, columns = tokens.shape
    print(f"\nerror against ONNX Runtime  {error:.1e}  (largest difference over largest value)")
    print(f"time of a call ({rows} sentences of up to {columns} tokens, {THREADS} threads)")
    print(f"  Heed          {1e3 * heed_seconds:7.2f} ms")
    print(f"  ONNX Runtime  {1e3 * reference_seconds:7.2f} ms")
    print(f"package                     {arguments.package}  ({arguments.package.stat().st_size / 2**20:.0f} MiB)")


if __name__ == "__main__":
    main()
