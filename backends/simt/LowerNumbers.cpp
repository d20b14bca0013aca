/// Numbers of a program that warps that copy make for the others.
///
/// Where a program lies and which keys its rows see are hundreds of instructions, many of them divisions, and the same
/// for all of its lanes. Of the warps that copy, one starts the copies of boxes, and the others have nothing to do. So
/// they make numbers, a program or two ahead, and leave them in a slot of shared memory, as tiles are left:
///
///   one warp for each group:      wait until the slot is empty; write each number when it is there; it is full
///   groups, and who copies boxes: wait until it is full; read what they use; at the end of the program it is empty
///
/// Numbers that belong to the rows of a group (LowerShares.cpp) are made by its warp, what all have in common by the
/// first.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

constexpr int64_t numberSlots = 2, wordBytes = 4;
/// Ops that are saved for each number that is handed over, at least.
constexpr size_t leastOpsANumber = 2;

static bool isNumber(Value value) { return value.getType().isIndex() || value.getType().isInteger(); }

static int64_t wordsOf(Value value) {
  return value.getType().isIndex() || value.getType().getIntOrFloatBitWidth() > 32 ? 2 : 1;
}

/// Whether the op makes numbers of numbers that `made` makes, and does nothing else.
static bool isMadeOfNumbers(Operation *op, const llvm::SetVector<Operation *> &made) {
  bool isKind = isa<tile::ProgramIdOp, tile::ShareOp, memref::LoadOp, scf::WhileOp, scf::IfOp>(op) ||
                isa<arith::ArithDialect>(op->getDialect());
  if (!isKind || isa<arith::ConstantOp>(op) || op->getNumResults() == 0)
    return false;
  Block *block = op->getBlock();
  auto isKnown = [&](Value operand) {
    Operation *source = operand.getDefiningOp();
    bool isInside = !source || source->getBlock() != block;
    return isInside || made.contains(source) || isa<arith::ConstantOp, memref::ReinterpretCastOp>(source);
  };
  auto isPlain = [&](Operation *inner) {
    bool isAllowed =
        inner == op || isa<arith::ArithDialect, scf::SCFDialect>(inner->getDialect()) || isa<memref::LoadOp>(inner);
    return isAllowed && llvm::all_of(inner->getResults(), isNumber) && llvm::all_of(inner->getOperands(), isKnown);
  };
  return !op->walk([&](Operation *inner) {
              return isPlain(inner) ? WalkResult::advance() : WalkResult::interrupt();
            }).wasInterrupted();
}

/// Whether warps read the value that do not make it. Of what belongs to groups, the warp that copies makes what it
/// needs: the same for all rows.
bool TileLowering::isRead(Value value) {
  bool isOfGroup = numbers.ofGroups.contains(value.getDefiningOp());
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    Operation *outer = kernel.getBody().front().findAncestorOpInBlock(*user);
    auto load = dyn_cast<tile::LoadOp>(user);
    bool isCopy = load && ringOf(load.getResult());
    bool isMade = numbers.made.contains(outer) && (isOfGroup || !numbers.ofGroups.contains(outer));
    return !isMade && !(isOfGroup && isCopy);
  });
}

/// What follows from the rows of a group.
llvm::SetVector<Operation *> TileLowering::numbersOfGroups() {
  llvm::SetVector<Operation *> found;
  if (!sharesRows())
    return found;
  for (Operation *op : numbers.made) {
    bool follows = isa<tile::ShareOp>(op);
    op->walk([&](Operation *inner) {
      follows |=
          llvm::any_of(inner->getOperands(), [&](Value operand) { return found.contains(operand.getDefiningOp()); });
    });
    if (follows)
      found.insert(op);
  }
  return found;
}

/// Chooses what is handed over: all that is known before the first loop over tiles that come in rings.
void TileLowering::planNumbers() {
  bool areBoxes = llvm::all_of(rings, [](const Ring &ring) { return ring.boxes.has_value(); });
  if (rings.empty() || !areBoxes || !target.abilities.residentWorkgroups)
    return;
  for (Operation &op : kernel.getBody().front()) {
    if (op.getNumRegions() != 0 && !ringsIn(&op).empty())
      break;
    if (isMadeOfNumbers(&op, numbers.made))
      numbers.made.insert(&op);
  }
  numbers.ofGroups = numbersOfGroups();
  for (Operation *op : numbers.ofGroups)
    if (auto share = dyn_cast<tile::ShareOp>(op))
      numbers.groups = int64_t(share.getOf()) / rowsOfShare;
  int64_t words[] = {0, 0};
  for (Operation *op : numbers.made)
    for (Value value : op->getResults())
      if (isRead(value)) {
        bool isOfGroup = numbers.ofGroups.contains(op);
        numbers.handed.push_back({value, words[isOfGroup] * wordBytes, isOfGroup});
        words[isOfGroup] += wordsOf(value);
      }
  if (numbers.groups >= target.producerWarps || numbers.handed.empty() ||
      numbers.made.size() < leastOpsANumber * numbers.handed.size()) {
    numbers = {};
    return;
  }
  numbers.groupsBegin = words[0] * wordBytes;
  numbers.groupBytes = words[1] * wordBytes;
  numbers.slotBytes = llvm::alignTo(numbers.groupsBegin + numbers.groups * numbers.groupBytes, 16);
  numbers.begin = arena.allocate(numberSlots * numbers.slotBytes).begin;
  Ring ring;
  ring.isResident = ring.isOfNumbers = true;
  ring.slots = numberSlots;
  ring.barriers = arena.allocate(2 * numberSlots * barrierBytes).begin;
  rings.push_back(ring);
}

