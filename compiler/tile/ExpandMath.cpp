/// expand-math: reduces the math dialect to what every target has or expands itself: exp2, log2, sqrt, fma, rounding.
///
/// Works on scalars, vectors and tiles of f32; f16 and bf16 are computed in f32 and rounded once. Error bounds are for
/// f32 where exp2 is within 1.5 ulp and log2 within 2, and a product's error is had exactly (fma(x, y, -(x y))):
///   exp       2.5 ulp                   log, log10            3 ulp
///   expm1     4 ulp                     log1p                 4 ulp
///   sinh, cosh  4 ulp                   tanh                  3.5e-7 relative
///   erf       4e-7 relative             erfc                  5e-7 absolute
///   sin, cos  1.5e-7 absolute below 1e9  tan                  4 ulp below 1e3
///   rsqrt     1.5 ulp                   pow                   3 ulp plus |y log2 x| * 1e-7 relative
/// (tanh and erf 2e-7 more on machines that multiply by reciprocals where they may),
/// where denormal results may be off by 2 of their steps, and are 0 where exp2 flushes them.
#include "compiler/tile/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace {

/// Arithmetic on values of one type, spelt as formulas.
struct Formula {
  OpBuilder &b;
  Location loc;
  Type type;

  Type withElement(Type element) const {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped ? Type(shaped.clone(element)) : element;
  }
  Value constant(double value) const { return constantOf(b.getFloatAttr(getElementTypeOrSelf(type), value), type); }
  Value integer(int64_t value) const { return constantOf(b.getI32IntegerAttr(value), withElement(b.getI32Type())); }
  Value constantOf(TypedAttr scalar, Type result) const {
    if (auto shaped = dyn_cast<ShapedType>(result))
      scalar = SplatElementsAttr::get(shaped, Attribute(scalar));
    return arith::ConstantOp::create(b, loc, scalar);
  }
  Value add(Value x, Value y) const { return arith::AddFOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) const { return arith::SubFOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) const { return arith::MulFOp::create(b, loc, x, y); }
  Value div(Value x, Value y) const { return arith::DivFOp::create(b, loc, x, y); }
  /// Of a divisor within 2^-60 and 2^60, by its reciprocal where that is cheaper: off by 2 units at most.
  Value quotient(Value x, Value y) const { return arith::DivFOp::create(b, loc, x, y, arith::FastMathFlags::arcp); }
  Value neg(Value x) const { return arith::NegFOp::create(b, loc, x); }
  Value fma(Value x, Value y, Value z) const { return math::FmaOp::create(b, loc, x, y, z); }
  Value abs(Value x) const { return math::AbsFOp::create(b, loc, x); }
  Value exp2(Value x) const { return math::Exp2Op::create(b, loc, x); }
  Value log2(Value x) const { return math::Log2Op::create(b, loc, x); }
  Value select(Value c, Value x, Value y) const { return arith::SelectOp::create(b, loc, c, x, y); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) const {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  }
  /// x within [lowest, highest]; a NaN stays a NaN.
  Value clamp(Value x, double lowest, double highest) const {
    Value high = constant(highest), low = constant(lowest);
    x = select(compare(arith::CmpFPredicate::OLT, high, x), high, x);
    return select(compare(arith::CmpFPredicate::OGT, low, x), low, x);
  }
  /// sum of coefficients[i] x^i
  Value polynomial(Value x, ArrayRef<double> coefficients) const {
    Value sum = constant(coefficients.back());
    for (double coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(coefficient));
    return sum;
  }
};

constexpr double log2e = 1.4426950408889634, ln2 = 0.6931471805599453;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// exp2 of the rounded product x log2(e), times a first-order correction of what the rounding lost. The argument is
/// clamped to where the result leaves the range of f32, so that no infinity meets the correction.
Value expandExp(Formula f, Value x) {
  x = f.clamp(x, -104.0, 89.0);
  Value scale = f.constant(log2e), product = f.mul(x, scale);
  Value lost = f.fma(x, scale, f.neg(product));
  lost = f.fma(x, f.constant(1.925963033500e-8), lost); // log2(e) less its f32 value
  return f.mul(f.exp2(product), f.fma(lost, f.constant(ln2), f.constant(1.0)));
}

