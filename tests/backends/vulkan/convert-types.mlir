// Elements of every type, in registers, in global memory by the widest accesses that their alignment allows, and in
// shared memory by words.
// RUN: heed-simt %s --target=vulkan:8 -o %t.spv
// RUN: spirv-val --target-env vulkan1.3 %t.spv
// RUN: heed-simt %s --target=vulkan:8 --list | FileCheck %s --check-prefix=NEEDS
// NEEDS: 0: spirv needs subgroup8, int8, int16, float16, float64, storage8, storage16
// RUN: heed-simt %s --target=vulkan:8 --emit=spirv | FileCheck %s

// CHECK: spirv.module
// CHECK-SAME: Float16
// CHECK-SAME: Float64
// CHECK-SAME: Int64
// CHECK-SAME: Int16
// CHECK-SAME: Int8
// CHECK-SAME: StorageBuffer16BitAccess
// CHECK-SAME: StorageBuffer8BitAccess
// CHECK-SAME: RoundingModeRTE

// Eight halves are four words, each of which is cast to two halves.
// CHECK-LABEL: spirv.func @halves
simt.kernel @halves(%in: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 8 : i64, lanes = 8 : i64, shared_bytes = 256 : i64} {
  %c0 = arith.constant 0 : i32
  // CHECK: [[WORDS:%.+]] = spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 16] : vector<4xi32>
  // CHECK: [[WORD:%.+]] = spirv.CompositeExtract [[WORDS]][0 : i32]
  // CHECK: [[PAIR:%.+]] = spirv.Bitcast [[WORD]] : i32 to vector<2xf16>
  // CHECK: spirv.CompositeExtract [[PAIR]][0 : i32]
  %eight = simt.load global %in align 16 : i64 -> vector<8xf16>
  // CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 16] : vector<4xi32>
  simt.store global %eight, %out align 16 : vector<8xf16>, i64
  // Aligned to words only.
  // CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 4] : i32
  %words = simt.load global %in align 4 : i64 -> vector<8xf16>
  // Aligned to elements only.
  // CHECK-COUNT-4: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 2] : f16
  %four = simt.load global %in align 2 : i64 -> vector<4xf16>
  // Not even that.
  // CHECK-COUNT-2: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 1] : i8
  // CHECK: spirv.Bitcast %{{.+}} : vector<2xi8> to f16
  %odd = simt.load global %in align 1 : i64 -> f16
  // CHECK-COUNT-2: spirv.Store "Workgroup"
  simt.store shared %four, %c0 align 8 : vector<4xf16>, i32
  // CHECK-COUNT-4: spirv.Load "Workgroup"
  %back = simt.load shared %c0 align 16 : i32 -> vector<8xf16>
  %a = vector.extract %back[3] : f16 from vector<8xf16>
  // CHECK: spirv.FConvert %{{.+}} : f16 to f32
  %wide = arith.extf %a : f16 to f32
  // CHECK: spirv.FConvert %{{.+}} : f32 to f16
  %narrow = arith.truncf %wide : f32 to f16
  %one = arith.constant 1.0 : f16
  %true = arith.cmpf olt, %wide, %wide : f32
  %chosen = arith.select %true, %narrow, %one : f16
  %bits = arith.bitcast %chosen : f16 to i16
  %half = arith.bitcast %bits : i16 to f16
  %pair = vector.from_elements %half, %odd : vector<2xf16>
  // CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : i32
  simt.store global %pair, %out align 4 : vector<2xf16>, i64
  simt.return
}
// CHECK: spirv.ExecutionMode @halves "SignedZeroInfNanPreserve", 32
// CHECK: spirv.ExecutionMode @halves "SignedZeroInfNanPreserve", 16
// CHECK: spirv.ExecutionMode @halves "RoundingModeRTE", 16

