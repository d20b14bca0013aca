#include "backends/ShareKernels.h"

#include "dialects/tile/Tile.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heed;

/// Takes the marks of neighbours off a kernel; returns what it had.
static SmallVector<NamedAttribute> takeMarks(tile::KernelOp kernel) {
  SmallVector<NamedAttribute> marks;
  for (StringRef name : {tile::followsAttrName, tile::opensAttrName})
    if (Attribute mark = kernel->removeAttr(name))
      marks.emplace_back(name, mark);
  return marks;
}

std::map<std::string, std::string> heed::shareEqualKernels(ModuleOp kernels) {
  std::map<std::string, std::string> firstWith, standsFor;
  std::map<std::string, SmallVector<NamedAttribute>> marks;
  for (auto kernel : llvm::make_early_inc_range(kernels.getOps<tile::KernelOp>())) {
    std::string name = kernel.getSymName().str(), text;
    kernel.setSymName("kernel");
    SmallVector<NamedAttribute> own = takeMarks(kernel);
    llvm::raw_string_ostream stream(text);
    kernel->print(stream, OpPrintingFlags().useLocalScope());
    kernel.setSymName(name);
    auto [first, isNew] = firstWith.try_emplace(text, name);
    standsFor[name] = first->second;
    llvm::append_range(marks[first->second], own);
    if (!isNew)
      kernel.erase();
  }
  for (auto kernel : kernels.getOps<tile::KernelOp>())
    for (NamedAttribute mark : marks[kernel.getSymName().str()])
      tile::addNeighbourMark(kernel, mark);
  return standsFor;
}
