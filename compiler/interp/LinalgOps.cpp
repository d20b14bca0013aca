/// linalg: every op with a body runs by its indexing maps and that body, over the loops in order; softmax has none.
#include "compiler/interp/AffineEvaluation.h"
#include "compiler/interp/Handlers.h"
#include "compiler/interp/ScalarProgram.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace heed::interp {
namespace {

/// Where an operand is accessed in an iteration: base + sum of coefficient * loop index for maps without divisions,
/// which covers all named ops; other maps are evaluated each time.
class Access {
public:
  /// Fails when the map reaches outside of `shape` for loops of the given extents.
  static FailureOr<Access> make(Operation *op, AffineMap map, ArrayRef<int64_t> shape, ArrayRef<int64_t> extents) {
    Access access;
    access.map = map;
    access.shape = Shape(shape);
    access.isLinear = llvm::all_of(map.getResults(), isLinearExpr);
    if (!access.isLinear)
      return access;
    access.coefficients.assign(extents.size(), 0);
    Shape strides = contiguousStrides(shape), zero(extents.size(), 0);
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      int64_t base = *evaluate(expr, zero, {}), lowest = base, highest = base;
      for (size_t loop = 0; loop < extents.size(); ++loop) {
        Shape unit = zero;
        unit[loop] = 1;
        int64_t coefficient = *evaluate(expr, unit, {}) - base;
        int64_t reach = coefficient * (extents[loop] - 1);
        lowest += std::min<int64_t>(reach, 0);
        highest += std::max<int64_t>(reach, 0);
        access.coefficients[loop] += coefficient * strides[dim];
      }
      if (lowest < 0 || highest >= shape[dim])
        return op->emitError("interpreter: an indexing map reaches element ")
               << (lowest < 0 ? lowest : highest) << " of a dimension of " << shape[dim];
      access.base += base * strides[dim];
    }
    return access;
  }

  /// The flat position in an iteration, or nothing when it is outside of the operand.
  std::optional<int64_t> at(ArrayRef<int64_t> iteration) const {
    if (isLinear) {
      int64_t position = base;
      for (auto [coefficient, index] : llvm::zip_equal(coefficients, iteration))
        position += coefficient * index;
      return position;
    }
    std::optional<Shape> indices = evaluate(map, iteration, {});
    if (!indices)
      return std::nullopt;
    int64_t position = 0;
    for (auto [index, extent] : llvm::zip_equal(*indices, shape)) {
      if (index < 0 || index >= extent)
        return std::nullopt;
      position = position * extent + index;
    }
    return position;
  }

private:
  static bool isLinearExpr(AffineExpr expr) {
    bool linear = true;
    expr.walk([&](AffineExpr part) {
      linear &= part.getKind() == AffineExprKind::Add || part.getKind() == AffineExprKind::Mul ||
                part.getKind() == AffineExprKind::DimId || part.getKind() == AffineExprKind::Constant;
    });
    return linear;
  }

  AffineMap map;
  Shape shape;
  bool isLinear = true;
  int64_t base = 0;
  Shape coefficients;
};

class LinalgRun {
public:
  LinalgRun(Interpreter &interpreter, linalg::LinalgOp op, Frame &frame)
      : interpreter(interpreter), op(op), frame(frame) {}

  LogicalResult run() {
    if (!op.hasPureTensorSemantics())
      return op.emitError("interpreter: needs tensors, not memrefs");
    if (failed(findExtents()) || failed(prepareOperands()))
      return failure();
    FailureOr<ScalarProgram> program =
        ScalarProgram::compile(*op.getBlock(), op.getBlock()->getNumArguments(), interpreter, frame);
    if (failed(program) || failed(runLoops(*program)))
      return failure();
    for (auto [result, tensor] : llvm::zip_equal(op->getResults(), outputs))
      frame.set(result, std::move(tensor));
    return success();
  }

private:
  /// The extent of a loop is the size of any operand dimension that its index alone walks; all must agree.
  LogicalResult findExtents() {
    extents.assign(op.getNumLoops(), -1);
    for (OpOperand &operand : op->getOpOperands()) {
      const Tensor *tensor = std::get_if<Tensor>(&frame.get(operand.get()));
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (unsigned dim = 0; tensor && dim < map.getNumResults(); ++dim) {
        auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
        if (!loop)
          continue;
        int64_t &extent = extents[loop.getPosition()];
        if (extent >= 0 && extent != tensor->shape[dim])
          return op.emitError("interpreter: loop ")
                 << loop.getPosition() << " walks sizes " << extent << " and " << tensor->shape[dim];
        extent = tensor->shape[dim];
      }
    }
    if (llvm::is_contained(extents, -1))
      return op.emitError("interpreter: the extent of a loop is unknown");
    isEmpty = llvm::is_contained(extents, 0);
    return success();
  }

