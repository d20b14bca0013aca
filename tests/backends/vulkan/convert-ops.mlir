// Every op of simt, arith, math and scf, in modules that Vulkan's validator accepts.
// RUN: heed-simt %s --target=vulkan:32 -o %t.spv
// RUN: spirv-val --target-env vulkan1.3 %t.spv
// RUN: heed-simt %s --target=vulkan:32 -o %t.again.spv
// RUN: cmp %t.spv %t.again.spv
// RUN: heed-simt %s --target=vulkan:32 --emit=spirv | FileCheck %s

// CHECK: // vulkan subgroup32
// CHECK-NEXT: spirv.module PhysicalStorageBuffer64 GLSL450
// CHECK-SAME: #spirv.vce<v1.6,

// The workgroup's index counts both dimensions of the launch, and memory is reached through addresses.
// CHECK-LABEL: spirv.func @copy_rows
// CHECK: [[BLOCK:%.+]] = spirv.mlir.addressof @".words5"
// CHECK: [[BASE:%.+]] = spirv.Load "PushConstant" %{{.+}} : i64
// CHECK: [[PLACE:%.+]] = spirv.Load "Input" %{{.+}} : vector<3xi32>
// CHECK: [[COUNT:%.+]] = spirv.Load "Input" %{{.+}} : vector<3xi32>
// CHECK: [[Y:%.+]] = spirv.CompositeExtract [[PLACE]][1 : i32]
// CHECK: [[WIDTH:%.+]] = spirv.CompositeExtract [[COUNT]][0 : i32]
// CHECK: [[ROWS:%.+]] = spirv.IMul [[Y]], [[WIDTH]]
// CHECK: [[X:%.+]] = spirv.CompositeExtract [[PLACE]][0 : i32]
// CHECK: spirv.IAdd [[ROWS]], [[X]]
simt.kernel @copy_rows(%in: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %program = simt.program
  %lane = simt.lane
  %warp = simt.warp
  %c32 = arith.constant 32 : i32
  %c64 = arith.constant 64 : i32
  %c16 = arith.constant 16 : i64
  %in_warp = arith.muli %warp, %c32 : i32
  %thread = arith.addi %in_warp, %lane : i32
  %first = arith.muli %program, %c64 : i32
  %index = arith.addi %first, %thread : i32
  %wide = arith.extsi %index : i32 to i64
  %offset = arith.muli %wide, %c16 : i64
  %from = arith.addi %in, %offset : i64
  %to = arith.addi %out, %offset : i64
  // CHECK: spirv.ConvertUToPtr %{{.+}} : i64 to !spirv.ptr<vector<4xf32>, PhysicalStorageBuffer>
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 16] : vector<4xf32>
  %row = simt.load global %from align 16 : i64 -> vector<4xf32>
  // CHECK: spirv.Store "PhysicalStorageBuffer" %{{.+}}, %{{.+}} ["Aligned", 16] : vector<4xf32>
  simt.store global %row, %to align 16 : vector<4xf32>, i64
  simt.return
}

// CHECK: spirv.EntryPoint "GLCompute" @copy_rows
// CHECK-NEXT: spirv.ExecutionMode @copy_rows "LocalSize", 64, 1, 1
// CHECK-NEXT: spirv.ExecutionMode @copy_rows "SignedZeroInfNanPreserve", 32

// CHECK-LABEL: spirv.func @predicates
simt.kernel @predicates(%in: i64, %out: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %wide = arith.extui %lane : i32 to i64
  %inside = arith.cmpi ult, %wide, %n : i64
  %c4 = arith.constant 4 : i64
  %offset = arith.muli %wide, %c4 : i64
  %from = arith.addi %in, %offset : i64
  %to = arith.addi %out, %offset : i64
  %fill = arith.constant -1.0 : f32
  // CHECK: [[LOADED:%.+]] = spirv.mlir.selection -> f32 {
  // CHECK: spirv.BranchConditional
  // CHECK: spirv.Load "PhysicalStorageBuffer"
  // CHECK: spirv.mlir.merge
  %value = simt.load global %from if %inside else %fill : f32 align 4 : i64 -> f32
  // CHECK: spirv.FAdd [[LOADED]], [[LOADED]] {no_contraction}
  %double = arith.addf %value, %value : f32
  // CHECK: spirv.mlir.selection {
  // CHECK: spirv.Store "PhysicalStorageBuffer"
  simt.store global %double, %to if %inside align 4 : f32, i64
  simt.return
}

