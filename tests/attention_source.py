"""Attention in MLIR, for tests and benchmarks of kernels with dynamic batch and length."""

KEEP = """ keep {
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    }"""


def source(heads, width, is_causal):
    """@main over symbols batch and sequence: query, key and value of that shape, bf16."""
    tensor = f"tensor<?x{heads}x?x{width}xbf16>"
    shape = f"plan.shape = affine_map<()[s0, s1] -> (s0, {heads}, s1, {width})>"
    arguments = ", ".join(f'%{name}: {tensor} {{plan.name = "{name}", {shape}}}' for name in ("query", "key", "value"))
    return f"""func.func @main({arguments}) -> ({tensor} {{plan.name = "out"}})
    attributes {{plan.symbols = ["batch", "sequence"]}} {{
  %out = attn.attend query(%query : {tensor}) key(%key : {tensor}) value(%value : {tensor})
      scale {width ** -0.5!r}{KEEP if is_causal else ""} -> {tensor}
  return %out : {tensor}
}}
"""
