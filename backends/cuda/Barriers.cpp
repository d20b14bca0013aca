/// Barriers in shared memory (PTX: mbarrier), copies of tensors that complete on them, named barriers, and registers
/// that warps hand over. The former are inline assembly: LLVM then moves no access to memory across any of them.
#include "backends/cuda/CudaLowering.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace heed::simt;

/// Instructions that read integers and pointers: $0, $1, .. are the operands.
static void assemble(OpBuilder &builder, Location location, const Twine &code, ValueRange operands) {
  SmallVector<std::string> constraints;
  for (Value operand : operands)
    constraints.push_back(operand.getType().isInteger(32) ? "r" : "l");
  constraints.push_back("~{memory}");
  LLVM::InlineAsmOp::create(builder, location, TypeRange(), operands, code.str(), llvm::join(constraints, ","),
                            /*has_side_effects=*/true, /*is_align_stack=*/false, LLVM::TailCallKind::None,
                            LLVM::AsmDialectAttr(), ArrayAttr());
}

static Value sharedAddress(OpBuilder &builder, Location location, Value offset) {
  return LLVM::PtrToIntOp::create(builder, location, builder.getI32Type(),
                                  pointerTo(builder, location, Space::Shared, offset));
}

namespace {

/// An instruction on one barrier; $0 is its address.
template <typename BarrierOp> struct LowerShared : ConvertOpToLLVMPattern<BarrierOp> {
  LowerShared(const LLVMTypeConverter &types, std::string (*code)(BarrierOp))
      : ConvertOpToLLVMPattern<BarrierOp>(types), code(code) {}
  LogicalResult matchAndRewrite(BarrierOp op, typename BarrierOp::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    assemble(rewriter, op.getLoc(), code(op), sharedAddress(rewriter, op.getLoc(), adaptor.getAddress()));
    rewriter.eraseOp(op);
    return success();
  }
  std::string (*code)(BarrierOp);
};

struct LowerBarrierWait : ConvertOpToLLVMPattern<BarrierWaitOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(BarrierWaitOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    // The instruction itself waits, but may give up after a while: some 40 clocks, or so many nanoseconds.
    const char *patience = op.getPatient() ? ", 1000000" : "";
    assemble(rewriter, op.getLoc(),
             std::string("{\n\t.reg .pred complete;\nwait:\n\t"
                         "mbarrier.try_wait.parity.shared::cta.b64 complete, [$0], $1") +
                 patience + ";\n\t@!complete bra wait;\n\t}",
             {sharedAddress(rewriter, op.getLoc(), adaptor.getAddress()), adaptor.getParity()});
    rewriter.eraseOp(op);
    return success();
  }
};

template <typename FenceOp> struct LowerFence : ConvertOpToLLVMPattern<FenceOp> {
  LowerFence(const LLVMTypeConverter &types, StringRef code) : ConvertOpToLLVMPattern<FenceOp>(types), code(code) {}
  LogicalResult matchAndRewrite(FenceOp op, typename FenceOp::Adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    assemble(rewriter, op.getLoc(), code, {});
    rewriter.eraseOp(op);
    return success();
  }
  StringRef code;
};

struct LowerCopyTensor : ConvertOpToLLVMPattern<CopyTensorOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(CopyTensorOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location location = op.getLoc();
    SmallVector<Value> operands = {sharedAddress(rewriter, location, adaptor.getDestination()),
                                   tensorMapOf(op, op.getMap()),
                                   sharedAddress(rewriter, location, adaptor.getBarrier())};
    // The machine counts dimensions from the innermost.
    SmallVector<std::string> coordinates;
    for (Value coordinate : llvm::reverse(adaptor.getCoordinates())) {
      coordinates.push_back("$" + std::to_string(operands.size()));
      operands.push_back(coordinate);
    }
    assemble(rewriter, location,
             "cp.async.bulk.tensor." + std::to_string(coordinates.size()) +
                 "d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {" + llvm::join(coordinates, ", ") +
                 "}], [$2];",
             operands);
    rewriter.eraseOp(op);
    return success();
  }
};

