// Kernels whose parts overlap give exactly what they gave before and visit as many blocks of keys: no block, one, two and
// more, blocks inside lists, blocks of which a rule skips some, head widths of several chunks, products.
//
// RUN: split-file %S/../kernel/attend-skeleton.mlir %t
// RUN: heed-opt %t/causal.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/causal.plain
// RUN: heed-opt %t/causal.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/causal.two
// RUN: heed-interpret %t/causal.plain %t/causal.two --dim b=1 --dim m=3 --dim n=0 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.two --dim b=1 --dim m=13 --dim n=5 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.two --dim b=2 --dim m=15 --dim n=16 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.two --dim b=1 --dim m=41 --dim n=39 --tolerance=0
// RUN: heed-opt %t/causal.plain --pass-pipeline='builtin.module(schedule-parts{parts=normalise:1,scores:0,mask:0,product:1,multiply:1,operands:0},canonicalize,cse)' -o %t/causal.late
// RUN: heed-interpret %t/causal.plain %t/causal.late --dim b=1 --dim m=3 --dim n=0 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.late --dim b=1 --dim m=13 --dim n=5 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.late --dim b=2 --dim m=15 --dim n=16 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.late --dim b=1 --dim m=41 --dim n=39 --tolerance=0
// RUN: heed-opt %t/causal.plain --pass-pipeline='builtin.module(schedule-parts{parts=product:2,normalise:1,scores:0,mask:0,operands:0,multiply:3},canonicalize,cse)' -o %t/causal.three
// RUN: heed-interpret %t/causal.plain %t/causal.three --dim b=1 --dim m=3 --dim n=0 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.three --dim b=1 --dim m=13 --dim n=5 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.three --dim b=2 --dim m=15 --dim n=16 --tolerance=0
// RUN: heed-interpret %t/causal.plain %t/causal.three --dim b=1 --dim m=41 --dim n=39 --tolerance=0
// RUN: heed-opt %t/lengths.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/lengths.plain
// RUN: heed-opt %t/lengths.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/lengths.two
// RUN: heed-interpret %t/lengths.plain %t/lengths.two --dim b=3 --dim m=5 --dim n=39 --input=length=0,7,39 --input=offset=0,2,34 --input=window=14 --tolerance=0
// RUN: heed-opt %t/lengths.plain --pass-pipeline='builtin.module(schedule-parts{parts=product:2,normalise:1,scores:0,mask:0,operands:0,multiply:3},canonicalize,cse)' -o %t/lengths.three
// RUN: heed-interpret %t/lengths.plain %t/lengths.three --dim b=3 --dim m=5 --dim n=39 --input=length=0,7,39 --input=offset=0,2,34 --input=window=14 --tolerance=0
// RUN: heed-opt %t/masks.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/masks.plain
// RUN: heed-opt %t/masks.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/masks.two
// RUN: heed-interpret %t/masks.plain %t/masks.two --dim b=2 --dim m=6 --dim n=17 --tolerance=0
// RUN: heed-opt %t/wide.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/wide.plain
// RUN: heed-opt %t/wide.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/wide.two
// RUN: heed-interpret %t/wide.plain %t/wide.two --dim m=5 --dim n=19 --tolerance=0
// RUN: heed-opt %t/wide.plain --pass-pipeline='builtin.module(schedule-parts{parts=product:2,normalise:1,scores:0,mask:0,operands:0,multiply:3},canonicalize,cse)' -o %t/wide.three
// RUN: heed-interpret %t/wide.plain %t/wide.three --dim m=5 --dim n=19 --tolerance=0
// RUN: heed-opt %t/expanded.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/expanded.plain
// RUN: heed-opt %t/expanded.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/expanded.two
// RUN: heed-interpret %t/expanded.plain %t/expanded.two --dim b=2 --dim m=6 --dim n=17 --input=mask=random:0:2 --tolerance=0
// RUN: heed-opt %t/paged.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/paged.plain
// RUN: heed-opt %t/paged.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/paged.two
// RUN: heed-interpret %t/paged.plain %t/paged.two --dim b=2 --dim m=3 --input=pages=4,0,2,1,3,5 --input=length=7,12 --tolerance=0
// RUN: heed-opt %t/listed.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/listed.plain
// RUN: heed-opt %t/listed.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/listed.two
// RUN: heed-interpret %t/listed.plain %t/listed.two --dim m=37 --dim n=45 --dim lists=3 --input=length=45 --input=lists=0,3,-1,2,1,-1,-1,0,5,4,3,2,5,0,-1,-1,0,1,2,4,-1,3,2,1 --tolerance=0 --counters | FileCheck %s --check-prefix=LISTED
// RUN: heed-opt %t/listed.plain --pass-pipeline='builtin.module(schedule-parts{parts=product:2,normalise:1,scores:0,mask:0,operands:0,multiply:3},canonicalize,cse)' -o %t/listed.three
// RUN: heed-interpret %t/listed.plain %t/listed.three --dim m=37 --dim n=45 --dim lists=3 --input=length=45 --input=lists=0,3,-1,2,1,-1,-1,0,5,4,3,2,5,0,-1,-1,0,1,2,4,-1,3,2,1 --tolerance=0 --counters | FileCheck %s --check-prefix=LISTED
// RUN: heed-opt %S/../kernel/visited-blocks.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/visits.plain
// RUN: heed-opt %t/visits.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/visits.two
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=causal --dim m=16 --dim n=32 --tolerance=0 --counters | FileCheck %s --check-prefix=CAUSAL
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=window --dim m=16 --dim n=32 --input=w=3 --tolerance=0 --counters | FileCheck %s --check-prefix=WINDOW
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=prefix --dim m=16 --dim n=32 --input=p=24 --tolerance=0 --counters | FileCheck %s --check-prefix=PREFIX
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=gap --dim m=16 --dim n=32 --tolerance=0 --counters | FileCheck %s --check-prefix=GAP
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=gap --dim m=6 --dim n=0 --tolerance=0
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=gap --dim m=6 --dim n=3 --tolerance=0
// RUN: heed-interpret %t/visits.plain %t/visits.two --entry=gap --dim m=6 --dim n=8 --tolerance=0
// RUN: FileCheck %s --input-file=%t/visits.two --check-prefix=SCHEDULED
// RUN: heed-opt %S/../kernel/matmul-skeleton.mlir --pass-pipeline='builtin.module(func.func(normalise-graph,form-kernels),lower-kernels,canonicalize,cse)' -o %t/products.plain
// RUN: heed-opt %t/products.plain --pass-pipeline='builtin.module(schedule-parts{parts=scores:0,mask:0,product:1,normalise:0,operands:0,multiply:1},canonicalize,cse)' -o %t/products.two
// RUN: heed-interpret %t/products.plain %t/products.two --dim b=2 --dim s=7 --tolerance=0
// RUN: heed-opt %t/products.plain --pass-pipeline='builtin.module(schedule-parts{parts=product:2,normalise:1,scores:0,mask:0,operands:0,multiply:3},canonicalize,cse)' -o %t/products.three
// RUN: heed-interpret %t/products.plain %t/products.three --dim b=2 --dim s=7 --tolerance=0

// LISTED: key blocks 30,
// LISTED: key blocks 30,
// CAUSAL: key blocks 6,
// CAUSAL: key blocks 6,
// WINDOW: key blocks 5,
// WINDOW: key blocks 5,
// PREFIX: key blocks 12,
// PREFIX: key blocks 12,
// GAP: key blocks 10,
// GAP: key blocks 10,

// Conditional visits are scheduled too.
// SCHEDULED-NOT: heed.note