// CHECK-LABEL: spirv.func @lanes_and_barriers
simt.kernel @lanes_and_barriers(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 64 : i64, lanes = 32 : i64, shared_bytes = 1024 : i64} {
  %lane = simt.lane
  %warp = simt.warp
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %c5 = arith.constant 5 : i32
  // CHECK: spirv.GroupNonUniformShuffleXor <Subgroup>
  %partner = simt.shuffle xor %lane, %c1 : i32
  %float = arith.sitofp %partner : i32 to f32
  // CHECK: spirv.GroupNonUniformShuffle <Subgroup>
  %fifth = simt.shuffle index %float, %c5 : f32
  %place = arith.muli %lane, %c4 : i32
  // CHECK: spirv.ShiftRightLogical
  // CHECK: spirv.AccessChain
  // CHECK-SAME: Workgroup
  simt.store shared %fifth, %place align 4 : f32, i32
  // CHECK: spirv.ControlBarrier <Workgroup>, <Workgroup>, <AcquireRelease|WorkgroupMemory>
  simt.barrier
  %other = simt.load shared %place align 4 : i32 -> f32
  %where = arith.extui %place : i32 to i64
  %to = arith.addi %out, %where : i64
  simt.store global %other, %to align 4 : f32, i64
  simt.return
}

// Seventeen words do not fit the push constants: the only one is the address of a buffer of them.
// CHECK-LABEL: spirv.func @many_words
// CHECK: spirv.mlir.addressof @".words1"
// CHECK: [[BUFFER:%.+]] = spirv.Load "PushConstant"
// CHECK: [[EIGHT:%.+]] = spirv.Constant 8 : i64
// CHECK: [[SECOND:%.+]] = spirv.IAdd [[BUFFER]], [[EIGHT]]
// CHECK: [[POINTER:%.+]] = spirv.ConvertUToPtr [[SECOND]]
// CHECK: spirv.Load "PhysicalStorageBuffer" [[POINTER]] ["Aligned", 8] : i64
simt.kernel @many_words(%unused: i64, %b: i64, %c: i64, %d: i64, %e: i64, %f: i64, %g: i64, %h: i64, %i: i64, %j: i64,
                        %k: i64, %l: i64, %m: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %sum = arith.addi %c, %z : i64
  simt.store global %sum, %b align 8 : i64, i64
  simt.return
}

// CHECK-LABEL: spirv.func @control_flow
simt.kernel @control_flow(%in: i64, %out: i64, %n: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %lane = simt.lane
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %count = arith.trunci %n : i64 to i32
  %zero = arith.constant 0.0 : f32
  %true = arith.constant true
  %c0_64 = arith.constant 0 : i64
  %c4_64 = arith.constant 4 : i64
  // CHECK: [[LOOP:%.+]]:3 = spirv.mlir.loop -> f32, f32, i1
  %sum:2, %all = scf.for %step = %c0 to %count step %c1 iter_args(%a = %zero, %b = %zero, %flag = %true)
      -> (f32, f32, i1) : i32 {
    %even = arith.andi %step, %c1 : i32
    %is_even = arith.cmpi eq, %even, %c0 : i32
    %wide = arith.extui %step : i32 to i64
    %offset = arith.muli %wide, %c4_64 : i64
    %from = arith.addi %in, %offset : i64
    %value = simt.load global %from if %is_even else %zero : f32 align 4 : i64 -> f32
    // CHECK: spirv.mlir.selection -> f32, f32
    %next:2 = scf.if %is_even -> (f32, f32) {
      %inner = scf.for %i = %c0 to %step step %c1 iter_args(%acc = %a) -> f32 : i32 {
        %smaller = arith.cmpi slt, %i, %lane : i32
        %added = scf.if %smaller -> f32 {
          %more = arith.addf %acc, %value : f32
          scf.yield %more : f32
        } else {
          scf.yield %acc : f32
        }
        scf.yield %added : f32
      }
      scf.yield %inner, %b : f32, f32
    } else {
      %other = arith.mulf %b, %value : f32
      scf.yield %a, %other : f32, f32
    }
    %still = arith.andi %flag, %is_even : i1
    scf.yield %next#0, %next#1, %still : f32, f32, i1
  }
  // CHECK: spirv.mlir.loop -> i64, f32
  %left:2 = scf.while (%rest = %n, %total = %sum#0) : (i64, f32) -> (i64, f32) {
    %more = arith.cmpi sgt, %rest, %c0_64 : i64
    %maybe = simt.load global %in if %more else %zero : f32 align 4 : i64 -> f32
    %grown = arith.addf %total, %maybe : f32
    scf.condition(%more) %rest, %grown : i64, f32
  } do {
  ^bb0(%rest: i64, %total: f32):
    %half = arith.divsi %rest, %c4_64 : i64
    scf.if %all {
      simt.store global %total, %out align 4 : f32, i64
    }
    scf.yield %half, %total : i64, f32
  }
  simt.store global %left#1, %out align 4 : f32, i64
  simt.return
}