// Intrinsics, because whole warps take part and LLVM must not part them.
struct LowerNamedBarrier : ConvertOpToLLVMPattern<NamedBarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(NamedBarrierOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(),
                  op.getArrive() ? "llvm.nvvm.barrier.cta.arrive.aligned.count"
                                 : "llvm.nvvm.barrier.cta.sync.aligned.count",
                  {}, {adaptor.getId(), constantInt(rewriter, op.getLoc(), 32, op.getThreads())});
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerWarpBarrier : ConvertOpToLLVMPattern<WarpBarrierOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(WarpBarrierOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.bar.warp.sync", {}, constantInt(rewriter, op.getLoc(), 32, -1));
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerRenew : ConvertOpToLLVMPattern<RenewOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(RenewOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<LLVM::InlineAsmOp>(op, op.getType(), adaptor.getValue(), "mov.b32 $0, $1;", "=r,r",
                                                   /*has_side_effects=*/true, /*is_align_stack=*/false,
                                                   LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
    return success();
  }
};

/// A reduction over the warp is the shortest way to a register that a warp has once.
struct LowerUniform : ConvertOpToLLVMPattern<UniformOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(UniformOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Value everyLane = constantInt(rewriter, op.getLoc(), 32, -1);
    rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.redux.sync.umax", op.getType(),
                                         {adaptor.getValue(), everyLane}));
    return success();
  }
};

struct LowerAny : ConvertOpToLLVMPattern<AnyOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(AnyOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Value everyLane = constantInt(rewriter, op.getLoc(), 32, -1);
    rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.vote.any.sync", op.getType(),
                                         {everyLane, adaptor.getValue()}));
    return success();
  }
};

struct LowerSetRegisters : ConvertOpToLLVMPattern<SetRegistersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(SetRegistersOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    callIntrinsic(rewriter, op.getLoc(),
                  op.getChange() == RegisterChange::Increase ? "llvm.nvvm.setmaxnreg.inc.sync.aligned.u32"
                                                             : "llvm.nvvm.setmaxnreg.dec.sync.aligned.u32",
                  {}, constantInt(rewriter, op.getLoc(), 32, op.getCount()));
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void heed::cuda::annotateKernels(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Argument &argument : function.args())
      if (argument.hasByValAttr())
        argument.addAttr(llvm::Attribute::get(module.getContext(), "nvvm.grid_constant"));
}

void heed::cuda::populateBarriers(const LLVMTypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerShared<BarrierInitOp>>(types, [](BarrierInitOp op) {
    return "mbarrier.init.shared::cta.b64 [$0], " + std::to_string(op.getCount()) + ";";
  });
  patterns.add<LowerShared<BarrierArriveOp>>(
      types, [](BarrierArriveOp) { return std::string("mbarrier.arrive.shared::cta.b64 _, [$0];"); });
  patterns.add<LowerShared<BarrierArriveExpectOp>>(types, [](BarrierArriveExpectOp op) {
    return "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], " + std::to_string(op.getBytes()) + ";";
  });
  patterns.add<LowerShared<BarrierArriveCopiesOp>>(
      types, [](BarrierArriveCopiesOp) { return std::string("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [$0];"); });
  patterns.add<LowerShared<BarrierEndOp>>(
      types, [](BarrierEndOp) { return std::string("mbarrier.inval.shared::cta.b64 [$0];"); });
  patterns.add<LowerFence<FenceBarriersOp>>(types, "fence.mbarrier_init.release.cluster;");
  patterns.add<LowerFence<FenceAsyncOp>>(types, "fence.proxy.async.shared::cta;");
  patterns.add<LowerBarrierWait, LowerCopyTensor, LowerNamedBarrier, LowerWarpBarrier, LowerRenew, LowerAny,
               LowerUniform, LowerSetRegisters>(types);
}
