#include "backends/simt/CheckKernels.h"

#include "dialects/simt/Simt.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

static bool isUsable(Type type) {
  Type element = type;
  if (auto vector = dyn_cast<VectorType>(type)) {
    if (vector.getRank() != 1 || vector.isScalable())
      return false;
    element = vector.getElementType();
  }
  if (element.isIndex() || element.isF16() || element.isBF16() || element.isF32() || element.isF64())
    return true;
  auto integer = dyn_cast<IntegerType>(element);
  return integer && integer.isSignless() && llvm::is_contained({1, 8, 16, 32, 64}, integer.getWidth());
}

static LogicalResult checkLimits(KernelOp kernel, const SimtTarget &target) {
  auto isPlain = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  StringRef name = kernel.getSymName();
  if (name.empty() || llvm::isDigit(name.front()) || !llvm::all_of(name, isPlain))
    return kernel.emitError("names of kernels are letters, digits and '_', got '") << name << "'";
  if (kernel.getNumTensorMaps() > 0 && !target.abilities.tensorCopies)
    return kernel.emitError("has tensor maps, which ") << target.chip << " does not know";
  if (static_cast<int64_t>(kernel.getLanes()) != target.lanes)
    return kernel.emitError("is made for ")
           << kernel.getLanes() << " lanes, " << target.chip << " has " << target.lanes;
  if (static_cast<int64_t>(kernel.getThreads()) > target.maximumThreads)
    return kernel.emitError("has ") << kernel.getThreads() << " threads, " << target.chip << " takes "
                                    << target.maximumThreads;
  if (static_cast<int64_t>(kernel.getSharedBytes()) > target.sharedBytes)
    return kernel.emitError("needs ") << kernel.getSharedBytes() << " bytes of shared memory, " << target.chip
                                      << " has " << target.sharedBytes;
  return success();
}

static LogicalResult checkMath(Operation *op) {
  if (!isa<math::Exp2Op, math::Log2Op, math::SqrtOp, math::RsqrtOp, math::FmaOp, math::AbsFOp, math::CopySignOp,
           math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp, math::TruncOp>(op))
    return op->emitError("no machine has this function: expand it before");
  Type type = op->getResult(0).getType();
  bool approximate = isa<math::Exp2Op, math::Log2Op>(op);
  if (type.isF32() || (type.isF64() && !approximate))
    return success();
  return op->emitError("must be of f32") << (approximate ? "" : " or f64") << ", got " << type;
}

static LogicalResult checkFragment(MmaOp op, StringRef name, TypeRange types, const tile::Layout &layout,
                                   tile::Element element) {
  auto isRight = [&](Type type) { return tile::elementOf(type) == element; };
  int64_t count = layout.numRegisters();
  if (static_cast<int64_t>(types.size()) == count && llvm::all_of(types, isRight))
    return success();
  return op.emitError("the ") << name << " fragment of '" << op.getAtom() << "' has " << count << " elements of "
                              << tile::stringifyElement(element) << ", got " << types.size();
}

static LogicalResult checkMatrixInstruction(MmaOp op, const SimtTarget &target) {
  auto *atom = llvm::find_if(target.atoms, [&](const tile::Atom &each) { return each.name == op.getAtom(); });
  if (atom == target.atoms.end())
    return op.emitError("") << target.chip << " has no matrix instruction '" << op.getAtom() << "'";
  return success(succeeded(checkFragment(op, "left", op.getLeft().getTypes(), atom->left, atom->operand)) &&
                 succeeded(checkFragment(op, "right", op.getRight().getTypes(), atom->right, atom->operand)) &&
                 succeeded(checkFragment(op, "sum's", op.getAccumulator().getTypes(), atom->sum, atom->accumulator)) &&
                 succeeded(checkFragment(op, "result's", op.getResultTypes(), atom->sum, atom->accumulator)));
}

static LogicalResult checkAbility(Operation *op, const SimtTarget &target) {
  if (isa<CopyOp, CommitOp, WaitOp>(op) && !target.abilities.asynchronousCopies)
    return op->emitError("") << target.chip << " has no asynchronous copies";
  if (isa<BarrierInitOp, BarrierArriveOp, BarrierArriveExpectOp, BarrierArriveCopiesOp, BarrierWaitOp, BarrierEndOp,
          FenceBarriersOp, FenceAsyncOp>(op) &&
      !target.abilities.sharedBarriers)
    return op->emitError("") << target.chip << " has no barriers in shared memory";
  if (isa<WarpBarrierOp>(op) && !target.abilities.warpBarriers)
    return op->emitError("") << target.chip << " has no barriers of warps";
  if (isa<AnyOp>(op) && !target.abilities.votes)
    return op->emitError("") << target.chip << " has lanes that cannot ask each other";
  if (isa<CopyTensorOp>(op) && !target.abilities.tensorCopies)
    return op->emitError("") << target.chip << " cannot copy boxes of tensors";
  if (isa<AdmitNextOp, AwaitPreviousOp, PrefetchOp>(op) && !target.abilities.overlappingLaunches)
    return op->emitError("") << target.chip << " does not let launches overlap";
  if (isa<WorkgroupsOp>(op) && !target.abilities.residentWorkgroups)
    return op->emitError("") << target.chip << " has as many workgroups as programs";
  if (isa<NamedBarrierOp>(op) && !target.abilities.namedBarriers)
    return op->emitError("") << target.chip << " has no named barriers";
  if (isa<SetRegistersOp>(op) && !target.abilities.movableRegisters)
    return op->emitError("") << target.chip << " cannot move registers between warps";
  if (auto mma = dyn_cast<MmaAsyncOp>(op);
      mma && llvm::none_of(target.groupAtoms, [&](const tile::Atom &each) { return each.name == mma.getAtom(); }))
    return op->emitError("") << target.chip << " has no matrix instruction '" << mma.getAtom()
                             << "' for groups of warps";
  if (isa<MmaFenceOp, MmaCommitOp, MmaWaitOp>(op) && target.groupAtoms.empty())
    return op->emitError("") << target.chip << " has no matrix instructions for groups of warps";
  if (auto load = dyn_cast<LoadMatrixOp>(op)) {
    if (!target.abilities.loadMatrix)
      return op->emitError("") << target.chip << " cannot load matrices";
    if (!llvm::is_contained({1, 2, 4}, load.getNumResults()) ||
        !llvm::all_of(load.getResultTypes(), [](Type type) { return type.isInteger(32); }))
      return op->emitError("loads 1, 2 or 4 matrices, each a 32-bit register");
  }
  if (auto mma = dyn_cast<MmaOp>(op))
    return checkMatrixInstruction(mma, target);
  return success();
}

LogicalResult heed::simt::checkKernels(ModuleOp module, const SimtTarget &target) {
  auto check = [&](Operation *op) -> WalkResult {
    if (op == module)
      return WalkResult::advance();
    if (auto kernel = dyn_cast<KernelOp>(op))
      return checkLimits(kernel, target);
    if (op->getParentOp() == module ||
        !isa<SimtDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect, vector::VectorDialect>(
            op->getDialect()))
      return op->emitError("has no place in the program of a lane");
    for (Value result : op->getResults())
      if (!isUsable(result.getType()))
        return op->emitError("lanes have no values of type ") << result.getType();
    if (isa<math::MathDialect>(op->getDialect()) && failed(checkMath(op)))
      return WalkResult::interrupt();
    return checkAbility(op, target);
  };
  return failure(module.walk<WalkOrder::PreOrder>(check).wasInterrupted());
}
