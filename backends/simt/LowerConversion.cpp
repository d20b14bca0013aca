/// Tiles from one layout to another: between registers of a lane, between lanes of a warp, through shared memory.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// Bits of a word that a value takes when lanes exchange it.
static unsigned exchangedBits(Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  return bits < 8 ? 32 : bits;
}

/// Instructions that exchanging values of so many bits takes: shuffles of words, making words of narrow values and
/// back, selects.
static int64_t costOf(const tile::LaneExchange &exchange, unsigned bits) {
  int64_t moved = exchange.numShuffles();
  int64_t cost = llvm::divideCeil(moved * bits, 32) + (bits == 32 ? 0 : moved);
  for (const tile::ExchangeRound &round : exchange.rounds)
    cost += llvm::Log2_64(round.offered.size());
  for (const auto &kept : exchange.kept)
    cost += llvm::Log2_64(kept.size());
  return cost;
}

/// The same for storing and loading a tile, with two barriers.
static int64_t costOfSharing(const SharedTile &tile, const Layout &from, const Layout &to, int64_t vectorBytes) {
  constexpr int64_t ofAccess = 2, ofBarriers = 32;
  int64_t accesses = 0;
  for (const Layout &layout : {from, to})
    accesses += runsOfShared(tile, layout, allRegisters(layout), vectorBytes).size();
  return accesses * ofAccess + ofBarriers;
}

/// Whether an odd number of the lane's bits in `mask` are set.
Value TileLowering::laneParity(uint64_t mask) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(prologueEnd);
  Value bits = arith::AndIOp::create(b, lane, i32(int64_t(mask)));
  if (!llvm::isPowerOf2_64(mask)) {
    for (int64_t half = 16; half > 0; half /= 2)
      if (mask >> half != 0)
        bits = arith::XOrIOp::create(b, bits, arith::ShRUIOp::create(b, bits, i32(half)));
    bits = arith::AndIOp::create(b, bits, i32(1));
  }
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bits, i32(0));
}

/// The choice whose number has the lane's parities for bits.
Value TileLowering::chooseByLane(ArrayRef<Value> choices, ArrayRef<uint64_t> masks) {
  SmallVector<Value> left(choices);
  for (uint64_t mask : masks) {
    Value isOdd = laneParity(mask);
    for (size_t pair = 0; pair < left.size() / 2; ++pair)
      left[pair] = arith::SelectOp::create(b, isOdd, left[2 * pair + 1], left[2 * pair]);
    left.truncate(left.size() / 2);
  }
  return left.front();
}

/// Which lane this one takes a word from: for exchanges other than by XOR, its number.
Value TileLowering::sourceLane(const tile::LaneExchange &exchange, int64_t laneXor) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(prologueEnd);
  Value source = i32(laneXor);
  for (unsigned bit = 0; bit < exchange.sourceLane.inputBits(); ++bit) {
    Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, lane, i32(bit)), i32(1));
    Value part = arith::MulIOp::create(b, set, i32(int64_t(exchange.sourceLane.column(bit))));
    source = arith::XOrIOp::create(b, source, part);
  }
  return source;
}

/// Moves values of one type as words, as many to a word as there is room for.
void TileLowering::shuffleAll(MutableArrayRef<Value> values, ShuffleMode mode, Value selector) {
  Type type = values.front().getType(), word = b.getI32Type();
  if (type.isF32() || type.isInteger(32)) {
    for (Value &value : values)
      value = simt::ShuffleOp::create(b, type, mode, value, selector);
    return;
  }
  unsigned bits = exchangedBits(type);
  Type whole = b.getIntegerType(type.getIntOrFloatBitWidth());
  auto toBits = [&](Value value) -> Value {
    return isa<FloatType>(type) ? arith::BitcastOp::create(b, whole, value).getResult() : value;
  };
  auto fromBits = [&](Value value) -> Value {
    return isa<FloatType>(type) ? arith::BitcastOp::create(b, type, value).getResult() : value;
  };
  auto shuffle = [&](Value part) -> Value { return simt::ShuffleOp::create(b, word, mode, part, selector); };
  if (bits == 64) {
    for (Value &value : values) {
      Value own = toBits(value);
      Value low = shuffle(arith::TruncIOp::create(b, word, own));
      Value high = shuffle(arith::TruncIOp::create(b, word, arith::ShRUIOp::create(b, own, i64(32))));
      high = arith::ShLIOp::create(b, arith::ExtUIOp::create(b, whole, high), i64(32));
      value = fromBits(arith::OrIOp::create(b, high, arith::ExtUIOp::create(b, whole, low)));
    }
    return;
  }
  for (; !values.empty(); values = values.drop_front(std::min<size_t>(32 / bits, values.size()))) {
    MutableArrayRef<Value> together = values.take_front(32 / bits);
    Value packed;
    for (auto [place, value] : llvm::enumerate(together)) {
      Value part = arith::ExtUIOp::create(b, word, toBits(value));
      if (place > 0)
        part = arith::ShLIOp::create(b, part, i32(int64_t(place * bits)));
      packed = packed ? arith::OrIOp::create(b, packed, part).getResult() : part;
    }
    packed = shuffle(packed);
    for (auto [place, value] : llvm::enumerate(together)) {
      Value part = place > 0 ? arith::ShRUIOp::create(b, packed, i32(int64_t(place * bits))).getResult() : packed;
      value = fromBits(arith::TruncIOp::create(b, whole, part));
    }
  }
}