  LogicalResult prepareOperands() {
    for (OpOperand &operand : op->getOpOperands()) {
      const RuntimeValue &value = frame.get(operand.get());
      const Tensor *tensor = std::get_if<Tensor>(&value);
      bool isOutput = op.isDpsInit(&operand);
      if (!tensor) {
        inputs.push_back({});
        scalars.push_back(std::get<Scalar>(value));
        accesses.push_back({});
        continue;
      }
      FailureOr<Access> access = Access();
      if (!isEmpty)
        access = Access::make(op, op.getMatchingIndexingMap(&operand), tensor->shape, extents);
      if (failed(access))
        return failure();
      accesses.push_back(*access);
      if (isOutput) {
        outputs.push_back(*tensor);
      } else {
        inputs.push_back(*tensor);
        scalars.push_back(Scalar::ofInteger(0));
      }
    }
    return success();
  }

  LogicalResult runLoops(ScalarProgram &program) {
    if (isEmpty)
      return success();
    SmallVector<MutableArrayRef<Scalar>> written;
    for (Tensor &output : outputs)
      written.push_back(output.mutableData());
    SmallVector<Scalar> arguments(inputs.size() + outputs.size(), Scalar::ofInteger(0));
    SmallVector<Scalar> results(outputs.size(), Scalar::ofInteger(0));
    SmallVector<int64_t> positions(arguments.size(), 0);
    Shape iteration(extents.size(), 0);
    do {
      for (size_t i = 0; i < arguments.size(); ++i) {
        if (i < inputs.size() && !inputs[i].elements) {
          arguments[i] = scalars[i];
          continue;
        }
        std::optional<int64_t> position = accesses[i].at(iteration);
        if (!position)
          return op.emitError("interpreter: an indexing map leaves its operand");
        positions[i] = *position;
        arguments[i] = i < inputs.size() ? inputs[i].data()[*position] : written[i - inputs.size()][*position];
      }
      if (failed(program.run(arguments, iteration, results)))
        return failure();
      for (size_t i = 0; i < written.size(); ++i)
        written[i][positions[inputs.size() + i]] = results[i];
    } while (nextPosition(iteration, extents));
    return success();
  }

  Interpreter &interpreter;
  linalg::LinalgOp op;
  Frame &frame;
  Shape extents;
  bool isEmpty = false;
  SmallVector<Tensor> inputs, outputs;
  SmallVector<Scalar> scalars;
  SmallVector<Access> accesses; ///< of inputs, then outputs
};

} // namespace

LogicalResult runLinalg(Interpreter &interpreter, Operation *op, Frame &frame) {
  return LinalgRun(interpreter, cast<linalg::LinalgOp>(op), frame).run();
}

static LogicalResult runSoftmax(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto softmax = cast<linalg::SoftmaxOp>(op);
  auto *value = std::get_if<Tensor>(&frame.get(softmax.getInput()));
  if (!value)
    return op->emitError("interpreter: needs tensors, not memrefs");
  Tensor result = *value;
  size_t dim = softmax.getDimension();
  int64_t extent = result.shape[dim], stride = contiguousStrides(result.shape)[dim];
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t first = 0; first < result.size(); ++first) {
    if (extent == 0 || (first / stride) % extent != 0)
      continue; // not the first element along the dimension
    double highest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < extent; ++i)
      highest = std::fmax(highest, data[first + i * stride].real);
    for (int64_t i = 0; i < extent; ++i)
      sum += std::exp(data[first + i * stride].real - highest);
    for (int64_t i = 0; i < extent; ++i) {
      Scalar &element = data[first + i * stride];
      element = interpreter.settle(std::exp(element.real - highest) / sum, result.elementType);
    }
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

void addLinalgHandlers(HandlerTable &table) { table["linalg.softmax"] = runSoftmax; }

} // namespace heed::interp
