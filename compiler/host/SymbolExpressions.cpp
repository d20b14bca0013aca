#include "compiler/host/SymbolExpressions.h"

#include "dialects/plan/Plan.h"

using namespace mlir;

namespace heed {

SymbolExpressions::SymbolExpressions(func::FuncOp graph, rt::Plan &plan) : graph(graph), plan(plan) {
  if (auto symbols = graph->getAttrOfType<ArrayAttr>(plan::symbolsAttrName))
    for (StringAttr name : symbols.getAsRange<StringAttr>())
      names.push_back(name.getValue());
  values.resize(names.size(), rt::noExpr);
  for (unsigned input = 0; input < graph.getNumArguments(); ++input) {
    auto strides = graph.getArgAttrOfType<AffineMapAttr>(input, plan::stridesAttrName);
    if (!strides)
      continue;
    for (auto [dim, stride] : llvm::enumerate(strides.getValue().getResults()))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(stride); symbol && values[symbol.getPosition()] == rt::noExpr)
        values[symbol.getPosition()] = plan.expressions.inputStride(input, dim);
  }
}

std::optional<unsigned> SymbolExpressions::indexOf(StringRef name) const {
  const auto *found = llvm::find(names, name);
  return found == names.end() ? std::nullopt : std::optional<unsigned>(found - names.begin());
}

bool SymbolExpressions::accepts(AffineMap map) const {
  return map.getNumDims() == 0 && map.getNumSymbols() <= names.size();
}

rt::ExprId SymbolExpressions::symbol(unsigned index) {
  if (values[index] == rt::noExpr) {
    values[index] = plan.expressions.symbol(plan.symbols.size());
    plan.symbols.push_back(names[index].str());
  }
  return values[index];
}

rt::ExprId SymbolExpressions::symbol(StringRef name) {
  auto index = indexOf(name);
  return index ? symbol(*index) : rt::noExpr;
}

uint32_t SymbolExpressions::planSymbol(StringRef name) {
  rt::ExprId id = symbol(name);
  if (id == rt::noExpr || plan.expressions[id].op != rt::ExprOp::symbol)
    return rt::noIndex;
  return plan.expressions[id].a;
}

static rt::ExprOp binaryOp(AffineExprKind kind) {
  switch (kind) {
  case AffineExprKind::Add:
    return rt::ExprOp::add;
  case AffineExprKind::Mul:
    return rt::ExprOp::mul;
  case AffineExprKind::Mod:
    return rt::ExprOp::mod;
  case AffineExprKind::FloorDiv:
    return rt::ExprOp::floorDiv;
  default:
    return rt::ExprOp::ceilDiv;
  }
}

rt::ExprId SymbolExpressions::convert(AffineExpr expr, llvm::function_ref<rt::ExprId(AffineExpr)> leaf) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return plan.expressions.constant(constant.getValue());
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return leaf(expr);
  rt::ExprId left = convert(binary.getLHS(), leaf);
  // Affine expressions have no subtraction: a - b is a + b * -1.
  if (auto product = dyn_cast<AffineBinaryOpExpr>(binary.getRHS());
      expr.getKind() == AffineExprKind::Add && product && product.getKind() == AffineExprKind::Mul)
    if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS()); factor && factor.getValue() == -1)
      return plan.expressions.sub(left, convert(product.getLHS(), leaf));
  return plan.expressions.binary(binaryOp(expr.getKind()), left, convert(binary.getRHS(), leaf));
}

rt::ExprId SymbolExpressions::convert(AffineExpr expr) {
  return convert(expr, [&](AffineExpr leaf) { return symbol(cast<AffineSymbolExpr>(leaf).getPosition()); });
}

rt::ExprId SymbolExpressions::convert(AffineExpr expr, unsigned numDims, ArrayRef<rt::ExprId> operands) {
  return convert(expr, [&](AffineExpr leaf) {
    if (auto dim = dyn_cast<AffineDimExpr>(leaf))
      return operands[dim.getPosition()];
    return operands[numDims + cast<AffineSymbolExpr>(leaf).getPosition()];
  });
}

SmallVector<rt::ExprId> SymbolExpressions::convert(AffineMap map) {
  return llvm::map_to_vector(map.getResults(), [&](AffineExpr expr) { return convert(expr); });
}

LogicalResult SymbolExpressions::checkBound() {
  llvm::SmallVector<bool> bound(plan.symbols.size(), false);
  for (const rt::Input &input : plan.inputs) {
    if (input.hostScalar != rt::noIndex)
      bound[input.hostScalar] = true;
    for (rt::ExprId dim : input.dims)
      if (plan.expressions[dim].op == rt::ExprOp::symbol)
        bound[plan.expressions[dim].a] = true;
  }
  for (auto [name, isBound] : llvm::zip_equal(plan.symbols, bound))
    if (!isBound)
      return graph.emitError("symbol '")
             << name
             << "' gets a value from no input: a dimension of an input must be the symbol alone, or an input must be "
                "declared as its host scalar, or the symbol must be given with --dim";
  return success();
}

} // namespace heed
