#include "backends/cpu/CodeBuilder.h"

#include "backends/cpu/ScratchPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::cpu;

Type heed::cpu::withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(VectorType::get(vector.getShape(), element)) : element;
}

Value CodeBuilder::i64(int64_t value) { return arith::ConstantIntOp::create(*this, loc, value, 64); }

Value CodeBuilder::toI64(Value index) {
  if (!index.getType().isIndex())
    return index;
  APInt constant;
  if (matchPattern(index, m_ConstantInt(&constant)))
    return i64(constant.getSExtValue());
  return arith::IndexCastOp::create(*this, loc, getI64Type(), index);
}

static Length asLength(Value value) {
  APInt constant;
  return matchPattern(value, m_ConstantInt(&constant)) ? Length(constant.getSExtValue()) : Length(value);
}

Length CodeBuilder::add(Length a, Length b) {
  if (a.isConstant() && b.isConstant())
    return a.constant + b.constant;
  if (a.isConstant(0))
    return b;
  if (b.isConstant(0))
    return a;
  return asLength(createOrFold<arith::AddIOp>(loc, i64(a), i64(b)));
}

Length CodeBuilder::mul(Length a, Length b) {
  if (a.isConstant() && b.isConstant())
    return a.constant * b.constant;
  if (a.isConstant(1) || b.isConstant(0))
    return b;
  if (b.isConstant(1) || a.isConstant(0))
    return a;
  return asLength(createOrFold<arith::MulIOp>(loc, i64(a), i64(b)));
}

Value CodeBuilder::less(Value a, Value b) { return createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, a, b); }

Value CodeBuilder::both(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return createOrFold<arith::AndIOp>(loc, a, b);
}

Value CodeBuilder::offset(Value pointer, Type element, Length elements) {
  if (elements.isConstant(0))
    return pointer;
  if (elements.isConstant() && std::abs(elements.constant) < (int64_t(1) << 27))
    return LLVM::GEPOp::create(*this, loc, pointerType, getI8Type(), pointer,
                               ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(elements.constant * bytesOf(element))});
  int64_t bytes = bytesOf(element);
  Type unit = bytes == 1 ? Type(getI8Type()) : getIntegerType(bytes * 8);
  return LLVM::GEPOp::create(*this, loc, pointerType, unit, pointer, ArrayRef<LLVM::GEPArg>{i64(elements)});
}

Value CodeBuilder::load(Type type, Value pointer, int64_t alignment) {
  return LLVM::LoadOp::create(*this, loc, type, pointer, alignment);
}

void CodeBuilder::store(Value value, Value pointer, int64_t alignment) {
  LLVM::StoreOp::create(*this, loc, value, pointer, alignment);
}

Value CodeBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(*this, loc, vectorOf(scalar.getType(), lanes), scalar);
}

Value CodeBuilder::constant(Type type, double value) {
  TypedAttr attribute = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, Attribute(attribute));
  return arith::ConstantOp::create(*this, loc, attribute);
}

Value CodeBuilder::constant(Type type, int64_t value) {
  auto element = cast<IntegerType>(getElementTypeOrSelf(type));
  TypedAttr attribute = IntegerAttr::get(element, APInt(element.getWidth(), value, true, true));
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, Attribute(attribute));
  return arith::ConstantOp::create(*this, loc, attribute);
}

Value CodeBuilder::zero(Type type) { return arith::ConstantOp::create(*this, loc, getZeroAttr(type)); }

Value CodeBuilder::iota(Type element, int64_t lanes) {
  SmallVector<APInt> values;
  for (int64_t lane = 0; lane < lanes; ++lane)
    values.emplace_back(element.getIntOrFloatBitWidth(), lane);
  return arith::ConstantOp::create(*this, loc, DenseElementsAttr::get(vectorOf(element, lanes), values));
}

Value CodeBuilder::multiplyAdd(Value a, Value b, Value c) { return LLVM::FMulAddOp::create(*this, loc, a, b, c); }

Value CodeBuilder::productError(Value a, Value b, Value c) {
  Type wide = withElement(a.getType(), getF64Type());
  auto extend = [&](Value value) -> Value { return arith::ExtFOp::create(*this, loc, wide, value); };
  Value exact = arith::MulFOp::create(*this, loc, extend(a), extend(b));
  return arith::TruncFOp::create(*this, loc, a.getType(), arith::AddFOp::create(*this, loc, exact, extend(c)));
}

Type CodeBuilder::accessType(Type element) {
  if (element.isBF16() || (element.isF16() && !isa.hasHalfConversions))
    return getI16Type();
  return element.isIndex() ? getI64Type() : element;
}

Value CodeBuilder::fromMemory(Value value, Type element) {
  Type f32 = withElement(value.getType(), getF32Type()), i32 = withElement(value.getType(), getI32Type());
  if (element.isBF16()) {
    Value bits = arith::ExtUIOp::create(*this, loc, i32, value);
    return arith::BitcastOp::create(*this, loc, f32,
                                    arith::ShLIOp::create(*this, loc, bits, constant(i32, int64_t(16))));
  }
  if (!element.isF16())
    return value;
  return isa.hasHalfConversions ? Value(arith::ExtFOp::create(*this, loc, f32, value)) : halfToFloat(value);
}

Value CodeBuilder::toMemory(Value value, Type element) {
  Type i32 = withElement(value.getType(), getI32Type()), i16 = withElement(value.getType(), getI16Type());
  if (element.isBF16()) {
    Value bits = arith::BitcastOp::create(*this, loc, i32, round(value, element));
    return arith::TruncIOp::create(*this, loc, i16,
                                   arith::ShRUIOp::create(*this, loc, bits, constant(i32, int64_t(16))));
  }
  if (!element.isF16())
    return value;
  return isa.hasHalfConversions
             ? Value(arith::TruncFOp::create(*this, loc, withElement(value.getType(), element), value))
             : floatToHalf(value);
}

