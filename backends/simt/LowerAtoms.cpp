/// Products made of matrix instructions: every warp multiplies fragments, whose layouts the instruction's table gives.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// A tile whose fragments the lanes of a warp have stays in registers; everything else goes through shared memory.
TileLowering::Operand TileLowering::atomOperand(Value value, const Layout &layout, const Staging &how) {
  Operand operand{layout, {}, {}, staged.contains(value)};
  if (!operand.isResident && !plan.isFloating(value))
    if (const Registers *held = find(value, plan.layoutOf(value)))
      if (std::optional<Registers> moved = convertInWarp(*held, plan.layoutOf(value), layout)) {
        operand.values = std::move(*moved);
        return operand;
      }
  operand.shared = stage(value, how);
  return operand;
}

SmallVector<Registers> TileLowering::fragments(const Operand &operand, ArrayRef<tile::Coordinates> offsets,
                                               int64_t size) {
  if (operand.values.empty() && canLoadMatrices(operand))
    return loadMatrices(operand, offsets, size);
  SmallVector<Registers> result;
  for (const tile::Coordinates &offset : offsets) {
    int64_t first = *operand.layout.registerAt(offset);
    if (operand.values.empty())
      result.push_back(
          loadShared(operand.shared, operand.layout, llvm::to_vector(llvm::seq<int64_t>(first, first + size))));
    else
      result.push_back(Registers(ArrayRef<Value>(operand.values).slice(first, size)));
  }
  return result;
}

void TileLowering::emitAtoms(tile::DotOp op, const Product &product) {
  const tile::Atom &atom = *product.atom;
  const tile::AtomTiling &tiling = product.tiling;
  Registers sums = registers(op.getAccumulator(), tiling.sum);
  Operand left = atomOperand(op.getLeft(), tiling.left, stagingOf(op, op.getLeft(), 1));
  Operand right = atomOperand(op.getRight(), tiling.right, stagingOf(op, op.getRight(), 0));
  SmallVector<int64_t> rows = product.atomOffsets(0), columns = product.atomOffsets(1);
  int64_t depth = tileType(op.getLeft()).getDimSize(1), size = atom.sum.numRegisters();
  SmallVector<Type> types(size, sums[0].getType());
  for (int64_t step = 0; step < depth; step += atom.k) {
    auto leftOffsets = llvm::map_to_vector(rows, [&](int64_t row) { return tile::Coordinates{row, step}; });
    auto rightOffsets = llvm::map_to_vector(columns, [&](int64_t column) { return tile::Coordinates{step, column}; });
    SmallVector<Registers> leftFragments = fragments(left, leftOffsets, atom.left.numRegisters());
    SmallVector<Registers> rightFragments = fragments(right, rightOffsets, atom.right.numRegisters());
    for (auto [row, leftFragment] : llvm::zip_equal(rows, leftFragments))
      for (auto [column, rightFragment] : llvm::zip_equal(columns, rightFragments)) {
        int64_t first = *tiling.sum.registerAt({row, column});
        ArrayRef<Value> sum = ArrayRef<Value>(sums).slice(first, size);
        auto multiply = atom.isTransposed ? simt::MmaOp::create(b, types, atom.name, rightFragment, leftFragment, sum)
                                          : simt::MmaOp::create(b, types, atom.name, leftFragment, rightFragment, sum);
        llvm::copy(multiply.getResults(), sums.begin() + first);
      }
  }
  define(op.getResult(), tiling.sum, std::move(sums));
  for (const Operand &operand : {left, right})
    if (operand.values.empty() && !operand.isResident)
      arena.release(operand.shared.range);
}