// CHECK-LABEL: spirv.func @math
simt.kernel @math(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %a = simt.load global %out align 4 : i64 -> f32
  // CHECK: spirv.GL.Exp2
  %0 = math.exp2 %a : f32
  // CHECK: spirv.GL.Log2
  %1 = math.log2 %0 : f32
  // CHECK: spirv.GL.Sqrt
  %2 = math.sqrt %1 : f32
  // CHECK: spirv.GL.InverseSqrt
  %3 = math.rsqrt %2 : f32
  // CHECK: spirv.GL.Fma
  %4 = math.fma %3, %2, %1 : f32
  %5 = math.absf %4 : f32
  %6 = math.floor %5 : f32
  %7 = math.ceil %6 : f32
  // CHECK: spirv.GL.RoundEven
  %8 = math.roundeven %7 : f32
  %9 = math.round %8 : f32
  %10 = math.trunc %9 : f32
  // CHECK: [[NEGATIVE:%.+]] = spirv.SLessThan %{{.+}}, %cst0_i32
  // CHECK-NEXT: [[SIZE:%.+]] = spirv.GL.FAbs [[WHOLE:%.+]] : f32
  // CHECK-NEXT: [[FLIPPED:%.+]] = spirv.FNegate [[SIZE]]
  // CHECK-NEXT: spirv.Select [[NEGATIVE]], [[FLIPPED]], [[SIZE]]
  %11 = math.copysign %10, %a : f32
  // CHECK: spirv.FMul %{{.+}}, %{{.+}} {no_contraction} : f32
  %12 = arith.mulf %11, %a : f32
  // CHECK: spirv.FMul %{{.+}}, %{{.+}} : f32
  %13 = arith.mulf %12, %a fastmath<contract> : f32
  %14 = arith.subf %13, %a : f32
  %15 = arith.divf %14, %a : f32
  %16 = arith.remf %15, %a : f32
  %17 = arith.negf %16 : f32
  // CHECK: [[LARGER:%.+]] = spirv.FOrdGreaterThan [[L:%.+]], [[R:%.+]] : f32
  // CHECK: [[ORDERED:%.+]] = spirv.Select [[LARGER]], [[L]], [[R]]
  // CHECK: [[NAN:%.+]] = spirv.IsNan [[L]]
  // CHECK: spirv.Select [[NAN]], [[L]], [[ORDERED]]
  %18 = arith.maximumf %17, %a : f32
  %19 = arith.minimumf %18, %a : f32
  %20 = arith.maxnumf %19, %a : f32
  %21 = arith.minnumf %20, %a : f32
  simt.store global %21, %out align 4 : f32, i64
  %b = simt.load global %out align 8 : i64 -> f64
  %c = math.sqrt %b : f64
  %d = math.fma %c, %b, %b : f64
  %e = math.floor %d : f64
  simt.store global %e, %out align 8 : f64, i64
  simt.return
}

