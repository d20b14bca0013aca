/// exp2 (within 1.5 ulp) and log2 (within 2) of f32 in vector arithmetic, and the check that no math remains that would
/// call a library.
#include "backends/cpu/CodeBuilder.h"
#include "backends/cpu/LowerKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;
using namespace heed::cpu;

static Value polynomial(CodeBuilder &b, Value x, ArrayRef<double> coefficients) {
  Value sum = b.constant(x.getType(), coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = b.multiplyAdd(sum, x, b.constant(x.getType(), coefficient));
  return sum;
}

static Value select(CodeBuilder &b, arith::CmpFPredicate predicate, Value x, Value y, Value then, Value otherwise) {
  Value condition = arith::CmpFOp::create(b, b.loc, predicate, x, y);
  return arith::SelectOp::create(b, b.loc, condition, then, otherwise);
}

/// 2^x = 2^floor(x) p(x - floor(x)): AVX-512 has both halves as instructions, right for all of -inf, denormal results,
/// inf and NaN. p is within 2e-9 of 2^f on [0, 1] relatively and exact at 0.
static Value emitExp2Avx512(CodeBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  Value every = arith::ConstantOp::create(b, b.loc, b.getI16IntegerAttr(-1));
  auto i32 = [&](int32_t value) -> Value { return arith::ConstantOp::create(b, b.loc, b.getI32IntegerAttr(value)); };
  auto call = [&](StringRef name, ValueRange arguments) {
    return LLVM::CallIntrinsicOp::create(b, b.loc, type, b.getStringAttr(name), arguments).getResult(0);
  };
  Value fraction = call("llvm.x86.avx512.mask.reduce.ps.512", {x, i32(9), x, every, i32(8)});
  Value power = polynomial(
      b, fraction,
      {1.0, 0.693147044443, 0.240229305554, 0.0554852806079, 0.00967545159359, 0.00124678461739, 0.000216129159441});
  return call("llvm.x86.avx512.mask.scalef.ps.512", {power, x, x, every, i32(4)});
}

/// 2^x = 2^n p(x - n) with n the nearest integer: adding 1.5 * 2^23 rounds and leaves n in the low bits, which go into
/// the exponent. Results below 2^-126 are flushed to zero. p is within 3e-9 relatively on [-1/2, 1/2], exact at 0.
static Value emitExp2(CodeBuilder &b, Value x) {
  Type type = x.getType(), i32 = withElement(type, b.getI32Type());
  auto f = [&](double value) { return b.constant(type, value); };
  Value clamped = select(b, arith::CmpFPredicate::OLT, f(128.0), x, f(128.0), x);
  Value shifted = arith::AddFOp::create(b, b.loc, clamped, f(12582912.0));
  Value whole = arith::SubFOp::create(b, b.loc, shifted, f(12582912.0));
  Value fraction = arith::SubFOp::create(b, b.loc, clamped, whole);
  Value power = polynomial(
      b, fraction,
      {1.0, 0.693147214968, 0.240226527829, 0.0555031055121, 0.00961769297614, 0.00134066438475, 0.000155946770151});
  Value exponent =
      arith::ShLIOp::create(b, b.loc, arith::BitcastOp::create(b, b.loc, i32, shifted), b.constant(i32, int64_t(23)));
  Value bits = arith::AddIOp::create(b, b.loc, arith::BitcastOp::create(b, b.loc, i32, power), exponent);
  Value result = arith::BitcastOp::create(b, b.loc, type, bits);
  result = select(b, arith::CmpFPredicate::OLT, x, f(-126.0), f(0.0), result);
  return select(b, arith::CmpFPredicate::UNO, x, x, x, result);
}

/// log2(x) = e + log2(m), m in [sqrt(1/2), sqrt(2)): the logarithm of m by a series in t = m - 1 with its first terms
/// exact, within 4e-8 relatively. Denormals are scaled up first.
static Value emitLog2(CodeBuilder &b, Value x) {
  Type type = x.getType(), i32 = withElement(type, b.getI32Type());
  auto f = [&](double value) { return b.constant(type, value); };
  auto i = [&](int64_t value) { return b.constant(i32, value); };
  constexpr double lowest = 1.1754943508222875e-38, infinity = std::numeric_limits<double>::infinity();
  Value scaled =
      select(b, arith::CmpFPredicate::OLT, x, f(lowest), arith::MulFOp::create(b, b.loc, x, f(8388608.0)), x);
  Value shift = select(b, arith::CmpFPredicate::OLT, x, f(lowest), f(-23.0), f(0.0));
  Value bits = arith::BitcastOp::create(b, b.loc, i32, scaled);
  Value exponent = arith::ShRSIOp::create(b, b.loc, arith::SubIOp::create(b, b.loc, bits, i(0x3f3504f3)), i(23));
  Value mantissa = arith::BitcastOp::create(
      b, b.loc, type, arith::SubIOp::create(b, b.loc, bits, arith::ShLIOp::create(b, b.loc, exponent, i(23))));
  Value t = arith::SubFOp::create(b, b.loc, mantissa, f(1.0)), square = arith::MulFOp::create(b, b.loc, t, t);
  Value tail = polynomial(b, t,
                          {0.333339107315, -0.250013370575, 0.19963064063, -0.165775840391, 0.149147642689,
                           -0.142674914614, 0.0870045280317});
  tail = arith::MulFOp::create(b, b.loc, tail, arith::MulFOp::create(b, b.loc, square, t));
  tail = b.multiplyAdd(square, f(-0.5), tail);
  Value natural = arith::AddFOp::create(b, b.loc, t, tail);
  Value whole = arith::AddFOp::create(b, b.loc, arith::SIToFPOp::create(b, b.loc, type, exponent), shift);
  Value result = b.multiplyAdd(natural, f(1.4426950408889634), whole);
  result = select(b, arith::CmpFPredicate::OEQ, x, f(infinity), x, result);
  result = select(b, arith::CmpFPredicate::OEQ, x, f(0.0), f(-infinity), result);
  return select(b, arith::CmpFPredicate::ULT, x, f(0.0), f(std::numeric_limits<double>::quiet_NaN()), result);
}

LogicalResult heed::cpu::expandVectorMath(ModuleOp module, const IsaLevel &isa) {
  SmallVector<Operation *> found;
  module.walk([&](Operation *op) {
    if (op->getName().getDialectNamespace() == "math")
      found.push_back(op);
  });
  CodeBuilder b(module.getContext(), isa);
  for (Operation *op : found) {
    Type element = getElementTypeOrSelf(op->getResult(0).getType());
    if (llvm::isa<math::SqrtOp, math::FloorOp, math::CeilOp, math::TruncOp, math::RoundEvenOp, math::AbsFOp,
                  math::CopySignOp, math::AbsIOp, math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::CtPopOp>(
            op))
      continue; // single instructions or short integer code
    b.setInsertionPoint(op);
    Value result;
    if (llvm::isa<math::Exp2Op>(op) && element.isF32()) {
      auto vector = dyn_cast<VectorType>(op->getResult(0).getType());
      bool whole = isa.hasAvx512 && vector && vector.getNumElements() == 16;
      result = whole ? emitExp2Avx512(b, op->getOperand(0)) : emitExp2(b, op->getOperand(0));
    } else if (llvm::isa<math::Log2Op>(op) && element.isF32()) {
      result = emitLog2(b, op->getOperand(0));
    } else {
      return op->emitError("cannot be lowered for the CPU: ")
             << op->getName() << " on " << element << " has no expansion; compute it in f32";
    }
    op->getResult(0).replaceAllUsesWith(result);
    op->erase();
  }
  return success();
}
