#include "compiler/graph/Rewriting.h"

#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

void heed::registerRewritingDialects(DialectRegistry &registry) {
  registry.insert<attn::AttnDialect, plan::PlanDialect, arith::ArithDialect, linalg::LinalgDialect, math::MathDialect,
                  tensor::TensorDialect>();
}

void heed::eraseUnusedOps(func::FuncOp function) {
  if (function.empty())
    return;
  // Users come after what they use, so one backward sweep finds every op that becomes unused.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

void heed::raiseTensors(func::FuncOp function, RaiseOrder order,
                        llvm::function_ref<void(Value tensor, ElementWalker &walker)> raise) {
  SymbolicShapes shapes(function);
  SmallVector<Value> candidates;
  function.walk([&](Operation *op) {
    if (op->getNumResults() == 1 && isa<RankedTensorType>(op->getResult(0).getType()))
      candidates.push_back(op->getResult(0));
  });
  if (order == RaiseOrder::LastToFirst)
    std::reverse(candidates.begin(), candidates.end());
  for (Value candidate : candidates) {
    if (candidate.use_empty())
      continue;
    SmallVector<AffineExpr> extents(shapes.shapeOf(candidate));
    ElementWalker walker(shapes, extents);
    raise(candidate, walker);
  }
  eraseUnusedOps(function);
}

static Value convertScalar(OpBuilder &builder, Location location, Value scalar, Type type) {
  if (scalar.getType().getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(builder, location, type, scalar);
  if (scalar.getType().getIntOrFloatBitWidth() > type.getIntOrFloatBitWidth())
    return arith::TruncFOp::create(builder, location, type, scalar);
  // Two formats of one width (f16, bf16) only meet in f32.
  Value wide = arith::ExtFOp::create(builder, location, builder.getF32Type(), scalar);
  return arith::TruncFOp::create(builder, location, type, wide);
}

Value heed::convertElements(OpBuilder &builder, Location location, Value tensor, Type elementType) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == elementType)
    return tensor;
  Value init =
      tensor::EmptyOp::create(builder, location, tensor::getMixedSizes(builder, location, tensor), elementType);
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> loops(type.getRank(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, location, init.getType(), tensor, init, ArrayRef{identity, identity}, loops,
                                   [&](OpBuilder &inner, Location, ValueRange arguments) {
                                     Value converted = convertScalar(inner, location, arguments[0], elementType);
                                     linalg::YieldOp::create(inner, location, converted);
                                   })
      .getResult(0);
}

Value heed::convertTo(OpBuilder &builder, Location location, Value tensor, RankedTensorType type) {
  Value converted = convertElements(builder, location, tensor, type.getElementType());
  if (converted.getType() == type)
    return converted;
  return tensor::CastOp::create(builder, location, type, converted);
}
