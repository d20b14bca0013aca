"""A network of MiniLM's sizes (all-MiniLM-L6-v2 behind its embeddings) in ONNX's text form: six layers of self-attention over
masked keys and a GELU network, each behind a residual and a layer norm. Weights are inputs, one row for each output."""

import dataclasses

EPSILON = 1e-12


@dataclasses.dataclass(frozen=True)
class Sizes:
    layers: int
    hidden: int
    heads: int
    inner: int

    @property
    def weights(self):
        """What a layer reads besides its input: shapes by name."""
        hidden, inner = self.hidden, self.inner
        return {"w_qkv": (3 * hidden, hidden), "b_qkv": (3 * hidden,), "w_out": (hidden, hidden), "b_out": (hidden,),
                "norm1": (hidden,), "shift1": (hidden,), "w_in": (inner, hidden), "b_in": (inner,), "w_down": (hidden, inner),
                "b_down": (hidden,), "norm2": (hidden,), "shift2": (hidden,)}


MINILM = Sizes(layers=6, hidden=384, heads=12, inner=1536)

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


def source(element, sizes=MINILM):
    """The model over symbols batch and sequence; `element` is float, float16 or bfloat16. The mask is true where a key is one."""
    inputs = [f"{element}[batch,sequence,{sizes.hidden}] x0", "bool[batch,1,1,sequence] mask"]
    inputs += [f"{element}[{','.join(map(str, shape))}] {name}{n}" for n in range(sizes.layers) for name, shape in sizes.weights.items()]
    layers = [LAYER.format(n=n, heads=sizes.heads, epsilon=EPSILON, out=f"x{n + 1}" if n + 1 < sizes.layers else "out") for n in range(sizes.layers)]
    return (f'<ir_version: 10, opset_import: ["" : 23]> agraph ({", ".join(inputs)}) => '
            f"({element}[batch,sequence,{sizes.hidden}] out) {{{''.join(layers)}\n}}")
