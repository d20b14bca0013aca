#include "backends/simt/RegisterPressure.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed;

static int64_t registersOf(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && isa<simt::KernelOp>(argument.getOwner()->getParentOp()))
    return 0;
  Type type = value.getType();
  int64_t elements = 1;
  if (auto vector = dyn_cast<VectorType>(type)) {
    elements = vector.getNumElements();
    type = vector.getElementType();
  }
  if (!type.isIntOrFloat() || type.isInteger(1) || matchPattern(value, m_Constant()))
    return 0;
  return llvm::divideCeil(elements * type.getIntOrFloatBitWidth(), 32);
}

namespace {
/// The values alive at a place, on the way from the end of a region to its start.
class AliveValues {
public:
  void use(Value value) {
    if (alive.insert(value).second)
      registers += registersOf(value);
    most = std::max(most, registers);
  }
  void define(Value value) {
    if (alive.erase(value))
      registers -= registersOf(value);
  }
  int64_t mostRegisters() const { return most; }
  void walk(Region &region);

private:
  void walk(Operation &op);

  llvm::DenseSet<Value> alive;
  int64_t registers = 0, most = 0;
};
} // namespace

/// What regions of an op use from outside is alive as long as they run: loops use it again.
void AliveValues::walk(Operation &op) {
  for (Value result : op.getResults())
    define(result);
  // Warps that make numbers write each when they have it. Most values are the same in all lanes there and take no
  // registers of a lane, and the assembler orders what is left.
  auto regions = op.getRegions().drop_back(op.hasAttr(simt::makesNumbersAttrName) ? 1 : 0);
  for (Region &region : regions)
    region.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (!op.isAncestor(operand.getParentRegion()->getParentOp()))
          use(operand);
    });
  for (Region &region : regions)
    walk(region);
  for (Value operand : op.getOperands())
    use(operand);
}

void AliveValues::walk(Region &region) {
  for (Block &block : region) {
    for (Operation &op : llvm::reverse(block))
      walk(op);
    for (Value argument : block.getArguments())
      define(argument);
  }
}

void simt::LaneNeeds::include(const LaneNeeds &other) {
  hasRoles |= other.hasRoles;
  copying = std::max(copying, other.copying);
  others = std::max(others, other.others);
}

static int64_t registersAlive(Region &region) {
  AliveValues alive;
  alive.walk(region);
  return alive.mostRegisters();
}

simt::LaneNeeds simt::needsOfLanes(KernelOp kernel) {
  LaneNeeds needs;
  kernel.walk([&](SetRegistersOp op) {
    needs.hasRoles = true;
    int64_t &ofRole = op.getChange() == RegisterChange::Increase ? needs.others : needs.copying;
    ofRole = std::max(ofRole, registersAlive(*op->getParentRegion()));
  });
  if (!needs.hasRoles)
    needs.others = registersAlive(kernel.getBody());
  return needs;
}
