#include "dialects/tile/LayoutConversion.h"

#include "backends/cuda/Atoms.h"
#include "backends/rocm/Atoms.h"
#include "tests/unit/RandomLayouts.h"

#include <gtest/gtest.h>

using namespace heed;
using namespace heed::tile;
using namespace heed::test;
using llvm::SmallVector;

namespace {

/// What the registers of a warp's lanes hold, by lane, then register.
using Warp = std::vector<std::vector<Coordinates>>;

Warp valuesOf(const Layout &layout, int64_t warp) {
  Warp values(layout.numLanes());
  for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
    for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
      values[lane].push_back(layout.coordinates(reg, lane, warp));
  return values;
}

unsigned choose(llvm::ArrayRef<uint64_t> masks, uint64_t lane) {
  unsigned choice = 0;
  for (auto [bit, mask] : llvm::enumerate(masks))
    choice |= unsigned(llvm::popcount(mask & lane) & 1) << bit;
  return choice;
}

/// Does what a lowering does: every lane offers, takes, and keeps.
Warp exchanged(const LaneExchange &exchange, const Warp &source) {
  int64_t lanes = source.size();
  std::vector<std::vector<Coordinates>> taken(lanes);
  for (const ExchangeRound &round : exchange.rounds) {
    std::vector<Coordinates> offered;
    for (int64_t lane = 0; lane < lanes; ++lane)
      offered.push_back(source[lane][round.offered[choose(exchange.offerMasks, lane)]]);
    for (int64_t lane = 0; lane < lanes; ++lane)
      taken[lane].push_back(offered[exchange.sourceLane.apply(lane) ^ round.laneXor]);
  }
  Warp result(lanes);
  for (int64_t lane = 0; lane < lanes; ++lane)
    for (const SmallVector<unsigned> &kept : exchange.kept)
      result[lane].push_back(taken[lane][kept[choose(exchange.keepMasks, lane)]]);
  return result;
}

/// The result of a conversion in one warp of the source; through shared memory it is right by definition.
void expectConverts(const Layout &from, const Layout &to, const Conversion &conversion) {
  for (int64_t warp = 0; warp < from.numWarps(); ++warp) {
    Warp source = valuesOf(from, warp);
    if (conversion.kind == Conversion::Kind::Lanes) {
      EXPECT_EQ(exchanged(conversion.exchange, source), valuesOf(to, warp));
      continue;
    }
    Warp result(source.size());
    for (auto [values, kept] : llvm::zip_equal(source, result))
      for (int64_t reg : conversion.registers)
        kept.push_back(values[reg]);
    EXPECT_EQ(result, valuesOf(to, warp));
  }
}

} // namespace

TEST(Conversion, registersAreRenamedWhereLanesAgree) {
  Generator random(1);
  unsigned found = 0;
  for (int round = 0; round < 200; ++round) {
    SmallVector<int64_t> shape = randomShape(random, 2);
    Layout from = randomLayout(random, shape, 3, 1);
    EXPECT_TRUE(planConversion(from, from).isIdentity() || from.isReplicated(Input::Register));
    Bases registers = from.registerBases();
    std::shuffle(registers.begin(), registers.end(), random);
    SmallVector<Repeat> repeats(from.repeats().rbegin(), from.repeats().rend());
    Layout to = Layout::get(shape, registers, from.laneBases(), from.warpBases(), repeats);
    Conversion conversion = planConversion(from, to);
    ASSERT_EQ(conversion.kind, Conversion::Kind::Registers);
    expectConverts(from, to, conversion);
    found += !conversion.isIdentity();
  }
  EXPECT_GT(found, 50u);
}

