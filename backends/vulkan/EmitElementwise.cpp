#include "backends/vulkan/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heed;
using namespace heed::vulkan;

LogicalResult KernelEmitter::emitElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumRegions() != 0)
    return op->emitOpError("cannot be had in Vulkan kernels");
  for (Value operand : op->getOperands())
    if (!values.contains(operand))
      return op->emitOpError("uses a value that Vulkan kernels cannot have");
  Scalars results;
  for (unsigned element = 0, count = elementCount(op->getResult(0).getType()); element < count; ++element) {
    SmallVector<Value, 3> operands;
    for (Value operand : op->getOperands()) {
      const Scalars &elements = scalars(operand);
      operands.push_back(elements.size() == 1 ? elements.front() : elements[element]);
    }
    results.push_back(emitScalar(op, operands));
    if (!results.back())
      return op->emitOpError("cannot be had in Vulkan kernels for ") << op->getOperandTypes();
  }
  set(op->getResult(0), std::move(results));
  return success();
}

Value KernelEmitter::emitScalar(Operation *op, ArrayRef<Value> x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::SelectOp) { return create<spirv::SelectOp>(x[1].getType(), x[0], x[1], x[2]); })
      .Case([&](arith::CmpIOp compare) { return emitCompare(compare.getPredicate(), x[0], x[1]); })
      .Case([&](arith::CmpFOp compare) { return emitCompare(compare.getPredicate(), x[0], x[1]); })
      .Case<arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp, arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp,
            arith::UIToFPOp, arith::FPToSIOp, arith::FPToUIOp, arith::IndexCastOp, arith::IndexCastUIOp,
            arith::BitcastOp>([&](auto) { return emitConversion(op, x[0]); })
      .Default([&](Operation *) -> Value {
        Type element = getElementTypeOrSelf(op->getResult(0).getType());
        if (element.isIntOrIndex())
          return emitInteger(op, x);
        // 16-bit floats are for memory.
        if (!element.isF32() && !element.isF64())
          return {};
        return isa<math::MathDialect>(op->getDialect()) ? emitMath(op, x) : emitFloat(op, x);
      });
}

//===- Integers ---------------------------------------------------------------------------------------------------===//

/// OpSRem is undefined for negative numbers.
Value KernelEmitter::remainder(Value left, Value right) {
  Value quotient = create<spirv::SDivOp>(left, right);
  return create<spirv::ISubOp>(left, create<spirv::IMulOp>(quotient, right));
}

Value KernelEmitter::emitInteger(Operation *op, ArrayRef<Value> x) {
  if (x[0].getType().isInteger(1))
    return llvm::TypeSwitch<Operation *, Value>(op)
        .Case([&](arith::AndIOp) { return create<spirv::LogicalAndOp>(x[0], x[1]); })
        .Case([&](arith::OrIOp) { return create<spirv::LogicalOrOp>(x[0], x[1]); })
        .Case([&](arith::XOrIOp) { return create<spirv::LogicalNotEqualOp>(x[0], x[1]); })
        .Default([](Operation *) { return Value(); });
  Type type = x[0].getType();
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::AddIOp) { return create<spirv::IAddOp>(x[0], x[1]); })
      .Case([&](arith::SubIOp) { return create<spirv::ISubOp>(x[0], x[1]); })
      .Case([&](arith::MulIOp) { return create<spirv::IMulOp>(x[0], x[1]); })
      .Case([&](arith::DivSIOp) { return create<spirv::SDivOp>(x[0], x[1]); })
      .Case([&](arith::DivUIOp) { return create<spirv::UDivOp>(x[0], x[1]); })
      .Case([&](arith::RemSIOp) { return remainder(x[0], x[1]); })
      .Case([&](arith::RemUIOp) { return create<spirv::UModOp>(x[0], x[1]); })
      .Case([&](arith::AndIOp) { return create<spirv::BitwiseAndOp>(x[0], x[1]); })
      .Case([&](arith::OrIOp) { return create<spirv::BitwiseOrOp>(x[0], x[1]); })
      .Case([&](arith::XOrIOp) { return create<spirv::BitwiseXorOp>(x[0], x[1]); })
      .Case([&](arith::ShLIOp) { return create<spirv::ShiftLeftLogicalOp>(type, x[0], x[1]); })
      .Case([&](arith::ShRSIOp) { return create<spirv::ShiftRightArithmeticOp>(type, x[0], x[1]); })
      .Case([&](arith::ShRUIOp) { return create<spirv::ShiftRightLogicalOp>(type, x[0], x[1]); })
      .Case([&](arith::MaxSIOp) {
        return create<spirv::SelectOp>(create<spirv::SGreaterThanOp>(x[0], x[1]), x[0], x[1]);
      })
      .Case([&](arith::MinSIOp) { return create<spirv::SelectOp>(create<spirv::SLessThanOp>(x[0], x[1]), x[0], x[1]); })
      .Case([&](arith::MaxUIOp) {
        return create<spirv::SelectOp>(create<spirv::UGreaterThanOp>(x[0], x[1]), x[0], x[1]);
      })
      .Case([&](arith::MinUIOp) { return create<spirv::SelectOp>(create<spirv::ULessThanOp>(x[0], x[1]), x[0], x[1]); })
      .Default([](Operation *) { return Value(); });
}

