/// From tile kernels to lane programs: the passes, in order.
#include "backends/simt/AwaitLate.h"
#include "backends/simt/BatchStores.h"
#include "backends/simt/CompareOffsets.h"
#include "backends/simt/ConvertOffsets.h"
#include "backends/simt/KernelVariant.h"
#include "backends/simt/PlaceBarriers.h"
#include "backends/simt/SimtBackend.h"
#include "backends/simt/TileLowering.h"
#include "compiler/tile/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/Passes.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;
using namespace heed;

/// Gives every load a number that its copies keep: warps that copy and warps that use a tile know it by that.
static void numberLoads(ModuleOp kernels) {
  Builder builder(kernels.getContext());
  int64_t site = 0;
  kernels.walk([&](tile::LoadOp load) { load->setAttr(tile::siteAttrName, builder.getI64IntegerAttr(site++)); });
}

namespace {
/// Passes over kernels that are verified when they are done.
struct UnverifiedPasses : PassManager {
  explicit UnverifiedPasses(MLIRContext *context) : PassManager(context) { enableVerifier(false); }
};
} // namespace

/// Canonicalisation, but for what loops carry twice or in vain: loops carry every register of a tile, and the patterns
/// compare each with each. Code generators see to it.
static std::unique_ptr<Pass> canonicalise() {
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal();
  return createCanonicalizerPass(config, {"(anonymous namespace)::RemoveDuplicateSuccessorInputUses",
                                          "(anonymous namespace)::RemoveDeadRegionBranchOpSuccessorInputs",
                                          "(anonymous namespace)::MakeRegionBranchOpSuccessorInputsDead"});
}