Value CodeBuilder::round(Value value, Type smallFloat) {
  if (!smallFloat.isBF16())
    return fromMemory(toMemory(value, smallFloat), smallFloat);
  // Round to nearest even: add half of the last kept bit, less one when that bit is even. A NaN stays as it is, with
  // the quiet bit set so that cutting its tail cannot make an infinity.
  Type f32 = value.getType(), i32 = withElement(f32, getI32Type());
  Value bits = arith::BitcastOp::create(*this, loc, i32, value);
  Value odd = arith::AndIOp::create(*this, loc, arith::ShRUIOp::create(*this, loc, bits, constant(i32, int64_t(16))),
                                    constant(i32, int64_t(1)));
  Value bias = arith::AddIOp::create(*this, loc, odd, constant(i32, int64_t(0x7fff)));
  Value rounded = arith::AddIOp::create(*this, loc, bits, bias);
  Value quiet = arith::OrIOp::create(*this, loc, bits, constant(i32, int64_t(0x400000)));
  Value isNan = arith::CmpFOp::create(*this, loc, arith::CmpFPredicate::UNO, value, value);
  Value chosen = arith::SelectOp::create(*this, loc, isNan, quiet, rounded);
  Value kept = arith::AndIOp::create(*this, loc, chosen, constant(i32, int64_t(0xffff0000)));
  return arith::BitcastOp::create(*this, loc, f32, kept);
}

/// f16 bits (i16) to f32 in integer arithmetic: rebias the exponent; denormals are normalised by a subtraction.
Value CodeBuilder::halfToFloat(Value bits) {
  Type i32 = withElement(bits.getType(), getI32Type()), f32 = withElement(bits.getType(), getF32Type());
  auto c = [&](int64_t value) { return constant(i32, value); };
  Value wide = arith::ExtUIOp::create(*this, loc, i32, bits);
  Value magnitude = arith::ShLIOp::create(*this, loc, arith::AndIOp::create(*this, loc, wide, c(0x7fff)), c(13));
  Value exponent = arith::AndIOp::create(*this, loc, magnitude, c(0x0f800000));
  Value normal = arith::AddIOp::create(*this, loc, magnitude, c((127 - 15) << 23));
  Value special = arith::AddIOp::create(*this, loc, normal, c((128 - 16) << 23));
  Value raised = arith::AddIOp::create(*this, loc, normal, c(1 << 23));
  Value lowest = arith::BitcastOp::create(*this, loc, f32, c(113 << 23));
  Value denormal = arith::BitcastOp::create(
      *this, loc, i32, arith::SubFOp::create(*this, loc, arith::BitcastOp::create(*this, loc, f32, raised), lowest));
  auto equals = [&](int64_t value) {
    return arith::CmpIOp::create(*this, loc, arith::CmpIPredicate::eq, exponent, c(value));
  };
  Value result = arith::SelectOp::create(*this, loc, equals(0x0f800000), special, normal);
  result = arith::SelectOp::create(*this, loc, equals(0), denormal, result);
  Value sign = arith::ShLIOp::create(*this, loc, arith::AndIOp::create(*this, loc, wide, c(0x8000)), c(16));
  return arith::BitcastOp::create(*this, loc, f32, arith::OrIOp::create(*this, loc, result, sign));
}

/// f32 to f16 bits (i16), to nearest even, in integer arithmetic; denormals are rounded by a float addition.
Value CodeBuilder::floatToHalf(Value value) {
  Type f32 = value.getType(), i32 = withElement(f32, getI32Type());
  auto c = [&](int64_t value) { return constant(i32, value); };
  Value bits = arith::BitcastOp::create(*this, loc, i32, value);
  Value sign = arith::AndIOp::create(*this, loc, bits, c(0x80000000));
  Value magnitude = arith::XOrIOp::create(*this, loc, bits, sign);
  auto above = [&](int64_t limit) {
    return arith::CmpIOp::create(*this, loc, arith::CmpIPredicate::ugt, magnitude, c(limit));
  };
  Value special = arith::SelectOp::create(*this, loc, above(0x7f800000), c(0x7e00), c(0x7c00));
  Value half = arith::BitcastOp::create(*this, loc, f32, c(0x3f000000));
  Value sum = arith::AddFOp::create(*this, loc, arith::BitcastOp::create(*this, loc, f32, magnitude), half);
  Value denormal = arith::SubIOp::create(*this, loc, arith::BitcastOp::create(*this, loc, i32, sum), c(0x3f000000));
  Value odd = arith::AndIOp::create(*this, loc, arith::ShRUIOp::create(*this, loc, magnitude, c(13)), c(1));
  Value rounded = arith::AddIOp::create(*this, loc, arith::AddIOp::create(*this, loc, magnitude, c(0xc8000fff)), odd);
  Value normal = arith::ShRUIOp::create(*this, loc, rounded, c(13));
  Value result = arith::SelectOp::create(*this, loc, above(0x387fffff), normal, denormal);
  result = arith::SelectOp::create(*this, loc, above(0x477fffff), special, result);
  Value signBit = arith::ShRUIOp::create(*this, loc, sign, c(16));
  return arith::TruncIOp::create(*this, loc, withElement(f32, getI16Type()),
                                 arith::OrIOp::create(*this, loc, result, signBit));
}
