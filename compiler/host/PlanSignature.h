/// What a caller of a plan sees: inputs, outputs, and the constraints on their sizes.
#pragma once

#include "compiler/host/SymbolExpressions.h"
#include "compiler/host/ValueSizes.h"

namespace heed {

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