// CHECK-LABEL: spirv.func @integers
simt.kernel @integers(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %a = simt.load global %out align 8 : i64 -> i64
  %0 = arith.addi %a, %x : i64
  %1 = arith.subi %0, %x : i64
  %2 = arith.muli %1, %x : i64
  %3 = arith.divsi %2, %y : i64
  %4 = arith.divui %3, %y : i64
  // CHECK: spirv.UDiv
  // CHECK-NEXT: [[QUOTIENT:%.+]] = spirv.SDiv [[DIVIDEND:%.+]], [[DIVISOR:%.+]] : i64
  // CHECK: [[WHOLE:%.+]] = spirv.IMul [[QUOTIENT]], [[DIVISOR]]
  // CHECK: spirv.ISub [[DIVIDEND]], [[WHOLE]]
  %5 = arith.remsi %4, %z : i64
  %6 = arith.remui %5, %z : i64
  %7 = arith.andi %6, %x : i64
  %8 = arith.ori %7, %y : i64
  %9 = arith.xori %8, %z : i64
  %10 = arith.shli %9, %x : i64
  %11 = arith.shrsi %10, %y : i64
  %12 = arith.shrui %11, %z : i64
  %13 = arith.maxsi %12, %x : i64
  %14 = arith.minsi %13, %x : i64
  %15 = arith.maxui %14, %x : i64
  %16 = arith.minui %15, %x : i64
  %17 = arith.index_cast %16 : i64 to index
  %c3 = arith.constant 3 : index
  %18 = arith.addi %17, %c3 : index
  %19 = arith.index_castui %18 : index to i64
  %20 = arith.trunci %19 : i64 to i32
  %21 = arith.trunci %20 : i32 to i1
  %22 = arith.cmpi ugt, %19, %x : i64
  %23 = arith.xori %21, %22 : i1
  %24 = arith.ori %23, %22 : i1
  %25 = arith.cmpi eq, %24, %23 : i1
  %26 = arith.cmpi ult, %25, %24 : i1
  %27 = arith.extui %26 : i1 to i8
  %28 = arith.extsi %26 : i1 to i32
  %29 = arith.extsi %27 : i8 to i16
  %30 = arith.extui %29 : i16 to i32
  %31 = arith.select %26, %28, %30 : i32
  simt.store global %31, %out align 4 : i32, i64
  simt.store global %27, %out align 1 : i8, i64
  simt.return
}

// CHECK-LABEL: spirv.func @comparisons
simt.kernel @comparisons(%out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 1 : i64, threads = 32 : i64, lanes = 32 : i64, shared_bytes = 0 : i64} {
  %a = simt.load global %out align 4 : i64 -> f32
  %b = simt.load global %x align 4 : i64 -> f32
  %0 = arith.cmpf oeq, %a, %b : f32
  %1 = arith.cmpf one, %a, %b : f32
  %2 = arith.cmpf olt, %a, %b : f32
  %3 = arith.cmpf uge, %a, %b : f32
  %4 = arith.cmpf une, %a, %b : f32
  // CHECK: [[N1:%.+]] = spirv.IsNan [[A:%.+]] : f32
  // CHECK: [[N2:%.+]] = spirv.IsNan [[B:%.+]] : f32
  // CHECK: [[UNORDERED:%.+]] = spirv.LogicalOr [[N1]], [[N2]]
  // CHECK: spirv.LogicalNot [[UNORDERED]]
  %5 = arith.cmpf ord, %a, %b : f32
  // CHECK: spirv.IsNan [[A]]
  // CHECK-NOT: spirv.IsNan
  %6 = arith.cmpf uno, %a, %a : f32
  %7 = arith.andi %0, %1 : i1
  %8 = arith.andi %2, %3 : i1
  %9 = arith.andi %4, %5 : i1
  %10 = arith.andi %7, %8 : i1
  %11 = arith.andi %9, %6 : i1
  %12 = arith.andi %10, %11 : i1
  // CHECK: spirv.Select
  // CHECK: spirv.ConvertUToF
  %13 = arith.uitofp %12 : i1 to f32
  simt.store global %13, %out align 4 : f32, i64
  simt.return
}
