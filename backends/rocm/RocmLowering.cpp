#include "backends/rocm/RocmLowering.h"

#include "backends/llvm/MatrixInstruction.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::simt;
using namespace heed::rocm;

/// Sixteen bytes of device memory that are zero.
static constexpr llvm::StringLiteral safeName = "heed_safe";

SmallVector<std::pair<std::string, std::string>> RocmLowering::attributes(KernelOp kernel) const {
  std::string threads = std::to_string(kernel.getThreads());
  return {{"amdgpu-flat-work-group-size", threads + "," + threads}, {"uniform-work-group-size", "true"}};
}

LogicalResult RocmLowering::prepare(ModuleOp module) const {
  guardStores(module);
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), 16);
  auto global = LLVM::GlobalOp::create(builder, module.getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                                       safeName, Attribute(), /*alignment=*/16, globalSpace);
  Block *block = builder.createBlock(&global.getInitializerRegion());
  builder.setInsertionPointToStart(block);
  LLVM::ReturnOp::create(builder, module.getLoc(), LLVM::ZeroOp::create(builder, module.getLoc(), type).getResult());
  return success();
}

static Value threadIndex(OpBuilder &builder, Location location) {
  return callIntrinsic(builder, location, "llvm.amdgcn.workitem.id.x", builder.getI32Type(), {});
}

static Value laneIndex(OpBuilder &builder, Location location, const RocmChip &chip) {
  return LLVM::AndOp::create(builder, location, threadIndex(builder, location),
                             constantInt(builder, location, 32, chip.lanes - 1));
}

static void fence(OpBuilder &builder, Location location, LLVM::AtomicOrdering ordering, StringRef scope) {
  auto fence = LLVM::FenceOp::create(builder, location, ordering, scope);
  // Shared memory only: loads from global memory may stay in flight.
  fence->setDiscardableAttr(LLVM::LLVMDialect::getMmraAttrName(),
                            LLVM::MMRATagAttr::get(builder.getContext(), "amdgpu-synchronize-as", "local"));
}

namespace {

struct LowerProgram : ConvertOpToLLVMPattern<ProgramOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ProgramOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Type word = rewriter.getI32Type();
    // The implicit arguments begin with the number of workgroups along x.
    auto pointer = LLVM::LLVMPointerType::get(getContext(), 4);
    Value implicit = callIntrinsic(rewriter, location, "llvm.amdgcn.implicitarg.ptr", pointer, {});
    Value columns = LLVM::LoadOp::create(rewriter, location, word, implicit, /*alignment=*/4, /*isVolatile=*/false,
                                         /*isNonTemporal=*/false, /*isInvariant=*/true);
    Value row = callIntrinsic(rewriter, location, "llvm.amdgcn.workgroup.id.y", word, {});
    Value column = callIntrinsic(rewriter, location, "llvm.amdgcn.workgroup.id.x", word, {});
    rewriter.replaceOpWithNewOp<LLVM::AddOp>(op, LLVM::MulOp::create(rewriter, location, row, columns), column);
    return success();
  }
};

struct LowerLane : ConvertOpToLLVMPattern<LaneOp> {
  LowerLane(const LLVMTypeConverter &types, const RocmChip &chip) : ConvertOpToLLVMPattern(types), chip(chip) {}
  LogicalResult matchAndRewrite(LaneOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, laneIndex(rewriter, op.getLoc(), chip));
    return success();
  }
  const RocmChip &chip;
};

struct LowerWarp : ConvertOpToLLVMPattern<WarpOp> {
  LowerWarp(const LLVMTypeConverter &types, const RocmChip &chip) : ConvertOpToLLVMPattern(types), chip(chip) {}
  LogicalResult matchAndRewrite(WarpOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Value warp = LLVM::LShrOp::create(rewriter, location, threadIndex(rewriter, location),
                                      constantInt(rewriter, location, 32, llvm::Log2_64(chip.lanes)));
    // Scalar registers and branches for what is the same in all lanes.
    rewriter.replaceOp(op, callIntrinsic(rewriter, location, "llvm.amdgcn.readfirstlane", op.getType(), warp));
    return success();
  }
  const RocmChip &chip;
};

struct LowerShuffle : ConvertOpToLLVMPattern<ShuffleOp> {
  LowerShuffle(const LLVMTypeConverter &types, const RocmChip &chip) : ConvertOpToLLVMPattern(types), chip(chip) {}
  LogicalResult matchAndRewrite(ShuffleOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Type word = rewriter.getI32Type();
    Value value = LLVM::BitcastOp::create(rewriter, location, word, adaptor.getValue());
    APInt mask;
    Value exchanged;
    if (op.getMode() == ShuffleMode::Xor && matchPattern(op.getSelector(), m_ConstantInt(&mask)) &&
        mask.ult(chip.lanes)) {
      exchanged = exchangeLanes(rewriter, location, chip, value, mask.getZExtValue());
    } else {
      Value lane = adaptor.getSelector();
      if (op.getMode() == ShuffleMode::Xor)
        lane = LLVM::XOrOp::create(rewriter, location, laneIndex(rewriter, location, chip), lane);
      Value bytes = LLVM::ShlOp::create(rewriter, location, lane, constantInt(rewriter, location, 32, 2));
      exchanged = callIntrinsic(rewriter, location, "llvm.amdgcn.ds.bpermute", word, {bytes, value});
    }
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, op.getType(), exchanged);
    return success();
  }
  const RocmChip &chip;
};

