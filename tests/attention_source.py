"""Attention in MLIR, for tests and benchmarks of kernels with dynamic batch and length, and what its variants are."""

import dataclasses

WINDOW, PREFIX, DOCUMENT, DISTANCES, SOFTCAP = 1024, 1000, 1000, 1024, 50.0

CAUSAL = """
      %visible = arith.cmpi sle, %col, %pos : index"""
WINDOWED = CAUSAL.replace("%visible", "%past") + f"""
      %window = arith.constant {WINDOW} : index
      %reach = arith.addi %col, %window : index
      %near = arith.cmpi slt, %pos, %reach : index
      %visible = arith.andi %past, %near : i1"""
PREFIXED = CAUSAL.replace("%visible", "%past") + f"""
      %prefix = arith.constant {PREFIX} : index
      %early = arith.cmpi slt, %col, %prefix : index
      %visible = arith.ori %past, %early : i1"""
SAME_DOCUMENT = """
      %of_row = tensor.extract %the_documents[%b, %row] : tensor<?x?xi32>
      %of_key = tensor.extract %the_documents[%b, %col] : tensor<?x?xi32>
      %visible = arith.cmpi eq, %of_row, %of_key : i32"""
CAUSAL_DOCUMENT = CAUSAL.replace("%visible", "%past") + SAME_DOCUMENT.replace("%visible", "%same") + """
      %visible = arith.andi %past, %same : i1"""
ALIBI = """
      %slope = tensor.extract %the_slopes[%h] : tensor<{heads}xf32>
      %distance = arith.subi %col, %pos : index
      %narrow = arith.index_cast %distance : index to i32
      %number = arith.sitofp %narrow : i32 to f32
      %ramp = arith.mulf %slope, %number : f32
      %changed = arith.addf %s, %ramp : f32"""
RELATIVE = f"""
      %zero = arith.constant 0 : index
      %most = arith.constant {DISTANCES - 1} : index
      %back = arith.subi %pos, %col : index
      %positive = arith.maxsi %back, %zero : index
      %distance = arith.minsi %positive, %most : index
      %bias = tensor.extract %the_table[%h, %distance] : tensor<{{heads}}x{DISTANCES}xf32>
      %changed = arith.addf %s, %bias : f32"""
# As T5 has them: in both directions, as exact as distances are near; halves of distances, which no bucket begins at.
BUCKETS = """
      %back = arith.subi %pos, %col : index
      %narrow = arith.index_cast %back : index to i32
      %far = math.absi %narrow : i32
      %number = arith.uitofp %far : i32 to f32
      %half = arith.constant 0.5 : f32
      %middle = arith.addf %number, %half : f32
      %log = math.log %middle : f32
      %of_log = arith.constant 2.885390082 : f32
      %first_log = arith.constant 2.079441542 : f32
      %eight = arith.constant 8 : i32
      %last = arith.constant 15 : i32
      %above = arith.subf %log, %first_log : f32
      %scaled = arith.mulf %above, %of_log : f32
      %floor = arith.fptosi %scaled : f32 to i32
      %coarse = arith.addi %floor, %eight : i32
      %coarsest = arith.minsi %coarse, %last : i32
      %is_near = arith.cmpi slt, %far, %eight : i32
      %of_far = arith.select %is_near, %far, %coarsest : i32
      %zero = arith.constant 0 : i32
      %sixteen = arith.constant 16 : i32
      %is_ahead = arith.cmpi slt, %narrow, %zero : i32
      %side = arith.select %is_ahead, %sixteen, %zero : i32
      %bucket = arith.addi %of_far, %side : i32
      %entry = arith.index_cast %bucket : i32 to index
      %small = tensor.extract %the_buckets[%h, %entry] : tensor<{heads}x32xbf16>
      %bias = arith.extf %small : bf16 to f32
      %changed = arith.addf %s, %bias : f32"""
CAPPED = f"""
      %cap = arith.constant {SOFTCAP!r} : f32
      %part = arith.divf %s, %cap : f32
      %bent = math.tanh %part : f32
      %changed = arith.mulf %cap, %bent : f32"""
BIASED = """
      %first = arith.constant 0 : index
      %entry = tensor.extract %the_bias[%first, %h, %row, %col] : tensor<1x{heads}x?x?xbf16>
      %wide = arith.extf %entry : bf16 to f32
      %changed = arith.addf %s, %wide : f32"""

MASKED = """
      %visible = tensor.extract %the_bias[{indices}] : {tensor}"""

# Captured tensors: type and sizes.
SLOPES = {"slopes": ("tensor<{heads}xf32>", "{heads}")}
TABLE = {"table": (f"tensor<{{heads}}x{DISTANCES}xf32>", f"{{heads}}, {DISTANCES}")}
BUCKET_TABLE = {"buckets": ("tensor<{heads}x32xbf16>", "{heads}, 32")}
DOCUMENTS = {"documents": ("tensor<?x?xi32>", "s0, s1")}
BIAS = {"bias": ("tensor<1x{heads}x?x?xbf16>", "1, {heads}, s1, s1")}


