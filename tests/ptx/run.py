#!/usr/bin/env python3
"""Runs kernels for NVIDIA's sm_90a without a GPU: attention and products in which some warps copy and others multiply.

    run.py BUILD        compiles each case, runs it with few workgroups, so that they go through several programs each, and
                        compares what it stores with float64: rms(e) <= 1.25 rms(e_plain) + half a unit in the last place
"""

import concurrent.futures
import os
import pathlib
import sys

import numpy

import machine
from package import compile_model, interpret, run_twice

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from attention_source import DISTANCES, PREFIX, SOFTCAP, WINDOW, biased, source

# Widths whose rows are panels of 128 bytes and one of 32, 64 or 128 that they fill or do not.
PANELED = [40, 72, 80, 96, 104, 160]
# batch, heads, rows, head width, is causal, workgroups. Rows that blocks of 128 and 192 do not divide, several programs for
# each workgroup, turns of heads up and down; one workgroup for all, and more workgroups than some rounds have programs.
ATTENTION = [(1, 3, 193, 64, True, 1), (2, 3, 450, 64, True, 5), (2, 2, 400, 64, False, 3), (2, 2, 333, 128, True, 4),
             (2, 2, 260, 128, False, 5), (1, 2, 130, 128, False, 1), (1, 1, 70, 64, False, 1), (1, 2, 140, 192, True, 1), (1, 1, 150, 256, False, 1),
             *((1, 2, 200, width, width % 16 == 0, 2) for width in PANELED)]
# Of f32, by multiply-adds: batch, heads, rows, head width, is causal. Keys and values are copied ahead, or, where there is no
# room, brought by lanes.
FLOAT_ATTENTION = [(1, 2, 150, 32, False), (2, 1, 140, 64, True), (1, 1, 100, 128, False)]
# Of the same, with a soft cap: queries are so large that it changes scores.
CAPPED = [(1, 1, 200, 64, True, 1), (1, 1, 150, 128, True, 1)]
# batch, heads, rows, head width, is causal, workgroups: scores grow from block of keys to block, see run_growing.
GROWING = [(1, 1, 660, 64, False, 2), (1, 2, 520, 64, True, 3), (1, 1, 530, 128, False, 2)]
# Variant, batch, heads, rows, head width, workgroups. Blocks of keys that windows and prefixes leave out, cut and show whole.
VARIANTS = [("window", 1, 1, WINDOW + 470, 64, 3),
            ("alibi-window", 1, 1, WINDOW + 70, 64, 3), ("alibi-window", 1, 1, WINDOW + 70, 128, 3), ("alibi", 1, 2, 260, 64, 2),
            ("prefix", 1, 1, PREFIX + 140, 64, 2),
            ("relative-window", 1, 1, WINDOW + 470, 64, 3), ("relative-window", 1, 1, WINDOW + 300, 128, 2),
            ("relative", 1, 2, 260, 64, 2), ("relative", 1, 1, DISTANCES + 180, 128, 3), ("buckets", 2, 1, 330, 64, 2),
            ("buckets", 1, 2, 200, 128, 1)]

# Variant, batch, heads, rows, head width, rows of a document, workgroups. Rows of one, two and three documents in a block;
# groups of warps that begin and end with other blocks of keys than their program.
DOCUMENTED = [("causal-documents", 1, 2, 460, 64, 150, 3), ("documents", 2, 1, 392, 128, 130, 2),
              ("causal-documents", 1, 1, 640, 128, 260, 2), ("relative-documents", 1, 2, 460, 64, 150, 3),
              ("relative-documents", 1, 1, 640, 128, 260, 2)]

# Element of a bias or mask, whether it is another for each batch, head and row, how many keys are seen without it; batch,
# heads, rows, head width, workgroups. All come as tiles through rings, which wrap; rows that blocks do not divide. What is
# read in some blocks only is copied for those only.
BIASED = [("bf16", False, True, True, 0, 2, 1, 264, 64, 2), ("bf16", True, False, True, 0, 1, 2, 264, 128, 2),
          ("f32", False, True, True, 0, 1, 1, 260, 128, 1), ("f32", True, False, False, 0, 2, 1, 260, 64, 2),
          ("i1", False, False, True, 0, 1, 1, 272, 64, 1), ("i1", True, False, False, 140, 2, 1, 528, 128, 2)]