struct LowerBarrier : ConvertOpToLLVMPattern<BarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BarrierOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    fence(rewriter, op.getLoc(), LLVM::AtomicOrdering::release, "workgroup");
    callIntrinsic(rewriter, op.getLoc(), "llvm.amdgcn.s.barrier", {}, {});
    fence(rewriter, op.getLoc(), LLVM::AtomicOrdering::acquire, "workgroup");
    rewriter.eraseOp(op);
    return success();
  }
};

/// Waves are in step, and their accesses to shared memory are done in order: nothing but compilers is told.
struct LowerWarpBarrier : ConvertOpToLLVMPattern<WarpBarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WarpBarrierOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    fence(rewriter, op.getLoc(), LLVM::AtomicOrdering::release, "wavefront");
    callIntrinsic(rewriter, op.getLoc(), "llvm.amdgcn.wave.barrier", {}, {});
    fence(rewriter, op.getLoc(), LLVM::AtomicOrdering::acquire, "wavefront");
    rewriter.eraseOp(op);
    return success();
  }
};

/// Whether every bit of a constant is zero.
static bool hasOnlyZeroBits(Value value) {
  Attribute constant;
  if (!matchPattern(value, m_Constant(&constant)))
    return false;
  if (auto elements = dyn_cast<SplatElementsAttr>(constant))
    constant = elements.getSplatValue<Attribute>();
  if (auto number = dyn_cast<FloatAttr>(constant))
    return number.getValue().isPosZero();
  auto number = dyn_cast<IntegerAttr>(constant);
  return number && number.getValue().isZero();
}

/// Where the predicate is false, zeros are read from elsewhere: a branch around each load would keep them from
/// overlapping. Only another fill has to be chosen after the load, for which the predicate has to be kept until then.
struct LowerPredicatedLoad : ConvertOpToLLVMPattern<LoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LoadOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!op.getPredicate())
      return failure();
    Location location = op.getLoc();
    Value pointer = pointerTo(rewriter, location, op.getSpace(), adaptor.getAddress());
    Value safe = op.getSpace() == Space::Global
                     ? LLVM::AddressOfOp::create(rewriter, location, pointer.getType(), safeName).getResult()
                     : pointerTo(rewriter, location, Space::Shared, constantInt(rewriter, location, 32, 0));
    Value chosen = LLVM::SelectOp::create(rewriter, location, adaptor.getPredicate(), pointer, safe);
    Value loaded = LLVM::LoadOp::create(rewriter, location, op.getType(), chosen, op.getAlignment());
    if (op.getSpace() == Space::Global && hasOnlyZeroBits(adaptor.getFill())) {
      rewriter.replaceOp(op, loaded);
      return success();
    }
    rewriter.replaceOpWithNewOp<LLVM::SelectOp>(op, adaptor.getPredicate(), loaded, adaptor.getFill());
    return success();
  }
};

/// The instruction takes numbers below the smallest normal one for zero, so those are scaled first.
struct LowerRsqrt : ConvertOpToLLVMPattern<math::RsqrtOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(math::RsqrtOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return failure();
    Location location = op.getLoc();
    auto constant = [&](float value) {
      return LLVM::ConstantOp::create(rewriter, location, op.getType(), rewriter.getF32FloatAttr(value)).getResult();
    };
    Value operand = adaptor.getOperand(), one = constant(1.0f);
    Value isSmall = LLVM::FCmpOp::create(rewriter, location, LLVM::FCmpPredicate::olt, operand, constant(0x1p-126f));
    Value up = LLVM::SelectOp::create(rewriter, location, isSmall, constant(0x1p24f), one);
    Value back = LLVM::SelectOp::create(rewriter, location, isSmall, constant(0x1p12f), one);
    Value root = callIntrinsic(rewriter, location, "llvm.amdgcn.rsq", op.getType(),
                               LLVM::FMulOp::create(rewriter, location, operand, up).getResult());
    rewriter.replaceOpWithNewOp<LLVM::FMulOp>(op, root, back);
    return success();
  }
};

} // namespace

void RocmLowering::populate(const LLVMTypeConverter &types, RewritePatternSet &patterns) const {
  patterns.add<LowerLane, LowerWarp, LowerShuffle>(types, chip);
  patterns.add<LowerProgram, LowerBarrier, LowerWarpBarrier, LowerPredicatedLoad>(types);
  patterns.add<LowerToIntrinsic<math::Exp2Op>>(types, "llvm.amdgcn.exp2");
  patterns.add<LowerToIntrinsic<math::Log2Op>>(types, "llvm.amdgcn.log");
  populateMatrixInstructions(types, patterns, atoms);
  patterns.add<LowerRsqrt>(types, /*benefit=*/2);
}
