"""Whole layers in small sizes: a Llama-shaped decoder layer over all rows and behind a cache, and MiniLM's in two types.

Each is written out twice: in float64, and as a plain program does it, in f32 with sums in natural order and with every
tensor of the graph rounded to its type. Results may be off by what tests/numerics allows:
  max|e| <= 2 max|e_plain| + ulp max|out|    and, of 4,096 numbers or more,   rms(e) <= 1.25 rms(e_plain) + ulp/2 rms(out)."""

import math
import re
import sys

import ml_dtypes
import numpy as np
import onnx
import pytest

import heed

sys.path.append(str(heed.ROOT / "tests"))
import llama_layer  # noqa: E402
import minilm_layers  # noqa: E402

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
ULP = {BFLOAT16: 2.0**-7, np.dtype(np.float32): 2.0**-23}
LLAMA = llama_layer.Sizes(hidden=128, heads=4, key_heads=2, width=32, inner=192)
MINILM = minilm_layers.Sizes(layers=2, hidden=64, heads=4, inner=128)


class Exact:
    """Arithmetic in float64, which rounds nothing to the types of the graph."""

    kind = np.float64

    def store(self, tensor):
        return tensor

    def matmul(self, a, b):
        return a @ b

    def mean(self, tensor):
        return tensor.mean(-1, keepdims=True)


class Plain:
    """Arithmetic in f32, whose results are stored in an element type."""

    kind = np.float32

    def __init__(self, element):
        self.element = element

    def store(self, tensor):
        return tensor.astype(self.element).astype(self.kind)

    def matmul(self, a, b):
        total = np.float32(0)
        for at in range(a.shape[-1]):
            total = total + a[..., at, None] * b[..., at, None, :]
        return total

    def mean(self, tensor):
        return np.add.accumulate(tensor, axis=-1)[..., -1:] / self.kind(tensor.shape[-1])


