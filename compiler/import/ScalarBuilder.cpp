#include "compiler/import/ScalarBuilder.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::importer;

Value ScalarBuilder::constant(double value) {
  Type type = getType();
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(builder, builder.getFloatAttr(type, value));
  return arith::ConstantOp::create(builder, builder.getIntegerAttr(type, static_cast<int64_t>(value)));
}

Value ScalarBuilder::add(Value a, Value b) {
  return isFloat(kind) ? builder.createOrFold<arith::AddFOp>(a, b) : builder.createOrFold<arith::AddIOp>(a, b);
}

Value ScalarBuilder::subtract(Value a, Value b) {
  return isFloat(kind) ? builder.createOrFold<arith::SubFOp>(a, b) : builder.createOrFold<arith::SubIOp>(a, b);
}

Value ScalarBuilder::multiply(Value a, Value b) {
  return isFloat(kind) ? builder.createOrFold<arith::MulFOp>(a, b) : builder.createOrFold<arith::MulIOp>(a, b);
}

Value ScalarBuilder::divide(Value a, Value b) {
  if (isFloat(kind))
    return builder.createOrFold<arith::DivFOp>(a, b);
  return isUnsigned(kind) ? builder.createOrFold<arith::DivUIOp>(a, b) : builder.createOrFold<arith::DivSIOp>(a, b);
}

Value ScalarBuilder::remainder(Value a, Value b, bool signOfDivisor) {
  if (!isFloat(kind) && isUnsigned(kind))
    return builder.createOrFold<arith::RemUIOp>(a, b);
  Value rest = isFloat(kind) ? builder.createOrFold<arith::RemFOp>(a, b) : builder.createOrFold<arith::RemSIOp>(a, b);
  if (!signOfDivisor)
    return rest;
  Value zero = constant(0);
  Value signsDiffer =
      builder.createOrFold<arith::XOrIOp>(compare(Order::less, rest, zero), compare(Order::less, b, zero));
  Value adjust = builder.createOrFold<arith::AndIOp>(isNotZero(rest), signsDiffer);
  return select(adjust, add(rest, b), rest);
}

Value ScalarBuilder::negate(Value a) {
  return isFloat(kind) ? builder.createOrFold<arith::NegFOp>(a) : subtract(constant(0), a);
}

Value ScalarBuilder::absolute(Value a) {
  if (isFloat(kind))
    return builder.createOrFold<math::AbsFOp>(a);
  return isUnsigned(kind) ? a : builder.createOrFold<math::AbsIOp>(a);
}

Value ScalarBuilder::minimum(Value a, Value b) {
  if (isFloat(kind))
    return builder.createOrFold<arith::MinimumFOp>(a, b);
  return isUnsigned(kind) ? builder.createOrFold<arith::MinUIOp>(a, b) : builder.createOrFold<arith::MinSIOp>(a, b);
}

Value ScalarBuilder::maximum(Value a, Value b) {
  if (isFloat(kind))
    return builder.createOrFold<arith::MaximumFOp>(a, b);
  return isUnsigned(kind) ? builder.createOrFold<arith::MaxUIOp>(a, b) : builder.createOrFold<arith::MaxSIOp>(a, b);
}

Value ScalarBuilder::compare(Order order, Value a, Value b) {
  using FloatPredicate = arith::CmpFPredicate;
  using IntPredicate = arith::CmpIPredicate;
  static constexpr FloatPredicate floats[] = {FloatPredicate::OEQ, FloatPredicate::OLT, FloatPredicate::OLE,
                                              FloatPredicate::OGT, FloatPredicate::OGE};
  static constexpr IntPredicate signedInts[] = {IntPredicate::eq, IntPredicate::slt, IntPredicate::sle,
                                                IntPredicate::sgt, IntPredicate::sge};
  static constexpr IntPredicate unsignedInts[] = {IntPredicate::eq, IntPredicate::ult, IntPredicate::ule,
                                                  IntPredicate::ugt, IntPredicate::uge};
  auto index = static_cast<size_t>(order);
  if (isFloat(kind))
    return builder.createOrFold<arith::CmpFOp>(floats[index], a, b);
  return builder.createOrFold<arith::CmpIOp>(isUnsigned(kind) ? unsignedInts[index] : signedInts[index], a, b);
}

Value ScalarBuilder::isNotZero(Value a) {
  if (isFloat(kind)) // NaN counts as not zero
    return builder.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNE, a, constant(0));
  return builder.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, a, constant(0));
}

Value ScalarBuilder::select(Value condition, Value a, Value b) {
  return builder.createOrFold<arith::SelectOp>(condition, a, b);
}

Value ScalarBuilder::sigmoid(Value a) {
  Value one = constant(1);
  return divide(one, add(one, apply<math::ExpOp>(negate(a))));
}

static Value convertFloat(ImplicitLocOpBuilder &builder, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return value;
  return from < to ? builder.createOrFold<arith::ExtFOp>(type, value)
                   : builder.createOrFold<arith::TruncFOp>(type, value);
}

Value ScalarBuilder::convert(Value value, ElementKind from, ElementKind to) {
  if (from == to)
    return value;
  Type type = computeType(to, builder.getContext());
  if (to == ElementKind::boolean)
    return ScalarBuilder(builder, from).isNotZero(value);
  if (isFloat(from) && isFloat(to)) {
    return convertFloat(builder, value, type);
  }
  if (isFloat(from))
    return isUnsigned(to) ? builder.createOrFold<arith::FPToUIOp>(type, value)
                          : builder.createOrFold<arith::FPToSIOp>(type, value);
  if (isFloat(to))
    return isUnsigned(from) ? builder.createOrFold<arith::UIToFPOp>(type, value)
                            : builder.createOrFold<arith::SIToFPOp>(type, value);
  unsigned fromWidth = value.getType().getIntOrFloatBitWidth(), toWidth = type.getIntOrFloatBitWidth();
  if (fromWidth == toWidth)
    return value;
  if (fromWidth > toWidth)
    return builder.createOrFold<arith::TruncIOp>(type, value);
  return isUnsigned(from) ? builder.createOrFold<arith::ExtUIOp>(type, value)
                          : builder.createOrFold<arith::ExtSIOp>(type, value);
}

Value ScalarBuilder::widen(Value value) { return isFloat(kind) ? convertFloat(builder, value, getType()) : value; }

Value ScalarBuilder::narrow(Value value) {
  return isFloat(kind) ? convertFloat(builder, value, storageType(kind, builder.getContext())) : value;
}
