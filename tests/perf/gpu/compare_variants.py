#!/usr/bin/env python3
"""Variants of attention on an NVIDIA GPU: Heed against compiled FlexAttention, in one run.

    compare_variants.py emit DIR           writes variant-D-NAME.mlir; compile them anywhere:
                                           heedc DIR/x.mlir --target=cuda:sm_90a -o DIR/x.heed
    compare_variants.py run DIR PROGRAMS [WORD..]
                                           on the GPU machine, which needs torch; PROGRAMS is the folder of heed-bench and
                                           heed-run; modules beside and above this file are needed too. WORD: only these
                                           widths and variants

bf16, 8192 rows and keys, batch 2, heads x width = 2048. Prints TFLOP/s over blocks of 128 x 128 that hold a visible score,
for both; Heed over its own plain causal attention, Heed over FlexAttention; and Heed's error over what is allowed
(measure.py). FlexAttention gets the same score function and a mask of blocks, whose making is not timed. Fails when an error
is beyond what is allowed.
"""

import math
import pathlib
import sys
import tempfile

sys.path += [str(pathlib.Path(__file__).parents[level]) for level in (0, 2)]
from attention_source import DISTANCES, DOCUMENT, PREFIX, SOFTCAP, VARIANTS, WINDOW, source
from measure import error_share, heed_output, heed_seconds, save, torch_seconds

WIDTHS, LENGTH, BATCH, MODEL_WIDTH, BLOCK = (64, 128), 8192, 2, 2048, 128