# Models in ONNX's text form, with depth {k} and columns {n}, and whether the weights lie columns by depth.
PRODUCTS = {
    "plain": ("(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w) => (bfloat16[rows,{n}] y) {{ y = MatMul(x, w) }}", False),
    "across": ("(bfloat16[rows,{k}] x, bfloat16[{n},{k}] w) => (bfloat16[rows,{n}] y) {{ y = Gemm<transB=1>(x, w) }}", True),
    "added": ("(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w, bfloat16[{n}] c, bfloat16[rows,{n}] r) => (bfloat16[rows,{n}] y)"
              "{{ p = MatMul(x, w) s = Add(p, c) y = Add(s, r) }}", False),
    "gated": ("(bfloat16[rows,{k}] x, bfloat16[{k},{n}] w, bfloat16[{k},{n}] v) => (bfloat16[rows,{n}] y)"
              "{{ p = MatMul(x, w) q = MatMul(x, v) y = Mul(p, q) }}", False),
}
# kind, block, rows, columns, depth, workgroups. Rows that blocks do not divide, and columns and depths; several programs for
# each workgroup, one workgroup for all, rings that wrap in the middle of a program, and more rows than a band of programs has.
PRODUCT_CASES = [("plain", "128x256", 300, 512, 192, 4), ("across", "128x256", 256, 504, 376, 3),
                 ("added", "128x256", 130, 256, 128, 1), ("plain", "128x128", 257, 384, 376, 2),
                 ("added", "128x64", 257, 192, 376, 3),
                 ("plain", "128x64", 1100, 128, 128, 5), ("gated", "128x128", 300, 256, 192, 2), ("gated", "128x64", 130, 184, 376, 3),
                 ("across", "128x128", 128, 256, 128, 2), ("added", "128x128", 200, 248, 192, 1)]

# Whether a bias and a residual are added, which registers have to be left for; whether weights have a row for each output, and
# the other operand one for each depth; block, rows, columns, depth.
FLOAT_PRODUCTS = [(False, False, False, "128x128", 200, 252, 92), (True, False, False, "128x128", 140, 252, 60),
                  (True, True, False, "128x128", 200, 252, 92), (True, True, False, "128x96", 300, 192, 92),
                  (False, False, True, "128x128", 200, 252, 92), (False, True, True, "128x96", 140, 192, 60)]

# columns, depth: loops of several rounds, and columns that blocks do not divide.
ROW_PRODUCTS = [(20, 2176)]

# Element, rows, columns: rows of which a warp has one, of which all warps have a part, and which blocks do not divide.
NORMS = [("float", 21, 384), ("bfloat16", 21, 384), ("bfloat16", 3, 2048)]

# batch, heads, rows, width, workgroups: keys and values that end before their tensors do are copied row by row, with any stride.
LENGTHS = [(3, 2, 200, 64, 6), (3, 1, 200, 72, 3), (2, 1, 161, 256, 2)]

# batch, heads, key heads, width, keys, their number in a page or 0, programs. Parts have 256 keys, four blocks, more than a ring
# has slots; one sequence without pages has no lengths and is copied in boxes. Parts behind the keys of their sequence; seven
# heads to a key head, of which four are merged at a time; values in four accumulators, for which parts have 224 keys; more parts
# than those whose values lanes hold together, 32 at width 128, and than are weighed together, 64.
FEW_ROWS = [(1, 8, 2, 128, 300, 0, 4), (2, 4, 1, 64, 400, 0, 4), (1, 8, 2, 128, 320, 16, 4), (2, 4, 2, 128, 512, 64, 8),
            (1, 14, 2, 64, 600, 0, 6), (1, 2, 1, 256, 300, 0, 2), (1, 4, 1, 128, 8300, 0, 33), (1, 4, 1, 64, 16600, 0, 65)]