Registers TileLowering::exchangeLanes(const Registers &values, const tile::LaneExchange &exchange) {
  SmallVector<Value> received;
  llvm::MapVector<int64_t, SmallVector<size_t>> moves; ///< rounds that take from the same lane
  for (auto [number, round] : llvm::enumerate(exchange.rounds)) {
    auto offered = llvm::map_to_vector(round.offered, [&](int64_t reg) { return values[reg]; });
    received.push_back(chooseByLane(offered, exchange.offerMasks));
    if (!exchange.isLocal(round))
      moves[round.laneXor].push_back(number);
  }
  for (auto &[laneXor, rounds] : moves) {
    auto moved = llvm::map_to_vector(rounds, [&](size_t round) { return received[round]; });
    if (exchange.isXor())
      shuffleAll(moved, ShuffleMode::Xor, i32(laneXor));
    else
      shuffleAll(moved, ShuffleMode::Index, sourceLane(exchange, laneXor));
    for (auto [round, value] : llvm::zip_equal(rounds, moved))
      received[round] = value;
  }
  Registers result;
  for (const auto &kept : exchange.kept) {
    auto choices = llvm::map_to_vector(kept, [&](unsigned round) { return received[round]; });
    result.push_back(chooseByLane(choices, exchange.keepMasks));
  }
  return result;
}

std::optional<Registers> TileLowering::convertInWarp(const Registers &values, const Layout &from, const Layout &to) {
  tile::Conversion conversion = tile::planConversion(from, to);
  if (conversion.kind == tile::Conversion::Kind::Registers)
    return Registers(llvm::map_range(conversion.registers, [&](int64_t reg) { return values[reg]; }));
  if (conversion.kind == tile::Conversion::Kind::Shared)
    return std::nullopt;
  Type element = values[0].getType();
  if (costOf(conversion.exchange, exchangedBits(element)) >
      costOfSharing(exchangeTile(element, from, to), from, to, target.vectorBytes))
    return std::nullopt;
  return exchangeLanes(values, conversion.exchange);
}

/// How a tile lies in shared memory between a store in one layout and a load in another; its place is not taken yet.
const SharedTile &TileLowering::exchangeTile(Type element, const Layout &from, const Layout &to) {
  Type stored = sharedType(element);
  for (const ExchangeTile &known : exchangeTiles)
    if (known.from == from && known.to == to && known.tile.element == stored)
      return known.tile;
  tile::SharedAccess accesses[] = {{from, /*isStore=*/true}, {to}};
  tile::SharedPlan planned = tile::planShared(accesses, stored.getIntOrFloatBitWidth() / 8, target.vectorBytes);
  SharedTile tile{.range = {},
                  .element = stored,
                  .shape = llvm::to_vector(from.shape()),
                  .layout = planned.layout,
                  .slot = {},
                  .isOrdered = false};
  return exchangeTiles.emplace_back(ExchangeTile{from, to, tile}).tile;
}

Registers TileLowering::convert(const Registers &values, const Layout &from, const Layout &to) {
  if (std::optional<Registers> moved = convertInWarp(values, from, to))
    return *moved;
  Type element = values[0].getType();
  SharedTile exchange = exchangeTile(element, from, to);
  exchange.range = arena.allocate(exchange.sizeInBytes());
  storeShared(values, from, exchange);
  exchange.range = arena.again(exchange.range);
  Registers moved = loadShared(exchange, to, element);
  arena.release(exchange.range);
  return moved;
}
