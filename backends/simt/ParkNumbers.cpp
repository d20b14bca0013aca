/// Numbers of a program that wait in the lanes of one register.
///
/// What is the same in all lanes and used only behind a loop takes registers from the loop. Beside tiles that fill what
/// a lane has, 32 words of them wait in one register, a word a lane, and are handed to all lanes again behind the loop.
/// Numbers that follow from the kernel's arguments alone do not wait but are made again, and those that other warps
/// handed over (LowerNumbers.cpp) are read again.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Numbers that are known before `op`, and used behind it but not inside.
static SmallVector<Value> findWaiting(Operation *op) {
  llvm::SetVector<Value> waiting;
  auto collect = [&](Operation *user) {
    for (Value value : user->getOperands()) {
      Operation *source = value.getDefiningOp();
      bool isNumber = value.getType().isIndex() || value.getType().isInteger(32) || value.getType().isInteger(64);
      if (isNumber && source && source->getBlock() == op->getBlock() && source->isBeforeInBlock(op) &&
          !isa<arith::ConstantOp>(source))
        waiting.insert(value);
    }
  };
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
    next->walk(collect);
  op->walk([&](Operation *inner) {
    for (Value value : inner->getOperands())
      waiting.remove(value);
  });
  return waiting.takeVector();
}

/// Whether numbers wait for the end of this op: the loop over tiles in rings, where registers are full.
bool TileLowering::parksNumbers(Operation *op) {
  scf::ForOp loop = isProducer || !(sharesRows() || ringOfNumbers()) ? scf::ForOp() : loopOfRings();
  return loop && op->isAncestor(loop);
}

TileLowering::Parked TileLowering::park(Operation *op) {
  Parked parked;
  SmallVector<Value> values;
  int64_t words = 0;
  auto fits = [&](Value value) {
    int64_t more = value.getType().isInteger(64) ? 2 : 1;
    if (words + more > target.lanes)
      return false;
    words += more;
    values.push_back(value);
    return true;
  };
  for (Value waiting : findWaiting(op))
    if (isHanded(waiting))
      parked.handed.push_back(waiting);
    else if (fits(scalar(waiting)))
      parked.scalars.push_back(waiting);
  if (ringOfNumbers() && fits(numbers.slot))
    parked.places.push_back(&numbers.slot);
  for (Ring &ring : rings)
    for (Value *place : {&ring.slot, &ring.phase, &ring.release})
      if (ring.isResident && *place && fits(*place))
        parked.places.push_back(place);
  parked.words = i32(0);
  int64_t next = 0;
  auto add = [&](Value word) {
    Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, i32(next++));
    parked.words = arith::SelectOp::create(b, isHere, word, parked.words);
  };
  for (Value value : values) {
    bool isWide = value.getType().isInteger(64);
    add(isWide ? arith::TruncIOp::create(b, b.getI32Type(), value).getResult() : value);
    if (isWide)
      add(arith::TruncIOp::create(b, b.getI32Type(), arith::ShRUIOp::create(b, value, i64(32))));
  }
  return parked;
}

void TileLowering::unpark(const Parked &parked) {
  int64_t next = 0;
  auto take = [&](Type type) -> Value {
    auto word = [&] {
      return simt::ShuffleOp::create(b, b.getI32Type(), ShuffleMode::Index, parked.words, i32(next++)).getResult();
    };
    Value low = word();
    if (type.isInteger(32))
      return low;
    Value high = arith::ShLIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), word()), i64(32));
    return arith::OrIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), low), high);
  };
  for (Value value : parked.scalars)
    scalars.map(value, take(scalar(value).getType()));
  for (Value *place : parked.places)
    *place = take(place->getType());
  takeAgain(parked.handed);
  renewArguments();
  views.clear(); // which follow from them
  kernel.walk([&](memref::ReinterpretCastOp view) { viewOf(view.getResult()); });
}
