/// Marks kernels with what launches of the plan before theirs do not write, and those that may be the first of a plan,
/// so that a machine which lets launches overlap makes them wait for each other.
#include "compiler/kernel/Passes.h"

#include "dialects/plan/Plan.h"
#include "dialects/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

/// The launch that stores in the place of `launch` where that stores nothing; null where there is none.
static plan::LaunchOp substituteOf(plan::LaunchOp launch) {
  for (OpOperand &use : launch->getUses()) {
    auto user = dyn_cast<plan::LaunchOp>(use.getOwner());
    auto tied = user ? user->getAttrOfType<DenseI64ArrayAttr>(plan::tiedAttrName) : DenseI64ArrayAttr();
    bool isSameRoot = tied && user.getRoot() == launch.getRoot() && user.getRoot() == plan::KernelRoot::Attend;
    if (isSameRoot && llvm::is_contained(tied.asArrayRef(), int64_t(use.getOperandNumber())))
      return user;
  }
  return {};
}

/// Whether a tensor is an input that nobody writes, or a constant.
static bool isUnwritten(func::FuncOp graph, Value tensor) {
  while (isa_and_present<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(tensor.getDefiningOp()))
    tensor = tensor.getDefiningOp()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(tensor);
  if (!argument)
    return isa_and_present<arith::ConstantOp>(tensor.getDefiningOp());
  for (unsigned result = 0; result < graph.getNumResults(); ++result)
    if (auto alias = graph.getResultAttrOfType<IntegerAttr>(result, plan::aliasAttrName))
      if (alias.getInt() == argument.getArgNumber())
        return false;
  return true;
}

static DenseI64ArrayAttr unwrittenBases(func::FuncOp graph, plan::LaunchOp launch) {
  SmallVector<int64_t> bases;
  auto tied = launch->getAttrOfType<DenseI64ArrayAttr>(plan::tiedAttrName);
  for (auto [number, operand] : llvm::enumerate(launch.getOperands()))
    if (isUnwritten(graph, operand) && !(tied && llvm::is_contained(tied.asArrayRef(), int64_t(number))))
      bases.push_back(int64_t(number));
  return DenseI64ArrayAttr::get(launch.getContext(), bases);
}

static void mark(plan::LaunchOp launch, StringRef name, Attribute value) {
  SmallVector<FlatSymbolRefAttr> symbols{launch.getKernelAttr()};
  for (const plan::LaunchOp::Alternative &each : launch.alternatives())
    symbols.push_back(each.kernel);
  for (FlatSymbolRefAttr symbol : symbols)
    if (auto kernel = SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(launch, symbol))
      tile::addNeighbourMark(kernel, {name, value});
}

/// Launches whose substitutes come behind them do nothing where those do.
static void markIn(func::FuncOp graph) {
  bool opens = true;
  graph.walk([&](plan::LaunchOp launch) {
    mark(launch, tile::followsAttrName, unwrittenBases(graph, launch));
    if (opens)
      mark(launch, tile::opensAttrName, UnitAttr::get(graph.getContext()));
    opens &= bool(substituteOf(launch));
  });
}

namespace {
struct MarkNeighbours : PassWrapper<MarkNeighbours, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MarkNeighbours)
  StringRef getArgument() const override { return "mark-neighbours"; }
  StringRef getDescription() const override { return "Mark what launches before those of a kernel do not write"; }
  void runOnOperation() override {
    for (auto graph : getOperation().getOps<func::FuncOp>())
      markIn(graph);
  }
};
} // namespace

std::unique_ptr<Pass> heed::createMarkNeighboursPass() { return std::make_unique<MarkNeighbours>(); }