TEST(Conversion, lanesExchangeWithinAWarp) {
  Generator random(2);
  unsigned shuffled[2] = {0, 0};
  for (int round = 0; round < 600; ++round) {
    SmallVector<int64_t> shape = randomShape(random, 1 + draw(random, 3));
    unsigned laneBits = draw(random, 6);
    bool plain = round % 2;
    auto make = plain ? randomPlainLayout : randomLayout;
    Layout from = make(random, shape, laneBits, 0), to = make(random, shape, laneBits, 0);
    SCOPED_TRACE(from.text() + "\n" + to.text());
    Conversion conversion = planConversion(from, to);
    ASSERT_NE(conversion.kind, Conversion::Kind::Shared) << "one warp holds all there is";
    expectConverts(from, to, conversion);
    if (conversion.kind == Conversion::Kind::Lanes) {
      ++shuffled[plain];
      EXPECT_EQ(int64_t(conversion.exchange.rounds.size()), to.numRegisters());
    }
  }
  EXPECT_GT(shuffled[0], 100u);
  EXPECT_GT(shuffled[1], 100u);
}

TEST(Conversion, warpsThatAgreeExchangeNothing) {
  Generator random(3);
  for (int round = 0; round < 200; ++round) {
    SmallVector<int64_t> shape = {32, 8 * (1 + int64_t(draw(random, 5)))};
    Layout from = Layout::coalesced({8, shape[1]}, 1 << draw(random, 3), 8, 1),
           to = Layout::coalesced({8, shape[1]}, 1, 8, 1, {0, 1});
    // Four warps, each with eight rows of its own; the warps' vector is the same in both.
    auto withWarps = [](const Layout &layout) {
      SmallVector<int64_t> all;
      Layout grown = layout.withOddRepeats(all);
      SmallVector<Repeat> repeats(grown.repeats());
      Layout base = Layout::get(grown.baseShape(), grown.registerBases(), grown.laneBases()).spread(Input::Warp, 0, 4);
      for (Repeat repeat : repeats)
        base = base.repeated(repeat.dim, repeat.count);
      return base;
    };
    from = withWarps(from), to = withWarps(to);
    ASSERT_EQ(from.shape(), llvm::ArrayRef<int64_t>(shape));
    Conversion conversion = planConversion(from, to);
    ASSERT_NE(conversion.kind, Conversion::Kind::Shared);
    expectConverts(from, to, conversion);
  }
}

TEST(Conversion, warpsThatDifferGoThroughSharedMemory) {
  Layout rows = Layout::coalesced({64, 64}, 4, 32, 4), columns = Layout::coalesced({64, 64}, 4, 32, 4, {0, 1});
  EXPECT_EQ(planConversion(rows, columns).kind, Conversion::Kind::Shared);
  EXPECT_EQ(planConversion(rows, rows.slice(0).expand(0)).kind, Conversion::Kind::Shared);
}

TEST(Conversion, transposeInAWarpShufflesByXor) {
  // Two registers of two lanes, exchanged: half of the values move, all by XOR.
  Layout rows = Layout::get({2, 2}, {{0, 1}}, {{1, 0}}), columns = Layout::get({2, 2}, {{1, 0}}, {{0, 1}});
  Conversion conversion = planConversion(rows, columns);
  ASSERT_EQ(conversion.kind, Conversion::Kind::Lanes);
  EXPECT_TRUE(conversion.exchange.isXor());
  EXPECT_EQ(conversion.exchange.numShuffles(), 1u);
  EXPECT_EQ(conversion.exchange.rounds.size(), 2u);
}

TEST(Conversion, accumulatorsThatFeedNothingExchangeInTheirWarp) {
  // The accumulator of wave32 matrix instructions with replicated operands, as such an operand: each lane gets the rows
  // its other half holds.
  const Atom &atom = rocm::atomsOf("gfx1100").front();
  Conversion conversion = planConversion(atom.sum, atom.left);
  ASSERT_EQ(conversion.kind, Conversion::Kind::Lanes);
  EXPECT_TRUE(conversion.exchange.isXor());
  // 16 registers, 8 of which every lane has.
  EXPECT_EQ(conversion.exchange.numShuffles(), 8u);
  expectConverts(atom.sum, atom.left, conversion);
}

//===- Through shared memory --------------------------------------------------------------------------------------===//

