#include "backends/cuda/CudaLowering.h"

#include "backends/llvm/MatrixInstruction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <algorithm>

using namespace mlir;
using namespace heed::simt;
using namespace heed::cuda;

SmallVector<std::pair<std::string, std::string>> CudaLowering::attributes(KernelOp kernel) const {
  // Registers can only be handed over where one workgroup has all of the processor's.
  if (kernel.walk([](SetRegistersOp) { return WalkResult::interrupt(); }).wasInterrupted())
    return {{"nvvm.reqntid", std::to_string(kernel.getThreads())}, {"nvvm.minctasm", "1"}};
  // Left alone, the assembler moves values to memory to fit one more workgroup on a processor.
  // A warp takes a multiple of 8 a lane from the 512 of one of four schedulers.
  auto workgroups = kernel->getAttrOfType<IntegerAttr>(workgroupsAttrName);
  int64_t warps = llvm::divideCeil(kernel.getThreads() / kernel.getLanes() * (workgroups ? workgroups.getInt() : 1), 4);
  int64_t registers = std::min<int64_t>(255, llvm::alignDown(512 / warps, 8));
  return {{"nvvm.reqntid", std::to_string(kernel.getThreads())}, {"nvvm.maxnreg", std::to_string(registers)}};
}

static Value readRegister(OpBuilder &builder, Location location, StringRef name) {
  return callIntrinsic(builder, location, ("llvm.nvvm.read.ptx.sreg." + name).str(), builder.getI32Type(), {});
}

namespace {

struct LowerProgram : ConvertOpToLLVMPattern<ProgramOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ProgramOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Value row = LLVM::MulOp::create(rewriter, location, readRegister(rewriter, location, "ctaid.y"),
                                    readRegister(rewriter, location, "nctaid.x"));
    rewriter.replaceOpWithNewOp<LLVM::AddOp>(op, row, readRegister(rewriter, location, "ctaid.x"));
    return success();
  }
};

struct LowerWorkgroups : ConvertOpToLLVMPattern<WorkgroupsOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WorkgroupsOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::MulOp>(op, readRegister(rewriter, op.getLoc(), "nctaid.x"),
                                             readRegister(rewriter, op.getLoc(), "nctaid.y"));
    return success();
  }
};

struct LowerLane : ConvertOpToLLVMPattern<LaneOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LaneOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::AndOp>(op, readRegister(rewriter, op.getLoc(), "tid.x"),
                                             constantInt(rewriter, op.getLoc(), 32, 31));
    return success();
  }
};

struct LowerWarp : ConvertOpToLLVMPattern<WarpOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WarpOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::LShrOp>(op, readRegister(rewriter, op.getLoc(), "tid.x"),
                                              constantInt(rewriter, op.getLoc(), 32, 5));
    return success();
  }
};

struct LowerShuffle : ConvertOpToLLVMPattern<ShuffleOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ShuffleOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    std::string name = op.getMode() == ShuffleMode::Xor ? "llvm.nvvm.shfl.sync.bfly." : "llvm.nvvm.shfl.sync.idx.";
    Value everyLane = constantInt(rewriter, location, 32, -1), clamp = constantInt(rewriter, location, 32, 31);
    rewriter.replaceOp(op, callIntrinsic(rewriter, location, name + (op.getType().isF32() ? "f32" : "i32"),
                                         op.getType(), {everyLane, adaptor.getValue(), adaptor.getSelector(), clamp}));
    return success();
  }
};

struct LowerBarrier : ConvertOpToLLVMPattern<BarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BarrierOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.barrier.cta.sync.aligned.all", {},
                  constantInt(rewriter, op.getLoc(), 32, 0));
    rewriter.eraseOp(op);
    return success();
  }
};

/// One instruction without operands, across which LLVM moves no access to memory, as its own intrinsic would allow.
template <typename LaunchOp> struct LowerLaunchOrder : ConvertOpToLLVMPattern<LaunchOp> {
  LowerLaunchOrder(const LLVMTypeConverter &types, StringRef code)
      : ConvertOpToLLVMPattern<LaunchOp>(types), code(code) {}
  LogicalResult matchAndRewrite(LaunchOp op, typename LaunchOp::Adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LLVM::InlineAsmOp::create(rewriter, op.getLoc(), TypeRange(), ValueRange(), code, "~{memory}",
                              /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
                              LLVM::AsmDialectAttr(), ArrayAttr());
    rewriter.eraseOp(op);
    return success();
  }
  StringRef code;
};

