#include "backends/simt/Sums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

void Sum::add(Value value, bool isSubtracted, const llvm::DenseSet<Value> &whole) {
  IntegerAttr known;
  bool isWhole = whole.contains(value);
  if (matchPattern(value, m_Constant(&known))) {
    constant += isSubtracted ? -known.getInt() : known.getInt();
  } else if (auto sum = value.getDefiningOp<arith::AddIOp>(); sum && !isWhole) {
    add(sum.getLhs(), isSubtracted, whole);
    add(sum.getRhs(), isSubtracted, whole);
  } else if (auto difference = value.getDefiningOp<arith::SubIOp>(); difference && !isWhole) {
    add(difference.getLhs(), isSubtracted, whole);
    add(difference.getRhs(), !isSubtracted, whole);
  } else {
    (isSubtracted ? subtracted : added).push_back(value);
  }
}

void Sum::cancel() {
  for (Value value : llvm::to_vector(added))
    if (auto *both = llvm::find(subtracted, value); both != subtracted.end()) {
      subtracted.erase(both);
      added.erase(llvm::find(added, value));
    }
}

Numbers Sum::numbers() const {
  Numbers numbers(added, subtracted);
  auto order = [](Value a, Value b) { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); };
  llvm::sort(numbers.first, order);
  llvm::sort(numbers.second, order);
  return numbers;
}
