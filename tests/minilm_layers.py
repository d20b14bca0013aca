"""A network of MiniLM's sizes (all-MiniLM-L6-v2 behind its embeddings) in ONNX's text form: six layers of self-attention over
masked keys and a GELU network, each behind a residual and a layer norm. Weights are inputs, one row for each output."""

LAYERS, HIDDEN, HEADS, INNER, EPSILON = 6, 384, 12, 1536, 1e-12

# What a layer reads besides its input: shapes by name.
WEIGHTS = {"w_qkv": (3 * HIDDEN, HIDDEN), "b_qkv": (3 * HIDDEN,), "w_out": (HIDDEN, HIDDEN), "b_out": (HIDDEN,),
           "norm1": (HIDDEN,), "shift1": (HIDDEN,), "w_in": (INNER, HIDDEN), "b_in": (INNER,), "w_down": (HIDDEN, INNER),
           "b_down": (HIDDEN,), "norm2": (HIDDEN,), "shift2": (HIDDEN,)}

LAYER = """
  wt_qkv{n} = Transpose<perm=[1,0]>(w_qkv{n})
  p{n} = MatMul(x{n}, wt_qkv{n})
  s{n} = Add(p{n}, b_qkv{n})
  q{n}, k{n}, v{n} = Split<axis=2, num_outputs=3>(s{n})
  a{n} = Attention<q_num_heads={heads}, kv_num_heads={heads}>(q{n}, k{n}, v{n}, mask)
  wt_out{n} = Transpose<perm=[1,0]>(w_out{n})
  o{n} = MatMul(a{n}, wt_out{n})
  ob{n} = Add(o{n}, b_out{n})
  r{n} = Add(ob{n}, x{n})
  h{n} = LayerNormalization<axis=-1, epsilon={epsilon}>(r{n}, norm1{n}, shift1{n})
  wt_in{n} = Transpose<perm=[1,0]>(w_in{n})
  i{n} = MatMul(h{n}, wt_in{n})
  ib{n} = Add(i{n}, b_in{n})
  g{n} = Gelu(ib{n})
  wt_down{n} = Transpose<perm=[1,0]>(w_down{n})
  d{n} = MatMul(g{n}, wt_down{n})
  db{n} = Add(d{n}, b_down{n})
  e{n} = Add(db{n}, h{n})
  {out} = LayerNormalization<axis=-1, epsilon={epsilon}>(e{n}, norm2{n}, shift2{n})"""


def source(element):
    """The model over symbols batch and sequence; `element` is float, float16 or bfloat16. The mask is true where a key is one."""
    inputs = [f"{element}[batch,sequence,{HIDDEN}] x0", "bool[batch,1,1,sequence] mask"]
    inputs += [f"{element}[{','.join(map(str, shape))}] {name}{n}" for n in range(LAYERS) for name, shape in WEIGHTS.items()]
    layers = [LAYER.format(n=n, heads=HEADS, epsilon=EPSILON, out=f"x{n + 1}" if n + 1 < LAYERS else "out") for n in range(LAYERS)]
    return (f'<ir_version: 10, opset_import: ["" : 23]> agraph ({", ".join(inputs)}) => '
            f"({element}[batch,sequence,{HIDDEN}] out) {{{''.join(layers)}\n}}")
