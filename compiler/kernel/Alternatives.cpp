#include "compiler/kernel/Alternatives.h"

using namespace mlir;
using namespace heed;

FailureOr<plan::LaunchOp> Alternatives::make(plan::KernelOp copy, const Twine &symbol, const Preference &when,
                                             Build build) {
  KernelBuilder builder(copy, symbol.str(), handover);
  for (AffineExpr parameter : parameters)
    builder.value(parameter);
  if (failed(build(builder)))
    return failure();
  parameters = llvm::to_vector(builder.launch().getParams().getResults());
  kernels.push_back({builder.finished(), builder.launch().getGrid(), when});
  return builder.launch();
}

LogicalResult Alternatives::add(const Twine &blocks, const Preference &when, bool standsIn, Build build) {
  auto copy = cast<plan::KernelOp>(OpBuilder(source).clone(*source));
  FailureOr<plan::LaunchOp> launch = make(copy, name + "_" + blocks, when, build);
  if (failed(launch))
    return failure();
  if (standsIn)
    kernels.back().kernel->setAttr(tile::standsInAttrName, UnitAttr::get(source.getContext()));
  (*launch)->erase();
  return success();
}

/// The rounds of a grid times what a program takes.
static AffineExpr timeOf(AffineMap grid, const Preference &preference) {
  AffineExpr programs = getAffineConstantExpr(1, grid.getContext());
  for (AffineExpr size : grid.getResults())
    programs = programs * size;
  return programs.ceilDiv(preference.atOnce) * preference.time;
}

AffineMap Alternatives::conditions(const Built &kernel) const {
  SmallVector<AffineExpr> results;
  const Preference &when = kernel.preference;
  if (when.mostRows > 0)
    results.push_back(when.mostRows - kernel.grid.getResult(0));
  for (const Built &other : kernels)
    if (&other != &kernel && when.atOnce > 0 && other.preference.atOnce > 0)
      results.push_back(timeOf(other.grid, other.preference) - timeOf(kernel.grid, when));
  return AffineMap::get(0, kernel.grid.getNumSymbols(), results, kernel.grid.getContext());
}

static bool isNever(AffineMap conditions) {
  return llvm::any_of(conditions.getResults(), [](AffineExpr condition) {
    auto known = dyn_cast<AffineConstantExpr>(condition);
    return known && known.getValue() < 0;
  });
}

/// Gives a kernel the parameters that it lacks, unused, so that one launch serves it too.
static void addParameters(tile::KernelOp kernel, size_t total) {
  Block &entry = kernel.getBody().front();
  Builder builder(kernel.getContext());
  while (entry.getNumArguments() < total)
    entry.addArgument(builder.getIndexType(), kernel.getLoc());
  kernel.setFunctionType(builder.getFunctionType(entry.getArgumentTypes(), {}));
}

FailureOr<plan::LaunchOp> Alternatives::finish(const Preference &when, Build build) {
  FailureOr<plan::LaunchOp> launch = make(source, name, when, build);
  if (failed(launch))
    return failure();
  SmallVector<plan::LaunchOp::Alternative> found;
  for (Built &other : MutableArrayRef(kernels).drop_back()) {
    AffineMap conditions = this->conditions(other);
    if (isNever(conditions)) {
      other.kernel->erase();
      continue;
    }
    addParameters(other.kernel, kernels.back().kernel.getArgumentTypes().size());
    // Those for few rows are there for any operands: the others are not for them.
    if (other.preference.mostRows == 0)
      other.kernel->setAttr(tile::alternativeAttrName,
                            OpBuilder(*launch).getI64IntegerAttr(conditions.getNumResults()));
    found.push_back({FlatSymbolRefAttr::get(other.kernel.getSymNameAttr()), other.grid, conditions});
  }
  if (!found.empty())
    launch->setAlternatives(found);
  return *launch;
}
