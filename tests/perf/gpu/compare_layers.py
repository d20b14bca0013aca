#!/usr/bin/env python3
"""Whole layers on an NVIDIA GPU: Heed against torch.compile, in one run.

    compare_layers.py emit DIR             writes the models; needs the package onnx. Compile them anywhere:
                                           heedc DIR/x.mlir --target=cuda:sm_90a --require-fused -o DIR/x.heed
    compare_layers.py run DIR PROGRAMS [MODEL..]
                                           on the GPU machine, which needs torch; PROGRAMS is the folder of heed-bench and
                                           heed-run; modules beside and above this file are needed too

prefill and decode: one layer of Llama-3.2-1B's sizes, 2048 rows, and one row behind a cache of 2048 keys. minilm-*: six layers
of MiniLM's sizes, 64 sequences of 128. Weights are inputs, made from a seed.

Prints microseconds of a call as its caller waits for it (torch: the faster of mode default and reduce-overhead, which replays a
CUDA graph; Heed replays one too), their ratio, the sum of Heed's kernels, and relative errors (rms) against float64: Heed's,
and of torch without compilation in the same element type. Then Heed's kernels, and its first calls.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path += [str(pathlib.Path(__file__).parents[level]) for level in (0, 2)]
import llama_layer
import minilm_layers
from llama_layer import LLAMA_1B
from minilm_layers import MINILM
from measure import heed_output, save

ROWS, CAPACITY, BATCH, SEQUENCE = 2048, 2048, 64, 128
MODELS = ("prefill", "decode", "minilm-bfloat16", "minilm-float")


def emit(folder):
    import onnx
    (folder / "prefill.mlir").write_text(llama_layer.prefill())
    (folder / "decode.mlir").write_text(llama_layer.decode())
    for name in MODELS[2:]:
        onnx.save(onnx.parser.parse_model(minilm_layers.source(name.split("-")[1])), folder / f"{name}.onnx")


def seeded(shapes, kind):
    """Weights by name: matrices that keep the size of what they multiply, norms around one, small biases."""
    import torch
    random = torch.Generator(device="cuda").manual_seed(1)
    weights = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, device="cuda", generator=random)
        weights[name] = (values * shape[1] ** -0.5 if len(shape) == 2 else
                         values * 0.1 + name.startswith("norm")).to(kind)
    return weights


def rope_tables(first, rows):
    import torch
    periods = 500000.0 ** (torch.arange(0, LLAMA_1B.width, 2, device="cuda").double() / LLAMA_1B.width)
    angles = torch.arange(first, first + rows, device="cuda").double()[:, None] / periods
    return {"cos": angles.cos().bfloat16(), "sin": angles.sin().bfloat16()}


def llama(x, cos, sin, w, attend):
    """attend(query, key, value) in [1, heads, rows, width]."""
    import torch
    from torch.nn.functional import linear, rms_norm, silu
    m, rows = LLAMA_1B, x.shape[0]
    norm = lambda x, scale: rms_norm(x, (m.hidden,), scale, llama_layer.EPSILON)

    def turn(x):
        low, high = x.chunk(2, -1)
        return x * torch.cat((cos, cos), -1) + torch.cat((-high, low), -1) * torch.cat((sin, sin), -1)

    joint = linear(norm(x, w["norm_in"]), w["w_qkv"]).view(1, rows, -1, m.width).transpose(1, 2)
    query, key, value = joint.split((m.heads, m.key_heads, m.key_heads), 1)
    out = attend(turn(query), turn(key), value).transpose(1, 2).reshape(rows, -1)
    x = x + linear(out, w["w_out"])
    y = norm(x, w["norm_mid"])
    return x + linear(silu(linear(y, w["w_gate"])) * linear(y, w["w_up"]), w["w_down"])


def minilm(x, mask, w):
    from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention
    m = MINILM
    batch, sequence, hidden = x.shape
    for n in range(m.layers):
        of = {name: w[f"{name}{n}"] for name in m.weights}
        norm = lambda x, which: layer_norm(x, (hidden,), of[f"norm{which}"], of[f"shift{which}"], minilm_layers.EPSILON)
        joint = linear(x, of["w_qkv"], of["b_qkv"]).view(batch, sequence, 3, m.heads, -1).permute(2, 0, 3, 1, 4)
        out = scaled_dot_product_attention(joint[0], joint[1], joint[2], attn_mask=mask).transpose(1, 2).reshape(x.shape)
        x = norm(linear(out, of["w_out"], of["b_out"]) + x, 1)
        x = norm(linear(gelu(linear(x, of["w_in"], of["b_in"])), of["w_down"], of["b_down"]) + x, 2)
    return x


def prepare(name):
    """The peer's function, its tensors as Heed's inputs are named, and the symbols' sizes."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention as sdpa
    random = torch.Generator(device="cuda").manual_seed(2)
    normal = lambda *shape: torch.randn(shape, device="cuda", generator=random)
    if name.startswith("minilm"):
        kind = getattr(torch, {"bfloat16": "bfloat16", "float": "float32"}[name.split("-")[1]])
        shapes = {f"{weight}{n}": shape for n in range(MINILM.layers) for weight, shape in MINILM.weights.items()}
        lengths = torch.randint(SEQUENCE // 2, SEQUENCE + 1, (BATCH,), device="cuda", generator=random)
        mask = (torch.arange(SEQUENCE, device="cuda") < lengths[:, None])[:, None, None]
        tensors = {"x0": normal(BATCH, SEQUENCE, MINILM.hidden).to(kind), "mask": mask, **seeded(shapes, kind)}
        return lambda t: minilm(t["x0"], t["mask"], t), tensors
    weights = seeded(LLAMA_1B.weights, torch.bfloat16)
    rows, first = (ROWS, 0) if name == "prefill" else (1, CAPACITY - 1)
    tensors = {"x": normal(rows, LLAMA_1B.hidden).bfloat16(), **rope_tables(first, rows), **weights}
    if name == "prefill":
        attend = lambda t: lambda q, k, v: sdpa(q, k, v, is_causal=True, enable_gqa=True)
    else:
        shape = (1, LLAMA_1B.key_heads, CAPACITY, LLAMA_1B.width)
        tensors |= {"keys": normal(*shape).bfloat16(), "values": normal(*shape).bfloat16(),
                    "position": torch.tensor([first], dtype=torch.int32, device="cuda")}

        def attend(t):
            def run(query, key, value):
                t["keys"].index_copy_(2, t["position"].long(), key)
                t["values"].index_copy_(2, t["position"].long(), value)
                return sdpa(query, t["keys"], t["values"], enable_gqa=True)
            return run
    return lambda t: llama(t["x"], t["cos"], t["sin"], t, attend(t)), tensors


def waited(function):
    """The median of seconds from a call to its end."""
    import torch
    times = []
    for _ in range(60):
        start = time.perf_counter()
        function()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[10:])