@dataclasses.dataclass
class Variant:
    """Bodies of the regions that change a score (%changed from %s) and choose what is %visible."""

    score: str = ""
    keep: str = ""
    captures: dict = dataclasses.field(default_factory=dict)


VARIANTS = {
    "full": Variant(),
    "causal": Variant(keep=CAUSAL),
    "alibi": Variant(ALIBI, CAUSAL, SLOPES),
    "window": Variant(keep=WINDOWED),
    "documents": Variant(keep=SAME_DOCUMENT, captures=DOCUMENTS),
    "causal-documents": Variant(keep=CAUSAL_DOCUMENT, captures=DOCUMENTS),
    "prefix": Variant(keep=PREFIXED),
    "relative": Variant(RELATIVE, CAUSAL, TABLE),
    "buckets": Variant(BUCKETS, captures=BUCKET_TABLE),
    "alibi-window": Variant(ALIBI, WINDOWED, SLOPES),
    "relative-window": Variant(RELATIVE, WINDOWED, TABLE),
    "relative-documents": Variant(RELATIVE, CAUSAL_DOCUMENT, TABLE | DOCUMENTS),
    "softcap": Variant(CAPPED, CAUSAL),
    "bias": Variant(BIASED, captures=BIAS),
}


def biased(element, of_batch, of_head, of_row, seen=0):
    """A bias (i1: a mask) of each row and key that is another for each batch, head and row or the same. So many first keys are
    seen whatever a mask says."""
    sizes = ["s0" if of_batch else "1", "{heads}" if of_head else "1", "s1" if of_row else "1", "s1"]
    tensor = f"tensor<{'x'.join('?' if size[0] == 's' else size for size in sizes)}x{element}>"
    indices = ", ".join(("%b" if of_batch else "%first", "%h" if of_head else "%first", "%row" if of_row else "%first", "%col"))
    first = "\n      %first = arith.constant 0 : index"
    if element == "i1":
        keep = MASKED.format(indices=indices, tensor=tensor)
        if seen:
            keep = keep.replace("%visible", "%asked") + f"""
      %seen = arith.constant {seen} : index
      %early = arith.cmpi slt, %col, %seen : index
      %visible = arith.ori %early, %asked : i1"""
        return Variant(keep=first + keep, captures={"bias": (tensor, ", ".join(sizes))})
    entry, wide = ("%wide", "") if element == "f32" else ("%entry", f"\n      %wide = arith.extf %entry : {element} to f32")
    score = f"{first}\n      {entry} = tensor.extract %the_bias[{indices}] : {tensor}{wide}\n" \
            "      %changed = arith.addf %s, %wide : f32"
    return Variant(score=score, captures={"bias": (tensor, ", ".join(sizes))})


def source(heads, width, variant="full"):
    """@main over symbols batch and sequence: query, key and value of that shape, bf16, and what the variant, or the one of
    that name, captures."""
    what = VARIANTS[variant] if isinstance(variant, str) else variant
    tensor = f"tensor<?x{heads}x?x{width}xbf16>"
    inputs = {name: (tensor, f"s0, {heads}, s1, {width}") for name in ("query", "key", "value")}
    captures = {name: (kind.format(heads=heads), sizes.format(heads=heads))
                for name, (kind, sizes) in what.captures.items()}
    arguments = ", ".join(
        f'%{name}: {kind} {{plan.name = "{name}", plan.shape = affine_map<()[s0, s1] -> ({sizes})>}}'
        for name, (kind, sizes) in {**inputs, **captures}.items())
    inner = "".join(f", %the_{name}: {kind}" for name, (kind, _) in captures.items())
    indices = f"%b: index, %h: index, %row: index, %col: index, %pos: index{inner}"
    text = ""
    if captures:
        names = ", ".join(f"%{name}" for name in captures)
        text += f"\n      captures({names} : {', '.join(kind for kind, _ in captures.values())})"
    text += f"\n      scale {width ** -0.5!r}"
    if what.score:
        text += f" score {{\n    ^bb0(%s: f32, {indices}):{what.score.format(heads=heads)}" \
                "\n      attn.yield %changed : f32\n    }"
    if what.keep:
        text += f" keep {{\n    ^bb0({indices}):{what.keep.format(heads=heads)}\n      attn.yield %visible : i1\n    }}"
    return f"""func.func @main({arguments}) -> ({tensor} {{plan.name = "out"}})
    attributes {{plan.symbols = ["batch", "sequence"]}} {{
  %out = attn.attend query(%query : {tensor}) key(%key : {tensor}) value(%value : {tensor}){text} -> {tensor}
  return %out : {tensor}
}}
"""
