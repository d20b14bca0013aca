/// Reductions: inside a lane, then across lanes by shuffles, then across warps through shared memory; and scans.
/// The order of the operations depends on the layout only, so results are the same on every run.
#include "backends/simt/TileLowering.h"
#include "compiler/tile/Arithmetic.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

void TileLowering::emitReduce(tile::ReduceOp op) {
  const Layout &from = plan.layoutOf(op.getSource()), &home = plan.layoutOf(op.getResult());
  Registers source = registers(op.getSource(), from);
  if (op.getExtent())
    limitTo(toI64(op.getExtent()), op.getCombine(), op.getDim(), from, source);
  define(op.getResult(), home,
         convert(reduceAll(op, op.getCombine(), source, op.getDim()), from.slice(op.getDim()), home));
}

/// Replaces elements at and beyond an extent by the neutral element.
void TileLowering::limitTo(Value extent, tile::Combine kind, unsigned dim, const Layout &layout, Registers &values) {
  Value rest = tile::neutral(b, b.getLoc(), kind, values[0].getType());
  for (auto [reg, value] : llvm::enumerate(values)) {
    Value position = arith::ExtUIOp::create(b, b.getI64Type(), coordinate(layout, reg, dim));
    Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position, extent);
    value = arith::SelectOp::create(b, inside, value, rest);
  }
}

/// `op` reduces its first operand, of which these are the registers. What is left lies as slices of its layout do.
Registers TileLowering::reduceAll(Operation *op, tile::Combine kind, const Registers &source, unsigned dim) {
  Value tile = op->getOperand(0);
  const Layout &from = plan.layoutOf(tile);
  Layout to = from.slice(dim);
  Registers values = reduceRegisters(kind, source, dim, from, to);
  reducedInLanes[tile] = values;
  for (Value &value : values)
    value = reduceLanes(kind, value, from, dim);
  return reduceWarps(op, kind, dim, std::move(values), from, to);
}

/// Where lanes hold as many parts as the result has, each combines its own; else all is combined to the first.
void TileLowering::emitFold(tile::FoldOp op) {
  const Layout &from = plan.layoutOf(op.getSource()), &home = plan.layoutOf(op.getResult());
  unsigned dim = op.getDim();
  Registers source = registers(op.getSource(), from), spread;
  if (std::optional<Layout> parts = from.condense(dim); parts && parts->shape() == home.shape()) {
    Registers values = reduceRegisters(op.getCombine(), source, dim, from, *parts);
    reducedInLanes[op.getSource()] = values;
    return define(op.getResult(), home, convert(values, *parts, home));
  }
  Layout whole = home.slice(dim);
  Registers values = convert(reduceAll(op, op.getCombine(), source, dim), from.slice(dim), whole);
  Value rest = tile::neutral(b, b.getLoc(), op.getCombine(), values[0].getType());
  for (int64_t reg = 0; reg < home.numRegisters(); ++reg) {
    tile::Coordinates at = home.registerOffset(reg);
    at.erase(at.begin() + dim);
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, coordinate(home, reg, dim), i32(0));
    spread.push_back(arith::SelectOp::create(b, isFirst, values[*whole.registerAt(at)], rest));
  }
  define(op.getResult(), home, std::move(spread));
}

/// Where warps hold whole rows, each answers for its own; else all are told yes.
void TileLowering::emitExceeds(tile::ExceedsOp op) {
  const Layout &from = plan.layoutOf(op.getSource());
  Layout to = from.slice(op.getDim());
  bool areWhole =
      llvm::none_of(from.warpBases(), [&](const tile::Coordinates &base) { return base[op.getDim()] != 0; });
  bool isForBranches = llvm::all_of(op->getUsers(), llvm::IsaPred<scf::IfOp>);
  Value some;
  if (target.abilities.votes && areWhole && isForBranches && !isProducer) {
    // Lanes need no greatest element of a row for this: each compares those of its own.
    Registers values = reduceRegisters(tile::Combine::Max, registers(op.getSource(), from), op.getDim(), from, to);
    for (auto [value, limit] : llvm::zip_equal(values, registers(op.getLimits(), to))) {
      Value exceeds = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, value, limit);
      some = some ? arith::OrIOp::create(b, some, exceeds).getResult() : exceeds;
    }
    some = simt::AnyOp::create(b, b.getI1Type(), some);
  }
  scalars.map(op.getResult(), some ? some : constant(b.getI1Type(), 1));
}