Value KernelEmitter::emitCompare(arith::CmpIPredicate predicate, Value left, Value right) {
  using Predicate = arith::CmpIPredicate;
  if (left.getType().isInteger(1)) {
    if (predicate == Predicate::eq)
      return create<spirv::LogicalEqualOp>(left, right);
    if (predicate == Predicate::ne)
      return create<spirv::LogicalNotEqualOp>(left, right);
    bool isSigned = predicate >= Predicate::slt && predicate <= Predicate::sge;
    left = resizeInteger(left, builder.getI32Type(), isSigned);
    right = resizeInteger(right, builder.getI32Type(), isSigned);
  }
  switch (predicate) {
  case Predicate::eq:
    return create<spirv::IEqualOp>(left, right);
  case Predicate::ne:
    return create<spirv::INotEqualOp>(left, right);
  case Predicate::slt:
    return create<spirv::SLessThanOp>(left, right);
  case Predicate::sle:
    return create<spirv::SLessThanEqualOp>(left, right);
  case Predicate::sgt:
    return create<spirv::SGreaterThanOp>(left, right);
  case Predicate::sge:
    return create<spirv::SGreaterThanEqualOp>(left, right);
  case Predicate::ult:
    return create<spirv::ULessThanOp>(left, right);
  case Predicate::ule:
    return create<spirv::ULessThanEqualOp>(left, right);
  case Predicate::ugt:
    return create<spirv::UGreaterThanOp>(left, right);
  case Predicate::uge:
    return create<spirv::UGreaterThanEqualOp>(left, right);
  }
  return {};
}

//===- Floating point ---------------------------------------------------------------------------------------------===//

/// Products and sums are not to be contracted unless the op says so: compensated arithmetic relies on each rounding.
template <typename SpirvOp> static Value exact(SpirvOp emitted, Operation *op) {
  auto flags = cast<arith::ArithFastMathInterface>(op).getFastMathFlagsAttr();
  if (!flags || !bitEnumContainsAll(flags.getValue(), arith::FastMathFlags::contract))
    emitted->setAttr("no_contraction", UnitAttr::get(op->getContext()));
  return emitted;
}

/// Devices may be off by 2.5 ulp. What is left of the dividend corrects that, except where the quotient is zero,
/// infinite or no number. (A function that is thirty times a quotient and goes into an exponential shows those 2.5
/// ulp.)
Value KernelEmitter::divide(Operation *op, Value left, Value right) {
  Value quotient = exact(create<spirv::FDivOp>(left, right), op);
  Type type = left.getType();
  if (!type.isF32())
    return quotient;
  Value operands[] = {create<spirv::FNegateOp>(quotient), right, left};
  Value rest = create<spirv::GLFmaOp>(type, operands);
  Value step = exact(create<spirv::FDivOp>(rest, right), op);
  Value size = create<spirv::GLFAbsOp>(quotient), stepSize = create<spirv::GLFAbsOp>(step);
  Value isSmall = create<spirv::FOrdLessThanOp>(stepSize, size);
  return create<spirv::SelectOp>(isSmall, exact(create<spirv::FAddOp>(quotient, step), op), quotient);
}

Value KernelEmitter::emitFloat(Operation *op, ArrayRef<Value> x) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::AddFOp) { return exact(create<spirv::FAddOp>(x[0], x[1]), op); })
      .Case([&](arith::SubFOp) { return exact(create<spirv::FSubOp>(x[0], x[1]), op); })
      .Case([&](arith::MulFOp) { return exact(create<spirv::FMulOp>(x[0], x[1]), op); })
      .Case([&](arith::DivFOp) { return divide(op, x[0], x[1]); })
      .Case([&](arith::RemFOp) { return create<spirv::FRemOp>(x[0], x[1]); })
      .Case([&](arith::NegFOp) { return create<spirv::FNegateOp>(x[0]); })
      .Case([&](arith::MaximumFOp) { return emitExtremum(x[0], x[1], true, true); })
      .Case([&](arith::MinimumFOp) { return emitExtremum(x[0], x[1], false, true); })
      .Case([&](arith::MaxNumFOp) { return emitExtremum(x[0], x[1], true, false); })
      .Case([&](arith::MinNumFOp) { return emitExtremum(x[0], x[1], false, false); })
      .Default([](Operation *) { return Value(); });
}

/// GLSL's FMax and FMin leave NaN undefined. The comparison is false for NaN and then gives the right one.
Value KernelEmitter::emitExtremum(Value left, Value right, bool larger, bool propagates) {
  Value isBetter =
      larger ? Value(create<spirv::FOrdGreaterThanOp>(left, right)) : Value(create<spirv::FOrdLessThanOp>(left, right));
  Value ordered = create<spirv::SelectOp>(isBetter, left, right);
  Value takesLeft = create<spirv::IsNanOp>(propagates ? left : right);
  return create<spirv::SelectOp>(takesLeft, left, ordered);
}

