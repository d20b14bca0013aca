#!/usr/bin/env python3
"""Head widths on an NVIDIA GPU: Heed's attention of one width against another, and against cuDNN's, in one run.

    compare_widths.py emit DIR             writes width-D-MASK.mlir; compile them anywhere:
                                           heedc DIR/x.mlir --target=cuda:sm_90a -o DIR/x.heed
    compare_widths.py run DIR PROGRAMS [D..]
                                           on the GPU machine, which needs torch; PROGRAMS is the folder of heed-bench and
                                           heed-run; modules beside and above this file are needed too

bf16, 8192 rows and keys, batch 2, as many heads as make about 2048 columns. Prints TFLOP/s, of the width as given, counting
the visible half of causal attention; over the width to compare with (72, 80, 96: 128; 192: 256); over cuDNN, where that takes
the width; and Heed's error over what is allowed (measure.py). Fails when an error is beyond what is allowed.
"""

import math
import pathlib
import sys

sys.path += [str(pathlib.Path(__file__).parents[level]) for level in (0, 2)]
from attention_source import source
from measure import causal, error_share, heed_output, heed_seconds, torch_seconds

# Those to compare with come first.
OVER = {128: None, 72: 128, 80: 128, 96: 128, 256: None, 192: 256, 576: None}
LENGTH, BATCH, MODEL_WIDTH, MASKS = 8192, 2, 2048, ("full", "causal")


def emit(folder):
    for width in OVER:
        for mask in MASKS:
            (folder / f"width-{width}-{mask}.mlir").write_text(source(MODEL_WIDTH // width, width, mask))


def cudnn_seconds(inputs, mask):
    """Infinitely many where it has no kernel."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    try:
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            return torch_seconds(
                lambda: torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=mask == "causal"))
    except RuntimeError:
        return math.inf


def run(folder, programs, widths):
    import torch
    print(f"{'width':>5} {'mask':>6} {'heed':>7} {'cudnn':>7}   over width  /cudnn   error/allowed")
    fails, rates = 0, {}
    for width in widths or OVER:
        for mask in MASKS:
            heads, package = MODEL_WIDTH // width, str(folder / f"width-{width}-{mask}.heed")
            inputs = [torch.randn(BATCH, heads, LENGTH, width, device="cuda", dtype=torch.bfloat16) for _ in range(3)]
            work = 4 * BATCH * heads * width * LENGTH ** 2 * (0.5 if mask == "causal" else 1) / 1e12
            out = heed_output(str(programs / "heed-run"), package, dict(zip(("query", "key", "value"), inputs)))
            share = error_share(out, *inputs, causal if mask == "causal" else lambda scores, batch, head: scores)
            heed = work / heed_seconds(str(programs / "heed-bench"), package, batch=BATCH, sequence=LENGTH)
            cudnn, rates[width, mask] = work / cudnn_seconds(inputs, mask), heed
            over = heed / rates.get((OVER[width], mask), math.nan)
            print(f"{width:5} {mask:>6} {heed:7.1f} {cudnn:7.1f}   {over:10.2f} {heed / cudnn if cudnn else math.nan:7.2f} "
                  f"{share:8.2f}", flush=True)
            fails += share > 1
    return 1 if fails else 0


if __name__ == "__main__":
    widths = [int(word) for word in sys.argv[4:] if word.isdigit()]
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) >= 4 and sys.argv[1] == "run" and {*widths} <= {*OVER} and len(widths) == len(sys.argv) - 4:
        sys.exit(run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), widths))
    else:
        sys.exit(__doc__)
