// How rows are blocked: what registers hold is loaded once; few rows have all lanes; columns that lanes cannot share evenly
// are filled up; others are walked in steps.
// RUN: sed -e 's/ROWS/?/g; s/HEIGHT/s0/; s/SYMBOLS/["rows"]/; s/COLUMNS/384/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=EVEN
// EVEN: schedule row block_columns=384 block_rows=8
// RUN: sed -e 's/ROWS/?/g; s/HEIGHT/s0/; s/SYMBOLS/["rows"]/; s/COLUMNS/2048/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=SHARED
// SHARED: schedule row block_columns=2048 block_rows=2
// RUN: sed -e 's/ROWS/1/g; s/HEIGHT/1/; s/\[s0\]/[]/; s/SYMBOLS/[]/; s/COLUMNS/2048/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=ONE
// ONE: schedule row block_columns=2048 block_rows=1
// RUN: sed -e 's/ROWS/?/g; s/HEIGHT/s0/; s/SYMBOLS/["rows"]/; s/COLUMNS/1000/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=FILLED
// FILLED: schedule row block_columns=1024 block_rows=4
// RUN: sed -e 's/ROWS/?/g; s/HEIGHT/s0/; s/SYMBOLS/["rows"]/; s/COLUMNS/20000/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a -o %t.heed --explain | FileCheck %s --check-prefix=STEPS
// STEPS: schedule row block_columns=256 block_rows=8

// Nothing is read twice where a row is one block: the row, and the scale.
// RUN: sed -e 's/ROWS/?/g; s/HEIGHT/s0/; s/SYMBOLS/["rows"]/; s/COLUMNS/384/g' %s > %t.mlir && heedc %t.mlir --target=cuda:sm_90a --emit=tile | FileCheck %s --check-prefix=TILE
// TILE: tile.kernel
// TILE-COUNT-2: tile.load
// TILE-NOT: tile.load
// TILE: tile.store
func.func @main(%x: tensor<ROWSxCOLUMNSxbf16> {plan.name = "x", plan.shape = affine_map<()[s0] -> (HEIGHT, COLUMNS)>}, %scale: tensor<COLUMNSxbf16> {plan.name = "scale"})
    -> (tensor<ROWSxCOLUMNSxbf16> {plan.name = "y"}) attributes {plan.symbols = SYMBOLS} {
  %y = attn.norm rms %x : tensor<ROWSxCOLUMNSxbf16> scale(%scale : tensor<COLUMNSxbf16>) from 1 epsilon 0.00001
  return %y : tensor<ROWSxCOLUMNSxbf16>
}
