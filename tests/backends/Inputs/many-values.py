"""A kernel that holds 400 values at once, while its workgroup leaves 64 registers to a lane."""
count = 400
print("""simt.kernel @many(%a: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 1024 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %wide = arith.extsi %lane : i32 to i64
  %four = arith.constant 4 : i64
  %offset = arith.muli %wide, %four : i64
  %place = arith.addi %a, %offset : i64""")
for i in range(count):
    print(f"  %c{i} = arith.constant {128 * i} : i64\n  %p{i} = arith.addi %place, %c{i} : i64")
    print(f"  %v{i} = simt.load global %p{i} align 4 : i64 -> f32")
print("  simt.barrier")
for i in range(count):
    print(f"  %s{i} = arith.addf %v{i}, %v{count - 1 - i} : f32\n  simt.store global %s{i}, %p{i} align 4 : f32, i64")
print("  simt.return\n}")