struct LowerPrefetch : ConvertOpToLLVMPattern<PrefetchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(PrefetchOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> operands = {adaptor.getAddress()};
    std::string code = "prefetch.global.L2 [$0];", constraints = "l";
    if (Value predicate = adaptor.getPredicate()) {
      operands.push_back(predicate);
      code = "@$1 " + code;
      constraints += ",b";
    }
    LLVM::InlineAsmOp::create(rewriter, op.getLoc(), TypeRange(), operands, code, constraints,
                              /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
                              LLVM::AsmDialectAttr(), ArrayAttr());
    rewriter.eraseOp(op);
    return success();
  }
};

/// Spelled out: LLVM has the instruction, but forgets the order. The step from count - 1 is to 0.
struct LowerArrive : ConvertOpToLLVMPattern<ArriveOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(ArriveOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    Value last = LLVM::SubOp::create(rewriter, location, adaptor.getCount(), constantInt(rewriter, location, 32, 1));
    Value before =
        LLVM::InlineAsmOp::create(rewriter, location, rewriter.getI32Type(), ValueRange{adaptor.getAddress(), last},
                                  "atom.acq_rel.gpu.global.inc.u32 $0, [$1], $2;", "=r,l,r,~{memory}",
                                  /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                  LLVM::AsmDialectAttr(), ArrayAttr())
            .getResult(0);
    rewriter.replaceOpWithNewOp<LLVM::ICmpOp>(op, LLVM::ICmpPredicate::eq, before, last);
    return success();
  }
};

struct LowerCopy : ConvertOpToLLVMPattern<CopyOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CopyOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    int64_t bytes = op.getBytes();
    // Only whole 16 bytes can pass the first-level cache by, which tiles that are read once should do.
    std::string name = (bytes == 16 ? "llvm.nvvm.cp.async.cg.shared.global." : "llvm.nvvm.cp.async.ca.shared.global.") +
                       std::to_string(bytes);
    SmallVector<Value> operands = {pointerTo(rewriter, location, Space::Shared, adaptor.getDestination()),
                                   pointerTo(rewriter, location, Space::Global, adaptor.getSource())};
    if (Value predicate = adaptor.getPredicate()) {
      name += ".s";
      operands.push_back(LLVM::SelectOp::create(rewriter, location, predicate,
                                                constantInt(rewriter, location, 32, bytes),
                                                constantInt(rewriter, location, 32, 0)));
    }
    callIntrinsic(rewriter, location, name, {}, operands);
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerCommit : ConvertOpToLLVMPattern<CommitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CommitOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.cp.async.commit.group", {}, {});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerWait : ConvertOpToLLVMPattern<WaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WaitOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.cp.async.wait.group", {},
                  constantInt(rewriter, op.getLoc(), 32, op.getPending()));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerLoadMatrix : ConvertOpToLLVMPattern<LoadMatrixOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(LoadMatrixOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    unsigned count = op.getNumResults();
    std::string name =
        "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) + (op.getTransposed() ? ".trans.b16" : ".b16");
    Type word = rewriter.getI32Type();
    Type result = count == 1 ? word : LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(count, word));
    Value loaded = callIntrinsic(rewriter, location, name, result,
                                 pointerTo(rewriter, location, Space::Shared, adaptor.getAddress()));
    SmallVector<Value> words;
    for (unsigned i = 0; i < count; ++i)
      words.push_back(count == 1 ? loaded : LLVM::ExtractValueOp::create(rewriter, location, loaded, i).getResult());
    rewriter.replaceOp(op, words);
    return success();
  }
};

} // namespace

void CudaLowering::populate(const LLVMTypeConverter &types, RewritePatternSet &patterns) const {
  populatePredicatedAccesses(types, patterns);
  populateBarriers(types, patterns);
  populateMatrixInstructions(types, patterns, target.atoms);
  populateWarpgroupProducts(types, patterns, target.groupAtoms);
  patterns.add<LowerProgram, LowerWorkgroups, LowerLane, LowerWarp, LowerShuffle, LowerBarrier, LowerPrefetch,
               LowerCopy, LowerCommit, LowerWait, LowerLoadMatrix>(types);
  patterns.add<LowerArrive>(types);
  patterns.add<LowerLaunchOrder<AdmitNextOp>>(types, "griddepcontrol.launch_dependents;");
  patterns.add<LowerLaunchOrder<AwaitPreviousOp>>(types, "griddepcontrol.wait;");
  populateArithmetic(types, patterns);
  patterns.add<LowerToIntrinsic<math::Exp2Op>>(types, "llvm.nvvm.ex2.approx.ftz");
  patterns.add<LowerToIntrinsic<math::Log2Op>>(types, "llvm.nvvm.lg2.approx.ftz.f");
  patterns.add<LowerToIntrinsic<math::RsqrtOp>>(types, "llvm.nvvm.rsqrt.approx.f");
}