/// Odd rational functions on a clamped argument.
Value expandTanh(Formula f, Value x) {
  Value clamped = f.clamp(x, -9.01, 9.01), square = f.mul(clamped, clamped);
  Value top = f.polynomial(square, {0.9999999794545864, 0.13380394965899584, 0.0034948379243656, 2.0596683425287703e-05,
                                    1.3337356005665436e-08});
  Value bottom = f.polynomial(
      square, {1.0, 0.4671371044936639, 0.025874131214016143, 0.0003284405745501913, 7.769503407852393e-07});
  return f.clamp(f.quotient(f.mul(clamped, top), bottom), -1.0, 1.0);
}

Value expandErf(Formula f, Value x) {
  Value clamped = f.clamp(x, -3.9, 3.9), square = f.mul(clamped, clamped);
  Value top = f.polynomial(square, {1.1283791690642109, 0.18510741872312914, 0.054220963275328826, 0.003835020038112348,
                                    0.00037589102420474606, 4.586220193483622e-06, -1.2675685868599549e-08});
  Value bottom = f.polynomial(square, {1.0, 0.4973805825543258, 0.11384513864096, 0.015419753762567141,
                                       0.0012996361469463703, 6.218322873810708e-05});
  return f.clamp(f.quotient(f.mul(clamped, top), bottom), -1.0, 1.0);
}

Value expandLog(Formula f, Value x) { return f.mul(f.log2(x), f.constant(ln2)); }

Value expandLog10(Formula f, Value x) { return f.mul(f.log2(x), f.constant(0.30102999566398120)); }

/// log(1 + x) with the rounding of 1 + x divided out.
Value expandLog1p(Formula f, Value x) {
  Value one = f.constant(1.0), sum = f.add(one, x);
  Value logarithm = expandLog(f, sum);
  Value corrected = f.mul(logarithm, f.div(x, f.sub(sum, one)));
  Value exact = f.compare(arith::CmpFPredicate::OEQ, sum, one);
  Value infinite = f.compare(arith::CmpFPredicate::OEQ, sum, x);
  Value large = f.select(exact, x, f.select(infinite, logarithm, corrected));
  // Logarithms of numbers near one may be off by 2^-22 on GPUs, which is much of a small one: a series serves them.
  Value ratio = f.div(x, f.add(f.constant(2.0), x)), square = f.mul(ratio, ratio);
  Value series = f.mul(f.add(ratio, ratio), f.polynomial(square, {1.0, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9}));
  Value isSmall = f.compare(arith::CmpFPredicate::OLT, f.abs(x), f.constant(0.25));
  Value isZero = f.compare(arith::CmpFPredicate::OEQ, x, f.constant(0.0));
  return f.select(isZero, x, f.select(isSmall, series, large));
}

/// A series near zero, where exp(x) - 1 cancels.
Value expandExpM1(Formula f, Value x) {
  Value series =
      f.polynomial(x, {1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880});
  Value plain = f.sub(expandExp(f, x), f.constant(1.0));
  Value small = f.compare(arith::CmpFPredicate::OLT, f.abs(x), f.constant(0.7));
  return f.select(small, f.mul(x, series), plain);
}

Value expandRsqrt(Formula f, Value x) { return f.div(f.constant(1.0), math::SqrtOp::create(f.b, f.loc, x)); }

/// To nearest, halves away from zero: adding the largest value below one half cannot carry a smaller fraction over.
Value expandRound(Formula f, Value x) {
  Value half = math::CopySignOp::create(f.b, f.loc, f.constant(0.49999997), x);
  return math::TruncOp::create(f.b, f.loc, f.add(x, half));
}

/// sin and cos share a reduction to [-pi/4, pi/4] done in f64, where multiples of pi/2 up to 2^30 leave 1e-7.
Value expandSinCos(Formula f, Value x, int64_t quadrantOffset) {
  OpBuilder &b = f.b;
  Formula wide{b, f.loc, f.withElement(b.getF64Type())};
  Formula whole{b, f.loc, f.withElement(b.getI32Type())};
  Value precise = wide.clamp(arith::ExtFOp::create(b, f.loc, wide.type, x), -1.6e9, 1.6e9);
  Value turns = math::RoundEvenOp::create(b, f.loc, wide.mul(precise, wide.constant(0.6366197723675814)));
  Value rest = wide.sub(precise, wide.mul(turns, wide.constant(1.5707963267341256))); // the first 33 bits of pi/2
  rest = wide.sub(rest, wide.mul(turns, wide.constant(6.077100506506192e-11)));
  Value r = arith::TruncFOp::create(b, f.loc, f.type, rest), square = f.mul(r, r);
  Value sine = f.fma(f.mul(r, square), f.polynomial(square, {-0.166666549437, 0.00833217814618, -0.00019517298984}), r);
  Value cosine =
      f.fma(f.mul(square, square), f.polynomial(square, {0.0416666468664, -0.00138873675158, 2.44384515951e-5}),
            f.fma(square, f.constant(-0.5), f.constant(1.0)));
  Value quadrant =
      arith::AddIOp::create(b, f.loc, arith::FPToSIOp::create(b, f.loc, whole.type, turns), f.integer(quadrantOffset));
  auto bit = [&](int64_t mask) {
    Value masked = arith::AndIOp::create(b, f.loc, quadrant, f.integer(mask));
    return Value(arith::CmpIOp::create(b, f.loc, arith::CmpIPredicate::ne, masked, f.integer(0)));
  };
  Value magnitude = f.select(bit(1), cosine, sine);
  Value result = f.select(bit(2), f.neg(magnitude), magnitude);
  return f.add(result, f.sub(x, x)); // infinities and NaN give NaN
}