def attention(query, key, value, is_causal, kind, weights=lambda values: values, cap=None, bias=None):
    query, key, value = (machine.widen(tensor).astype(kind) for tensor in (query, key, value))
    scores = query @ key.swapaxes(2, 3) * kind(query.shape[3] ** -0.5)
    if cap:
        scores = kind(cap) * numpy.tanh(scores / kind(cap))
    if bias is not None:
        scores = scores + bias.astype(kind)
    if is_causal:
        scores[..., numpy.triu(numpy.ones(scores.shape[2:], bool), 1)] = -numpy.inf
    powers = numpy.exp(scores - scores.max(-1, keepdims=True))
    return weights(powers).astype(kind) @ value / powers.sum(-1, keepdims=True)


def check(out, exact, plain, unit=2**-8):
    """The error of a result, as a share of what is allowed by the error of plain f32 computation, rounded to such units."""
    rms = lambda tensor: numpy.sqrt(numpy.mean(numpy.square(tensor.astype(numpy.float64))))
    allowed = 1.25 * rms(plain - exact) + 0.5 * unit * rms(exact)
    error = rms(machine.widen(out) - exact)
    if not error <= allowed:
        raise machine.Wrong(f"error {error:.2e}, {allowed:.2e} are allowed")
    return error / allowed


def run_capped(build, *numbers):
    return run_attention(build, *numbers, cap=SOFTCAP)


def run_growing(build, *numbers):
    return run_attention(build, *numbers, heights=(0, 7, 8.5, 40, 30, 52))


def run_attention(build, batch, heads, rows, width, is_causal, workgroups, cap=None, heights=None):
    """`heights`: how much higher the scores of each 128 keys are, in binary logarithms, so that references stay where they are,
    or follow by a little more than they have to, or far; of every second 16 rows all by as much, of the others by more or less."""
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    if heights:
        query, key = machine.widen(operands[0]), machine.widen(operands[1])
        mixed = numpy.arange(rows) // 16 % 2 == 0
        query[..., 0] = numpy.where(mixed, numpy.resize([1, 0.5, 0, -1, 2], rows), numpy.where(numpy.arange(rows) // 32 % 2, 1, 0))
        key[..., 0] = numpy.repeat(heights, 128)[:rows] * numpy.log(2) * width ** 0.5
        operands[:2] = machine.narrow(query), machine.narrow(key)
    if cap:
        operands[0] = machine.narrow(20 * machine.widen(operands[0]))
    model = "case.mlir", source(heads, width, "softcap" if cap else "causal" if is_causal else "full").encode()
    out, programs = interpret(build, model, {"batch": batch, "sequence": rows}, "_aligned", operands, shape, workgroups)
    exact = attention(*operands, is_causal, numpy.float64, cap=cap)
    plain = machine.widen(machine.narrow(attention(*operands, is_causal, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)), cap)))
    return check(out, exact, plain), programs


def run_float_attention(build, batch, heads, rows, width, is_causal):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [random.standard_normal(shape).astype(numpy.float32) for _ in range(3)]
    model = "case.mlir", source(heads, width, "causal" if is_causal else "full").replace("bf16", "f32").encode()
    out, programs = interpret(build, model, {"batch": batch, "sequence": rows}, "attend_aligned", operands, shape, None,
                              numpy.float32)
    exact, plain = (attention(*operands, is_causal, kind) for kind in (numpy.float64, numpy.float32))
    return check(out, exact, plain, 2**-23), programs


def run_variant(build, variant, batch, heads, rows, width, workgroups):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    slopes = 2.0 ** -numpy.arange(1, heads + 1, dtype=numpy.float32)
    distance = numpy.arange(rows) - numpy.arange(rows)[:, None]  # of a key from a row
    visible = distance <= 0 if variant != "buckets" else distance < rows
    if variant.endswith("window"):
        visible &= distance > -WINDOW
    if variant == "prefix":
        visible |= numpy.arange(rows) < PREFIX
    bias = numpy.where(visible, 0.0, -numpy.inf)[None, None]
    if variant.startswith("alibi"):
        bias = bias + slopes[:, None, None] * distance
    model = "case.mlir", source(heads, width, variant).encode()
    given = operands + [slopes] * variant.startswith("alibi")
    if variant.startswith("relative"):
        given.append(random.standard_normal((heads, DISTANCES)).astype(numpy.float32))
        bias = bias + given[-1][:, numpy.clip(-distance, 0, DISTANCES - 1)]
    if variant == "buckets":
        given.append(machine.narrow(random.standard_normal((heads, 32))))
        far = numpy.abs(distance)
        coarse = 8 + numpy.floor(8 * numpy.log2((far + 0.5) / 8) / 4).astype(int)
        bucket = numpy.where(far < 8, far, numpy.minimum(coarse, 15)) + 16 * (distance > 0)
        bias = bias + machine.widen(given[-1])[:, bucket]
    out, programs = interpret(build, model, {"batch": batch, "sequence": rows}, "_aligned", given, shape, workgroups)
    exact = attention(*operands, False, numpy.float64, bias=bias)
    plain = machine.widen(machine.narrow(attention(*operands, False, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)), bias=bias)))
    return check(out, exact, plain), programs