def attend(math_of, query, key, value, visible):
    """Softmax attention of [.., rows, width]; `visible` is true where a row sees a key."""
    scores = math_of.matmul(query, np.swapaxes(key, -1, -2)) * math_of.kind(query.shape[-1] ** -0.5)
    scores = np.where(visible, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    total = powers.sum(-1, keepdims=True)
    return math_of.store(math_of.matmul(math_of.store(powers), value) / total)


def llama(math_of, inputs, keys_of):
    """keys_of(key, value) gives the keys, values and visible pairs that the layer's new keys and values lead to."""
    t = {name: array.astype(math_of.kind) for name, array in inputs.items() if array.dtype.kind != "i"}
    m, rows = LLAMA, t["x"].shape[0]
    linear = lambda x, weight: math_of.matmul(x, t[weight].T)

    def norm(x, scale):
        return math_of.store(x / np.sqrt(math_of.mean(x * x) + math_of.kind(llama_layer.EPSILON)) * t[scale])

    def turn(x):
        low, high = np.split(x, 2, -1)
        return math_of.store(np.concatenate((low * t["cos"] - high * t["sin"], high * t["cos"] + low * t["sin"]), -1))

    joint = math_of.store(linear(norm(t["x"], "norm_in"), "w_qkv")).reshape(rows, -1, m.width).swapaxes(0, 1)
    query, key, value = np.split(joint, (m.heads, m.heads + m.key_heads))
    key, value, visible = keys_of(turn(key), value)
    key, value = (np.repeat(each, m.heads // m.key_heads, 0) for each in (key, value))
    out = attend(math_of, turn(query), key, value, visible).swapaxes(0, 1).reshape(rows, -1)
    x = math_of.store(linear(out, "w_out") + t["x"])
    y = norm(x, "norm_mid")
    gate = linear(y, "w_gate")
    return math_of.store(linear(math_of.store(gate / (1 + np.exp(-gate)) * linear(y, "w_up")), "w_down") + x)


def minilm(math_of, inputs):
    kind, m = math_of.kind, MINILM
    x, mask = inputs["x0"].astype(kind), inputs["mask"]
    heads = lambda each: each.reshape(*x.shape[:2], m.heads, -1).swapaxes(1, 2)
    erf = np.vectorize(math.erf, otypes=[kind])
    for n in range(m.layers):
        w = {name: inputs[f"{name}{n}"].astype(kind) for name in m.weights}

        def linear(x, which):
            return math_of.store(math_of.store(math_of.matmul(x, w[f"w_{which}"].T)) + w[f"b_{which}"])

        def norm(x, which):
            x = x - math_of.mean(x)
            scaled = x / np.sqrt(math_of.mean(x * x) + kind(minilm_layers.EPSILON))
            return math_of.store(scaled * w[f"norm{which}"] + w[f"shift{which}"])

        query, key, value = (heads(each) for each in np.split(linear(x, "qkv"), 3, -1))
        out = attend(math_of, query, key, value, mask).swapaxes(1, 2).reshape(x.shape)
        x = norm(math_of.store(linear(out, "out") + x), 1)
        inner = linear(x, "in")
        inner = math_of.store(inner * kind(0.5) * (1 + erf(inner * kind(0.5**0.5))))
        x = norm(math_of.store(linear(inner, "down") + x), 2)
    return x


def check(name, got, exact, plain):
    ulp = ULP[got.dtype]
    rms = lambda tensor: math.sqrt(np.mean(np.square(tensor, dtype=np.float64)))
    largest = lambda tensor: float(np.abs(tensor).max())
    assert got.shape == exact.shape, name
    error, plain = got.astype(np.float64) - exact, plain.astype(np.float64) - exact
    allowed = 2 * largest(plain) + ulp * largest(exact)
    print(f"{name}: largest error {largest(error) / allowed:.2f} of the bound", end="")
    assert largest(error) <= allowed, f"{name}: {largest(error):.2e}, allowed {allowed:.2e}"
    if got.size >= 4096:
        allowed = 1.25 * rms(plain) + 0.5 * ulp * rms(exact)
        print(f", rms {rms(error) / allowed:.2f}", end="")
        assert rms(error) <= allowed, f"{name}: rms {rms(error):.2e}, allowed {allowed:.2e}"
    print()


def drawn(random, shapes, element):
    """Weights by name: matrices that keep the size of what they multiply, norms around one, small biases."""
    scale = lambda shape: shape[1] ** -0.5 if len(shape) == 2 else 0.1
    return {name: (random.standard_normal(shape) * scale(shape) + name.startswith("norm")).astype(element)
            for name, shape in shapes.items()}


def llama_inputs(random, first, rows):
    """Rows from position `first` on."""
    angles = np.arange(first, first + rows)[:, None] / 500000.0 ** (np.arange(0, LLAMA.width, 2) / LLAMA.width)
    tensors = {"x": random.standard_normal((rows, LLAMA.hidden)), "cos": np.cos(angles), "sin": np.sin(angles)}
    return {name: tensor.astype(BFLOAT16) for name, tensor in tensors.items()} | drawn(random, LLAMA.weights, BFLOAT16)


def compile_layers(source, package, layers):
    outcome = heed.must_compile(source, package, "--require-fused", "--explain")
    counts = [int(text) for text in re.findall(r"(\d+) attention kernels", outcome.stdout + outcome.stderr)]
    assert counts and min(counts) >= layers, outcome.stdout + outcome.stderr


def run(package, inputs, outputs, folder):
    """bf16 comes back as two-byte numbers that NumPy has no name for."""
    results = heed.run(package, inputs, outputs, folder)
    return {name: result.view(BFLOAT16) if result.dtype.kind == "V" else result for name, result in results.items()}


def test_prefill(tmp_path):
    (tmp_path / "prefill.mlir").write_text(llama_layer.prefill(LLAMA))
    package = tmp_path / "prefill.heed"
    compile_layers(tmp_path / "prefill.mlir", package, 1)
    for rows in (1, 5, 33, 100):
        inputs = llama_inputs(np.random.default_rng(rows), 0, rows)
        got = run(package, inputs, ["out"], tmp_path / str(rows))["out"]
        own_keys = lambda key, value: (key, value, np.tri(rows, dtype=bool))
        exact, plain = (llama(each, inputs, own_keys) for each in (Exact(), Plain(BFLOAT16)))
        check(f"prefill of {rows} rows", got, exact, plain)


@pytest.mark.parametrize("capacity", [16, 300])
def test_decode(capacity, tmp_path):
    (tmp_path / "decode.mlir").write_text(llama_layer.decode(LLAMA))
    package = tmp_path / "decode.heed"
    compile_layers(tmp_path / "decode.mlir", package, 1)
    for position in (0, capacity // 2, capacity - 1):
        random = np.random.default_rng(position)
        shape = (1, LLAMA.key_heads, capacity, LLAMA.width)
        inputs = llama_inputs(random, position, 1)
        # What lies behind the position is read by nobody.
        caches = {name: random.standard_normal(shape).astype(BFLOAT16) for name in ("keys", "values")}
        for cache in caches.values():
            cache[:, :, position:] = np.nan
        inputs |= caches | {"position": np.array([position], np.int32)}
        got = run(package, inputs, ["out", "keys_after", "values_after"], tmp_path / str(position))
        rows = {}

        def cached(math_of):
            def keys_of(*new):
                rows[math_of] = new
                old = (cache[0, :, :position].astype(math_of.kind) for cache in caches.values())
                return *(np.concatenate(each, 1) for each in zip(old, new)), True
            return keys_of

        exact, plain = Exact(), Plain(BFLOAT16)
        outs = [llama(each, inputs, cached(each)) for each in (exact, plain)]
        check(f"decode at {position} of {capacity}", got["out"], *outs)
        for which, (name, cache) in enumerate(caches.items()):
            after = got[f"{name}_after"]
            check(f"  new {name}", after[0, :, position : position + 1], rows[exact][which], rows[plain][which])
            after[:, :, position] = cache[:, :, position]
            assert after.tobytes() == cache.tobytes(), f"{name} at other positions changed"


@pytest.mark.parametrize("element", ["bfloat16", "float"])
def test_minilm_layers(element, tmp_path):
    kind = BFLOAT16 if element == "bfloat16" else np.dtype(np.float32)
    onnx.save(onnx.parser.parse_model(minilm_layers.source(element, MINILM)), tmp_path / "layers.onnx")
    package = tmp_path / "layers.heed"
    compile_layers(tmp_path / "layers.onnx", package, MINILM.layers)
    shapes = {f"{name}{n}": shape for n in range(MINILM.layers) for name, shape in MINILM.weights.items()}
    for batch, sequence in ((1, 1), (3, 37)):
        random = np.random.default_rng(sequence)
        lengths = random.integers(1, sequence + 1, batch)
        mask = (np.arange(sequence) < lengths[:, None])[:, None, None]
        tokens = random.standard_normal((batch, sequence, MINILM.hidden)).astype(kind)
        inputs = {"x0": tokens, "mask": mask, **drawn(random, shapes, kind)}
        got = run(package, inputs, ["out"], tmp_path / str(sequence))["out"]
        exact, plain = (minilm(each, inputs) for each in (Exact(), Plain(kind)))
        check(f"MiniLM in {element}, {batch} x {sequence}", got, exact, plain)
