/// Barriers, on random programs: on every way through them, accesses of different pieces to one place, at least one of
/// them a write, have a barrier between them.
#include "backends/simt/PlaceBarriers.h"
#include "backends/simt/SharedArena.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

namespace {

/// What placeBarriers is told about an access; kept beside its own note, which it removes.
constexpr char accessName[] = "test.access";

class RandomProgram {
public:
  RandomProgram(uint32_t seed, bool isStraight) : random(seed), b(makeLocation(context), &context) {
    module = ModuleOp::create(b.getLoc());
    b.setInsertionPointToEnd(module->getBody());
    SmallVector<Type> arguments(simt::KernelOp::numGridArguments, b.getI64Type());
    kernel = simt::KernelOp::create(b, "random", b.getFunctionType(arguments, {}), 0, 8, 4, 64, ArrayAttr(),
                                    ArrayAttr(), ArrayAttr());
    b.createBlock(&kernel.getBody(), {}, arguments, SmallVector<Location>(arguments.size(), b.getLoc()));
    condition = arith::ConstantOp::create(b, b.getBoolAttr(true));
    zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    one = arith::ConstantOp::create(b, b.getI32IntegerAttr(1));
    limit = arith::ConstantOp::create(b, b.getI32IntegerAttr(2));
    addBlock(isStraight ? 0 : 3);
    simt::ReturnOp::create(b);
  }

  simt::KernelOp kernel;

private:
  static Location makeLocation(MLIRContext &context) {
    context.loadDialect<SimtDialect, arith::ArithDialect, scf::SCFDialect>();
    return UnknownLoc::get(&context);
  }

  int64_t below(int64_t count) { return std::uniform_int_distribution<int64_t>(0, count - 1)(random); }

  void addBlock(int depth) {
    for (int64_t op = below(4) + 1; op > 0; --op) {
      int64_t kind = depth > 0 ? below(6) : 0;
      if (kind <= 3)
        addAccess();
      else if (kind == 4)
        addLoop(depth);
      else
        addBranch(depth);
    }
  }

  void addAccess() {
    int64_t begin = below(4) * 16, end = begin + 16 * (below(2) + 1), piece = below(6);
    Operation *access;
    bool writes = below(2) == 0;
    if (writes)
      access = StoreOp::create(b, Space::Shared, one, zero, Value(), 4);
    else
      access = LoadOp::create(b, b.getI32Type(), Space::Shared, zero, Value(), Value(), 4);
    access->setAttr(sharedRangeAttrName, b.getDenseI64ArrayAttr({piece, begin, end}));
    access->setAttr(accessName, b.getDenseI64ArrayAttr({piece, begin, end, writes}));
  }

  void addLoop(int depth) {
    auto loop = scf::ForOp::create(b, zero, limit, one);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    addBlock(depth - 1);
  }

  void addBranch(int depth) {
    bool hasElse = below(2) == 0;
    auto branch = scf::IfOp::create(b, TypeRange(), condition, hasElse);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenBlock()->getTerminator());
    addBlock(depth - 1);
    if (!hasElse)
      return;
    b.setInsertionPoint(branch.elseBlock()->getTerminator());
    addBlock(depth - 1);
  }

  MLIRContext context;
  std::mt19937 random;
  ImplicitLocOpBuilder b;
  OwningOpRef<ModuleOp> module;
  Value condition, zero, one, limit;
};

struct Access {
  int64_t piece, begin, end;
  bool writes;

  bool conflictsWith(const Access &other) const {
    return piece != other.piece && (writes || other.writes) && begin < other.end && other.begin < end;
  }
};

/// One execution, with decisions drawn at every loop and branch.
class Execution {
public:
  explicit Execution(uint32_t seed) : random(seed) {}

  void run(Block &block) {
    for (Operation &op : block) {
      if (isa<BarrierOp>(op)) {
        ++barriers;
        pending.clear();
      } else if (auto note = op.getAttrOfType<DenseI64ArrayAttr>(accessName)) {
        access({note[0], note[1], note[2], note[3] != 0});
      } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
        for (uint32_t turn = random() % 4; turn > 0; --turn)
          run(*loop.getBody());
      } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
        if (random() % 2)
          run(*branch.thenBlock());
        else if (!branch.getElseRegion().empty())
          run(*branch.elseBlock());
      }
    }
  }

  int64_t barriers = 0;
  /// Accesses without a barrier since one that they conflict with.
  int64_t races = 0;
  /// Barriers that a run over the same accesses needs at least.
  int64_t needed = 0;

private:
  void access(const Access &next) {
    auto conflicts = [&](const Access &before) { return before.conflictsWith(next); };
    races += llvm::any_of(pending, conflicts);
    pending.push_back(next);
    if (llvm::any_of(unordered, conflicts)) {
      ++needed;
      unordered.clear();
    }
    unordered.push_back(next);
  }

  std::mt19937 random;
  std::vector<Access> pending, unordered;
};

} // namespace

TEST(Barriers, SeparateConflictingAccessesOnEveryPath) {
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    RandomProgram program(seed, /*isStraight=*/false);
    placeBarriers(program.kernel);
    ASSERT_TRUE(succeeded(verify(program.kernel)));
    for (uint32_t path = 0; path < 40; ++path) {
      Execution execution(seed * 1000 + path);
      execution.run(program.kernel.getBody().front());
      ASSERT_EQ(execution.races, 0) << "seed " << seed << ", path " << path;
    }
  }
}

TEST(Barriers, AreAsFewAsPossibleWithoutControlFlow) {
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    RandomProgram program(seed, /*isStraight=*/true);
    placeBarriers(program.kernel);
    Execution execution(seed);
    execution.run(program.kernel.getBody().front());
    ASSERT_EQ(execution.races, 0) << "seed " << seed;
    ASSERT_EQ(execution.barriers, execution.needed) << "seed " << seed;
  }
}

TEST(Barriers, AreForeseenWhereGroupsGoThroughRoundsOfTheirOwn) {
  int64_t foreseen = 0;
  for (uint32_t seed = 0; seed < 500; ++seed) {
    RandomProgram program(seed, /*isStraight=*/false);
    program.kernel.walk([](scf::ForOp loop) { loop->setAttr(ownRoundsAttrName, UnitAttr::get(loop.getContext())); });
    bool needsSome = needsBarriersInOwnRounds(program.kernel);
    placeBarriers(program.kernel);
    bool hasSome = false;
    program.kernel.walk([&](scf::ForOp loop) {
      EXPECT_FALSE(loop->hasAttr(ownRoundsAttrName));
      loop.walk([&](BarrierOp) { hasSome = true; });
    });
    ASSERT_EQ(needsSome, hasSome) << "seed " << seed;
    foreseen += needsSome;
  }
  EXPECT_GT(foreseen, 0);
  EXPECT_LT(foreseen, 500);
}
