"""Kernels of what only NVIDIA's GPUs have. A theme whose function has a `chip` is for that one alone."""
import numpy as np

from builder import Case, Kernel, same, size_of


def random_bytes(count):
    return np.random.default_rng(7).integers(0, 255, count, dtype=np.uint8)


def named_barriers(machine):
    """A warp that stores and goes on, and one that waits for it. NVIDIA only."""
    if machine.chip != "cuda":
        return
    kernel = Kernel("named_barriers", 32, 2, 128, 512)
    thread, warp = kernel.thread(), kernel.op("simt.warp")
    one = kernel.const(1)
    place = kernel.binary("arith.muli", thread, kernel.const(4))
    back = kernel.binary("arith.subi", place, kernel.const(256))
    value = kernel.load(0, thread, "i32")
    target = kernel.place(1, thread, 4)
    stores = kernel.op(f"arith.cmpi ult, {warp}, {kernel.const(2)} : i32")
    # Pairs of warps have barriers of their own.
    pair = kernel.binary("arith.addi", kernel.binary("arith.andi", warp, one), one)
    kernel.lines.append(f"""  scf.if {stores} {{
    simt.store shared {value}, {place} align 4 : i32, i32
    simt.named_barrier arrive {pair} threads 64
  }} else {{
    simt.named_barrier {pair} threads 64
    %heard = simt.load shared {back} align 4 : i32 -> i32
    simt.store global %heard, {target} align 4 : i32, i64
  }}""")
    given = random_bytes(512).view(np.int32)

    def check(arrays):
        same(arrays[1], np.concatenate([np.zeros(64, np.int32), given[:64]]))
    yield Case(kernel, [given, np.zeros(128, np.int32)], check)


def rings(machine):
    """Tiles pass through two slots from a group of warps that copies, with few registers, to two that read. All lanes of
    the group copy some bytes, or one starts copies of a tensor."""
    for is_tensor in (False, True):
        yield ring(is_tensor)


def ring(is_tensor):
    slots, tiles, size = 2, 11, 2048
    kernel = Kernel(f"ring_{int(is_tensor)}", 32, 2, 384, 1024 + slots * size)
    if is_tensor:
        kernel.tensor_map(0, "i32", (tiles, 16, 32), (512, 32, 1), (1, 16, 32), 0)
    thread, zero, one, two = kernel.thread(), kernel.const(0), kernel.const(1), kernel.const(2)
    eight, sixteen, first_slot = kernel.const(8), kernel.const(16), kernel.const(1024)
    bytes_of_slot, wide_bytes = kernel.const(size), kernel.const(size, "i64")
    count = kernel.const(tiles)
    group = kernel.binary("arith.shrui", kernel.op("simt.warp"), two)
    copies = kernel.op(f"arith.cmpi eq, {group}, {zero} : i32")
    begins = kernel.op(f"arith.cmpi eq, {thread}, {zero} : i32")
    barriers = [(kernel.const(8 * slot), 1 if is_tensor else 128) for slot in range(slots)]
    barriers += [(kernel.const(64 + 8 * slot), 256) for slot in range(slots)]
    inits = "".join(f"    simt.barrier_init {place} count {arrivals}\n" for place, arrivals in barriers)
    kernel.do(f"scf.if {begins} {{\n{inits}    simt.fence_barriers\n  }}\n  simt.barrier")
    mine = kernel.binary("arith.muli", thread, sixteen)
    from_mine = kernel.op(f"arith.addi %b0, {kernel.op(f'arith.extsi {mine} : i32 to i64')} : i64")
    # What is read was copied by another warp.
    reader = kernel.binary("arith.xori", kernel.binary("arith.subi", thread, kernel.const(128)), kernel.const(77))
    theirs = kernel.binary("arith.muli", reader, eight)
    to_theirs = kernel.op(f"arith.addi %b1, {kernel.op(f'arith.extsi {theirs} : i32 to i64')} : i64")
    in_slot = f"""%slot = arith.remui %i, {two} : i32
      %round = arith.divui %i, {two} : i32
      %parity = arith.andi %round, {one} : i32
      %full = arith.muli %slot, {eight} : i32
      %empty = arith.addi %full, {kernel.const(64)} : i32
      %skipped = arith.muli %slot, {bytes_of_slot} : i32
      %begin = arith.addi %skipped, {first_slot} : i32
      %wide = arith.extsi %i : i32 to i64
      %tile = arith.muli %wide, {wide_bytes} : i64"""
    if is_tensor:
        copy = f"""scf.if {begins} {{
        simt.barrier_arrive_expect %full bytes {size}
        simt.copy_tensor %begin, 0[%i, {zero}, {zero}] barrier %full
      }}"""
    else:
        copy = f"""%place = arith.addi %begin, {mine} : i32
      %source = arith.addi {from_mine}, %tile : i64
      simt.copy %place, %source bytes 16
      simt.barrier_arrive_copies %full"""
    kernel.lines.append(f"""  scf.if {copies} {{
    simt.set_registers decrease 40
    scf.for %i = {zero} to {count} step {one} : i32 {{
      {in_slot}
      %other = arith.xori %parity, {one} : i32
      simt.barrier_wait %empty parity %other
      {copy}
    }}
  }} else {{
    simt.set_registers increase 232
    scf.for %i = {zero} to {count} step {one} : i32 {{
      {in_slot}
      simt.barrier_wait %full parity %parity
      %place = arith.addi %begin, {theirs} : i32
      %read = simt.load shared %place align 8 : i32 -> vector<2xi32>
      simt.barrier_arrive %empty
      %target = arith.addi {to_theirs}, %tile : i64
      simt.store global %read, %target align 8 : vector<2xi32>, i64
    }}
  }}""")
    given = random_bytes(tiles * size)

    def check(arrays):
        same(arrays[1], given)
    return Case(kernel, [given, np.zeros_like(given)], check)