/// Every result is combined from a few partial ones, so that not each operation has to wait for the one before.
Registers TileLowering::reduceRegisters(tile::Combine kind, const Registers &source, unsigned dim, const Layout &from,
                                        const Layout &to) {
  constexpr size_t chains = 4;
  Registers result;
  SmallVector<Registers> partial(to.numRegisters());
  SmallVector<size_t> counts(to.numRegisters());
  for (auto [reg, value] : llvm::enumerate(source)) {
    tile::Coordinates at = from.registerOffset(reg);
    if (to.rank() == from.rank())
      at[dim] = 0;
    else
      at.erase(at.begin() + dim);
    int64_t target = *to.registerAt(at);
    Registers &sums = partial[target];
    size_t chain = counts[target]++ % chains;
    if (chain == sums.size())
      sums.push_back(value);
    else
      sums[chain] = combine(kind, sums[chain], value);
  }
  for (Registers &sums : partial) {
    Value all = sums.front();
    for (Value sum : ArrayRef(sums).drop_front())
      all = combine(kind, all, sum);
    result.push_back(all);
  }
  return result;
}

Value TileLowering::reduceLanes(tile::Combine kind, Value value, const Layout &from, unsigned dim) {
  for (auto [bit, base] : llvm::enumerate(from.laneBases()))
    if (base[dim] != 0)
      value = combine(kind, value, shuffleXor(value, int64_t(1) << bit));
  return value;
}

/// Warps that hold different parts of the dimension exchange their results.
Registers TileLowering::reduceWarps(Operation *op, tile::Combine kind, unsigned dim, Registers values,
                                    const Layout &from, const Layout &to) {
  SmallVector<unsigned> bits;
  for (auto [bit, base] : llvm::enumerate(from.warpBases()))
    if (base[dim] != 0)
      bits.push_back(bit);
  if (bits.empty())
    return values;
  if (from.cut() && from.cut()->dim == dim)
    fail(op, "warps are missing along the dimension that is reduced");
  int64_t parts = int64_t(1) << bits.size();
  Value part = i32(0);
  for (auto [position, bit] : llvm::enumerate(bits)) {
    Value moved = arith::AndIOp::create(b, arith::ShRUIOp::create(b, warp, i32(bit)), i32(1));
    part = arith::OrIOp::create(b, part, arith::ShLIOp::create(b, moved, i32(position)));
  }
  // One copy of the result a part; within a part the copies of a lane are told apart by the source's layout.
  SmallVector<int64_t> shape(to.shape());
  Type element = values[0].getType(), stored = sharedType(element);
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8, partBytes = to.numElements() * bytes;
  shape.insert(shape.begin(), parts);
  SharedTile exchange = allocate(shape, stored, tile::SharedLayout(tile::rowMajor(shape.size())));
  SharedTile onePart = exchange;
  onePart.shape.erase(onePart.shape.begin());
  onePart.layout = tile::SharedLayout(tile::rowMajor(onePart.shape.size()));
  Value ownPart = arith::MulIOp::create(b, part, i32(partBytes));
  Value owner;
  uint64_t warpMask = to.freeVariableMask(tile::Input::Warp);
  for (unsigned bit : bits)
    warpMask &= ~(uint64_t(1) << bit);
  for (auto [mask, source] : {std::pair{to.freeVariableMask(tile::Input::Lane), lane}, std::pair{warpMask, warp}}) {
    if (mask == 0)
      continue;
    Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                        arith::AndIOp::create(b, source, i32(int64_t(mask))), i32(0));
    owner = owner ? arith::AndIOp::create(b, owner, first).getResult() : first;
  }
  for (auto [reg, value] : llvm::enumerate(values))
    tag(simt::StoreOp::create(b, Space::Shared, toShared(value, stored),
                              arith::AddIOp::create(b, sharedOffset(onePart, to, reg), ownPart), owner, bytes),
        exchange);
  exchange.range = arena.again(exchange.range);
  for (auto [reg, value] : llvm::enumerate(values)) {
    Value offset = sharedOffset(onePart, to, reg), sum;
    for (int64_t index = 0; index < parts; ++index) {
      auto load = simt::LoadOp::create(
          b, stored, Space::Shared, arith::AddIOp::create(b, offset, i32(index * partBytes)), Value(), Value(), bytes);
      tag(load, exchange);
      Value loaded = fromShared(load, element);
      sum = sum ? combine(kind, sum, loaded) : loaded;
    }
    value = sum;
  }
  arena.release(exchange.range);
  return values;
}

void TileLowering::emitScan(tile::ScanOp op) {
  Layout serial = plan.serialLayout(op.getType().getShape(), op.getDim());
  Registers values = registers(op.getSource(), serial);
  unsigned dim = op.getDim();
  for (int64_t step = 1; step < op.getType().getDimSize(dim); ++step)
    for (int64_t reg = 0; reg < serial.numRegisters(); ++reg) {
      tile::Coordinates at = serial.registerOffset(reg);
      if (at[dim] != step)
        continue;
      at[dim] = step - 1;
      values[reg] = combine(op.getCombine(), values[*serial.registerAt(at)], values[reg]);
    }
  const Layout &home = plan.layoutOf(op.getResult());
  define(op.getResult(), home, convert(values, serial, home));
}
