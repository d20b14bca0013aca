#!/usr/bin/env python3
"""Attention on an NVIDIA GPU: Heed against torch's flash and cuDNN attention and compiled FlexAttention, in one run.

    compare_attention.py emit DIR           writes attention-D-MASK.mlir; compile them anywhere:
                                            heedc DIR/x.mlir --target=cuda:sm_90a -o DIR/x.heed
    compare_attention.py run DIR PROGRAMS   on the GPU machine, which needs torch; PROGRAMS is the folder of heed-bench
                                            and heed-run; modules beside and above this file are needed too

bf16, 16384 tokens, heads x width = 2048. Prints TFLOP/s, counting the visible half of causal attention, ratios of Heed to
each peer, and Heed's error over what is allowed (measure.py). Times are medians of kernel times as the device measures them;
fails when an error is beyond what is allowed.
"""

import pathlib
import sys

sys.path += [str(pathlib.Path(__file__).parents[level]) for level in (0, 2)]
from attention_source import source
from measure import causal, error_share, heed_output, heed_seconds, torch_seconds

WIDTHS, LENGTHS, MASKS = (64, 128), (2048, 8192, 16384), ("full", "causal")
TOKENS, MODEL_WIDTH = 16384, 2048


def emit(folder):
    for width in WIDTHS:
        for mask in MASKS:
            (folder / f"attention-{width}-{mask}.mlir").write_text(source(MODEL_WIDTH // width, width, mask))


def inputs(width, length):
    import torch
    batch, heads = TOKENS // length, MODEL_WIDTH // width
    return [torch.randn(batch, heads, length, width, device="cuda", dtype=torch.bfloat16) for _ in range(3)]


def peers(tensors, mask):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    torch._dynamo.reset()  # it gives up after eight shapes
    flex = torch.compile(flex_attention, dynamic=False)
    query, key, value = tensors
    length = query.shape[2]
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


def run(folder, programs):
    names = ("heed", "flash", "cudnn", "flex")
    print(f"{'width':>5} {'length':>6} {'mask':>6} {'heed':>7} {'flash':>7} {'cudnn':>7} {'flex':>7}   "
          "heed/flash /cudnn /flex   error/allowed")
    fails = 0
    for width in WIDTHS:
        for length in LENGTHS:
            for mask in MASKS:
                package = str(folder / f"attention-{width}-{mask}.heed")
                work = 4 * TOKENS * MODEL_WIDTH * length * (0.5 if mask == "causal" else 1)
                tensors = inputs(width, length)
                out = heed_output(str(programs / "heed-run"), package, dict(zip(("query", "key", "value"), tensors)))
                share = error_share(out, *tensors, causal if mask == "causal" else lambda scores, batch, head: scores)
                seconds = peers(tensors, mask)
                seconds["heed"] = heed_seconds(str(programs / "heed-bench"), package, batch=TOKENS // length, sequence=length)
                rate = {name: work / time / 1e12 for name, time in seconds.items()}
                columns = " ".join(f"{rate[name]:7.1f}" for name in names)
                ratios = " ".join(f"{rate['heed'] / rate[name]:6.2f}" for name in names[1:])
                print(f"{width:5} {length:6} {mask:>6} {columns}      {ratios}   {share:6.2f}", flush=True)
                fails += share > 1
    return 1 if fails else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "run":
        sys.exit(run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])))
    else:
        sys.exit(__doc__)
