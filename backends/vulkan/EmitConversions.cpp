#include "backends/vulkan/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heed;
using namespace heed::vulkan;

static unsigned bitsOf(Value value) { return value.getType().getIntOrFloatBitWidth(); }

Value KernelEmitter::emitConversion(Operation *op, Value x) {
  Type from = getElementTypeOrSelf(op->getOperand(0).getType()), to = getElementTypeOrSelf(op->getResult(0).getType());
  Type result = scalarType(to);
  bool fromBool = from.isInteger(1), toBool = to.isInteger(1);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<arith::ExtUIOp, arith::TruncIOp, arith::IndexCastUIOp>(
          [&](auto) { return resizeInteger(x, result, false); })
      .Case<arith::ExtSIOp, arith::IndexCastOp>([&](auto) { return resizeInteger(x, result, true); })
      .Case([&](arith::ExtFOp) { return extendFloat(x, from, to); })
      .Case([&](arith::TruncFOp) { return truncateFloat(x, to); })
      .Case([&](arith::BitcastOp) { return fromBool || toBool ? Value() : bitcast(x, result); })
      .Case<arith::SIToFPOp, arith::UIToFPOp>([&](auto) -> Value {
        bool isSigned = isa<arith::SIToFPOp>(op);
        if (fromBool)
          x = resizeInteger(x, builder.getI32Type(), isSigned);
        Type wide = to.isBF16() ? builder.getF32Type() : to;
        Value number = isSigned ? Value(create<spirv::ConvertSToFOp>(wide, x)) : create<spirv::ConvertUToFOp>(wide, x);
        return truncateFloat(number, to);
      })
      .Case<arith::FPToSIOp, arith::FPToUIOp>([&](auto) -> Value {
        x = extendFloat(x, from, from.isBF16() ? builder.getF32Type() : from);
        Type number = toBool ? Type(builder.getI32Type()) : result;
        Value converted = isa<arith::FPToSIOp>(op) ? Value(create<spirv::ConvertFToSOp>(number, x))
                                                   : create<spirv::ConvertFToUOp>(number, x);
        return resizeInteger(converted, result, false);
      })
      .Default([](Operation *) { return Value(); });
}

/// Booleans are no numbers in SPIR-V.
Value KernelEmitter::resizeInteger(Value x, Type to, bool isSigned) {
  if (x.getType() == to)
    return x;
  if (x.getType().isInteger(1))
    return create<spirv::SelectOp>(x, constant(to, isSigned ? -1 : 1), constant(to, 0));
  if (to.isInteger(1)) {
    Value lowest = create<spirv::BitwiseAndOp>(x, constant(x.getType(), 1));
    return create<spirv::INotEqualOp>(lowest, constant(x.getType(), 0));
  }
  if (isSigned)
    return create<spirv::SConvertOp>(to, x);
  return create<spirv::UConvertOp>(to, x);
}

/// The 16 bits of a bf16 are the upper half of the f32.
Value KernelEmitter::extendFloat(Value x, Type from, Type to) {
  if (from.isBF16()) {
    Type word = builder.getI32Type();
    Value bits = create<spirv::UConvertOp>(word, x);
    x = bitcast(create<spirv::ShiftLeftLogicalOp>(word, bits, constant(word, 16)), builder.getF32Type());
  }
  if (x.getType() == to)
    return x;
  return create<spirv::FConvertOp>(to, x);
}

/// Rounds to nearest even; a NaN keeps its upper bits and becomes a quiet one, so that it cannot turn into an infinity.
Value KernelEmitter::truncateFloat(Value x, Type to) {
  if (x.getType() == to)
    return x;
  if (!to.isBF16())
    return create<spirv::FConvertOp>(to, x);
  if (bitsOf(x) != 32)
    x = create<spirv::FConvertOp>(builder.getF32Type(), x);
  Type word = builder.getI32Type();
  Value bits = bitcast(x, word), sixteen = constant(word, 16);
  Value upper = create<spirv::ShiftRightLogicalOp>(word, bits, sixteen);
  Value odd = create<spirv::BitwiseAndOp>(upper, constant(word, 1));
  Value rounding = create<spirv::IAddOp>(odd, constant(word, 0x7fff));
  Value rounded = create<spirv::ShiftRightLogicalOp>(word, create<spirv::IAddOp>(bits, rounding), sixteen);
  Value quiet = create<spirv::BitwiseOrOp>(upper, constant(word, 0x40));
  Value kept = create<spirv::SelectOp>(create<spirv::IsNanOp>(x), quiet, rounded);
  return create<spirv::UConvertOp>(builder.getI16Type(), kept);
}