def label_bounds(labels, rows_of_entry=64):
    """What the kernel before attention finds: by the rows of an entry the first key that has a label from their least to their
    greatest, the end of such keys, and whether these have one label with the rows and with all keys between."""
    entries = [labels[:, first:first + rows_of_entry] for first in range(0, labels.shape[1], rows_of_entry)]
    bounds = numpy.empty((3, labels.shape[0], len(entries)), numpy.int32)
    for number, entry in enumerate(entries):
        for index, (own, all_labels) in enumerate(zip(entry, labels)):
            found = numpy.flatnonzero((all_labels >= own.min()) & (all_labels <= own.max()))
            is_whole = own.min() == own.max() and len(found) == found[-1] + 1 - found[0]
            bounds[:, index, number] = found[0], found[-1] + 1, is_whole
    return list(bounds)


def run_documents(build, variant, batch, heads, rows, width, length, workgroups):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    labels = numpy.stack([(numpy.arange(rows) + 17 * index) // length for index in range(batch)]).astype(numpy.int32)
    visible = labels[:, :, None] == labels[:, None, :]
    distance = numpy.arange(rows)[:, None] - numpy.arange(rows)
    if variant != "documents":
        visible &= distance >= 0
    bias, tables = numpy.where(visible, 0.0, -numpy.inf)[:, None], []
    if variant.startswith("relative"):
        tables.append(random.standard_normal((heads, DISTANCES)).astype(numpy.float32))
        bias = bias + tables[0][:, numpy.clip(distance, 0, DISTANCES - 1)]
    model = "case.mlir", source(heads, width, variant).encode()
    out, programs = interpret(build, model, {"batch": batch, "sequence": rows}, r"_\d+x\d+_aligned",
                              [*operands, *tables, labels, *label_bounds(labels)], shape, workgroups, before=["_bounds"])
    exact = attention(*operands, False, numpy.float64, bias=bias)
    plain = machine.widen(machine.narrow(attention(*operands, False, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)), bias=bias)))
    return check(out, exact, plain), programs


def run_biased(build, element, of_batch, of_head, of_row, seen, batch, heads, rows, width, workgroups):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    sizes = (batch if of_batch else 1, heads if of_head else 1, rows if of_row else 1, rows)
    bias = random.standard_normal(sizes).astype(numpy.float32)
    operands.append({"bf16": machine.narrow(bias), "f32": bias, "i1": (bias > 0).astype(numpy.uint8)}[element])
    bias = {"bf16": lambda: machine.widen(operands[3]), "f32": lambda: bias,
            "i1": lambda: numpy.where((operands[3] != 0) | (numpy.arange(rows) < seen), 0, -numpy.inf)}[element]()
    model = "case.mlir", source(heads, width, biased(element, of_batch, of_head, of_row, seen)).encode()
    text, plan = compile_model(build, model, {"batch": batch, "sequence": rows}, "_aligned")
    if len(plan.boxes(operands, 0)) != 4:
        raise machine.Wrong("a tile is not copied in boxes")
    programs = int(numpy.prod(plan.grid))
    memory = run_twice(text, plan, operands, [2 * int(numpy.prod(shape))], min(workgroups, programs))
    out = memory.results[0].view(numpy.uint16).reshape(shape)
    exact = attention(*operands[:3], False, numpy.float64, bias=bias)
    plain = machine.widen(machine.narrow(attention(*operands[:3], False, numpy.float32,
                                                   lambda powers: machine.widen(machine.narrow(powers)), bias=bias)))
    return check(out, exact, plain), programs


