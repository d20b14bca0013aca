/// The lowering as a pass, for tests: on a made-up machine, small enough to read what comes out.
#include "backends/simt/SimtBackend.h"

#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace heed;

/// Every lane has a row of the left operand and of the sum, and a column of the right one.
static ArrayRef<tile::Atom> madeUpAtoms() {
  auto rows = tile::Layout::blocked({4, 4}, {1, 4}, {4, 1}, {1, 1}, {1, 0});
  static const tile::Atom atoms[] = {{.name = "mma.m4n4k4.f32",
                                      .m = 4,
                                      .n = 4,
                                      .k = 4,
                                      .operand = tile::Element::F32,
                                      .accumulator = tile::Element::F32,
                                      .left = rows,
                                      .right = rows.transpose({1, 0}),
                                      .sum = rows,
                                      .instruction = {}}};
  return atoms;
}

namespace {
struct LowerTiles : PassWrapper<LowerTiles, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTiles)
  LowerTiles() = default;
  LowerTiles(const LowerTiles &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "lower-tiles"; }
  StringRef getDescription() const override { return "Lower tile kernels to what one lane does"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry
        .insert<simt::SimtDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  }

  void runOnOperation() override {
    simt::SimtTarget target;
    target.lanes = lanes;
    target.warps = warps;
    target.registers = registers;
    target.sharedBytes = sharedBytes;
    target.sharedGranularity = sharedGranularity;
    target.abilities.votes = votes;
    if (matrices) {
      target.abilities.asynchronousCopies = true;
      target.atoms = madeUpAtoms();
    }
    FailureOr<OwningOpRef<ModuleOp>> lowered = simt::lowerTiles(getOperation(), target);
    if (failed(lowered))
      return signalPassFailure();
    getOperation().getBodyRegion().takeBody((*lowered)->getBodyRegion());
  }

  Option<int64_t> lanes{*this, "lanes", llvm::cl::desc("Lanes of a warp"), llvm::cl::init(4)};
  Option<int64_t> warps{*this, "warps", llvm::cl::desc("Warps of a workgroup"), llvm::cl::init(2)};
  Option<int64_t> registers{*this, "registers", llvm::cl::desc("Registers of a lane that tiles may take together"),
                            llvm::cl::init(128)};
  Option<int64_t> sharedBytes{*this, "shared", llvm::cl::desc("Bytes of shared memory"), llvm::cl::init(65536)};
  Option<int64_t> sharedGranularity{*this, "granularity", llvm::cl::desc("Bytes of the smallest shared access"),
                                    llvm::cl::init(1)};
  Option<bool> votes{*this, "votes", llvm::cl::desc("Lanes of a warp can ask each other"), llvm::cl::init(false)};
  Option<bool> matrices{
      *this, "matrices",
      llvm::cl::desc("4 x 4 x 4 matrix instructions for f32, on 4 lanes; copies to shared memory are asynchronous"),
      llvm::cl::init(false)};
};
} // namespace

void simt::registerPasses() {
  registerPass([] { return std::make_unique<LowerTiles>(); });
}