def emit(folder):
    for width in WIDTHS:
        for name in VARIANTS:
            (folder / f"variant-{width}-{name}.mlir").write_text(source(MODEL_WIDTH // width, width, name))


def captured(name, heads):
    """Tensors that the variant captures, by name."""
    import torch
    if name == "documents":
        return torch.arange(LENGTH, device="cuda", dtype=torch.int32).div(DOCUMENT, rounding_mode="floor").repeat(BATCH, 1)
    if name == "slopes":
        return 2.0 ** (-8 / heads * torch.arange(1, heads + 1, device="cuda", dtype=torch.float32))
    if name == "table":
        return torch.randn(heads, DISTANCES, device="cuda")
    return torch.randn(1, heads, LENGTH, LENGTH, device="cuda", dtype=torch.bfloat16)


def keeps(variant, tensors):
    """Whether a row sees a key, of indices that torch broadcasts; None: always."""
    past = lambda b, h, i, j: j <= i
    same = lambda b, h, i, j: tensors["documents"][b, i] == tensors["documents"][b, j]
    near = lambda b, h, i, j: (j <= i) & (i - j < WINDOW)
    both = lambda b, h, i, j: past(b, h, i, j) & same(b, h, i, j)
    return {"full": None, "bias": None, "documents": same, "window": near, "alibi-window": near, "relative-window": near,
            "causal-documents": both, "relative-documents": both,
            "prefix": lambda b, h, i, j: (j <= i) | (j < PREFIX)}.get(variant, past)


def scoring(variant, tensors):
    """What the variant makes of a score; None: nothing."""
    import torch
    alibi = lambda s, b, h, i, j: s + tensors["slopes"][h] * (j - i)
    relative = lambda s, b, h, i, j: s + tensors["table"][h, torch.clamp(i - j, 0, DISTANCES - 1)]
    return {"alibi": alibi, "alibi-window": alibi, "softcap": lambda s, b, h, i, j: SOFTCAP * torch.tanh(s / SOFTCAP),
            "relative": relative, "relative-window": relative, "relative-documents": relative,
            "bias": lambda s, b, h, i, j: s + tensors["bias"][0, h, i, j]}.get(variant)


def changes(variant, tensors):
    """The same for all scores of a head."""
    import torch

    def change(scores, batch, head):
        rows, keys = torch.meshgrid(*(torch.arange(LENGTH, device="cuda") for _ in range(2)), indexing="ij")
        score, keep = scoring(variant, tensors), keeps(variant, tensors)
        if score:
            scores = score(scores, batch, head, rows, keys)
        return scores.masked_fill_(~keep(batch, head, rows, keys), -math.inf) if keep else scores
    return change


def visited_share(variant, tensors):
    """Blocks with a visible score, over all."""
    import torch
    keep = keeps(variant, tensors)
    if not keep:
        return 1
    rows, keys = torch.meshgrid(*(torch.arange(LENGTH, device="cuda") for _ in range(2)), indexing="ij")
    blocks = keep(0, 0, rows, keys).view(LENGTH // BLOCK, BLOCK, LENGTH // BLOCK, BLOCK)
    return blocks.any(3).any(1).double().mean().item()


def flex_seconds(variant, inputs, tensors):
    """With its own choice of blocks, else smaller ones: some of its choices do not fit the shared memory."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    keep = keeps(variant, tensors)
    blocks = None
    if keep:
        blocks = create_block_mask(keep, BATCH if "documents" in tensors else None, None, LENGTH, LENGTH, device="cuda")
    best = math.inf
    for options in (None, {"BLOCK_M": 128, "BLOCK_N": 64, "num_stages": 2, "num_warps": 8}):
        torch._dynamo.reset()  # it gives up after eight shapes
        flex = torch.compile(flex_attention, dynamic=False)
        try:
            best = min(best, torch_seconds(lambda: flex(*inputs, score_mod=scoring(variant, tensors), block_mask=blocks,
                                                        kernel_options=options)))
        except Exception as error:  # whatever the compiler of the kernel raises
            print(f"flex_attention, {variant}: {str(error).splitlines()[0]}", file=sys.stderr)
        if best < math.inf:
            break
    return best


def compare(width, variant, package, programs):
    """TFLOP/s of Heed and of FlexAttention, and Heed's error over what is allowed."""
    import torch
    heads = MODEL_WIDTH // width
    inputs = [torch.randn(BATCH, heads, LENGTH, width, device="cuda", dtype=torch.bfloat16) for _ in range(3)]
    tensors = {name: captured(name, heads) for name in VARIANTS[variant].captures}
    work = 4 * BATCH * MODEL_WIDTH * LENGTH ** 2 * visited_share(variant, tensors) / 1e12
    flex = work / flex_seconds(variant, inputs, tensors)
    named = dict(zip(("query", "key", "value"), inputs), **tensors)
    share = error_share(heed_output(str(programs / "heed-run"), package, named), *inputs, changes(variant, tensors))
    with tempfile.TemporaryDirectory() as folder:
        given = []
        for name, tensor in tensors.items():
            if name == "bias":
                given.append(f"bias={'x'.join(map(str, tensor.shape))}xbf16=0")  # as fast as any other
                continue
            save(f"{folder}/{name}.npy", tensor)
            given.append(f"{name}=@{folder}/{name}.npy")
        heed = heed_seconds(str(programs / "heed-bench"), package, given, batch=BATCH, sequence=LENGTH)
    return work / heed, flex, share


def run(folder, programs, words):
    print(f"{'width':>5} {'variant':>16} {'heed':>7} {'flex':>7}   /causal  /flex   error/allowed")
    fails, causal = 0, {}
    is_wanted = lambda word, kind: word in words or not {*kind} & {*words}
    for width in WIDTHS:
        for variant in sorted(VARIANTS, key=lambda name: name != "causal"):
            if not (is_wanted(str(width), map(str, WIDTHS)) and is_wanted(variant, VARIANTS)):
                continue
            heed, flex, share = compare(width, variant, str(folder / f"variant-{width}-{variant}.heed"), programs)
            causal[width] = heed if variant == "causal" else causal.get(width, math.nan)
            print(f"{width:5} {variant:>16} {heed:7.1f} {flex:7.1f}   {heed / causal[width]:6.2f} {heed / flex:7.2f} "
                  f"{share:8.2f}", flush=True)
            fails += share > 1
    return 1 if fails else 0


if __name__ == "__main__":
    words = sys.argv[4:]
    if len(sys.argv) == 3 and sys.argv[1] == "emit":
        emit(pathlib.Path(sys.argv[2]))
    elif len(sys.argv) >= 4 and sys.argv[1] == "run" and {*words} <= {*VARIANTS, *map(str, WIDTHS)}:
        sys.exit(run(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), words))
    else:
        sys.exit(__doc__)
