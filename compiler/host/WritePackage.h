/// Plans of several targets in one package.
#pragma once

#include "compiler/host/BuildPlan.h"

namespace heed {

/// Collects plans and writes them. The context that owns the modules' constants must outlive it.
class PackageBuilder {
public:
  PackageBuilder(std::string model, std::string producer);

  /// Adds the plan of a module in launch form (see buildPlan) with the code of its kernels.
  mlir::LogicalResult addPlan(mlir::ModuleOp module, const Backend &backend, CompiledKernels kernels);

  /// Valid as long as the builder.
  const rt::Package &package() const { return content; }

private:
  rt::Package content;
  ConstantPool constants;
  std::deque<CompiledKernels> code;
};

} // namespace heed