// There is no such type: 16 bits that are widened and rounded by integer arithmetic.
// CHECK-LABEL: spirv.func @brain_floats
simt.kernel @brain_floats(%in: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 8 : i64, lanes = 8 : i64, shared_bytes = 16 : i64} {
  %c0 = arith.constant 0 : i32
  %lane = simt.lane
  %inside = arith.cmpi eq, %lane, %c0 : i32
  // CHECK: spirv.Constant 16256 : i16
  %fill = arith.constant dense<1.0> : vector<8xbf16>
  %a = simt.load global %in if %inside else %fill : vector<8xbf16> align 16 : i64 -> vector<8xbf16>
  %b = vector.extract %a[1] : bf16 from vector<8xbf16>
  // CHECK: [[WIDE:%.+]] = spirv.UConvert %{{.+}} : i16 to i32
  // CHECK: [[SHIFTED:%.+]] = spirv.ShiftLeftLogical [[WIDE]], %{{.+}} : i32
  // CHECK: spirv.Bitcast [[SHIFTED]] : i32 to f32
  %c = arith.extf %b : bf16 to f32
  // CHECK: spirv.IsNan
  // CHECK: spirv.UConvert %{{.+}} : i32 to i16
  %d = arith.truncf %c : f32 to bf16
  %e = arith.bitcast %d : bf16 to i16
  %f = arith.bitcast %e : i16 to bf16
  %g = arith.extf %f : bf16 to f64
  %h = arith.truncf %g : f64 to bf16
  %i = arith.sitofp %lane : i32 to bf16
  %j = arith.fptosi %i : bf16 to i8
  simt.store global %h, %out align 2 : bf16, i64
  simt.store global %j, %out align 1 : i8, i64
  simt.store shared %a, %c0 align 16 : vector<8xbf16>, i32
  simt.return
}

// 64-bit elements are two words of shared memory.
// CHECK-LABEL: spirv.func @long_elements
simt.kernel @long_elements(%in: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 8 : i64, lanes = 8 : i64, shared_bytes = 64 : i64} {
  %c0 = arith.constant 0 : i32
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 16] : vector<2xf64>
  %a = simt.load global %in align 16 : i64 -> vector<2xf64>
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 8] : i64
  %b = simt.load global %in align 8 : i64 -> i64
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 4] : i32
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 4] : i32
  // CHECK: spirv.Bitcast %{{.+}} : vector<2xi32> to f64
  %c = simt.load global %in align 4 : i64 -> f64
  // CHECK: spirv.Bitcast %{{.+}} : f64 to vector<2xi32>
  // CHECK-COUNT-4: spirv.Store "Workgroup"
  simt.store shared %a, %c0 align 16 : vector<2xf64>, i32
  // CHECK-COUNT-2: spirv.Load "Workgroup"
  // CHECK: spirv.Bitcast %{{.+}} : vector<2xi32> to i64
  %d = simt.load shared %c0 align 8 : i32 -> i64
  %e = arith.addi %b, %d : i64
  simt.store global %e, %out align 8 : i64, i64
  %f = simt.load global %in align 1 : i64 -> i64
  %g = arith.sitofp %f : i64 to f64
  %h = arith.addf %g, %c : f64
  %i = arith.truncf %h : f64 to f32
  %j = arith.extf %i : f32 to f64
  simt.store global %j, %out align 2 : f64, i64
  simt.return
}
// CHECK: spirv.ExecutionMode @long_elements "SignedZeroInfNanPreserve", 64

// CHECK-LABEL: spirv.func @bytes
simt.kernel @bytes(%in: i64, %out: i64, %x: i64, %y: i64, %z: i64)
    attributes {num_bases = 2 : i64, threads = 8 : i64, lanes = 8 : i64, shared_bytes = 64 : i64} {
  %c0 = arith.constant 0 : i32
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 16] : vector<4xi32>
  // CHECK: spirv.Bitcast %{{.+}} : i32 to vector<4xi8>
  %a = simt.load global %in align 16 : i64 -> vector<16xi8>
  %two = vector.bitcast %a : vector<16xi8> to vector<2xi64>
  %first = vector.extract %two[0] : i64 from vector<2xi64>
  %part = vector.insert %first, %two[1] : i64 into vector<2xi64>
  %bytes = vector.bitcast %part : vector<2xi64> to vector<16xi8>
  simt.store shared %bytes, %c0 align 16 : vector<16xi8>, i32
  // CHECK: spirv.Load "PhysicalStorageBuffer" %{{.+}} ["Aligned", 1] : i8
  %b = simt.load global %in align 1 : i64 -> i8
  %c = arith.extui %b : i8 to i32
  // CHECK: spirv.INotEqual
  %d = arith.trunci %c : i32 to i1
  // CHECK: spirv.Select
  %e = arith.extui %d : i1 to i8
  %all = vector.broadcast %e : i8 to vector<4xi8>
  %v0, %v1, %v2, %v3 = vector.to_elements %all : vector<4xi8>
  %again = vector.from_elements %v3, %v2, %v1, %v0 : vector<4xi8>
  // CHECK: spirv.Store "PhysicalStorageBuffer" {{.*}} ["Aligned", 4] : i32
  simt.store global %again, %out align 4 : vector<4xi8>, i64
  simt.return
}
