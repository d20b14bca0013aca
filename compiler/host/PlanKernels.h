/// The kernel of a launch as the plan lists it: signature, variants, and what --explain says about it.
#pragma once

#include "compiler/host/BuildPlan.h"
#include "dialects/plan/Plan.h"

namespace heed {

/// Constraints of a launch that only its graph and its kernel together can check:
/// L2: maps are over the symbols of the graph; grid has one to three results, flops and bytes one;
/// L3: one shape per result, and with plan.tied one operand index or -1 per result;
/// L4: a base has the element type of its operand or result, i8 for i1.
mlir::LogicalResult verifyLaunch(plan::LaunchOp launch, const SymbolExpressions &symbols);

/// Adds one kernel a launch to a plan, so that grids, work and profiles are of one launch. Names are labels, numbered
/// where they repeat.
class PlanKernels {
public:
  PlanKernels(const PlanRequest &request, SymbolExpressions &symbols, rt::Plan &plan)
      : request(request), symbols(symbols), plan(plan) {}

  /// `accesses` has one entry per base of the kernel. Returns the kernel's index in the plan; fails when the backend
  /// made no code for it.
  mlir::FailureOr<uint32_t> add(plan::LaunchOp launch, std::vector<rt::Access> accesses);

private:
  std::string uniqueName(llvm::StringRef label);
  rt::Explain explain(plan::LaunchOp launch);
  void addVariants(plan::LaunchOp launch, const plan::LaunchOp::Alternative &chosen, rt::Kernel &kernel);
  void addConditions(const KernelEntry &entry, plan::LaunchOp launch, rt::Variant &variant);
  void addTensorMap(const TensorMap &map, plan::LaunchOp launch, rt::Variant &variant);
  /// Adds a condition that is not known to hold, once.
  void require(mlir::AffineExpr left, rt::Relation relation, int64_t right, rt::Variant &variant);

  const PlanRequest &request;
  SymbolExpressions &symbols;
  rt::Plan &plan;
  llvm::StringMap<unsigned> uses; // of a label
};

} // namespace heed
