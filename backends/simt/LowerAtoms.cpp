/// Products made of matrix instructions: every warp multiplies fragments, whose layouts the instruction's table gives.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// A tile that is already held as fragments stays in registers; everything else goes through shared memory.
TileLowering::Operand TileLowering::atomOperand(Value value, const Layout &layout, const Staging &how) {
  Operand operand{layout, {}, {}, staged.contains(value)};
  if (!operand.isResident && !plan.isFloating(value))
    if (const Registers *held = find(value, plan.layoutOf(value)))
      if (std::optional<Registers> moved = moveRegisters(*held, plan.layoutOf(value), layout)) {
        operand.values = std::move(*moved);
        return operand;
      }
  operand.shared = stage(value, how.order, how.stored, how.paddingBytes);
  return operand;
}

/// The registers of the fragment whose first element lies at `offset` from the lane's.
Registers TileLowering::fragment(const Operand &operand, ArrayRef<int64_t> offset, int64_t size) {
  int64_t first = *operand.layout.registerAt(offset);
  if (!operand.values.empty())
    return Registers(ArrayRef<Value>(operand.values).slice(first, size));
  return loadShared(operand.shared, operand.layout, llvm::to_vector(llvm::seq<int64_t>(first, first + size)));
}

void TileLowering::emitAtoms(tile::DotOp op, const Product &product) {
  const tile::Atom &atom = *product.atom;
  const tile::AtomTiling &tiling = product.tiling;
  Registers sums = registers(op.getAccumulator(), tiling.sum);
  Operand left = atomOperand(op.getLeft(), tiling.left, stagingOf(op, 1));
  Operand right = atomOperand(op.getRight(), tiling.right, stagingOf(op, 0));
  int64_t depth = tileType(op.getLeft()).getDimSize(1), size = atom.sum.numRegisters();
  for (int64_t step = 0; step < depth; step += atom.k) {
    llvm::MapVector<int64_t, Registers> rows, columns;
    for (int64_t first = 0; first < tiling.sum.numRegisters(); first += size) {
      tile::Coordinates offset = tiling.sum.registerOffset(first);
      Registers &row = rows[offset[0]];
      if (row.empty())
        row = fragment(left, {offset[0], step}, atom.left.numRegisters());
      Registers &column = columns[offset[1]];
      if (column.empty())
        column = fragment(right, {step, offset[1]}, atom.right.numRegisters());
      ArrayRef<Value> sum = ArrayRef<Value>(sums).slice(first, size);
      SmallVector<Type> types(size, sum[0].getType());
      auto multiply = simt::MmaOp::create(b, types, atom.name, row, column, sum);
      llvm::copy(multiply.getResults(), sums.begin() + first);
    }
  }
  define(op.getResult(), tiling.sum, std::move(sums));
  for (const Operand &operand : {left, right})
    if (operand.values.empty() && !operand.isResident)
      arena.release(operand.shared.range);
}
