"""Kernels of what only NVIDIA's GPUs have. A theme whose function has a `chip` is for that one alone."""
import numpy as np

from builder import Case, Kernel, same


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
    """Tiles pass through two slots from a group of warps that copies, with few registers, to two that read."""
    slots, tiles, size = 2, 11, 2048
    kernel = Kernel("ring", 32, 2, 384, 128 + slots * size)
    thread, zero, one, two = kernel.thread(), kernel.const(0), kernel.const(1), kernel.const(2)
    eight, sixteen, first_slot = kernel.const(8), kernel.const(16), kernel.const(128)
    bytes_of_slot, wide_bytes = kernel.const(size), kernel.const(size, "i64")
    count = kernel.const(tiles)
    group = kernel.binary("arith.shrui", kernel.op("simt.warp"), two)
    copies = kernel.op(f"arith.cmpi eq, {group}, {zero} : i32")
    begins = kernel.op(f"arith.cmpi eq, {thread}, {zero} : i32")
    kernel.lines.append(f"  scf.if {begins} {{")
    for slot in range(slots):
        full, empty = kernel.const(8 * slot), kernel.const(64 + 8 * slot)
        kernel.do(f"simt.barrier_init {full} count 128")
        kernel.do(f"simt.barrier_init {empty} count 256")
    kernel.lines.append("  simt.fence_barriers\n  }")
    kernel.do("simt.barrier")
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
    kernel.lines.append(f"""  scf.if {copies} {{
    simt.set_registers decrease 40
    scf.for %i = {zero} to {count} step {one} : i32 {{
      {in_slot}
      %other = arith.xori %parity, {one} : i32
      simt.barrier_wait %empty parity %other
      %place = arith.addi %begin, {mine} : i32
      %source = arith.addi {from_mine}, %tile : i64
      simt.copy %place, %source bytes 16
      simt.barrier_arrive_copies %full
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
    yield Case(kernel, [given, np.zeros_like(given)], check)


rings.chip = "sm_90a"


THEMES = {"named-barriers": named_barriers, "rings": rings}