rings.chip = "sm_90a"


def boxes(machine):
    """Boxes of tensors of every rank, swizzle and width of elements, that lie inside the tensor or reach out of it."""
    for swizzle in (0, 32, 64, 128):
        for element in ("i8", "bf16", "f32", "i64"):
            row = (swizzle or 64) // size_of(element)
            yield box(element, (50, 3 * row), (20, row), (7, row), swizzle)
            yield box(element, (50, 3 * row), (20, row), (40, 2 * row + 16 // size_of(element)), swizzle)
    # As keys are read: [batch, heads, keys, width] and [batch, keys, heads, width].
    yield box("bf16", (2, 3, 50, 72), (1, 1, 32, 64), (1, 2, 24, 64), 128)
    yield box("bf16", (2, 50, 3, 128), (1, 64, 1, 64), (1, -7, 2, 64), 128)
    yield box("bf16", (2, 2, 3, 5, 64), (1, 2, 1, 5, 64), (1, 0, 2, 0, 0), 128)
    yield box("bf16", (512,), (128,), (400,), 0)
    # Rows further apart than they are long, and a tensor that begins inside its memory.
    yield box("f32", (40, 30), (64, 32), (8, 0), 128, pitch=48, offset=96)


def box(element, sizes, extents, first, swizzle, pitch=None, offset=0):
    strides = [1]
    for size in reversed(sizes[1:]):
        strides.insert(0, strides[0] * (pitch if pitch and len(strides) == 1 else size))
    size, threads = size_of(element), 128
    total = int(np.prod(extents)) * size
    shared = (total + 1023) // 1024 * 1024
    name = "box_" + "_".join(str(part).replace("-", "m") for part in (element, *sizes, *extents, *first, swizzle))
    kernel = Kernel(name, 32, 2, threads, 1024 + shared + 8)
    number = kernel.tensor_map(0, element, sizes, strides, extents, swizzle, offset)
    thread, zero, place = kernel.thread(), kernel.const(0), kernel.const(1024)
    barrier = kernel.const(1024 + shared)
    begins = kernel.op(f"arith.cmpi eq, {thread}, {zero} : i32")
    coordinates = ", ".join([kernel.const(coordinate) for coordinate in first])
    kernel.do(f"""scf.if {begins} {{
    simt.barrier_init {barrier} count 1
    simt.fence_barriers
    simt.barrier_arrive_expect {barrier} bytes {total}
    simt.copy_tensor {place}, {number}[{coordinates}] barrier {barrier}
  }}
  simt.barrier
  simt.barrier_wait {barrier} parity {zero}""")
    for piece in range(0, total // 16, threads):
        at = kernel.binary("arith.addi", thread, kernel.const(piece))
        inside = kernel.op(f"arith.cmpi slt, {at}, {kernel.const(total // 16)} : i32")
        plain = kernel.binary("arith.muli", at, kernel.const(16))
        mask = kernel.const(swizzle // 16 - 1 if swizzle else 0)
        rows = kernel.binary("arith.andi", kernel.binary("arith.shrui", plain, kernel.const(7)), mask)
        swizzled = kernel.binary("arith.xori", plain, kernel.binary("arith.shli", rows, kernel.const(4)))
        fill = kernel.const("dense<0>", "vector<4xi32>")
        value = kernel.op(f"simt.load shared {kernel.binary('arith.addi', swizzled, place)} if {inside} else {fill} : "
                          "vector<4xi32> align 16 : i32 -> vector<4xi32>")
        kernel.do(f"simt.store global {value}, {kernel.place(1, at, 16)} if {inside} align 16 : vector<4xi32>, i64")
    given = random_bytes((offset + sizes[0] * strides[0]) * size)

    def check(arrays):
        numbers = given.view(f"u{size}")
        tensor = np.lib.stride_tricks.as_strided(numbers[offset:], sizes, [stride * size for stride in strides])
        expected = np.zeros(extents, f"u{size}")
        inner = [slice(max(0, at), min(whole, at + extent)) for at, whole, extent in zip(first, sizes, extents)]
        outer = [slice(part.start - at, part.stop - at) for part, at in zip(inner, first)]
        expected[tuple(outer)] = tensor[tuple(inner)]
        same(arrays[1], expected.reshape(-1).view(np.uint8), str(first))
    return Case(kernel, [given, np.full(total, 0xa5, np.uint8)], check)


boxes.chip = "sm_90a"


THEMES = {"named-barriers": named_barriers, "rings": rings, "boxes": boxes}
