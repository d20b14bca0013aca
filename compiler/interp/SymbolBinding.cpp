/// Values of a graph's symbols: given by name, else solved from the shapes, strides and host scalars of the arguments.
#include "compiler/interp/AffineEvaluation.h"
#include "compiler/interp/Interpreter.h"

#include "dialects/plan/Plan.h"

using namespace mlir;

namespace heed::interp {
namespace {

class SymbolBinder {
public:
  SymbolBinder(func::FuncOp graph, ArrayRef<RuntimeValue> arguments, Frame &frame)
      : graph(graph), arguments(arguments), frame(frame) {}

  LogicalResult bind(ArrayAttr names, const llvm::StringMap<int64_t> &given) {
    for (StringAttr name : names.getAsRange<StringAttr>()) {
      auto found = given.find(name.getValue());
      frame.symbolNames.push_back(name.getValue());
      frame.symbols.push_back(found == given.end() ? 0 : found->second);
      known.push_back(found != given.end());
    }
    for (unsigned argument = 0; argument < arguments.size(); ++argument)
      if (failed(bindHostScalar(argument)))
        return failure();
    for (unsigned argument = 0; argument < arguments.size(); ++argument)
      if (auto *tensor = std::get_if<Tensor>(&arguments[argument])) {
        Shape strides = tensor->storageStrides.empty() ? contiguousStrides(tensor->shape) : tensor->storageStrides;
        solve(argument, plan::shapeAttrName, tensor->shape);
        solve(argument, plan::stridesAttrName, strides);
      }
    for (auto [symbol, isKnown] : llvm::enumerate(known))
      if (!isKnown)
        return graph.emitError("interpreter: symbol ") << frame.symbolNames[symbol] << " has no value";
    return check();
  }

private:
  LogicalResult bindHostScalar(unsigned argument) {
    auto name = graph.getArgAttrOfType<StringAttr>(argument, plan::hostScalarAttrName);
    auto *tensor = std::get_if<Tensor>(&arguments[argument]);
    if (!name || !tensor)
      return success();
    auto *found = llvm::find(frame.symbolNames, name.getValue());
    if (found == frame.symbolNames.end() || tensor->size() != 1 || tensor->isFloat())
      return graph.emitError("interpreter: argument ") << argument << " cannot give a value to " << name;
    size_t symbol = found - frame.symbolNames.begin();
    frame.symbols[symbol] = tensor->data()[0].integer;
    known[symbol] = true;
    return success();
  }

  /// A result of the map that is one unknown symbol takes the actual value.
  void solve(unsigned argument, StringRef attribute, ArrayRef<int64_t> actual) {
    auto map = graph.getArgAttrOfType<AffineMapAttr>(argument, attribute);
    if (!map)
      return;
    for (auto [expr, value] : llvm::zip_equal(map.getValue().getResults(), actual)) {
      auto symbol = dyn_cast<AffineSymbolExpr>(expr);
      if (!symbol || known[symbol.getPosition()])
        continue;
      frame.symbols[symbol.getPosition()] = value;
      known[symbol.getPosition()] = true;
    }
  }

  LogicalResult check() {
    for (unsigned argument = 0; argument < arguments.size(); ++argument) {
      auto map = graph.getArgAttrOfType<AffineMapAttr>(argument, plan::shapeAttrName);
      auto *tensor = std::get_if<Tensor>(&arguments[argument]);
      if (!map || !tensor)
        continue;
      std::optional<Shape> shape = evaluate(map.getValue(), {}, frame.symbols);
      if (!shape || *shape != tensor->shape)
        return graph.emitError("interpreter: the shape of argument ") << argument << " contradicts its plan.shape";
    }
    return success();
  }

  func::FuncOp graph;
  ArrayRef<RuntimeValue> arguments;
  Frame &frame;
  SmallVector<bool> known;
};

} // namespace

LogicalResult bindSymbols(func::FuncOp graph, ArrayRef<RuntimeValue> arguments, const llvm::StringMap<int64_t> &given,
                          Frame &frame) {
  auto names = graph->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
  return names ? SymbolBinder(graph, arguments, frame).bind(names, given) : success();
}

} // namespace heed::interp