TileLowering::Ring *TileLowering::ringOfNumbers() {
  auto ring = llvm::find_if(rings, [](const Ring &each) { return each.isOfNumbers; });
  return ring == rings.end() ? nullptr : &*ring;
}

Value TileLowering::slotOfNumbers(const Ring &ring) {
  return arith::AddIOp::create(b, arith::MulIOp::create(b, ring.slot, i32(numbers.slotBytes)), i32(numbers.begin));
}

Value TileLowering::placeOfNumber(const Number &number, Value slot, Value group) {
  if (!number.isOfGroup)
    return arith::AddIOp::create(b, slot, i32(number.offset));
  Value own = arith::MulIOp::create(b, group, i32(numbers.groupBytes));
  return arith::AddIOp::create(b, arith::AddIOp::create(b, slot, own), i32(numbers.groupsBegin + number.offset));
}

/// As one word, or two, where `writes`.
void TileLowering::writeNumber(const Number &number, Value slot, Value writes) {
  Value place = placeOfNumber(number, slot, warp), value = scalar(number.value);
  auto write = [&](Value word, int64_t offset) {
    simt::StoreOp::create(b, Space::Shared, word, arith::AddIOp::create(b, place, i32(offset)), writes, wordBytes);
  };
  Type word = b.getI32Type();
  if (wordsOf(number.value) == 2) {
    write(arith::TruncIOp::create(b, word, value), 0);
    write(arith::TruncIOp::create(b, word, arith::ShRUIOp::create(b, value, i64(32))), wordBytes);
  } else {
    write(value.getType() == word ? value : arith::ExtUIOp::create(b, word, value).getResult(), 0);
  }
}

/// The program of the warps that make numbers, of which `warp` is the group: no more than that of all that they run.
/// Each is written at once, since such warps have few registers.
void TileLowering::emitNumbers() {
  Ring &ring = *ringOfNumbers();
  awaitBarrier(ring, /*isFull=*/false, arith::XOrIOp::create(b, ring.phase, i32(1)));
  Value slot = slotOfNumbers(ring), full = barrierOf(ring, /*isFull=*/true);
  auto isZero = [&](Value number) { return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, number, i32(0)); };
  Value writesOwn = isZero(lane), writesCommon = isZero(arith::OrIOp::create(b, lane, warp));
  for (Operation &op : kernel.getBody().front()) {
    bool isKnown = isa<memref::ReinterpretCastOp>(op) || (isa<arith::ConstantOp>(op) && !tileType(op.getResult(0)));
    if (auto share = dyn_cast<tile::ShareOp>(op); share && numbers.ofGroups.contains(share))
      mapShare(share, warp);
    else if (isKnown || numbers.made.contains(&op))
      emitOp(&op);
    for (const Number &number : numbers.handed)
      if (number.value.getDefiningOp() == &op)
        writeNumber(number, slot, number.isOfGroup ? writesOwn : writesCommon);
    if (&op == numbers.made.back())
      break;
  }
  releaseSlot(full);
  advance(ring);
}

/// Known to be the same in all lanes, as they would be if they were computed here.
Value TileLowering::readNumber(const Number &number) {
  Value group = number.isOfGroup ? arith::DivUIOp::create(b, warp, i32(target.warps / numbers.groups)) : Value();
  Value place = placeOfNumber(number, numbers.slot, group);
  auto read = [&](int64_t offset) -> Value {
    Value word = simt::LoadOp::create(b, b.getI32Type(), Space::Shared, arith::AddIOp::create(b, place, i32(offset)),
                                      Value(), Value(), wordBytes);
    return simt::UniformOp::create(b, b.getI32Type(), word);
  };
  Type type = registerType(number.value.getType());
  Value low = read(0);
  if (wordsOf(number.value) == 1)
    return type == b.getI32Type() ? low : arith::TruncIOp::create(b, type, low).getResult();
  Value high = arith::ShLIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), read(wordBytes)), i64(32));
  return arith::OrIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), low), high);
}

/// By the other warps, when they begin a program. What is not used afterwards is not read.
void TileLowering::takeNumbers() {
  Ring *ring = ringOfNumbers();
  if (!ring)
    return;
  awaitBarrier(*ring, /*isFull=*/true, ring->phase);
  numbers.slot = slotOfNumbers(*ring);
  for (const Number &number : numbers.handed)
    if (!isProducer || !number.isOfGroup)
      scalars.map(number.value, readNumber(number));
}

/// Of what is handed over the warp that copies makes what belongs to groups, of which it knows none.
bool TileLowering::leavesOut(Operation *op) const {
  return numbers.made.contains(op) && !(isProducer && numbers.ofGroups.contains(op));
}

/// When the program no longer needs them.
void TileLowering::leaveNumbers() {
  if (Ring *ring = ringOfNumbers()) {
    simt::WarpBarrierOp::create(b);
    releaseSlot(barrierOf(*ring, /*isFull=*/false));
    advance(*ring);
  }
}

bool TileLowering::isHanded(Value value) const {
  return llvm::any_of(numbers.handed, [&](const Number &number) { return number.value == value; });
}

/// Reads once more what is used behind a loop but not in it.
void TileLowering::takeAgain(ArrayRef<Value> values) {
  for (const Number &number : numbers.handed)
    if (llvm::is_contained(values, number.value))
      scalars.map(number.value, readNumber(number));
}
