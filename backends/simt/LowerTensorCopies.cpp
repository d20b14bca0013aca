/// Copies of boxes of tensors: one lane starts them, and their bytes count at a barrier in shared memory.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

std::optional<TensorBoxes> TileLowering::planBoxes(tile::LoadOp load, const tile::SharedLayout &layout) {
  return mayUseTensorMaps ? planTensorBoxes(kernel, load, layout) : std::nullopt;
}

void TileLowering::forOneLane(Value wanted, llvm::function_ref<void()> body) {
  Value thread = arith::OrIOp::create(b, lane, warp);
  Value chosen = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread, i32(0));
  if (wanted)
    chosen = arith::AndIOp::create(b, chosen, wanted);
  auto branch = scf::IfOp::create(b, TypeRange(), chosen, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  body();
}

Value TileLowering::barrierAt(const SharedRange &barriers, Value slot) {
  return arith::AddIOp::create(b, arith::MulIOp::create(b, slot, i32(barrierBytes)), i32(barriers.begin));
}

void TileLowering::emitTensorCopies(const TensorBoxes &boxes, tile::LoadOp load, Value destination, Value barrier) {
  SmallVector<Value> coordinates =
      llvm::map_to_vector(boxes.order, [&](unsigned dim) { return toI32(load.getIndices()[dim]); });
  Value first = coordinates.back();
  int64_t bytes = 0;
  for (const TensorBoxes::Run &run : boxes.runs) {
    auto *known = llvm::find(tensorMaps, run.map);
    int64_t number = known - tensorMaps.begin();
    if (known == tensorMaps.end())
      tensorMaps.push_back(run.map);
    for (int64_t panel = 0; panel < run.panels; ++panel) {
      coordinates.back() = arith::AddIOp::create(b, first, i32(run.first + panel * run.panelElements));
      Value place = arith::AddIOp::create(b, destination, i32(bytes));
      simt::CopyTensorOp::create(b, place, number, coordinates, barrier);
      bytes += run.map.boxBytes();
    }
  }
}
