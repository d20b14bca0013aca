#include "backends/cpu/LowerKernels.h"

#include "backends/cpu/KernelEmitter.h"
#include "compiler/tile/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

void heed::cpu::loadLoweringDialects(MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                      math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
}

LogicalResult heed::cpu::prepareTiles(ModuleOp kernels) {
  PassManager passes(kernels.getContext());
  passes.addPass(createInlinePartsPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createOrientTilesPass());
  passes.addPass(createExpandMathPass());
  passes.addPass(createCSEPass());
  return passes.run(kernels);
}

FailureOr<LoweredModule> heed::cpu::lowerTilesToRows(ModuleOp kernels, const IsaLevel &isa) {
  LoweredModule lowered{ModuleOp::create(UnknownLoc::get(kernels.getContext())), {}};
  for (auto kernel : kernels.getOps<tile::KernelOp>()) {
    FailureOr<KernelPlan> plan = KernelPlan::create(kernel);
    if (failed(plan))
      return failure();
    ScratchPlan scratch(kernel, *plan, isa);
    std::string name = kernel.getSymName().str(), symbol = "heed_" + name;
    FailureOr<int64_t> bytes = KernelEmitter(kernel, *plan, scratch, isa).emit(*lowered.module, symbol);
    if (failed(bytes))
      return failure();
    lowered.kernels.push_back({name, symbol, *bytes});
  }
  return lowered;
}

/// scf to branches, then every remaining op to LLVM in one conversion.
LogicalResult heed::cpu::lowerRowsToLlvm(ModuleOp module, const IsaLevel &isa) {
  if (failed(expandVectorMath(module, isa)))
    return failure();
  MLIRContext *context = module.getContext();
  RewritePatternSet structured(context);
  arith::populateCeilFloorDivExpandOpsPatterns(structured);
  populateSCFToControlFlowConversionPatterns(structured);
  ConversionTarget branches(*context);
  branches.addIllegalDialect<scf::SCFDialect>();
  branches.addIllegalOp<arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>();
  branches.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(module, branches, std::move(structured))))
    return failure();

  LLVMTypeConverter types(context);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  populateMathToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

namespace {

/// Common to the test passes: which ISA level, and replacing the module's kernels by what they were lowered to.
template <typename Derived> struct LowerPass : PassWrapper<Derived, OperationPass<ModuleOp>> {
  LowerPass() = default;
  LowerPass(const LowerPass &other) : PassWrapper<Derived, OperationPass<ModuleOp>>(other) {}
  Pass::Option<std::string> level{*this, "isa", llvm::cl::desc("x86-64-v4, x86-64-v3 or x86-64-v2"),
                                  llvm::cl::init("x86-64-v4")};

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect,
                    math::MathDialect, scf::SCFDialect, vector::VectorDialect>();
  }

  void lower(bool toLlvm) {
    ModuleOp module = this->getOperation();
    const IsaLevel *isa = findIsaLevel(level);
    if (!isa) {
      module.emitError("unknown ISA level ") << level << "; choose x86-64-v4, x86-64-v3 or x86-64-v2";
      return this->signalPassFailure();
    }
    FailureOr<LoweredModule> lowered = lowerTilesToRows(module, *isa);
    if (failed(lowered) || (toLlvm && failed(lowerRowsToLlvm(*lowered->module, *isa))))
      return this->signalPassFailure();
    for (auto kernel : llvm::make_early_inc_range(module.getOps<tile::KernelOp>()))
      kernel.erase();
    auto &from = lowered->module->getBody()->getOperations();
    module.getBody()->getOperations().splice(module.getBody()->end(), from);
    for (const LoweredKernel &kernel : lowered->kernels)
      if (Operation *function = module.lookupSymbol(kernel.symbol))
        function->setAttr("heed.scratch_bytes", Builder(&this->getContext()).getI64IntegerAttr(kernel.scratchBytes));
  }
};

struct LowerTilesToRowsPass : LowerPass<LowerTilesToRowsPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTilesToRowsPass)
  StringRef getArgument() const override { return "lower-tiles-to-rows"; }
  StringRef getDescription() const override { return "Emit tile kernels as CPU functions over scf, arith and vector"; }
  void runOnOperation() override { lower(false); }
};

struct LowerTilesToLlvmPass : LowerPass<LowerTilesToLlvmPass> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTilesToLlvmPass)
  StringRef getArgument() const override { return "lower-tiles-to-llvm"; }
  StringRef getDescription() const override { return "Emit tile kernels as CPU functions in the LLVM dialect"; }
  void runOnOperation() override { lower(true); }
};

} // namespace

void heed::cpu::registerPasses() {
  PassRegistration<LowerTilesToRowsPass>();
  PassRegistration<LowerTilesToLlvmPass>();
}
