"""One layer of a Llama-shaped decoder in MLIR, bf16: RMS norms, rotary positions, grouped heads, a gated network. Weights are
inputs, one row for each output as checkpoints keep them."""

HIDDEN, HEADS, KEY_HEADS, WIDTH, INNER, EPSILON = 2048, 32, 8, 64, 8192, 1e-5
JOINT = (HEADS + 2 * KEY_HEADS) * WIDTH

# What the layer reads besides its input: shapes by name.
WEIGHTS = {"norm_in": (HIDDEN,), "w_qkv": (JOINT, HIDDEN), "w_out": (HIDDEN, HEADS * WIDTH), "norm_mid": (HIDDEN,),
           "w_gate": (INNER, HIDDEN), "w_up": (INNER, HIDDEN), "w_down": (HIDDEN, INNER)}


def tensor(*sizes, element="bf16"):
    return "tensor<" + "".join(f"{'?' if isinstance(size, str) else size}x" for size in sizes) + element + ">"


class Text:
    """Lines of a function's body; each method adds ops and returns the name of their result."""

    def __init__(self, rows):
        self.lines, self.rows, self.count = [], rows, 0
        self.size = "%rows" if isinstance(rows, str) else ""

    def add(self, text):
        self.count += 1
        self.lines.append(f"  %t{self.count} = {text}")
        return f"%t{self.count}"

    def empty(self, *sizes, element="bf16"):
        dynamic = ", ".join("%rows" for size in sizes if isinstance(size, str))
        return self.add(f"tensor.empty({dynamic}) : {tensor(*sizes, element=element)}")

    def norm(self, x, scale):
        kind = tensor(self.rows, HIDDEN)
        return self.add(f"attn.norm rms {x} : {kind} scale({scale} : {tensor(HIDDEN)}) from 1 epsilon {EPSILON:.6f}")

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
        return self.each(HIDDEN, [(product, "f32"), (x, "bf16")], """
      %wide = arith.extf %x1 : bf16 to f32
      %sum = arith.addf %x0, %wide : f32
      %y = arith.truncf %sum : f32 to bf16""")

    def gated(self, gate, up):
        return self.each(INNER, [(gate, "f32"), (up, "f32")], """
      %negative = arith.negf %x0 : f32
      %power = math.exp %negative : f32
      %denominator = arith.addf %power, %one : f32
      %swish = arith.divf %x0, %denominator : f32
      %product = arith.mulf %swish, %x1 : f32
      %y = arith.truncf %product : f32 to bf16""")

    def heads(self, joint, first, heads):
        """[1, heads, rows, width] of some columns of the joint product."""
        rows, size = self.rows, self.size or self.rows
        part = tensor(rows, heads * WIDTH)
        x = self.add(f"tensor.extract_slice {joint}[0, {first}] [{size}, {heads * WIDTH}] [1, 1] : {tensor(rows, JOINT)} to {part}")
        split = tensor(1, rows, heads, WIDTH)
        x = self.add(f"tensor.expand_shape {x} [[0, 1], [2, 3]] output_shape [1, {size}, {heads}, {WIDTH}] : {part} into {split}")
        start, kind = self.empty(1, heads, rows, WIDTH), tensor(1, heads, rows, WIDTH)
        return self.add(f"linalg.transpose ins({x} : {split}) outs({start} : {kind}) permutation = [0, 2, 1, 3]")

    def rope(self, x, heads):
        table = tensor(self.rows, WIDTH // 2)
        return self.add(f"attn.rope {x} : {tensor(1, heads, self.rows, WIDTH)} cos(%cos : {table}) sin(%sin : {table}) rotary_dim {WIDTH}")

    def joined(self, x):
        rows, size = self.rows, self.size or self.rows
        start, kind = self.empty(1, rows, HEADS, WIDTH), tensor(1, rows, HEADS, WIDTH)
        x = self.add(f"linalg.transpose ins({x} : {tensor(1, HEADS, rows, WIDTH)}) outs({start} : {kind}) permutation = [0, 2, 1, 3]")
        return self.add(f"tensor.collapse_shape {x} [[0, 1], [2, 3]] : {kind} into {tensor(rows, HEADS * WIDTH)}")


MAPS = """#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#sums = affine_map<(m, n, k) -> (m, n)>
#same = affine_map<(m, n) -> (m, n)>
"""


def argument(name, symbols, *sizes, element="bf16"):
    shape = ", ".join(str(size) for size in sizes)
    return (f'%{name}: {tensor(*sizes, element=element)} {{plan.name = "{name}", '
            f'plan.shape = affine_map<()[{", ".join(symbols)}] -> ({shape})>}}')


def prefill():
    """All rows at once: a function over the symbol rows."""
    text, symbols = Text("rows"), ["rows"]
    arguments = [argument("x", symbols, "rows", HIDDEN), argument("cos", symbols, "rows", WIDTH // 2),
                 argument("sin", symbols, "rows", WIDTH // 2)]
    query, key, value = begin(text)
    kinds = {heads: tensor(1, heads, "rows", WIDTH) for heads in (HEADS, KEY_HEADS)}
    out = text.add(f"""attn.attend query({query} : {kinds[HEADS]}) key({key} : {kinds[KEY_HEADS]}) value({value} : {kinds[KEY_HEADS]}) scale {WIDTH ** -0.5} keep {{
    ^bb0(%b: index, %h: index, %row: index, %col: index, %pos: index):
      %visible = arith.cmpi sle, %col, %pos : index
      attn.yield %visible : i1
    }} -> {kinds[HEADS]}""")
    return function(text, symbols, arguments, end(text, out), [])


def decode():
    """One row behind a cache of `capacity` keys, of which `position` are there; the caches change in place."""
    text, symbols = Text(1), ["capacity"]
    cache = tensor(1, KEY_HEADS, "capacity", WIDTH)
    arguments = [argument("x", symbols, 1, HIDDEN), argument("cos", symbols, 1, WIDTH // 2), argument("sin", symbols, 1, WIDTH // 2),
                 argument("keys", symbols, 1, KEY_HEADS, "capacity", WIDTH), argument("values", symbols, 1, KEY_HEADS, "capacity", WIDTH),
                 argument("position", symbols, 1, element="i32")]
    query, key, value = begin(text)
    row, index = tensor(1, KEY_HEADS, 1, WIDTH), tensor(1, element="i32")
    keys, values = (text.add(f"attn.append {new} : {row} into {old} : {cache} at %position : {index}")
                    for new, old in ((key, "%keys"), (value, "%values")))
    start = text.empty(1, element="i32")
    length = text.add(f"""linalg.generic {{indexing_maps = [affine_map<(b) -> (b)>, affine_map<(b) -> (b)>], iterator_types = ["parallel"]}}
      ins(%position : {index}) outs({start} : {index}) {{
    ^bb0(%p: i32, %old: i32):
      %next = arith.addi %p, %first : i32
      linalg.yield %next : i32
    }} -> {index}""")
    kind = tensor(1, HEADS, 1, WIDTH)
    out = text.add(f"attn.attend query({query} : {kind}) key({keys} : {cache}) value({values} : {cache}) "
                   f"kv_length({length} : {index}) scale {WIDTH ** -0.5} -> {kind}")
    results = [(keys, cache, 'plan.name = "keys_after", plan.alias = 3 : i64'),
               (values, cache, 'plan.name = "values_after", plan.alias = 4 : i64')]
    return function(text, symbols, arguments, end(text, out), results)


def begin(text):
    """Up to queries, keys and values."""
    x = text.norm("%x", "%norm_in")
    joint = text.narrow(text.linear(x, "%w_qkv", JOINT, HIDDEN), JOINT)
    query = text.rope(text.heads(joint, 0, HEADS), HEADS)
    key = text.rope(text.heads(joint, HEADS * WIDTH, KEY_HEADS), KEY_HEADS)
    return query, key, text.heads(joint, (HEADS + KEY_HEADS) * WIDTH, KEY_HEADS)


def end(text, out):
    """Behind attention."""
    x = text.residual(text.linear(text.joined(out), "%w_out", HIDDEN, HEADS * WIDTH), "%x")
    y = text.norm(x, "%norm_mid")
    inner = text.gated(text.linear(y, "%w_gate", INNER, HIDDEN), text.linear(y, "%w_up", INNER, HIDDEN))
    return text.residual(text.linear(inner, "%w_down", HIDDEN, INNER), x)


def function(text, symbols, arguments, out, others):
    arguments = arguments + [argument(name, symbols, *shape) for name, shape in WEIGHTS.items()]
    results = [(out, tensor(text.rows, HIDDEN), 'plan.name = "out"'), *others]
    first = ['  %rows = plan.symbol "rows"'] if text.size else []
    first += ["  %zero = arith.constant 0.0 : f32", "  %one = arith.constant 1.0 : f32", "  %first = arith.constant 1 : i32"]
    kinds = ", ".join(f"{kind} {{{attributes}}}" for _, kind, attributes in results)
    return (MAPS + "func.func @main(" + ",\n    ".join(arguments) + f")\n    -> ({kinds})\n    attributes {{plan.symbols = ["
            + ", ".join(f'"{symbol}"' for symbol in symbols) + "]} {\n" + "\n".join(first + text.lines)
            + f"\n  return {', '.join(name for name, _, _ in results)} : {', '.join(kind for _, kind, _ in results)}\n}}\n")