Value KernelEmitter::emitCompare(arith::CmpFPredicate predicate, Value left, Value right) {
  using Predicate = arith::CmpFPredicate;
  switch (predicate) {
  case Predicate::AlwaysFalse:
  case Predicate::AlwaysTrue:
    return constant(builder.getI1Type(), predicate == Predicate::AlwaysTrue);
  case Predicate::OEQ:
    return create<spirv::FOrdEqualOp>(left, right);
  case Predicate::OGT:
    return create<spirv::FOrdGreaterThanOp>(left, right);
  case Predicate::OGE:
    return create<spirv::FOrdGreaterThanEqualOp>(left, right);
  case Predicate::OLT:
    return create<spirv::FOrdLessThanOp>(left, right);
  case Predicate::OLE:
    return create<spirv::FOrdLessThanEqualOp>(left, right);
  case Predicate::ONE:
    return create<spirv::FOrdNotEqualOp>(left, right);
  case Predicate::UEQ:
    return create<spirv::FUnordEqualOp>(left, right);
  case Predicate::UGT:
    return create<spirv::FUnordGreaterThanOp>(left, right);
  case Predicate::UGE:
    return create<spirv::FUnordGreaterThanEqualOp>(left, right);
  case Predicate::ULT:
    return create<spirv::FUnordLessThanOp>(left, right);
  case Predicate::ULE:
    return create<spirv::FUnordLessThanEqualOp>(left, right);
  case Predicate::UNE:
    return create<spirv::FUnordNotEqualOp>(left, right);
  case Predicate::ORD:
  case Predicate::UNO: {
    Value unordered = create<spirv::IsNanOp>(left);
    if (left != right)
      unordered = create<spirv::LogicalOrOp>(unordered, create<spirv::IsNanOp>(right));
    return predicate == Predicate::UNO ? unordered : Value(create<spirv::LogicalNotOp>(unordered));
  }
  }
  return {};
}

//===- Math -------------------------------------------------------------------------------------------------------===//

Value KernelEmitter::emitMath(Operation *op, ArrayRef<Value> x) {
  bool isSingle = x[0].getType().isF32();
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::Exp2Op) { return isSingle ? Value(create<spirv::GLExp2Op>(x[0])) : Value(); })
      .Case([&](math::Log2Op) { return isSingle ? Value(create<spirv::GLLog2Op>(x[0])) : Value(); })
      .Case([&](math::SqrtOp) { return create<spirv::GLSqrtOp>(x[0]); })
      .Case([&](math::RsqrtOp) { return create<spirv::GLInverseSqrtOp>(x[0]); })
      .Case([&](math::FmaOp) { return create<spirv::GLFmaOp>(x[0].getType(), x); })
      .Case([&](math::AbsFOp) { return create<spirv::GLFAbsOp>(x[0]); })
      .Case([&](math::FloorOp) { return create<spirv::GLFloorOp>(x[0]); })
      .Case([&](math::CeilOp) { return create<spirv::GLCeilOp>(x[0]); })
      .Case([&](math::RoundEvenOp) { return create<spirv::GLRoundEvenOp>(x[0]); })
      .Case([&](math::RoundOp) { return roundAwayFromZero(x[0]); })
      .Case([&](math::TruncOp) { return truncateTowardsZero(x[0]); })
      .Case([&](math::CopySignOp) { return copySign(x[0], x[1]); })
      .Default([](Operation *) { return Value(); });
}

/// By a choice, not by masks: where the host has AVX-512, Mesa's llvmpipe (22.3 with LLVM 15) merges the two masks and
/// their union with choices around them into one instruction that lets all bits of the sign's number through.
Value KernelEmitter::copySign(Value magnitude, Value sign) {
  Type bits = builder.getIntegerType(magnitude.getType().getIntOrFloatBitWidth());
  Value isNegative = create<spirv::SLessThanOp>(bitcast(sign, bits), constant(builder.getIntegerAttr(bits, 0)));
  Value size = create<spirv::GLFAbsOp>(magnitude);
  return create<spirv::SelectOp>(isNegative, create<spirv::FNegateOp>(size), size);
}

Value KernelEmitter::truncateTowardsZero(Value x) {
  return copySign(create<spirv::GLFloorOp>(create<spirv::GLFAbsOp>(x)), x);
}

/// GLSL's Round may round halves as it likes. The distance to the whole number below is exact.
Value KernelEmitter::roundAwayFromZero(Value x) {
  Value size = create<spirv::GLFAbsOp>(x);
  Value below = create<spirv::GLFloorOp>(size);
  Value distance = create<spirv::FSubOp>(size, below);
  Value above = create<spirv::FAddOp>(below, floatConstant(x.getType(), 1.0));
  Value goesUp = create<spirv::FOrdGreaterThanEqualOp>(distance, floatConstant(x.getType(), 0.5));
  return copySign(create<spirv::SelectOp>(goesUp, above, below), x);
}
