/// Choices between floats and divisions. The assembler's division checks its operands and calls a function for unusual
/// ones: ten instructions and a branch.
#include "backends/cuda/CudaLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed::simt;

namespace {

/// The greater or smaller of two floats as one instruction instead of a comparison and a choice.
struct LowerExtreme : ConvertOpToLLVMPattern<arith::SelectOp> {
  explicit LowerExtreme(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(arith::SelectOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto compare = op.getCondition().getDefiningOp<arith::CmpFOp>();
    if (!op->hasAttr(extremeAttrName) || !compare || !op.getType().isF32())
      return failure();
    if (compare.getPredicate() == arith::CmpFPredicate::OGT)
      rewriter.replaceOpWithNewOp<LLVM::MaxNumOp>(op, adaptor.getTrueValue(), adaptor.getFalseValue());
    else
      rewriter.replaceOpWithNewOp<LLVM::MinNumOp>(op, adaptor.getTrueValue(), adaptor.getFalseValue());
    return success();
  }
};

/// A limit instead of what is beyond it, which a NaN is not: an instruction that hands on NaNs.
struct LowerLimit : ConvertOpToLLVMPattern<arith::SelectOp> {
  explicit LowerLimit(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(arith::SelectOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto compare = op.getCondition().getDefiningOp<arith::CmpFOp>();
    APFloat limit(0.0f);
    if (!compare || !op.getType().isF32() || !matchPattern(op.getTrueValue(), m_ConstantFloat(&limit)) ||
        limit.isNaN() || limit.isZero())
      return failure();
    bool isLess = compare.getPredicate() == arith::CmpFPredicate::OLT;
    if (!isLess && compare.getPredicate() != arith::CmpFPredicate::OGT)
      return failure();
    bool limitIsLeft = compare.getLhs() == op.getTrueValue() && compare.getRhs() == op.getFalseValue();
    bool limitIsRight = compare.getRhs() == op.getTrueValue() && compare.getLhs() == op.getFalseValue();
    if (!limitIsLeft && !limitIsRight)
      return failure();
    if (isLess == limitIsLeft)
      rewriter.replaceOpWithNewOp<LLVM::MinimumOp>(op, adaptor.getTrueValue(), adaptor.getFalseValue());
    else
      rewriter.replaceOpWithNewOp<LLVM::MaximumOp>(op, adaptor.getTrueValue(), adaptor.getFalseValue());
    return success();
  }
};

/// Divisions that may multiply by a reciprocal, of divisors far from the ends of the range.
struct LowerQuotient : ConvertOpToLLVMPattern<arith::DivFOp> {
  explicit LowerQuotient(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(arith::DivFOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    bool mayBeReciprocal = bitEnumContainsAny(op.getFastmath(), arith::FastMathFlags::arcp);
    if (!op.getType().isF32() || !mayBeReciprocal)
      return failure();
    if (matchPattern(op.getLhs(), m_OneFloat()))
      rewriter.replaceOp(
          op, callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.rcp.approx.ftz.f", op.getType(), adaptor.getRhs()));
    else
      rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), "llvm.nvvm.div.approx.ftz.f", op.getType(),
                                           {adaptor.getLhs(), adaptor.getRhs()}));
    return success();
  }
};

/// x / c as q = x r, corrected by what it lacks: q + r (x - q c), r being 1 / c rounded. That is the quotient rounded
/// correctly (Markstein, Computation of elementary functions on the IBM RISC System/6000, 1990), where the difference
/// does not underflow: quotients below 2^-100 may be off by one unit. Divisors of at least one never overflow; infinite
/// quotients need no correction and have none.
struct LowerDivisionByConstant : ConvertOpToLLVMPattern<arith::DivFOp> {
  explicit LowerDivisionByConstant(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/3) {}
  LogicalResult matchAndRewrite(arith::DivFOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    APFloat divisor(0.0f);
    if (!op.getType().isF32() || !matchPattern(op.getRhs(), m_ConstantFloat(&divisor)) || !divisor.isFinite() ||
        abs(divisor) < APFloat(1.0f) || abs(divisor) > APFloat(0x1p60f))
      return failure();
    APFloat reciprocal(1.0f);
    reciprocal.divide(divisor, APFloat::rmNearestTiesToEven);
    Location location = op.getLoc();
    auto number = [&](const APFloat &value) {
      return LLVM::ConstantOp::create(rewriter, location, op.getType(),
                                      rewriter.getF32FloatAttr(value.convertToFloat()));
    };
    Value x = adaptor.getLhs(), factor = number(reciprocal);
    Value quotient = LLVM::FMulOp::create(rewriter, location, x, factor);
    Value rest = LLVM::FMAOp::create(rewriter, location, quotient, number(-divisor), x);
    Value corrected = LLVM::FMAOp::create(rewriter, location, rest, factor, quotient);
    Value isNaN = LLVM::FCmpOp::create(rewriter, location, LLVM::FCmpPredicate::uno, rest, rest);
    rewriter.replaceOpWithNewOp<LLVM::SelectOp>(op, isNaN, quotient, corrected);
    return success();
  }
};

} // namespace

void heed::cuda::populateArithmetic(const LLVMTypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerExtreme, LowerLimit, LowerQuotient, LowerDivisionByConstant>(types);
}
