/// What a caller of a plan sees: inputs, outputs, and the constraints on their sizes.
#pragma once

#include "compiler/host/SymbolExpressions.h"
#include "compiler/host/ValueSizes.h"

namespace heed {

/// What every pass relies on: arguments are tensors of element types a package can hold, and where they have dynamic
/// sizes, `plan.shape` says which in terms of the graph's symbols. To be checked before the first pass.
mlir::LogicalResult verifySignature(mlir::func::FuncOp graph);

/// Reads the signature of a graph into a plan; see buildPlan for the attributes.
class PlanSignature {
public:
  PlanSignature(mlir::func::FuncOp graph, SymbolExpressions &symbols, ValueSizes &sizes, rt::Plan &plan)
      : graph(graph), symbols(symbols), sizes(sizes), plan(plan) {}

  mlir::LogicalResult addInputs();
  mlir::LogicalResult addOutputs(mlir::func::ReturnOp terminator);
  mlir::LogicalResult addConstraints();

private:
  mlir::LogicalResult addInput(mlir::BlockArgument argument);
  mlir::LogicalResult addOutput(unsigned index, mlir::Value value);
  mlir::LogicalResult addConstraint(mlir::Attribute attribute);

  mlir::func::FuncOp graph;
  SymbolExpressions &symbols;
  ValueSizes &sizes;
  rt::Plan &plan;
};

} // namespace heed
