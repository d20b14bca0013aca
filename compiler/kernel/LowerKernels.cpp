/// Lowers every plan.kernel through the skeleton of its root.
#include "compiler/kernel/Alternatives.h"
#include "compiler/kernel/Passes.h"
#include "compiler/kernel/Skeletons.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

/// The kernel in all blocks that may suit a call: the best is known when sizes are, the last fits all.
static LogicalResult buildMatmuls(plan::KernelOp source, StringRef name, const Backend &backend) {
  FailureOr<SmallVector<MatmulBlocks>> choices = matmulChoices(source, backend);
  if (failed(choices))
    return failure();
  Alternatives alternatives(source, name);
  auto preference = [](const MatmulBlocks &blocks) { return Preference{blocks.time, blocks.atOnce, blocks.mostRows}; };
  for (const MatmulBlocks &blocks : ArrayRef(*choices).drop_back())
    if (failed(
            alternatives.add(Twine(blocks.rows) + "x" + Twine(blocks.columns), preference(blocks), /*standsIn=*/false,
                             [&](KernelBuilder &builder) { return buildMatmul(builder, blocks, backend.traits()); })))
      return failure();
  return alternatives.finish(preference(choices->back()), [&](KernelBuilder &builder) {
    return buildMatmul(builder, choices->back(), backend.traits());
  });
}

static LogicalResult buildKernel(plan::KernelOp kernel, StringRef name, const Backend &backend) {
  switch (kernel.getRoot()) {
  case plan::KernelRoot::Attend:
    return buildAttends(kernel, name, backend);
  case plan::KernelRoot::Matmul:
    return buildMatmuls(kernel, name, backend);
  case plan::KernelRoot::Row: {
    KernelBuilder builder(kernel, name);
    return buildRow(builder, backend);
  }
  case plan::KernelRoot::Map: {
    KernelBuilder builder(kernel, name);
    return buildMap(builder, backend);
  }
  case plan::KernelRoot::Append: {
    KernelBuilder builder(kernel, name);
    return buildAppend(builder, backend);
  }
  }
  llvm_unreachable("all roots handled");
}

namespace {
struct LowerKernels : PassWrapper<LowerKernels, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerKernels)
  explicit LowerKernels(const Backend &backend) : backend(&backend) {}

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, tile::TileDialect, arith::ArithDialect, math::MathDialect, memref::MemRefDialect,
                    scf::SCFDialect>();
  }
  StringRef getArgument() const override { return "lower-kernels"; }
  StringRef getDescription() const override { return "Lower plan.kernel regions to tile kernels and launches"; }

  void runOnOperation() override {
    SmallVector<plan::KernelOp> kernels;
    getOperation().walk([&](plan::KernelOp kernel) { kernels.push_back(kernel); });
    for (auto [position, kernel] : llvm::enumerate(kernels)) {
      std::string name = (Twine("k") + Twine(position) + "_" + stringifyKernelRoot(kernel.getRoot())).str();
      if (failed(buildKernel(kernel, name, *backend)))
        return signalPassFailure();
    }
  }

  const Backend *backend;
};
} // namespace

std::unique_ptr<Pass> heed::createLowerKernelsPass(const Backend &backend) {
  return std::make_unique<LowerKernels>(backend);
}

namespace {
/// Small blocks and no machine code: enough to look at tile programs and to interpret them.
class SmallBlocks : public Backend {
public:
  explicit SmallBlocks(MachineTraits traits, std::optional<FewRowBlocks> few = std::nullopt,
                       AttendBlocks blocks = {4, 8})
      : machine(traits), few(few), blocks(blocks) {}
  StringRef name() const override { return "none"; }
  MachineTraits traits() const override { return machine; }
  AttendBlocks attendBlocks(int64_t, int64_t, int64_t, Type) const override { return blocks; }
  std::optional<FewRowBlocks> fewRowBlocks(int64_t, int64_t, int64_t, Type) const override { return few; }
  SmallVector<MatmulBlocks> matmulBlocks(const MatmulShape &shape) const override {
    if (!ShapedType::isDynamic(shape.rows) && shape.rows <= 2)
      return {{shape.rows, 4, 16, /*time=*/0, /*atOnce=*/0, /*areSumsOfLanes=*/true}};
    return {{4, 8, 16, /*time=*/0, /*atOnce=*/machine.processors}};
  }
  RowBlocks rowBlocks(const RowShape &) const override { return {4, 16}; }
  RowBlocks mapBlocks(int64_t, Type) const override { return {4, 16}; }
  FailureOr<CompiledKernels> compile(ModuleOp, StringRef) const override { return failure(); }

private:
  MachineTraits machine;
  std::optional<FewRowBlocks> few;
  AttendBlocks blocks;
};

/// For a machine that fuses multiply-adds and orders programs by what a cache of 64 KiB holds.
struct LowerKernelsOrdered : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-ordered"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsOrdered>(*this); }
};
/// For a machine that cuts attention of up to 12 rows into parts of 8 keys or more, for 24 programs or fewer.
struct LowerKernelsParts : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-parts"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsParts>(*this); }
};
/// The same where the last of the parts merges them, with room for 48 values.
struct LowerKernelsJoined : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-joined"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsJoined>(*this); }
};
/// For a machine on which it pays to find the keys that have the labels of rows.
struct LowerKernelsBounded : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-bounded"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsBounded>(*this); }
};
/// The same in blocks of 64 rows and 8 keys, where lanes of groups hold the scores.
struct LowerKernelsGrouped : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-grouped"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsGrouped>(*this); }
};
/// The same in blocks of 32 keys.
struct LowerKernelsGroupedWide : LowerKernels {
  using LowerKernels::LowerKernels;
  StringRef getArgument() const override { return "lower-kernels-grouped-wide"; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<LowerKernelsGroupedWide>(*this); }
};
} // namespace

void heed::registerKernelPasses() {
  static const SmallBlocks smallBlocks({}),
      ordered({.fusedMultiplyAdd = true, .sharedCacheBytes = 64 << 10, .processors = 4, .infinities = true}),
      bounded({.boundsLabels = true}),
      grouped({.fusedMultiplyAdd = true, .infinities = true, .boundsLabels = true}, std::nullopt,
              {.rows = 64, .keys = 8, .groups = 2}),
      groupedWide(grouped.traits(), std::nullopt, {.rows = 64, .keys = 32, .groups = 2}),
      cut({}, FewRowBlocks{.blocks = {4, 8}, .mostRows = 12, .programs = 24, .leastKeys = 8}),
      joined({},
             FewRowBlocks{.blocks = {4, 8}, .mostRows = 12, .programs = 4096, .leastKeys = 8, .valuesTogether = 48});
  registerPass([] { return createNormaliseGraphPass(); });
  registerPass([] { return createFormKernelsPass(); });
  registerPass([] { return createMergeDimensionsPass(); });
  registerPass([] { return createLowerKernelsPass(smallBlocks); });
  registerPass([] { return createMarkNeighboursPass(); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsOrdered>(ordered); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsParts>(cut); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsJoined>(joined); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsBounded>(bounded); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsGrouped>(grouped); });
  registerPass([]() -> std::unique_ptr<Pass> { return std::make_unique<LowerKernelsGroupedWide>(groupedWide); });
}
