#!/usr/bin/env python3
"""Attention on an NVIDIA GPU: Heed against torch's flash and cuDNN attention and compiled FlexAttention, in one run.

    compare_attention.py emit DIR               writes attention-D-MASK.mlir; compile them anywhere:
                                                heedc DIR/x.mlir --target=cuda:sm_80 -o DIR/x.heed
    compare_attention.py run DIR HEED_BENCH     on the GPU machine, which needs torch; HEED_BENCH is the program

bf16, 16384 tokens, heads x width = 2048. Prints TFLOP/s, counting the visible half of causal attention, and ratios of Heed to
each peer. Times are medians of kernel times as the device measures them.
"""

import json
import pathlib
import statistics
import subprocess
import sys

WIDTHS, LENGTHS, MASKS = (64, 128), (2048, 8192), ("full", "causal")
TOKENS, MODEL_WIDTH = 16384, 2048

KEEP = """ keep {
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    }"""


def source(width, mask):
    heads = MODEL_WIDTH // width
    tensor = f"tensor<?x{heads}x?x{width}xbf16>"
    shape = f"plan.shape = affine_map<()[s0, s1] -> (s0, {heads}, s1, {width})>"
    arguments = ", ".join(f'%{name}: {tensor} {{plan.name = "{name}", {shape}}}' for name in ("query", "key", "value"))
    return f"""func.func @main({arguments}) -> ({tensor} {{plan.name = "out"}})
    attributes {{plan.symbols = ["batch", "sequence"]}} {{
  %out = attn.attend query(%query : {tensor}) key(%key : {tensor}) value(%value : {tensor})
      scale {width ** -0.5!r}{KEEP if mask == "causal" else ""} -> {tensor}
  return %out : {tensor}
}}
"""


def emit(folder):
    for width in WIDTHS:
        for mask in MASKS:
            (folder / f"attention-{width}-{mask}.mlir").write_text(source(width, mask))


def heed_seconds(bench, package, batch, length):
    run = subprocess.run(
        [bench, package, "--device=cuda:0", f"--dim=batch={batch}", f"--dim=sequence={length}", "--json", "--seconds=0.5"],
        capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{package}: {run.stderr.strip()}")
    kernel = json.loads(run.stdout)["kernels"][0]
    return kernel["seconds"] / kernel["launches"]


def torch_seconds(function):
    import torch
    for _ in range(3):
        function()
    times = []
    for _ in range(10):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        function()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return statistics.median(times)


def peers(width, length, mask):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    flex = torch.compile(flex_attention, dynamic=False)
    batch, heads = TOKENS // length, MODEL_WIDTH // width
    query, key, value = (torch.randn(batch, heads, length, width, device="cuda", dtype=torch.bfloat16) for _ in range(3))
    seconds = {}
    for name, backend in (("flash", SDPBackend.FLASH_ATTENTION), ("cudnn", SDPBackend.CUDNN_ATTENTION)):
        with sdpa_kernel(backend):
            seconds[name] = torch_seconds(lambda: torch.nn.functional.scaled_dot_product_attention(
                query, key, value, is_causal=mask == "causal"))
    blocks = None
    if mask == "causal":
        blocks = create_block_mask(lambda b, h, i, j: i >= j, None, None, length, length, device="cuda")
    seconds["flex"] = torch_seconds(lambda: flex(query, key, value, block_mask=blocks))
    return seconds


def run(folder, bench):
    print(f"{'width':>5} {'length':>6} {'mask':>6} {'heed':>7} {'flash':>7} {'cudnn':>7} {'flex':>7}   heed/flash /cudnn /flex")
    for width in WIDTHS:
        for length in LENGTHS:
            for mask in MASKS:
                batch, heads = TOKENS // length, MODEL_WIDTH // width
                work = 4 * batch * heads * length * length * width * (0.5 if mask == "causal" else 1)
                seconds = peers(width, length, mask)
                seconds["heed"] = heed_seconds(bench, str(folder / f"attention-{width}-{mask}.heed"), batch, length)
                rate = {name: work / time / 1e12 for name, time in seconds.items()}
                columns = " ".join(f"{rate[name]:7.1f}" for name in ("heed", "flash", "cudnn", "flex"))
                ratios = " ".join(f"{rate['heed'] / rate[name]:6.2f}" for name in ("flash", "cudnn", "flex"))
                print(f"{width:5} {length:6} {mask:>6} {columns}      {ratios}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "run":
        run(pathlib.Path(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(__doc__)
