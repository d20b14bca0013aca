#include "compiler/kernel/Alternatives.h"

using namespace mlir;
using namespace heed;

LogicalResult Alternatives::add(const Twine &blocks, int64_t leastPrograms, bool standsIn, Build build) {
  KernelBuilder builder(cast<plan::KernelOp>(OpBuilder(source).clone(*source)), (name + "_" + blocks).str(), handover);
  if (failed(build(builder)))
    return failure();
  plan::LaunchOp launch = builder.launch();
  tile::KernelOp kernel = builder.finished();
  kernel->setAttr(tile::alternativeAttrName, OpBuilder(source).getI64IntegerAttr(leastPrograms));
  if (standsIn)
    kernel->setAttr(tile::standsInAttrName, UnitAttr::get(source.getContext()));
  kernels.push_back({kernel, launch.getParams()});
  found.push_back({launch.getKernelAttr(), launch.getGrid(), leastPrograms});
  launch->erase();
  return success();
}

FailureOr<plan::LaunchOp> Alternatives::finish(Build build) {
  KernelBuilder builder(source, name, handover);
  if (failed(build(builder)))
    return failure();
  if (llvm::any_of(kernels, [&](const auto &other) { return other.second != builder.launch().getParams(); }))
    for (auto &[kernel, parameters] : kernels)
      kernel->erase();
  else if (!found.empty())
    builder.launch().setAlternatives(found);
  return builder.launch();
}