static LogicalResult prepareTiles(ModuleOp kernels, const simt::SimtTarget &target) {
  UnverifiedPasses passes(kernels.getContext());
  if (target.abilities.warpBarriers)
    passes.addPass(createShareDistancesPass());
  passes.addPass(createSchedulePartsPass(target.schedule));
  passes.addPass(createInlinePartsPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(createExpandMathPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  return passes.run(kernels);
}

/// Equal addresses, masks and constants become one; divisions with rounding become plain ones.
static LogicalResult simplify(ModuleOp lanes) {
  RewritePatternSet patterns(lanes.getContext());
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  walkAndApplyPatterns(lanes, std::move(patterns));
  UnverifiedPasses passes(lanes.getContext());
  passes.addPass(canonicalise());
  passes.addPass(createCSEPass());
  if (failed(passes.run(lanes)))
    return failure();
  for (auto kernel : lanes.getOps<simt::KernelOp>()) {
    simt::compareOffsets(kernel);
    simt::convertOffsets(kernel);
  }
  UnverifiedPasses again(lanes.getContext());
  again.addPass(canonicalise());
  again.addPass(createCSEPass());
  again.addPass(createLoopInvariantCodeMotionPass());
  return again.run(lanes);
}

/// Whether calls that its best code does not fit run another kernel.
static bool isAlternative(tile::KernelOp kernel) { return kernel->hasAttr(tile::alternativeAttrName); }

namespace {
/// A kernel as it was prepared for a target.
struct Prepared {
  tile::KernelOp kernel;
  const simt::SimtTarget &target;
};
} // namespace

/// Whether groups of warps have an instruction for operands of some product.
static bool mayMultiplyInGroups(tile::KernelOp kernel, const simt::SimtTarget &target) {
  auto isForGroups = [&](tile::DotOp dot) {
    return target.groupAtomFor(dot.getLeft().getType().getElementType()) ? WalkResult::interrupt()
                                                                         : WalkResult::advance();
  };
  return kernel.walk(isForGroups).wasInterrupted();
}

/// The variant for operands that lie as vector accesses need them, where there are such accesses. Where no warp copies
/// for the groups that multiply, or nothing is copied ahead for a few warps, it is made as the one for all operands is.
static LogicalResult emitAligned(const Prepared &grouped, const Prepared &plain, ModuleOp lanes) {
  simt::Promises promises = simt::wantedPromises(grouped.kernel, grouped.target.vectorBytes);
  if (promises.baseAlignment <= 4 || grouped.kernel->hasAttr(simt::servedAttrName))
    return success();
  auto lowering = std::make_unique<simt::TileLowering>(grouped.kernel, grouped.target, promises);
  FailureOr<simt::KernelOp> lowered = lowering->emit(lanes);
  simt::SimtTarget together = grouped.target;
  together.sharesRows = false;
  if (succeeded(lowered) && lowering->sharesRows() && simt::needsBarriersInOwnRounds(*lowered)) {
    lowered->erase();
    lowering = std::make_unique<simt::TileLowering>(grouped.kernel, together, promises);
    lowered = lowering->emit(lanes);
  }
  bool isNarrow = grouped.target.warps < plain.target.warps;
  bool isUnfed = isNarrow ? !lowering->copiesAhead() : lowering->loadsForGroups();
  if (succeeded(lowered) && isUnfed) {
    lowered->erase();
    lowering = std::make_unique<simt::TileLowering>(plain.kernel, plain.target, promises);
    lowered = lowering->emit(lanes);
  }
  if (failed(lowered))
    return failure();
  bool isForGroups = isAlternative(grouped.kernel) && mayMultiplyInGroups(grouped.kernel, grouped.target);
  bool isWanted = isForGroups ? lowering->multipliesInGroups() : lowering->reliesOnPromises();
  if (isWanted)
    simt::markVariant(*lowered, promises);
  else
    lowered->erase();
  return success();
}

/// The target as the variant for all operands uses it: warps of one role, which load element by element if need be.
static simt::SimtTarget withoutGroups(simt::SimtTarget target) {
  target.groupAtoms = {};
  target.producerWarps = 0;
  target.schedule = {};
  return target;
}

/// The target as a kernel uses it whose schedule names the warps of a workgroup, their registers or workgroups.
static simt::SimtTarget withWarpsOf(tile::KernelOp kernel, simt::SimtTarget target) {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  if (!schedule)
    return target;
  if (auto warps = schedule.getAs<IntegerAttr>(tile::warpsScheduleName))
    target.warps = warps.getInt();
  if (auto registers = schedule.getAs<IntegerAttr>(tile::copyingRegistersScheduleName))
    target.copyingRegisters = registers.getInt();
  if (auto workgroups = schedule.getAs<IntegerAttr>(tile::workgroupsScheduleName))
    target.workgroups = workgroups.getInt();
  return target;
}

/// All variants of a kernel, as it was prepared with the target's schedule and roles, and without them. Fewer warps
/// than usual are for what is copied ahead; loading element by element takes more lanes.
static LogicalResult emitVariants(tile::KernelOp scheduled, tile::KernelOp plain, const simt::SimtTarget &target,
                                  ModuleOp lanes) {
  simt::SimtTarget grouped = withWarpsOf(scheduled, target), generic = withoutGroups(grouped);
  bool isNarrow = grouped.warps < target.warps;
  if (isNarrow) {
    grouped = generic;
    generic.warps = target.warps;
  }
  if (failed(emitAligned({isNarrow ? plain : scheduled, grouped}, {plain, generic}, lanes)))
    return failure();
  if (isAlternative(scheduled))
    return success();
  return simt::TileLowering(plain, generic, {}).emit(lanes);
}

static FailureOr<OwningOpRef<ModuleOp>> prepared(ModuleOp kernels, const simt::SimtTarget &target) {
  OwningOpRef<ModuleOp> copy = kernels.clone();
  if (target.producerWarps != 0)
    numberLoads(*copy);
  if (failed(prepareTiles(*copy, target)))
    return failure();
  return copy;
}

FailureOr<OwningOpRef<ModuleOp>> simt::lowerTiles(ModuleOp kernels, const SimtTarget &target) {
  MLIRContext *context = kernels.getContext();
  context->loadDialect<simt::SimtDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect,
                       vector::VectorDialect>();
  FailureOr<OwningOpRef<ModuleOp>> scheduled = prepared(kernels, target),
                                   plain = prepared(kernels, withoutGroups(target));
  if (failed(scheduled) || failed(plain))
    return failure();
  OwningOpRef<ModuleOp> lanes = ModuleOp::create(kernels.getLoc());
  for (auto [kernel, same] :
       llvm::zip_equal((*scheduled)->getOps<tile::KernelOp>(), (*plain)->getOps<tile::KernelOp>()))
    if (failed(emitVariants(kernel, same, target, *lanes)))
      return failure();
  for (auto kernel : lanes->getOps<simt::KernelOp>())
    placeBarriers(kernel);
  if (failed(simplify(*lanes)))
    return failure();
  for (auto kernel : lanes->getOps<simt::KernelOp>()) {
    batchStores(kernel);
    awaitLate(kernel);
  }
  // One after another: a thread that waits for others' part of this would begin another job meanwhile.
  for (auto kernel : lanes->getOps<simt::KernelOp>())
    if (failed(verify(kernel)))
      return failure();
  return lanes;
}