Value expandSinhCosh(Formula f, Value x, bool odd) {
  // Half of exp(|x|), without passing through an exponential that is out of range when its half is not.
  Value size = f.abs(x), large64 = f.compare(arith::CmpFPredicate::OGE, size, f.constant(64.0));
  Value factor = f.select(large64, f.constant(3.1175744032997e27), f.constant(0.5)); // exp(64) / 2
  Value grown = f.mul(expandExp(f, f.sub(size, f.select(large64, f.constant(64.0), f.constant(0.0)))), factor);
  Value shrunk = f.div(f.constant(0.25), grown);
  if (!odd)
    return f.add(grown, shrunk);
  Value magnitude = f.sub(grown, shrunk), square = f.mul(x, x);
  Value series = f.mul(x, f.polynomial(square, {1.0, 1.0 / 6, 1.0 / 120, 1.0 / 5040, 1.0 / 362880}));
  Value large = math::CopySignOp::create(f.b, f.loc, magnitude, x);
  return f.select(f.compare(arith::CmpFPredicate::OLT, f.abs(x), f.constant(1.0)), series, large);
}

/// |x|^y, with the sign of an odd power of a negative base and NaN for its broken powers.
Value expandPow(Formula f, Value x, Value y) {
  FloatAttr exponent;
  if (matchPattern(y, m_Constant(&exponent)) || [&] {
        SplatElementsAttr splat;
        if (!matchPattern(y, m_Constant(&splat)))
          return false;
        exponent = cast<FloatAttr>(splat.getSplatValue<Attribute>());
        return true;
      }()) {
    double power = exponent.getValueAsDouble();
    if (power == 1.0)
      return x;
    if (power == 2.0)
      return f.mul(x, x);
    if (power == 3.0)
      return f.mul(f.mul(x, x), x);
    if (power == 0.5)
      return math::SqrtOp::create(f.b, f.loc, x);
    if (power == -0.5)
      return expandRsqrt(f, x);
    if (power == -1.0)
      return f.div(f.constant(1.0), x);
  }
  Value zero = f.constant(0.0), one = f.constant(1.0);
  Value logarithm = f.log2(f.abs(x)), product = f.mul(y, logarithm);
  // Powers of 1 and -1 have size 1, those that are infinite too.
  Value isUnit = f.compare(arith::CmpFPredicate::OEQ, logarithm, zero);
  Value power = f.exp2(f.select(isUnit, zero, product));
  auto isWhole = [&](Value v) {
    Value floor = math::FloorOp::create(f.b, f.loc, v);
    return f.compare(arith::CmpFPredicate::OEQ, floor, v);
  };
  Value isEven = isWhole(f.mul(y, f.constant(0.5)));
  Value nan = f.constant(std::numeric_limits<double>::quiet_NaN());
  Value whole = isWhole(y), odd = f.select(isEven, power, math::CopySignOp::create(f.b, f.loc, power, x));
  Value ofFinite = f.select(f.compare(arith::CmpFPredicate::OGT, x, f.constant(-infinity)), nan, power);
  Value ofNegative = f.select(f.compare(arith::CmpFPredicate::OLT, x, zero), ofFinite, power);
  Value result = f.select(whole, odd, ofNegative);
  return f.select(f.compare(arith::CmpFPredicate::OEQ, y, zero), one, result);
}