TEST(Banks, countsWordsOfABank) {
  SmallVector<int64_t> addresses(32);
  auto fill = [&](int64_t stride) {
    for (int64_t lane = 0; lane < 32; ++lane)
      addresses[lane] = lane * stride;
    return llvm::ArrayRef<int64_t>(addresses);
  };
  EXPECT_EQ(countBankCycles(fill(4), 4), 1);
  EXPECT_EQ(countBankCycles(fill(8), 4), 2);
  EXPECT_EQ(countBankCycles(fill(128), 4), 32);
  EXPECT_EQ(countBankCycles(fill(132), 4), 1);
  EXPECT_EQ(countBankCycles(fill(0), 4), 1) << "one word is read once";
  EXPECT_EQ(countBankCycles(fill(2), 2), 1);
  EXPECT_EQ(countBankCycles(fill(16), 16), 4) << "512 bytes";
  EXPECT_EQ(countBankConflicts(fill(16), 16), 0);
  EXPECT_EQ(countBankConflicts(fill(128), 16), 28) << "8 lanes at a time in one group of banks";
  EXPECT_EQ(countBankConflicts(fill(128), 4), 31);
  for (int64_t bit : {1, 2, 4}) {
    for (int64_t lane = 0; lane < 32; ++lane)
      addresses[lane] = (lane & ~bit) * 8;
    EXPECT_EQ(countBankCycles(addresses, 16), bit == 4 ? 4 : 2) << "pairs of lanes that differ in bit " << bit;
  }
  addresses.assign(32, -1);
  EXPECT_EQ(countBankCycles(addresses, 4), 0);
  EXPECT_EQ(countBankConflicts(addresses, 4), 0);
}

namespace {

/// Stores a tile by one access and loads it by another, vector by vector, as a lowering does.
void expectPasses(const SharedPlan &plan, llvm::ArrayRef<SharedAccess> accesses, int64_t elementBytes) {
  Coordinates shape = accesses[0].layout.shape();
  std::vector<Coordinates> memory(plan.bytes / elementBytes);
  for (auto [index, access] : llvm::enumerate(accesses)) {
    const Layout &layout = access.layout;
    int64_t width = plan.elements[index];
    for (const auto &group : layout.vectorGroups(plan.layout.getOrder().front(), width))
      for (int64_t warp = 0; warp < layout.numWarps(); ++warp)
        for (int64_t lane = 0; lane < layout.numLanes(); ++lane) {
          int64_t first = plan.layout.elementOffset(layout.coordinates(group[0], lane, warp), shape, elementBytes);
          EXPECT_EQ(first % width, 0) << "vectors are aligned";
          for (int64_t step = 0; step < width; ++step) {
            Coordinates element = layout.coordinates(group[step], lane, warp);
            ASSERT_LT(first + step, int64_t(memory.size()));
            if (access.isStore)
              memory[first + step] = element;
            else
              ASSERT_EQ(memory[first + step], element);
          }
        }
  }
}

} // namespace

TEST(SharedPlan, movesEveryElement) {
  Generator random(4);
  for (int round = 0; round < 60; ++round) {
    SmallVector<int64_t> shape = randomShape(random, 2);
    Layout from = randomPlainLayout(random, shape, 5, 2), to = randomPlainLayout(random, shape, 5, 2);
    SCOPED_TRACE(from.text() + "\n" + to.text());
    int64_t bytes = 2 << draw(random, 2);
    SharedAccess accesses[] = {{from, /*isStore=*/true}, {to, /*isStore=*/false}};
    SharedPlan plan = planShared(accesses, bytes, 16);
    EXPECT_EQ(plan.layout.findError(shape, bytes), "");
    EXPECT_EQ(plan.elements.size(), 2u);
    expectPasses(plan, accesses, bytes);
  }
}

