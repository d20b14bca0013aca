"""The kernels that are run: every op of the simt dialect, and what arith, math and scf mean to a lane."""
import ml_dtypes
import numpy as np

import cuda_cases
from builder import TYPES, Case, Kernel, close, same, size_of

RANDOM = np.random.default_rng(7)


def random_bytes(count):
    return RANDOM.integers(0, 255, count, dtype=np.uint8)


#===-- Where a lane is ------------------------------------------------------------------------------------------------===#

def places(machine):
    for threads in (machine.lanes, 4 * machine.lanes):
        for launch in ((12, 1), (4, 3)):
            kernel = Kernel(f"places_{threads}_{launch[1]}", machine.lanes, 3, threads)
            item = kernel.item()
            kernel.store(0, item, kernel.op("simt.program"), "i32")
            kernel.store(1, item, kernel.op("simt.lane"), "i32")
            kernel.store(2, item, kernel.op("simt.warp"), "i32")

            def check(arrays, threads=threads):
                index = np.arange(12 * threads, dtype=np.int32)
                same(arrays[0], index // threads)
                same(arrays[1], index % machine.lanes)
                same(arrays[2], index % threads // machine.lanes)
            yield Case(kernel, [np.zeros(12 * threads, np.int32) for _ in range(3)], check, (2, 3, 2), launch)


#===-- Memory ---------------------------------------------------------------------------------------------------------===#

def accesses(machine):
    """Every type, width and alignment, through global and shared memory, with and without a predicate."""
    for element in TYPES:
        width = 1
        while width * size_of(element) <= 16:
            total = width * size_of(element)
            alignments = sorted({total, size_of(element), 1}) if width > 1 else [total]
            for alignment in alignments:
                for predicated in (False, True):
                    yield access(machine, element, width, alignment, predicated)
            width *= 2


def access(machine, element, width, alignment, predicated):
    threads, total = 64, width * size_of(element)
    kernel = Kernel(f"access_{element}_{width}_{alignment}_{int(predicated)}", machine.lanes, 2, threads, 64 * total + 16)
    kind = element if width == 1 else f"vector<{width}x{element}>"
    thread = kernel.thread()
    # Everything is shifted by the alignment, so that it is no better than promised.
    shift = alignment % total
    shifted = kernel.binary("arith.addi", kernel.binary("arith.muli", thread, kernel.const(total)), kernel.const(shift))
    source, target = kernel.place(0, shifted, 1), kernel.place(1, shifted, 1)
    plain = f"align {alignment}"
    if predicated:
        zero = "0.0" if "f" in element else "0"
        fill = kernel.const(zero if width == 1 else f"dense<{zero}>", kind)
        one = kernel.binary("arith.andi", thread, kernel.const(1))
        odd = kernel.op(f"arith.cmpi eq, {one}, {kernel.const(1)} : i32")
        below = kernel.op(f"arith.cmpi slt, {thread}, {kernel.const(50)} : i32")
        value = kernel.op(f"simt.load global {source} if {odd} else {fill} : {kind} {plain} : i64 -> {kind}")
        kernel.do(f"simt.store shared {value}, {shifted} {plain} : {kind}, i32")
        back = kernel.op(f"simt.load shared {shifted} if {odd} else {fill} : {kind} {plain} : i32 -> {kind}")
        kernel.do(f"simt.store global {back}, {target} if {below} {plain} : {kind}, i64")
    else:
        value = kernel.op(f"simt.load global {source} {plain} : i64 -> {kind}")
        kernel.do(f"simt.store shared {value}, {shifted} {plain} : {kind}, i32")
        back = kernel.op(f"simt.load shared {shifted} {plain} : i32 -> {kind}")
        kernel.do(f"simt.store global {back}, {target} {plain} : {kind}, i64")
    given, before = random_bytes(threads * total + shift), random_bytes(threads * total + shift)

    def check(arrays):
        rows, old = given[shift:].reshape(threads, total), before[shift:].reshape(threads, total)
        index = np.arange(threads)[:, None]
        expected = rows if not predicated else np.where(index < 50, np.where(index % 2 == 1, rows, 0), old)
        same(arrays[1][shift:].reshape(threads, total), expected)
        same(arrays[1][:shift], before[:shift])
    return Case(kernel, [given, before], check)


def out_of_bounds(machine):
    """A predicate that is false keeps memory from being touched at all, be the address as wild as it may."""
    for width in (1, 4):
        kernel = Kernel(f"wild_{width}", machine.lanes, 2, 64)
        kind = "f32" if width == 1 else "vector<4xf32>"
        thread = kernel.thread()
        inside = kernel.op(f"arith.cmpi ult, {thread}, {kernel.const(10)} : i32")
        far = kernel.const(1 << 50, "i64")
        fill = kernel.const("2.0" if width == 1 else "dense<2.0>", kind)
        source, target = kernel.place(0, thread, 4 * width), kernel.place(1, thread, 4 * width)
        wild = kernel.binary("arith.addi", source, far, "i64")
        chosen = kernel.op(f"arith.select {inside}, {source}, {wild} : i64")
        value = kernel.op(f"simt.load global {chosen} if {inside} else {fill} : {kind} align 4 : i64 -> {kind}")
        kernel.do(f"simt.store global {value}, {target} align 4 : {kind}, i64")
        wild = kernel.binary("arith.addi", target, far, "i64")
        chosen = kernel.op(f"arith.select {inside}, {target}, {wild} : i64")
        kernel.do(f"simt.store global {value}, {chosen} if {inside} align 4 : {kind}, i64")
        given = RANDOM.random(10 * width).astype(np.float32)

        def check(arrays, given=given, width=width):
            same(arrays[1], np.concatenate([given, np.full(54 * width, 2, np.float32)]))
        yield Case(kernel, [given, np.zeros(64 * width, np.float32)], check)


def registers(machine):
    """More values of a lane alive at a time than 128 registers hold, narrowed and widened: some chips name halves of
    registers by the numbers above."""
    count = 160
    for given_type, result_type, op in (("f32", "f16", "arith.truncf"), ("f16", "f32", "arith.extf")):
        kernel = Kernel(f"{result_type}_in_many_registers", machine.lanes, 2, 64)
        first = kernel.binary("arith.muli", kernel.thread(), kernel.const(count))
        places = [kernel.binary("arith.addi", first, kernel.const(i)) for i in range(count)]
        values = [kernel.load(0, place, given_type) for place in places]
        for place, value in zip(places, values):
            result = kernel.op(f"{op} {value} : {given_type} to {result_type}")
            kernel.store(1, place, result, result_type)
        given = RANDOM.normal(size=64 * count).astype(TYPES[given_type])

        def check(arrays, given=given, result_type=result_type):
            same(arrays[1], given.astype(TYPES[result_type]))
        yield Case(kernel, [given, np.zeros(64 * count, TYPES[result_type])], check)


#===-- Lanes and workgroups -------------------------------------------------------------------------------------------===#

def shuffles(machine):
    lanes = machine.lanes
    for element in ("i32", "f32"):
        kernel = Kernel(f"exchange_{element}", lanes, 2, 2 * lanes)
        thread = kernel.thread()
        value = kernel.load(0, thread, element)
        for mask in range(lanes):
            other = kernel.op(f"simt.shuffle xor {value}, {kernel.const(mask)} : {element}")
            index = kernel.binary("arith.addi", thread, kernel.const(mask * 2 * lanes))
            kernel.store(1, index, other, element)
        given = random_bytes(8 * lanes).view(TYPES[element])

        def check(arrays, given=given):
            index = np.arange(2 * lanes)
            for mask in range(lanes):
                same(arrays[1].reshape(lanes, 2 * lanes)[mask], given[index ^ mask], f"xor {mask}")
        yield Case(kernel, [given, np.zeros(2 * lanes * lanes, TYPES[element])], check)

    for mode in ("index", "xor"):
        kernel = Kernel(f"chosen_{mode}", lanes, 3, 2 * lanes)
        thread = kernel.thread()
        other = kernel.op(f"simt.shuffle {mode} {kernel.load(0, thread, 'f32')}, {kernel.load(1, thread, 'i32')} : f32")
        kernel.store(2, thread, other, "f32")
        given = RANDOM.random(2 * lanes).astype(np.float32)
        chosen = RANDOM.permutation(lanes).astype(np.int32) if mode == "index" else np.full(lanes, 11, np.int32)
        chosen = np.concatenate([chosen, chosen])

        def check(arrays, given=given, chosen=chosen, mode=mode):
            index = np.arange(2 * lanes)
            lane = chosen if mode == "index" else index % lanes ^ chosen
            same(arrays[2], given[index // lanes * lanes + lane])
        yield Case(kernel, [given, chosen, np.zeros(2 * lanes, np.float32)], check)


def workgroups(machine):
    """A sum over the workgroup by halving in shared memory, repeated so that a missing barrier shows."""
    threads = 256
    kernel = Kernel("sum", machine.lanes, 2, threads, 4 * threads)
    thread, zero, one = kernel.thread(), kernel.const(0), kernel.const(1)
    kernel.do(f"%half0 = arith.constant {threads // 2} : i32")
    place = kernel.binary("arith.muli", thread, kernel.const(4))
    value = kernel.load(0, kernel.item(), "f32")
    kernel.do(f"simt.store shared {value}, {place} align 4 : f32, i32")
    kernel.do("simt.barrier")
    kernel.lines.append(f"""  %end = scf.while (%half = %half0) : (i32) -> i32 {{
    %more = arith.cmpi sgt, %half, {zero} : i32
    scf.condition(%more) %half : i32
  }} do {{
  ^bb0(%half: i32):
    %low = arith.cmpi slt, {thread}, %half : i32
    %from = arith.addi {thread}, %half : i32
    %four = arith.constant 4 : i32
    %offset = arith.muli %from, %four : i32
    scf.if %low {{
      %a = simt.load shared {place} align 4 : i32 -> f32
      %b = simt.load shared %offset align 4 : i32 -> f32
      %s = arith.addf %a, %b : f32
      simt.store shared %s, {place} align 4 : f32, i32
    }}
    simt.barrier
    %next = arith.shrui %half, {one} : i32
    scf.yield %next : i32
  }}""")
    total = kernel.op(f"simt.load shared {zero} align 4 : i32 -> f32")
    kernel.store(1, kernel.item(), total, "f32")
    given = RANDOM.integers(-8, 8, 3 * threads).astype(np.float32)

    def check(arrays):
        same(arrays[1], np.repeat(given.reshape(3, threads).sum(1), threads))
    yield Case(kernel, [given, np.zeros(3 * threads, np.float32)], check, (3, 1, 1))

    yield neighbours(machine, "workgroup_neighbours", "simt.barrier", threads, threads)
    yield neighbours(machine, "warp_neighbours", "simt.warp_barrier", threads, machine.lanes)


def neighbours(machine, name, barrier, threads, group):
    """What another thread of its group has, over and over: two barriers a step."""
    kernel = Kernel(name, machine.lanes, 2, threads, 4 * threads)
    thread = kernel.thread()
    place = kernel.binary("arith.muli", thread, kernel.const(4))
    others = kernel.const(group - 1)
    next_thread = kernel.binary("arith.andi", kernel.binary("arith.addi", thread, kernel.const(77)), others)
    first = kernel.binary("arith.subi", thread, kernel.binary("arith.andi", thread, others))
    next_place = kernel.binary("arith.muli", kernel.binary("arith.addi", first, next_thread), kernel.const(4))
    value = kernel.load(0, thread, "i32")
    kernel.lines.append(f"""  %begin = arith.constant 0 : i32
  %stop = arith.constant 20 : i32
  %by = arith.constant 1 : i32
  %last = scf.for %i = %begin to %stop step %by iter_args(%held = {value}) -> (i32) : i32 {{
    simt.store shared %held, {place} align 4 : i32, i32
    {barrier}
    %heard = simt.load shared {next_place} align 4 : i32 -> i32
    {barrier}
    %now = arith.addi %heard, %i : i32
    scf.yield %now : i32
  }}""")
    kernel.store(1, thread, "%last", "i32")
    numbers = np.arange(threads, dtype=np.int32) * 1000

    def check(arrays):
        expected = numbers.reshape(-1, group)
        for step in range(20):
            expected = np.roll(expected, -77, axis=1) + step
        same(arrays[1], expected.reshape(-1))
    return Case(kernel, [numbers, np.zeros(threads, np.int32)], check)


#===-- Numbers --------------------------------------------------------------------------------------------------------===#

FLOATS = np.concatenate([
    np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 65504, 65520, 1e-8, 3e38,
              -3e38, 1e-39, 2**-126, 0.49999997, -0.49999997, 8388609.0], np.float32),
    RANDOM.normal(0, 10, 233).astype(np.float32), np.exp(RANDOM.normal(0, 20, 256)).astype(np.float32)])


def elementwise(machine, name, inputs, kinds, body, check, out):
    """One kernel over arrays: `body(kernel, values)` gives the result's name."""
    count = -(-len(inputs[0]) // 64) * 64
    inputs = [np.concatenate([array, np.zeros(count - len(array), array.dtype)]) for array in inputs]
    kernel = Kernel(name, machine.lanes, len(inputs) + 1, 64)
    item = kernel.item()
    result = body(kernel, [kernel.load(i, item, kind) for i, kind in enumerate(kinds)])
    kernel.store(len(inputs), item, result, out)
    return Case(kernel, [*inputs, np.zeros(count, TYPES[out])], lambda arrays: check(arrays[-1], *inputs), (count // 64, 1, 1))


def unary(op, element="f32"):
    return lambda kernel, values: kernel.op(f"{op} {values[0]} : {element}")


def round_away(x):
    return np.copysign(np.floor(np.abs(x) + 0.5), x) if x.dtype == np.float64 else \
        round_away(x.astype(np.float64)).astype(x.dtype)


def functions(machine):
    wide = FLOATS.astype(np.float64)
    exact = {"sqrt": np.sqrt, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "roundeven": np.round,
             "round": round_away, "absf": np.abs}
    for name, function in exact.items():
        def check(got, x, function=function, name=name):
            with np.errstate(all="ignore"):
                expected, zero = function(x), got.dtype.type(-0.0)
                if name == "roundeven" and machine.chip != "cuda":
                    # Emulated as a manual's pseudo-code says, which adds a half: the sign of zero is lost, and what has
                    # no room for the half, or only just less than one, goes up.
                    zero = got.dtype.type(0)
                    got = np.where((np.abs(x) < 2**22) & (np.abs(x) != np.float32(0.49999997)), got, expected)
                same(got + zero, expected + zero, name)
        yield elementwise(machine, f"{name}_f32", [FLOATS], ["f32"], unary(f"math.{name}"), check, "f32")
        yield elementwise(machine, f"{name}_f64", [wide], ["f64"], unary(f"math.{name}", "f64"), check, "f64")

    exponents = np.concatenate([RANDOM.uniform(-125, 127, 500), [0, 1, -1, 10, -200, 200, np.inf, -np.inf, np.nan]])

    def check_exp2(got, x):
        with np.errstate(all="ignore"):
            close(got, np.exp2(x.astype(np.float64)), 2, "exp2")
    yield elementwise(machine, "exp2", [exponents.astype(np.float32)], ["f32"], unary("math.exp2"), check_exp2, "f32")
    positive = np.exp(RANDOM.uniform(-80, 80, 500)).astype(np.float32)

    def check_log2(got, x):
        expected = np.log2(x[:500].astype(np.float64))
        # Near one the logarithm vanishes; there the error is that of numbers near one.
        assert (np.abs(got[:500] - expected) <= 2 * 2.0**-23 * np.maximum(np.abs(expected), 1)).all()
    yield elementwise(machine, "log2", [positive], ["f32"], unary("math.log2"), check_log2, "f32")

    def check_rsqrt(got, x):
        close(got[:len(roots)], 1 / np.sqrt(roots.astype(np.float64)), 2, "rsqrt")
    roots = np.concatenate([positive, np.array([1e-39, 4e-45, 2**-126, 3e38], np.float32)])
    yield elementwise(machine, "rsqrt", [roots], ["f32"], unary("math.rsqrt"), check_rsqrt, "f32")

    a, b, c = (RANDOM.permutation(FLOATS) for _ in range(3))

    def check_fma(got, a, b, c):
        with np.errstate(all="ignore"):
            # The product is exact in f64; the sum is rounded twice, which is right but for ties that chance avoids.
            same(got, (a.astype(np.float64) * b + c).astype(np.float32), "fma")
    tame = [RANDOM.normal(0, 1, 512).astype(np.float32) for _ in range(3)]
    yield elementwise(machine, "fma", tame, ["f32"] * 3,
                      lambda k, v: k.op(f"math.fma {v[0]}, {v[1]}, {v[2]} : f32"), check_fma, "f32")
    yield elementwise(machine, "copysign", [a, b], ["f32"] * 2, lambda k, v: k.op(f"math.copysign {v[0]}, {v[1]} : f32"),
                      lambda got, a, b: same(got, np.copysign(a, b), "copysign"), "f32")

    def unfused(kernel, values):
        product = kernel.binary("arith.mulf", values[0], values[1], "f32")
        return kernel.binary("arith.addf", product, values[2], "f32")
    yield elementwise(machine, "unfused", tame, ["f32"] * 3, unfused,
                      lambda got, a, b, c: same(got, a * b + c, "product and sum must stay apart"), "f32")


def arithmetic(machine):
    a, b = FLOATS, RANDOM.permutation(FLOATS)

    def minmax(function, keep_nan):
        def expected(got, a, b):
            with np.errstate(all="ignore"):
                value = function(a, b)
            if keep_nan and machine.chip == "gfx950":
                got = np.where(np.isnan(value), value, got)  # v_maximum3_f32 is emulated as if it dropped NaN
            if not keep_nan:
                value = np.where(np.isnan(a), b, np.where(np.isnan(b), a, value))
            # Which zero is the larger one is only said for maximumf.
            same(got + np.float32(0), value + np.float32(0))
        return expected
    table = {"addf": np.add, "subf": np.subtract, "mulf": np.multiply, "divf": np.divide}
    for name, function in table.items():
        def check(got, a, b, function=function):
            with np.errstate(all="ignore"):
                same(got, function(a, b))

        def check_quotient(got, a, b):
            with np.errstate(all="ignore"):
                expected = a / b
                apart = np.abs(np.log2(np.abs(a)) - np.log2(np.abs(b)))
                # The steps that scale numbers far apart, or below the smallest normal one, are emulated wrongly.
                plain = (apart < 90) & (np.abs(a) >= 2.0**-100) & (np.abs(b) >= 2.0**-100) | (machine.chip == "cuda")
                same(got[plain], expected[plain])
        check = check_quotient if name == "divf" else check
        yield elementwise(machine, name, [a, b], ["f32"] * 2,
                          lambda k, v, name=name: k.binary(f"arith.{name}", *v, "f32"), check, "f32")
    for name, function, keep in (("maximumf", np.maximum, True), ("minimumf", np.minimum, True),
                                 ("maxnumf", np.maximum, False), ("minnumf", np.minimum, False)):
        yield elementwise(machine, name, [a, b], ["f32"] * 2, lambda k, v, name=name: k.binary(f"arith.{name}", *v, "f32"),
                          minmax(function, keep), "f32")
    comparisons = {"oeq": lambda a, b: a == b, "olt": lambda a, b: a < b, "une": lambda a, b: a != b,
                   "ugt": lambda a, b: ~(a <= b), "ord": lambda a, b: ~(np.isnan(a) | np.isnan(b))}
    for name, function in comparisons.items():
        def compare(kernel, values, name=name):
            return kernel.op(f"arith.extui {kernel.op(f'arith.cmpf {name}, {values[0]}, {values[1]} : f32')} : i1 to i32")
        yield elementwise(machine, f"cmpf_{name}", [a, b], ["f32"] * 2, compare,
                          lambda got, a, b, function=function: same(got, function(a, b).astype(np.int32)), "i32")
    for element in ("i32", "i64"):
        kind = TYPES[element]
        x = RANDOM.integers(-2**30, 2**30, 256).astype(kind)
        y = np.where(RANDOM.random(256) < 0.5, RANDOM.integers(1, 50, 256), -RANDOM.integers(1, 2**20, 256)).astype(kind)
        quotient = np.trunc(x.astype(np.float64) / y).astype(kind)
        table = {"muli": x * y, "divsi": quotient, "remsi": x - quotient * y, "floordivsi": x // y,
                 "ceildivsi": -(-x // y), "maxsi": np.maximum(x, y), "minsi": np.minimum(x, y), "xori": x ^ y,
                 "shrsi": x >> (y & 15), "shli": x << (y & 15)}
        for name, expected in table.items():
            amount = (y & 15) if name.startswith("sh") else y
            yield elementwise(machine, f"{name}_{element}", [x, amount], [element] * 2,
                              lambda k, v, name=name, element=element: k.binary(f"arith.{name}", *v, element),
                              lambda got, x, y, expected=expected: same(got, expected), element)


def conversions(machine):
    halves = np.arange(65536, dtype=np.uint16)
    for element in ("f16", "bf16"):
        kind = TYPES[element]
        every = halves.view(kind)
        yield elementwise(machine, f"extf_{element}", [every], [element],
                          lambda k, v, element=element: k.op(f"arith.extf {v[0]} : {element} to f32"),
                          lambda got, x: same(got, x.astype(np.float32)), "f32")
        # Halfway between neighbours, to both sides of that, and what overflows or vanishes.
        base = every.astype(np.float32)[RANDOM.integers(0, 65536, 4000)]
        bits = base.view(np.uint32)
        half = np.uint32(1 << (12 if element == "f16" else 15))
        narrow = np.concatenate([(bits | half).view(np.float32), ((bits | half) + np.uint32(1)).view(np.float32),
                                 ((bits | half) - np.uint32(1)).view(np.float32), FLOATS])

        def check(got, x, kind=kind):
            with np.errstate(all="ignore"):
                same(got, x.astype(kind))
        yield elementwise(machine, f"truncf_{element}", [narrow], ["f32"],
                          lambda k, v, element=element: k.op(f"arith.truncf {v[0]} : f32 to {element}"), check, element)
    wide = np.concatenate([RANDOM.normal(0, 1, 1000), FLOATS.astype(np.float64) * (1 + 2.0**-30)])

    def check_f64(got, x):
        with np.errstate(all="ignore"):
            same(got, x.astype(np.float32))
    yield elementwise(machine, "truncf_f64", [wide], ["f64"], lambda k, v: k.op(f"arith.truncf {v[0]} : f64 to f32"),
                      check_f64, "f32")
    whole = RANDOM.integers(-2**31, 2**31, 256).astype(np.int32)
    long = RANDOM.integers(-2**62, 2**62, 256).astype(np.int64)
    for op, array, kind, out, expected in (
            ("sitofp", whole, "i32", "f32", whole.astype(np.float32)),
            ("uitofp", whole, "i32", "f32", whole.view(np.uint32).astype(np.float32)),
            ("sitofp", long, "i64", "f32", long.astype(np.float32)),
            ("sitofp", long, "i64", "f64", long.astype(np.float64)),
            ("sitofp", whole.astype(np.int8), "i8", "f32", whole.astype(np.int8).astype(np.float32)),
            ("extsi", whole.astype(np.int8), "i8", "i64", whole.astype(np.int8).astype(np.int64)),
            ("trunci", long, "i64", "i16", long.astype(np.int16)),
            ("fptosi", (whole / 64).astype(np.float32), "f32", "i32", np.trunc((whole / 64).astype(np.float32)).astype(np.int32)),
            ("fptosi", (whole * 64.0), "f64", "i64", np.trunc(whole * 64.0).astype(np.int64)),
            ("bitcast", whole, "i32", "f32", whole.view(np.float32))):
        yield elementwise(machine, f"{op}_{kind}_{out}", [array], [kind],
                          lambda k, v, op=op, kind=kind, out=out: k.op(f"arith.{op} {v[0]} : {kind} to {out}"),
                          lambda got, x, expected=expected: same(got[:256], expected), out)
    first, second = halves.view(ml_dtypes.bfloat16), halves[::-1].copy().view(ml_dtypes.bfloat16)

    def select(kernel, values):
        low = kernel.op(f"arith.cmpi slt, {kernel.op('simt.lane')}, {kernel.const(9)} : i32")
        return kernel.op(f"arith.select {low}, {values[0]}, {values[1]} : bf16")

    def check_select(got, a, b):
        lane = np.arange(len(a)) % 64 % machine.lanes
        same(got.view(np.uint16), np.where(lane < 9, a.view(np.uint16), b.view(np.uint16)))
    yield elementwise(machine, "select_bf16", [first, second], ["bf16"] * 2, select, check_select, "bf16")


#===-- Matrix instructions --------------------------------------------------------------------------------------------===#

def spread(count, lanes, place):
    """For each lane and element of a fragment its row and column."""
    return np.array([[place(lane, i) for i in range(count)] for lane in range(lanes)])


def fragments(machine):
    """Name, elements of operands, and where the elements of left, right and sum are, as the makers' manuals say."""
    if machine.chip == "cuda":
        yield ("mma.m16n8k16", 16, 8, 16, (8, lambda l, i: (l // 4 + 8 * (i // 2 % 2), l % 4 * 2 + i % 2 + 8 * (i // 4))),
               (4, lambda l, i: (l % 4 * 2 + i % 2 + 8 * (i // 2), l // 4)),
               (4, lambda l, i: (l // 4 + 8 * (i // 2), l % 4 * 2 + i % 2)))
    elif machine.lanes == 64:
        yield ("mfma.16x16x16", 16, 16, 16, (4, lambda l, i: (l % 16, 4 * (l // 16) + i)),
               (4, lambda l, i: (4 * (l // 16) + i, l % 16)), (4, lambda l, i: (4 * (l // 16) + i, l % 16)))
        yield ("mfma.32x32x8", 32, 32, 8, (4, lambda l, i: (l % 32, 4 * (l // 32) + i)),
               (4, lambda l, i: (4 * (l // 32) + i, l % 32)),
               (16, lambda l, i: (8 * (i // 4) + 4 * (l // 32) + i % 4, l % 32)))
    elif machine.chip.startswith("gfx11"):
        yield ("wmma.16x16x16.replicated", 16, 16, 16, (16, lambda l, i: (l % 16, i)), (16, lambda l, i: (i, l % 16)),
               (8, lambda l, i: (2 * i + l // 16, l % 16)))
    else:
        yield ("wmma.16x16x16", 16, 16, 16, (8, lambda l, i: (l % 16, 8 * (l // 16) + i)),
               (8, lambda l, i: (8 * (l // 16) + i, l % 16)), (8, lambda l, i: (8 * (l // 16) + i, l % 16)))


def matrices(machine):
    lanes = machine.lanes
    for name, m, n, k, *parts in fragments(machine):
        for element in ("f16", "bf16"):
            kernel = Kernel(name.replace(".", "_") + "_" + element, lanes, 4, lanes)
            lane, held = kernel.op("simt.lane"), []
            for base, (count, _) in enumerate(parts):
                first = kernel.binary("arith.muli", lane, kernel.const(count))
                held.append([kernel.load(base, kernel.binary("arith.addi", first, kernel.const(i)),
                                         "f32" if base == 2 else element) for i in range(count)])
            count = parts[2][0]

            def operand(values, kind):
                return f"({', '.join(values)} : {', '.join([kind] * len(values))})"
            kernel.do(f"%sum:{count} = simt.mma \"{name}.{element}\" left {operand(held[0], element)} right "
                      f"{operand(held[1], element)} accumulator {operand(held[2], 'f32')} -> {', '.join(['f32'] * count)}")
            first = kernel.binary("arith.muli", lane, kernel.const(count))
            for i in range(count):
                kernel.store(3, kernel.binary("arith.addi", first, kernel.const(i)), f"%sum#{i}", "f32")
            shapes, kinds = [(m, k), (k, n), (m, n)], [TYPES[element]] * 2 + [np.float32]
            whole = [RANDOM.integers(-8, 9, shape).astype(kind) for shape, kind in zip(shapes, kinds)]
            places = [spread(count, lanes, place) for count, place in parts]
            arrays = [matrix[place[..., 0], place[..., 1]].copy() for matrix, place in zip(whole, places)]

            def check(arrays, whole=whole, place=places[2]):
                left, right, sum = (matrix.astype(np.float32) for matrix in whole)
                same(arrays[3], (sum + left @ right)[place[..., 0], place[..., 1]])
            yield Case(kernel, [*arrays, np.zeros((lanes, count), np.float32)], check)


def asynchronous(machine):
    """Copies in two groups, of every size, and matrices read as registers. NVIDIA only."""
    if machine.chip != "cuda":
        return
    for size in (4, 8, 16):
        kernel = Kernel(f"copy_{size}", 32, 2, 64, 128 * size)
        thread = kernel.thread()
        inside = kernel.op(f"arith.cmpi slt, {thread}, {kernel.const(50)} : i32")
        near = kernel.binary("arith.muli", thread, kernel.const(size))
        far = kernel.binary("arith.addi", near, kernel.const(64 * size))
        source = kernel.place(0, thread, size)
        later = kernel.binary("arith.addi", source, kernel.const(64 * size, "i64"), "i64")
        kernel.do(f"simt.copy {near}, {source} bytes {size}")
        kernel.do("simt.commit")
        kernel.do(f"simt.copy {far}, {later} bytes {size} if {inside}")
        kernel.do("simt.commit")
        for pending, place, shift in ((1, near, 0), (0, far, 64 * size)):
            kernel.do(f"simt.wait {pending}")
            kernel.do("simt.barrier")
            kind = "i32" if size == 4 else f"vector<{size // 4}xi32>"
            value = kernel.op(f"simt.load shared {place} align {size} : i32 -> {kind}")
            target = kernel.binary("arith.addi", kernel.place(1, thread, size), kernel.const(shift, "i64"), "i64")
            kernel.do(f"simt.store global {value}, {target} align {size} : {kind}, i64")
        given = random_bytes(128 * size)

        def check(arrays, given=given, size=size):
            expected = given.copy()
            expected[(64 + 50) * size:] = 0
            same(arrays[1], expected)
        yield Case(kernel, [given, np.zeros_like(given)], check)
    for transposed in ("", "transposed "):
        for count in (1, 2, 4):
            kernel = Kernel(f"matrices_{count}_{len(transposed)}", 32, 2, 32, 512)
            lane = kernel.op("simt.lane")
            row = kernel.binary("arith.muli", lane, kernel.const(16))
            value = kernel.op(f"simt.load global {kernel.place(0, lane, 16)} align 16 : i64 -> vector<8xi16>")
            kernel.do(f"simt.store shared {value}, {row} align 16 : vector<8xi16>, i32")
            kernel.do("simt.barrier")
            kernel.do(f"%m:{count} = simt.load_matrix {row} {transposed}-> {', '.join(['i32'] * count)}")
            first = kernel.binary("arith.muli", lane, kernel.const(count))
            for i in range(count):
                result = f"%m#{i}" if count > 1 else "%m"
                kernel.store(1, kernel.binary("arith.addi", first, kernel.const(i)), result, "i32")
            given = random_bytes(512).view(np.int16)

            def check(arrays, given=given, count=count, transposed=transposed):
                rows = given.reshape(4, 8, 8)
                rows = rows.transpose(0, 2, 1) if transposed else rows
                expected = rows.reshape(4, 32, 2)[:count].transpose(1, 0, 2)
                same(arrays[1].view(np.int16).reshape(32, count, 2), expected)
            yield Case(kernel, [given, np.zeros(32 * count, np.int32)], check)


THEMES = {"places": places, "accesses": accesses, "out-of-bounds": out_of_bounds, "registers": registers, "shuffles": shuffles,
          "workgroups": workgroups, "functions": functions, "arithmetic": arithmetic, "conversions": conversions, "matrices": matrices,
          "asynchronous": asynchronous, **cuda_cases.THEMES}


def chip_of(make):
    """The one chip that a theme is for; empty: all."""
    return getattr(make, "chip", "")