/// fmod through f64: quotients of two f32 below 2^29 are cut exactly and give the exact rest, larger ones a rough one.
Value expandRemainder(Formula f, Value x, Value y) {
  OpBuilder &b = f.b;
  Formula wide{b, f.loc, f.withElement(b.getF64Type())};
  Value a = arith::ExtFOp::create(b, f.loc, wide.type, x), c = arith::ExtFOp::create(b, f.loc, wide.type, y);
  Value quotient = math::TruncOp::create(b, f.loc, wide.div(a, c));
  // What is smaller than an infinite divisor is its own rest.
  Value isZero = wide.compare(arith::CmpFPredicate::OEQ, quotient, wide.constant(0.0));
  Value taken = wide.select(isZero, wide.constant(0.0), wide.mul(quotient, c));
  Value rest = arith::TruncFOp::create(b, f.loc, f.type, wide.sub(a, taken));
  return math::CopySignOp::create(b, f.loc, rest, x);
}

Value expand(Operation *op, Formula f, ValueRange x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<math::ExpOp>([&](auto) { return expandExp(f, x[0]); })
      .Case<math::ExpM1Op>([&](auto) { return expandExpM1(f, x[0]); })
      .Case<math::LogOp>([&](auto) { return expandLog(f, x[0]); })
      .Case<math::Log10Op>([&](auto) { return expandLog10(f, x[0]); })
      .Case<math::Log1pOp>([&](auto) { return expandLog1p(f, x[0]); })
      .Case<math::RsqrtOp>([&](auto) { return expandRsqrt(f, x[0]); })
      .Case<math::TanhOp>([&](auto) { return expandTanh(f, x[0]); })
      .Case<math::ErfOp>([&](auto) { return expandErf(f, x[0]); })
      .Case<math::ErfcOp>([&](auto) { return f.sub(f.constant(1.0), expandErf(f, x[0])); })
      .Case<math::SinOp>([&](auto) { return expandSinCos(f, x[0], 0); })
      .Case<math::CosOp>([&](auto) { return expandSinCos(f, x[0], 1); })
      .Case<math::TanOp>([&](auto) { return f.div(expandSinCos(f, x[0], 0), expandSinCos(f, x[0], 1)); })
      .Case<math::SinhOp>([&](auto) { return expandSinhCosh(f, x[0], true); })
      .Case<math::CoshOp>([&](auto) { return expandSinhCosh(f, x[0], false); })
      .Case<math::RoundOp>([&](auto) { return expandRound(f, x[0]); })
      .Case<math::PowFOp>([&](auto) { return expandPow(f, x[0], x[1]); })
      .Case<arith::RemFOp>([&](auto) { return expandRemainder(f, x[0], x[1]); })
      .Default(Value());
}

/// Ops of f16 and bf16 that are computed in f32; exp2, log2 and sqrt among them, which f32 keeps.
bool isMath(Operation *op) {
  return (op->getName().getDialectNamespace() == "math" || isa<arith::RemFOp>(op)) && op->getNumResults() == 1 &&
         llvm::all_of(op->getOperandTypes(), [&](Type type) { return type == op->getResult(0).getType(); });
}

struct ExpandMath : RewritePattern {
  explicit ExpandMath(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isMath(op))
      return failure();
    Type type = op->getResult(0).getType(), element = getElementTypeOrSelf(type);
    Formula f{rewriter, op->getLoc(), type};
    if (element.isF16() || element.isBF16()) {
      Type wide = f.withElement(rewriter.getF32Type());
      SmallVector<Value> operands;
      for (Value operand : op->getOperands())
        operands.push_back(arith::ExtFOp::create(rewriter, op->getLoc(), wide, operand));
      OperationState state(op->getLoc(), op->getName(), operands, {wide}, op->getAttrs());
      Value result = rewriter.create(state)->getResult(0);
      rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, result);
      return success();
    }
    if (!element.isF32())
      return failure();
    Value result = expand(op, f, op->getOperands());
    if (!result)
      return failure();
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct ExpandMathPass : PassWrapper<ExpandMathPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExpandMathPass)
  StringRef getArgument() const override { return "expand-math"; }
  StringRef getDescription() const override { return "Reduce math ops to exp2, log2, sqrt, fma, rounding and arith"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, math::MathDialect>();
  }

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    heed::populateExpandMathPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

void heed::populateExpandMathPatterns(RewritePatternSet &patterns) { patterns.add<ExpandMath>(patterns.getContext()); }

std::unique_ptr<Pass> heed::createExpandMathPass() { return std::make_unique<ExpandMathPass>(); }
