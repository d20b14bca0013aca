#include "compiler/host/WritePackage.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace heed {

PackageBuilder::PackageBuilder(std::string model, std::string producer) {
  content.model = std::move(model);
  content.producer = std::move(producer);
}

LogicalResult PackageBuilder::addPlan(ModuleOp module, const Backend &backend, CompiledKernels kernels) {
  const CompiledKernels &kept = code.emplace_back(std::move(kernels));
  for (const KernelEntry &entry : kept.entries)
    if (entry.image >= kept.images.size())
      return module.emitError("target '")
             << backend.name() << "' refers to image " << entry.image << " of " << kept.images.size();
  PlanRequest request;
  request.target = backend.name();
  request.kernels = &kept;
  request.firstCode = content.code.size();
  for (const CodeImage &image : kept.images) {
    std::string name = image.features.empty() ? "generic" : llvm::join(image.features, "+");
    content.code.push_back({backend.name().str() + ":" + name, image.format, std::as_bytes(std::span(image.bytes))});
  }
  rt::Plan &plan = content.plans.emplace_back();
  LogicalResult built = buildPlan(module, request, constants, plan);
  plan.features = backend.features();
  content.constants = constants.tensors();
  return built;
}

} // namespace heed
