"""One layer of a Llama-shaped decoder in MLIR, bf16: RMS norms, rotary positions, grouped heads, a gated network. Weights are
inputs, one row for each output as checkpoints keep them."""

import dataclasses

EPSILON = 1e-5


@dataclasses.dataclass(frozen=True)
class Sizes:
    hidden: int
    heads: int
    key_heads: int
    width: int
    inner: int

    @property
    def joint(self):
        return (self.heads + 2 * self.key_heads) * self.width

    @property
    def weights(self):
        """What the layer reads besides its input: shapes by name."""
        return {"norm_in": (self.hidden,), "w_qkv": (self.joint, self.hidden), "w_out": (self.hidden, self.heads * self.width),
                "norm_mid": (self.hidden,), "w_gate": (self.inner, self.hidden), "w_up": (self.inner, self.hidden),
                "w_down": (self.hidden, self.inner)}


LLAMA_1B = Sizes(hidden=2048, heads=32, key_heads=8, width=64, inner=8192)


def tensor(*sizes, element="bf16"):
    return "tensor<" + "".join(f"{'?' if isinstance(size, str) else size}x" for size in sizes) + element + ">"


class Text:
    """Lines of a function's body; each method adds ops and returns the name of their result."""

    def __init__(self, rows, sizes):
        self.lines, self.rows, self.sizes, self.count = [], rows, sizes, 0
        self.size = "%rows" if isinstance(rows, str) else ""

    def add(self, text):
        self.count += 1
        self.lines.append(f"  %t{self.count} = {text}")
        return f"%t{self.count}"

    def empty(self, *sizes, element="bf16"):
        dynamic = ", ".join("%rows" for size in sizes if isinstance(size, str))
        return self.add(f"tensor.empty({dynamic}) : {tensor(*sizes, element=element)}")

    def norm(self, x, scale):
        kind = tensor(self.rows, self.sizes.hidden)
        return self.add(f"attn.norm rms {x} : {kind} scale({scale} : {tensor(self.sizes.hidden)}) from 1 epsilon {EPSILON:.6f}")

    def linear(self, x, weight, columns, depth):
        """In f32."""
        kind = tensor(self.rows, columns, element="f32")
        start = self.empty(self.rows, columns, element="f32")
        zero = self.add(f"linalg.fill ins(%zero : f32) outs({start} : {kind}) -> {kind}")
        return self.add(f"""linalg.generic {{indexing_maps = [#rows, #weights, #sums], iterator_types = ["parallel", "parallel", "reduction"]}}
      ins({x}, {weight} : {tensor(self.rows, depth)}, {tensor(columns, depth)}) outs({zero} : {kind}) {{
    ^bb0(%a: bf16, %b: bf16, %sum: f32):
      %wide_a = arith.extf %a : bf16 to f32
      %wide_b = arith.extf %b : bf16 to f32
      %product = arith.mulf %wide_a, %wide_b : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    }} -> {kind}""")

    def each(self, columns, operands, body):
        """Elementwise: operands (name, element type) as %x0, %x1, ..; the body defines %y, a bf16."""
        start, kind = self.empty(self.rows, columns), tensor(self.rows, columns)
        names = ", ".join(name for name, _ in operands)
        kinds = ", ".join(tensor(self.rows, columns, element=element) for _, element in operands)
        arguments = ", ".join(f"%x{index}: {element}" for index, (_, element) in enumerate(operands))
        maps = ", ".join(["#same"] * (len(operands) + 1))
        return self.add(f"""linalg.generic {{indexing_maps = [{maps}], iterator_types = ["parallel", "parallel"]}}
      ins({names} : {kinds}) outs({start} : {kind}) {{
    ^bb0({arguments}, %old: bf16):{body}
      linalg.yield %y : bf16
    }} -> {kind}""")

    def narrow(self, x, columns):
        return self.each(columns, [(x, "f32")], "\n      %y = arith.truncf %x0 : f32 to bf16")

    def residual(self, product, x):
        return self.each(self.sizes.hidden, [(product, "f32"), (x, "bf16")], """
      %wide = arith.extf %x1 : bf16 to f32
      %sum = arith.addf %x0, %wide : f32
      %y = arith.truncf %sum : f32 to bf16""")

    def gated(self, gate, up):
        return self.each(self.sizes.inner, [(gate, "f32"), (up, "f32")], """
      %negative = arith.negf %x0 : f32
      %power = math.exp %negative : f32
      %denominator = arith.addf %power, %one : f32
      %swish = arith.divf %x0, %denominator : f32
      %product = arith.mulf %swish, %x1 : f32
      %y = arith.truncf %product : f32 to bf16""")

    def heads(self, joint, first, heads):
        """[1, heads, rows, width] of some columns of the joint product."""
        rows, size = self.rows, self.size or self.rows
        part = tensor(rows, heads * self.sizes.width)
        x = self.add(f"tensor.extract_slice {joint}[0, {first}] [{size}, {heads * self.sizes.width}] [1, 1] : {tensor(rows, self.sizes.joint)} to {part}")
        split = tensor(1, rows, heads, self.sizes.width)
        x = self.add(f"tensor.expand_shape {x} [[0, 1], [2, 3]] output_shape [1, {size}, {heads}, {self.sizes.width}] : {part} into {split}")
        start, kind = self.empty(1, heads, rows, self.sizes.width), tensor(1, heads, rows, self.sizes.width)
        return self.add(f"linalg.transpose ins({x} : {split}) outs({start} : {kind}) permutation = [0, 2, 1, 3]")

    def rope(self, x, heads):
        table = tensor(self.rows, self.sizes.width // 2)
        return self.add(f"attn.rope {x} : {tensor(1, heads, self.rows, self.sizes.width)} cos(%cos : {table}) sin(%sin : {table}) rotary_dim {self.sizes.width}")

    def joined(self, x):
        rows, size = self.rows, self.size or self.rows
        start, kind = self.empty(1, rows, self.sizes.heads, self.sizes.width), tensor(1, rows, self.sizes.heads, self.sizes.width)
        x = self.add(f"linalg.transpose ins({x} : {tensor(1, self.sizes.heads, rows, self.sizes.width)}) outs({start} : {kind}) permutation = [0, 2, 1, 3]")
        return self.add(f"tensor.collapse_shape {x} [[0, 1], [2, 3]] : {kind} into {tensor(rows, self.sizes.heads * self.sizes.width)}")


MAPS = """#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#sums = affine_map<(m, n, k) -> (m, n)>
#same = affine_map<(m, n) -> (m, n)>
"""


def argument(name, symbols, *sizes, element="bf16"):
    shape = ", ".join(str(size) for size in sizes)
    return (f'%{name}: {tensor(*sizes, element=element)} {{plan.name = "{name}", '
            f'plan.shape = affine_map<()[{", ".join(symbols)}] -> ({shape})>}}')


def prefill(sizes=LLAMA_1B):
    """All rows at once: a function over the symbol rows."""
    text, symbols = Text("rows", sizes), ["rows"]
    arguments = [argument("x", symbols, "rows", sizes.hidden), argument("cos", symbols, "rows", sizes.width // 2),
                 argument("sin", symbols, "rows", sizes.width // 2)]
    query, key, value = begin(text)
    kinds = {heads: tensor(1, heads, "rows", sizes.width) for heads in (sizes.heads, sizes.key_heads)}
    out = text.add(f"""attn.attend query({query} : {kinds[sizes.heads]}) key({key} : {kinds[sizes.key_heads]}) value({value} : {kinds[sizes.key_heads]}) scale {sizes.width ** -0.5} keep {{
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    }} -> {kinds[sizes.heads]}""")
    return function(text, symbols, arguments, end(text, out), [])


def decode(sizes=LLAMA_1B):
    """One row behind a cache of `capacity` keys, of which `position` are there; the caches change in place."""
    text, symbols = Text(1, sizes), ["capacity"]
    cache = tensor(1, sizes.key_heads, "capacity", sizes.width)
    arguments = [argument("x", symbols, 1, sizes.hidden), argument("cos", symbols, 1, sizes.width // 2), argument("sin", symbols, 1, sizes.width // 2),
                 argument("keys", symbols, 1, sizes.key_heads, "capacity", sizes.width), argument("values", symbols, 1, sizes.key_heads, "capacity", sizes.width),
                 argument("position", symbols, 1, element="i32")]
    query, key, value = begin(text)
    row, index = tensor(1, sizes.key_heads, 1, sizes.width), tensor(1, element="i32")
    keys, values = (text.add(f"attn.append {new} : {row} into {old} : {cache} at %position : {index}")
                    for new, old in ((key, "%keys"), (value, "%values")))
    start = text.empty(1, element="i32")
    length = text.add(f"""linalg.generic {{indexing_maps = [affine_map<(b) -> (b)>, affine_map<(b) -> (b)>], iterator_types = ["parallel"]}}
      ins(%position : {index}) outs({start} : {index}) {{
    ^bb0(%p: i32, %old: i32):
      %next = arith.addi %p, %first : i32
      linalg.yield %next : i32
    }} -> {index}""")
    kind = tensor(1, sizes.heads, 1, sizes.width)
    out = text.add(f"attn.attend query({query} : {kind}) key({keys} : {cache}) value({values} : {cache}) "
                   f"kv_length({length} : {index}) scale {sizes.width ** -0.5} -> {kind}")
    results = [(keys, cache, 'plan.name = "keys_after", plan.alias = 3 : i64'),
               (values, cache, 'plan.name = "values_after", plan.alias = 4 : i64')]
    return function(text, symbols, arguments, end(text, out), results)


def begin(text):
    """Up to queries, keys and values."""
    sizes = text.sizes
    x = text.norm("%x", "%norm_in")
    joint = text.narrow(text.linear(x, "%w_qkv", sizes.joint, sizes.hidden), sizes.joint)
    query = text.rope(text.heads(joint, 0, sizes.heads), sizes.heads)
    key = text.rope(text.heads(joint, sizes.heads * sizes.width, sizes.key_heads), sizes.key_heads)
    return query, key, text.heads(joint, (sizes.heads + sizes.key_heads) * sizes.width, sizes.key_heads)


def end(text, out):
    """Behind attention."""
    sizes = text.sizes
    x = text.residual(text.linear(text.joined(out), "%w_out", sizes.hidden, sizes.heads * sizes.width), "%x")
    y = text.norm(x, "%norm_mid")
    inner = text.gated(text.linear(y, "%w_gate", sizes.inner, sizes.hidden), text.linear(y, "%w_up", sizes.inner, sizes.hidden))
    return text.residual(text.linear(inner, "%w_down", sizes.hidden, sizes.inner), x)


def function(text, symbols, arguments, out, others):
    arguments = arguments + [argument(name, symbols, *shape) for name, shape in text.sizes.weights.items()]
    results = [(out, tensor(text.rows, text.sizes.hidden), 'plan.name = "out"'), *others]
    first = ['  %rows = plan.symbol "rows"'] if text.size else []
    first += ["  %zero = arith.constant 0.0 : f32", "  %one = arith.constant 1.0 : f32", "  %first = arith.constant 1 : i32"]
    kinds = ", ".join(f"{kind} {{{attributes}}}" for _, kind, attributes in results)
    return (MAPS + "func.func @main(" + ",\n    ".join(arguments) + f")\n    -> ({kinds})\n    attributes {{plan.symbols = ["
            + ", ".join(f'"{symbol}"' for symbol in symbols) + "]} {\n" + "\n".join(first + text.lines)
            + f"\n  return {', '.join(name for name, _, _ in results)} : {', '.join(kind for _, kind, _ in results)}\n}}\n")
