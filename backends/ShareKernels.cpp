#include "backends/ShareKernels.h"

#include "dialects/tile/Tile.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heed;

std::map<std::string, std::string> heed::shareEqualKernels(ModuleOp kernels) {
  std::map<std::string, std::string> firstWith, standsFor;
  for (auto kernel : llvm::make_early_inc_range(kernels.getOps<tile::KernelOp>())) {
    std::string name = kernel.getSymName().str(), text;
    kernel.setSymName("kernel");
    llvm::raw_string_ostream stream(text);
    kernel->print(stream, OpPrintingFlags().useLocalScope());
    kernel.setSymName(name);
    auto [first, isNew] = firstWith.try_emplace(text, name);
    standsFor[name] = first->second;
    if (!isNew)
      kernel.erase();
  }
  return standsFor;
}