def run_lengths(build, batch, heads, rows, width, workgroups):
    random, shape = numpy.random.default_rng(1), (batch, heads, rows, width)
    operands = [machine.narrow(random.standard_normal(shape)) for _ in range(3)]
    lengths = numpy.array([max(rows // (1 + index) - 3 * index, 1) for index in range(batch)], numpy.int64)
    for index, length in enumerate(lengths):  # what no length reaches is no number
        for tensor in operands[1:]:
            tensor[index, :, length:] = 0x7FC0
    strides = [heads * rows * width, rows * width, width]
    symbols = {"batch": batch, "sequence": rows, "key": 0, "stride": lambda operand, dim: strides[dim]}
    names, own = "affine_map<()[s0, s1, s2, s3, s4] -> ", f"tensor<?x{heads}x?x{width}xbf16>"
    described = f"plan.shape = {names}(s0, {heads}, s1, {width})>"
    arguments = [f'%query: {own} {{plan.name = "query", {described}}}',
                 *(f'%{name}: {own} {{plan.name = "{name}", {described}, plan.strides = {names}(s2, s3, s4, 1)>}}'
                   for name in ("key", "value")),
                 f'%length: tensor<?xi64> {{plan.name = "length", plan.shape = {names}(s0)>}}']
    model = f"""func.func @main({", ".join(arguments)}) -> ({own} {{plan.name = "out"}})
        attributes {{plan.symbols = ["batch", "sequence", "outer", "middle", "inner"]}} {{
      %out = attn.attend query(%query : {own}) key(%key : {own}) value(%value : {own}) kv_length(%length : tensor<?xi64>)
          scale {width ** -0.5} -> {own}
      return %out : {own}
    }}"""
    out, programs = interpret(build, ("case.mlir", model.encode()), symbols, r"_\d+x\d+\w*_aligned", [*operands, lengths], shape,
                              workgroups)
    computed = []
    for kind in (numpy.float64, numpy.float32):
        weights = (lambda values: values) if kind == numpy.float64 else (lambda powers: machine.widen(machine.narrow(powers)))
        computed.append(numpy.concatenate([
            attention(*(tensor[[index]][:, :, :end] for tensor, end in zip(operands, (rows, length, length))), False, kind, weights)
            for index, length in enumerate(lengths)]))
    return check(out, computed[0], machine.widen(machine.narrow(computed[1]))), programs


def run_product(build, kind, block, rows, columns, depth, workgroups):
    import onnx
    random, (text, is_across) = numpy.random.default_rng(1), PRODUCTS[kind]
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> agraph ' + text.format(k=depth, n=columns))
    weights = (columns, depth) if is_across else (depth, columns)
    others = [weights] if kind == "gated" else [(columns,), (rows, columns)]
    shapes = [(rows, depth), weights, *others][:len(model.graph.input)]
    operands = [machine.narrow(random.standard_normal(shape)) for shape in shapes]
    out, programs = interpret(build, ("case.onnx", model.SerializeToString()), {"rows": rows}, f"_{block}_aligned",
                              operands, (rows, columns), workgroups)
    x, w, *added = (machine.widen(operand) for operand in operands)
    round_off = lambda tensor: machine.widen(machine.narrow(tensor))
    multiply = lambda kind, right: x.astype(kind) @ (right.T if is_across else right).astype(kind)
    exact, plain = multiply(numpy.float64, w), round_off(multiply(numpy.float32, w))
    if kind == "gated":
        exact, plain = exact * multiply(numpy.float64, added[0]), round_off(plain * round_off(multiply(numpy.float32, added[0])))
        added = []
    for each in added:
        exact, plain = exact + each, round_off(plain + each)
    return check(out, exact, plain), programs


def run_float_product(build, is_added, is_across, is_turned, block, rows, columns, depth):
    """Of f32, by multiply-adds, in the blocks for many programs."""
    import onnx
    random = numpy.random.default_rng(1)
    shapes = [(depth, rows) if is_turned else (rows, depth), (columns, depth) if is_across else (depth, columns)]
    inputs = f"float{f'[{depth},rows]' if is_turned else f'[rows,{depth}]'} x, float{list(shapes[1])} w"
    product = f"Gemm<transA={int(is_turned)}, transB={int(is_across)}>(x, w)"
    sums = f"y = {product}"
    if is_added:
        inputs += f", float[{columns}] c, float[rows,{columns}] r"
        sums = f"p = {product} s = Add(p, c) y = Add(s, r)"
        shapes += [(columns,), (rows, columns)]
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> agraph '
                                    f"({inputs}) => (float[rows,{columns}] y) {{ {sums} }}")
    x, w, *added = operands = [random.standard_normal(shape).astype(numpy.float32) for shape in shapes]
    out, programs = interpret(build, ("case.onnx", model.SerializeToString()), {"rows": rows}, f"_{block}_aligned", operands,
                              (rows, columns), None, numpy.float32)
    x, w = x.T if is_turned else x, w.T if is_across else w
    exact = sum(added, x.astype(numpy.float64) @ w)
    bound = (depth + 2) * 2**-24 * sum((numpy.abs(each) for each in added), numpy.abs(x).astype(numpy.float64) @ numpy.abs(w))
    share = float((numpy.abs(out - exact) / bound).max())
    if not share <= 1:
        raise machine.Wrong(f"an error of {share:.2f} of what {depth} roundings explain")
    return share, programs


def few_rows_source(heads, key_heads, width, page, has_lengths):
    """One row a head, over keys that lie together or in pages, of given lengths."""
    tensor = lambda *sizes, kind="bf16": f"tensor<{'x'.join(str(size) if isinstance(size, int) else '?' for size in sizes)}x{kind}>"
    cache = ("pool", key_heads, page, width) if page else ("batch", key_heads, "keys", width)
    arguments = {"query": ("batch", heads, 1, width), "key": cache, "value": cache}
    if has_lengths:
        arguments["kv_length"] = ("batch",)
    if page:
        arguments["pages"] = ("batch", "entries")
    symbols = ["batch", *(["pool", "entries"] if page else ["keys"])]
    types = {name: tensor(*sizes, kind="i32" if len(sizes) < 4 else "bf16") for name, sizes in arguments.items()}
    shape = lambda sizes: f"affine_map<()[{', '.join(symbols)}] -> ({', '.join(map(str, sizes))})>"
    inputs = ", ".join(f'%{name}: {types[name]} {{plan.name = "{name}", plan.shape = {shape(sizes)}}}'
                       for name, sizes in arguments.items())
    operands = " ".join(f"{name}(%{name} : {kind})" for name, kind in types.items())
    return f"""func.func @main({inputs}) -> ({types["query"]} {{plan.name = "out"}})
    attributes {{plan.symbols = [{", ".join(f'"{symbol}"' for symbol in symbols)}]}} {{
  %out = attn.attend {operands} scale {width ** -0.5!r} -> {types["query"]}
  return %out : {types["query"]}
}}
"""


def run_few_rows(build, batch, heads, key_heads, width, keys, page, programs, change=lambda text: text):
    """The kernel for parts of the keys, whose last programs merge their states; what no part has handed over nobody loads."""
    random, group = numpy.random.default_rng(1), heads // key_heads
    query, key, value = (machine.narrow(random.standard_normal((batch, count, size, width)))
                         for count, size in ((heads, 1), (key_heads, keys), (key_heads, keys)))
    lengths = numpy.array([keys // (1 + index) - 3 * index for index in range(batch)], numpy.int32)
    has_lengths = page != 0 or batch > 1
    operands, symbols = [query, key, value, *([lengths] if has_lengths else [])], {"batch": batch, "keys": keys}
    if page:
        entries = keys // page
        table = random.permutation(batch * entries).astype(numpy.int32).reshape(batch, entries)
        for index in (1, 2):  # what no length reaches is no number
            paged = operands[index].copy()
            for sequence, length in enumerate(lengths):
                paged[sequence, :, length:] = 0x7FC0
            paged = paged.reshape(batch, key_heads, entries, page, width).transpose(0, 2, 1, 3, 4)
            operands[index] = numpy.empty((batch * entries, *paged.shape[2:]), numpy.uint16)
            operands[index][table.reshape(-1)] = paged.reshape(operands[index].shape)
        operands.append(table)
        symbols = {"batch": batch, "pool": batch * entries, "entries": entries}
    model = "case.mlir", few_rows_source(heads, key_heads, width, page, has_lengths).encode()
    text, parts = compile_model(build, model, symbols, "_parts_aligned")
    if " opens" not in parts.variant.group(3):
        raise machine.Wrong("the kernel opens calls")
    count = int(numpy.prod(parts.grid))
    places = -(-(count // (batch * key_heads)) // 4) * 4
    states = 4 * batch * heads * places
    memory = run_twice(change(text), parts, operands,
                       [2 * batch * heads * width, states, states, states * width, 4 * batch * key_heads], count)
    if (memory.stores[0] == 0).any():
        raise machine.Wrong("not all of the result is stored")
    if memory.results[4].any():
        raise machine.Wrong("counters are not zero again")
    exact, plain = (numpy.zeros((batch, heads, 1, width), kind) for kind in (numpy.float64, numpy.float32))
    for sequence, length in enumerate(lengths):
        for head in range(heads):
            one = [query[sequence, head][None, None]]
            one += [cache[sequence, head // group, :length][None, None] for cache in (key, value)]
            exact[sequence, head] = attention(*one, False, numpy.float64)[0, 0]
            plain[sequence, head] = machine.widen(machine.narrow(
                attention(*one, False, numpy.float32, lambda powers: machine.widen(machine.narrow(powers)))))[0, 0]
    if count != programs:
        raise machine.Wrong(f"{count} programs, {programs} are expected")
    return check(memory.results[0].view(numpy.uint16).reshape(exact.shape), exact, plain), count


def run_unordered_parts(build, is_before):
    """The same without one barrier: between a workgroup's stores and its arrival, or between that and its loads."""
    def change(text):
        start = text.index("atom.acq_rel.gpu")
        place = text.rindex("bar.sync", 0, start) if is_before else text.index("bar.sync", start)
        return text[:place] + text[text.index(";", place) + 1:]
    try:
        run_few_rows(build, 1, 8, 2, 128, 600, 0, 6, change)
    except machine.Wrong as wrong:
        if "have not handed over" in str(wrong):
            return 0, 6
        raise
    raise machine.Wrong("nobody sees that a barrier is missing")


def run_row_product(build, columns, depth):
    """A product of one row with what a kernel before makes of it: weights are asked for before that has ended."""
    import onnx
    random = numpy.random.default_rng(1)
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> agraph '
                                    f"(float[1,{depth}] x, float[{columns},{depth}] w) => (float[1,{columns}] y)"
                                    "{ p = Softmax(x) y = Gemm<transB=1>(p, w) }")
    x, w = (random.standard_normal(shape).astype(numpy.float32) for shape in ((1, depth), (columns, depth)))
    text, row, product = compile_model(build, ("case.onnx", model.SerializeToString()), {}, "_row_aligned", "_matmul_aligned")
    if "prefetch.global.L2" not in text:
        raise machine.Wrong("no weights are asked for early")
    made = run_twice(text, row, [x], [4 * depth], int(numpy.prod(row.grid))).results[0]
    count = int(numpy.prod(product.grid))
    memory = run_twice(text, product, [made, w], [4 * columns], count, pending=[0])
    powers = numpy.exp(x.astype(numpy.float64) - x.max())
    exact = powers / powers.sum() @ w.T.astype(numpy.float64)
    bound = 2 * depth * 2**-24 * numpy.abs(exact).max()
    share = float(numpy.abs(memory.results[0].view(numpy.float32) - exact).max() / bound)
    if not share <= 1:
        raise machine.Wrong(f"an error of {share:.2f} of what {depth} roundings explain")
    return share, count


def run_norm(build, element, rows, columns):
    """A norm of what a kernel before makes: scale and shift, which all programs read, are loaded before that has ended."""
    import onnx
    random, kind = numpy.random.default_rng(1), {"float": numpy.float32, "bfloat16": numpy.uint16}[element]
    store = (lambda tensor: tensor) if element == "float" else machine.narrow
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 20]> agraph '
                                    f"({element}[{rows},{columns}] x, {element}[{columns}] scale, {element}[{columns}] shift) => "
                                    f"({element}[{rows},{columns}] y) "
                                    "{ p = Softmax(x) y = LayerNormalization<epsilon=1e-12>(p, scale, shift) }")
    x, *others = (store(random.standard_normal(shape).astype(numpy.float32)) for shape in ((rows, columns), columns, columns))
    text, row, norm = compile_model(build, ("case.onnx", model.SerializeToString()), {}, "0_row_aligned", "1_row_aligned")
    made = run_twice(text, row, [x], [x.nbytes], int(numpy.prod(row.grid))).results[0]
    count = int(numpy.prod(norm.grid))
    out = run_twice(text, norm, [made, *others], [x.nbytes], count, pending=[0]).results[0].view(kind).reshape(x.shape)

    def plainly(kind):
        p, scale, shift = (machine.widen(tensor).astype(kind) for tensor in (made.view(x.dtype).reshape(x.shape), *others))
        p = p - p.mean(-1, keepdims=True, dtype=kind)
        return p / numpy.sqrt(numpy.square(p).mean(-1, keepdims=True, dtype=kind) + kind(1e-12)) * scale + shift
    plain = machine.widen(store(plainly(numpy.float32)))
    return check(out, plainly(numpy.float64), plain, 2**-23 if element == "float" else 2**-8), count


def run_case(case):
    """Whether it is right, and a line that says so."""
    build, name, run, numbers = case
    try:
        share, programs = run(build, *numbers)
        return True, f"{name}: {programs} programs, error {share:.2f} of what is allowed"
    except machine.Wrong as wrong:
        return False, f"{name}: WRONG: {wrong}"


def main():
    build, failures = pathlib.Path(sys.argv[1]), 0
    cases = [(f"attention: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]} causal {case[4]}", run_attention, case)
             for case in ATTENTION]
    cases += [(f"attention of f32: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]} causal {case[4]}",
               run_float_attention, case) for case in FLOAT_ATTENTION]
    cases += [(f"soft cap: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]}", run_capped, case) for case in CAPPED]
    cases += [(f"growing scores: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]} causal {case[4]}", run_growing, case)
              for case in GROWING]
    cases += [(f"bias: {case[0]} by batch {case[1]} by head {case[2]} by row {case[3]}, behind {case[4]} keys: batch {case[5]} "
               f"heads {case[6]} rows {case[7]} width {case[8]}", run_biased, case) for case in BIASED]
    cases += [(f"{case[0]}: batch {case[1]} heads {case[2]} rows {case[3]} width {case[4]}", run_variant, case)
              for case in VARIANTS]
    cases += [(f"{case[0]} of {case[5]}: batch {case[1]} heads {case[2]} rows {case[3]} width {case[4]}", run_documents, case)
              for case in DOCUMENTED]
    cases += [(f"lengths: batch {case[0]} heads {case[1]} rows {case[2]} width {case[3]}", run_lengths, case) for case in LENGTHS]
    cases += [(f"product: {case[0]} in blocks of {case[1]}, {case[2]} x {case[3]} x {case[4]}", run_product, case)
              for case in PRODUCT_CASES]
    cases += [(f"product of f32{', across' * case[1]}{', turned' * case[2]}{', added to' * case[0]} in blocks of {case[3]}: "
               f"{case[4]} x {case[5]} x {case[6]}", run_float_product, case)
              for case in FLOAT_PRODUCTS]
    cases += [(f"product of a row made before: {case[0]} x {case[1]}", run_row_product, case) for case in ROW_PRODUCTS]
    cases += [(f"norm: {case[0]} {case[1]} x {case[2]}", run_norm, case) for case in NORMS]
    cases += [(f"few rows: batch {case[0]} heads {case[1]} over {case[2]} width {case[3]} keys {case[4]} in pages of {case[5]}",
               run_few_rows, case) for case in FEW_ROWS]
    cases += [(f"few rows, no barrier {place} arrivals", run_unordered_parts, (place == "before",)) for place in ("before", "behind")]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), initializer=numpy.seterr, initargs=("ignore",)) as pool:
        for right, line in pool.map(run_case, [(build, *case) for case in cases]):
            print(line, flush=True)
            failures += not right
    print(f"{len(cases) - failures} of {len(cases)} cases right")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main() if len(sys.argv) == 2 else __doc__)