def torch_seconds(function, tensors):
    import torch
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    seconds = {}
    with torch.no_grad():
        for mode in ("default", "reduce-overhead"):
            torch._dynamo.reset()
            compiled = torch.compile(function, mode=mode, dynamic=False)
            try:
                seconds[mode] = waited(lambda: compiled(tensors))
            except Exception as error:
                print(f"torch.compile, {mode}: {str(error).splitlines()[0]}")
    return seconds


def errors(function, tensors, out):
    import torch
    with torch.no_grad():
        wide = {name: tensor.double() if tensor.is_floating_point() else tensor.clone() for name, tensor in tensors.items()}
        exact = function(wide)
        plain = function({name: tensor.clone() for name, tensor in tensors.items()})
    rms = lambda tensor: tensor.double().square().mean().sqrt().item()
    return tuple(rms(result.double().reshape(exact.shape) - exact) / rms(exact) for result in (out, plain))


def heed_report(bench, package, tensors):
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, tensor in tensors.items():
            save(f"{folder}/{name}.npy", tensor)
            arguments.append(f"--input={name}=@{folder}/{name}.npy")
        run = subprocess.run([bench, package, "--device=cuda:0", "--json", "--seconds=0.2", "--warmup=0.1", *arguments],
                             capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{package}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def show_kernels(report):
    print(f"    {'kernel':24} {'us':>8} {'%':>5} {'TFLOP/s':>8} {'GB/s':>6}")
    whole = sum(kernel["seconds"] for kernel in report["kernels"])
    for kernel in report["kernels"]:
        seconds = kernel["seconds"]
        print(f"    {kernel['name']:24} {1e6 * seconds:8.1f} {100 * seconds / whole:5.1f} {kernel['flops'] / seconds / 1e12:8.1f} "
              f"{kernel['bytes'] / seconds / 1e9:6.0f}")


def run(folder, programs, models):
    for name in models:
        package = str(folder / f"{name}.heed")
        function, tensors = prepare(name)
        heed_error, torch_error = errors(function, tensors, heed_output(str(programs / "heed-run"), package, tensors))
        report = heed_report(str(programs / "heed-bench"), package, tensors)
        seconds = torch_seconds(function, tensors)
        heed, peer = report["median_seconds"], min(seconds.values())
        kernels = sum(kernel["seconds"] for kernel in report["kernels"])
        modes = ", ".join(f"{mode} {1e6 * each:.0f}" for mode, each in seconds.items())
        print(f"{name}: Heed {1e6 * heed:.0f} us, torch {modes}: {peer / heed:.2f} times as fast; kernels {1e6 * kernels:.0f}; "
              f"error {heed_error:.2e}, torch {torch_error:.2e}; load {1e3 * report['load_seconds']:.1f} ms, first call "
              f"{1e3 * report['first_seconds']:.1f}, second {1e3 * report['second_seconds']:.2f}; "
              f"{report['fallback_kernels']} fallbacks", flush=True)
        show_kernels(report)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) >= 4 and sys.argv[1] == "run" and set(sys.argv[4:]) <= set(MODELS):
        run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4:] or MODELS)
    else:
        sys.exit(__doc__)
