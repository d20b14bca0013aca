/// Choices between floats, divisions, narrow floats widened. The assembler's division checks its operands and calls a
/// function for unusual ones: ten instructions and a branch.
#include "backends/cuda/CudaLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

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

/// Divisions that may multiply by a reciprocal, of divisors far from the ends of the range. Approximate ones are off by
/// two units in the last place, others, of q = x r corrected by what it lacks, q + r (x - q y), by hardly more than
/// half of one.
struct LowerQuotient : ConvertOpToLLVMPattern<arith::DivFOp> {
  explicit LowerQuotient(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(arith::DivFOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto may = [&](arith::FastMathFlags what) { return bitEnumContainsAny(op.getFastmath(), what); };
    if (!op.getType().isF32() || !may(arith::FastMathFlags::arcp))
      return failure();
    Location location = op.getLoc();
    Value x = adaptor.getLhs(), y = adaptor.getRhs();
    if (may(arith::FastMathFlags::afn) && matchPattern(op.getLhs(), m_OneFloat())) {
      rewriter.replaceOp(op, callIntrinsic(rewriter, location, "llvm.nvvm.rcp.approx.ftz.f", op.getType(), {y}));
      return success();
    }
    if (may(arith::FastMathFlags::afn)) {
      rewriter.replaceOp(op, callIntrinsic(rewriter, location, "llvm.nvvm.div.approx.ftz.f", op.getType(), {x, y}));
      return success();
    }
    Value factor = callIntrinsic(rewriter, location, "llvm.nvvm.rcp.approx.ftz.f", op.getType(), {y});
    Value quotient = LLVM::FMulOp::create(rewriter, location, x, factor);
    Value rest = LLVM::FMAOp::create(rewriter, location, LLVM::FNegOp::create(rewriter, location, quotient), y, x);
    rewriter.replaceOpWithNewOp<LLVM::FMAOp>(op, rest, factor, quotient);
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

/// bf16 out of a vector as f32: what a word holds, shifted or masked. Taking the upper half by itself is an
/// instruction.
struct LowerHalfOfWord : ConvertOpToLLVMPattern<arith::ExtFOp> {
  explicit LowerHalfOfWord(const LLVMTypeConverter &types) : ConvertOpToLLVMPattern(types, /*benefit=*/2) {}
  LogicalResult matchAndRewrite(arith::ExtFOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    auto extract = op.getIn().getDefiningOp<vector::ExtractOp>();
    if (!extract || !op.getIn().getType().isBF16() || !op.getType().isF32() || extract.hasDynamicPosition())
      return failure();
    int64_t size = extract.getSourceVectorType().getNumElements(), position = extract.getStaticPosition().front();
    Value source = rewriter.getRemappedValue(extract.getSource());
    if (size % 2 != 0 || extract.getSourceVectorType().getRank() != 1 || !source)
      return failure();
    Location location = op.getLoc();
    auto number = [&](uint32_t value) { return constantInt(rewriter, location, 32, int32_t(value)); };
    Value words =
        LLVM::BitcastOp::create(rewriter, location, VectorType::get({size / 2}, rewriter.getI32Type()), source);
    Value word = LLVM::ExtractElementOp::create(rewriter, location, words, number(position / 2));
    Value bits = position % 2 == 0 ? LLVM::ShlOp::create(rewriter, location, word, number(16)).getResult()
                                   : LLVM::AndOp::create(rewriter, location, word, number(0xFFFF0000)).getResult();
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, op.getType(), bits);
    return success();
  }
};

} // namespace

void heed::cuda::populateArithmetic(const LLVMTypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerExtreme, LowerLimit, LowerQuotient, LowerDivisionByConstant, LowerHalfOfWord>(types);
}
