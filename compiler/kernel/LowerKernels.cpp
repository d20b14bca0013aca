/// Lowers every plan.kernel through the skeleton of its root.
#include "compiler/kernel/Passes.h"
#include "compiler/kernel/Skeletons.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

static LogicalResult buildKernel(KernelBuilder &kernel, plan::KernelRoot root, const Backend &backend) {
  switch (root) {
  case plan::KernelRoot::Attend:
    return buildAttend(kernel, backend);
  case plan::KernelRoot::Matmul:
    return buildMatmul(kernel, backend);
  case plan::KernelRoot::Row:
    return buildRow(kernel, backend);
  case plan::KernelRoot::Map:
    return buildMap(kernel, backend);
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
      KernelBuilder builder(kernel, name);
      if (failed(buildKernel(builder, kernel.getRoot(), *backend)))
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
  StringRef name() const override { return "none"; }
  AttendBlocks attendBlocks(int64_t, int64_t, int64_t, Type) const override { return {4, 8}; }
  MatmulBlocks matmulBlocks(int64_t, int64_t, int64_t) const override { return {4, 8, 16}; }
  RowBlocks rowBlocks(int64_t) const override { return {4, 16}; }
  RowBlocks mapBlocks(int64_t) const override { return {4, 16}; }
  FailureOr<CompiledKernels> compile(ModuleOp, StringRef) const override { return failure(); }
};
} // namespace

void heed::registerKernelPasses() {
  static const SmallBlocks smallBlocks;
  registerPass([] { return createNormaliseGraphPass(); });
  registerPass([] { return createFormKernelsPass(); });
  registerPass([] { return createMergeDimensionsPass(); });
  registerPass([] { return createLowerKernelsPass(smallBlocks); });
}