// Tiles of keys and values on their way from memory, in rows, to operands of matrix instructions.
TEST(SharedPlan, operandsAreReadWithoutConflicts) {
  struct {
    const Atom *atom;
    int64_t vector; // at most what a lane reads of a row at once, with vectors of 8 bytes and more
  } users[] = {{&cuda::atomsOf("sm_80")[0], 8},
               {&rocm::atomsOf("gfx942")[0], 4},
               {&rocm::atomsOf("gfx942")[2], 4},
               {&rocm::atomsOf("gfx1100")[0], 8},
               {&rocm::atomsOf("gfx1200")[0], 8}};
  for (int64_t width : {64, 80, 96, 128, 192, 256, 576})
    for (auto [atom, vector] : users) {
      SCOPED_TRACE(atom->name + " width " + std::to_string(width));
      Layout rows = Layout::coalesced({64, width}, vector, atom->lanes(), 4);
      // K as right operand [depth, keys], held [keys, depth]: vectors along the depth.
      AtomTiling scores = tileWithAtom(*atom, 128, 64, width, 4, 1);
      SharedAccess key[] = {{rows, true}, {scores.right.transpose({1, 0}), false}};
      SharedPlan plan = planShared(key, 2, 16);
      EXPECT_EQ(plan.conflicts, 0) << plan.layout.isSwizzled() << " cycles " << plan.cycles;
      expectPasses(plan, key, 2);
    }
}

TEST(SharedPlan, transposesWithoutConflicts) {
  for (int64_t size : {32, 64, 80}) {
    Layout rows = Layout::coalesced({size, size}, 1, 32, 4),
           columns = Layout::coalesced({size, size}, 1, 32, 4, {0, 1});
    SharedAccess accesses[] = {{rows, true}, {columns, false}};
    SharedPlan plan = planShared(accesses, 4, 16);
    EXPECT_EQ(plan.conflicts, 0) << size;
    expectPasses(plan, accesses, 4);
    SharedAccess plain[] = {{rows, true}, {rows, false}};
    EXPECT_EQ(planShared(plain, 4, 16).layout, SharedLayout({1, 0})) << "nothing is swizzled without need";
  }
}

// Operands of products: what their users ask is kept, and none of it costs more than rows padded by a vector.
TEST(SharedPlan, keepsDemands) {
  for (int64_t width : {16, 32, 48, 64, 80, 128})
    for (unsigned fastest : {0u, 1u}) {
      SCOPED_TRACE("width " + std::to_string(width) + " fastest " + std::to_string(fastest));
      Coordinates shape = {64, 64};
      shape[fastest] = width;
      Layout store = Layout::coalesced(shape, 8, 32, 4, {fastest, 1 - fastest});
      SmallVector<int64_t> perLane = {1, 1}, lanes = {8, 8};
      perLane[fastest] = 8;
      lanes[fastest] = 4;
      SharedAccess accesses[] = {{store, true},
                                 {Layout::blocked(shape, perLane, lanes, {1, 1}, {1 - fastest, fastest})}};
      SharedPlan swizzled = planShared(accesses, 2, 16, {.fastest = fastest, .pieceBytes = 16});
      SharedPlan linear = planShared(accesses, 2, 16, {.fastest = fastest, .pieceBytes = 16, .isLinear = true});
      SharedPlan cheap = planShared(accesses, 2, 16, {.fastest = fastest, .pieceBytes = 16, .addressCost = 1});
      for (const SharedPlan *plan : {&swizzled, &linear, &cheap}) {
        EXPECT_EQ(plan->layout.getOrder().front(), fastest);
        EXPECT_EQ(plan->layout.rowBytes(shape, 2) % 16, 0);
        EXPECT_GE(plan->layout.getChunkBytes(), 16);
        expectPasses(*plan, accesses, 2);
      }
      EXPECT_FALSE(linear.layout.isSwizzled());
      EXPECT_LE(swizzled.cycles, linear.cycles);
      EXPECT_LE(swizzled.bytes, linear.bytes);
      if (width >= 64 && llvm::isPowerOf2_64(width)) {
        EXPECT_EQ(linear.conflicts, 0);
        EXPECT_EQ(cheap.layout, linear.layout) << "addresses of a swizzle cost more than a little memory";
      }
    }
}
