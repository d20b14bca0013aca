#include "backends/simt/KernelVariant.h"

#include "mlir/IR/Builders.h"

#include <algorithm>

using namespace mlir;
using namespace heed;

constexpr llvm::StringLiteral variantOfAttrName = "heed.variant_of";
constexpr llvm::StringLiteral alignmentAttrName = "heed.base_alignment";
constexpr llvm::StringLiteral copyingWarpsAttrName = "heed.copying_warps";
constexpr llvm::StringLiteral stagesAttrName = "heed.stages";
/// parameter, divisor, parameter, divisor, ..
constexpr llvm::StringLiteral divisorsAttrName = "heed.divisors";

void simt::markVariant(KernelOp kernel, const Promises &promises) {
  Builder builder(kernel.getContext());
  kernel->setAttr(variantOfAttrName, builder.getStringAttr(kernel.getSymName()));
  kernel->setAttr(alignmentAttrName, builder.getI64IntegerAttr(promises.baseAlignment));
  SmallVector<int64_t> divisors;
  for (auto [parameter, divisor] : promises.parameters)
    divisors.append({int64_t(parameter), divisor});
  kernel->setAttr(divisorsAttrName, builder.getDenseI64ArrayAttr(divisors));
  kernel.setSymName((kernel.getSymName() + "_aligned").str());
}

void simt::redivide(KernelOp kernel, StringRef tileKernel, const RoleRegisters &registers) {
  Builder builder(kernel.getContext());
  std::string name = kernel.getSymName().str();
  if (auto variantOf = kernel->getAttrOfType<StringAttr>(variantOfAttrName)) {
    kernel.setSymName((tileKernel + StringRef(name).drop_front(variantOf.size())).str());
    kernel->setAttr(variantOfAttrName, builder.getStringAttr(tileKernel));
  } else {
    kernel.setSymName(tileKernel);
  }
  kernel.walk([&](SetRegistersOp op) {
    op.setCount(op.getChange() == RegisterChange::Increase ? registers.consumer : registers.producer);
  });
}

void simt::noteResources(KernelOp kernel, int64_t copyingWarps, int64_t stages) {
  Builder builder(kernel.getContext());
  kernel->setAttr(copyingWarpsAttrName, builder.getI64IntegerAttr(copyingWarps));
  kernel->setAttr(stagesAttrName, builder.getI64IntegerAttr(stages));
}

static KernelResources resourcesOf(simt::KernelOp kernel) {
  auto noted = [&](StringRef name) {
    auto number = kernel->getAttrOfType<IntegerAttr>(name);
    return number ? number.getInt() : 0;
  };
  KernelResources resources;
  resources.warps = kernel.getThreads() / kernel.getLanes();
  resources.copyingWarps = noted(copyingWarpsAttrName);
  resources.stages = noted(stagesAttrName);
  kernel.walk([&](simt::SetRegistersOp op) {
    bool takes = op.getChange() == simt::RegisterChange::Increase;
    (takes ? resources.usualRegisters : resources.copyingRegisters) = op.getCount();
  });
  return resources;
}

KernelEntry simt::entryOf(KernelOp kernel) {
  KernelEntry entry{.kernel = kernel.getSymName().str(),
                    .symbol = kernel.getSymName().str(),
                    .threads = int64_t(kernel.getThreads()),
                    .sharedBytes = int64_t(kernel.getSharedBytes()),
                    .resources = resourcesOf(kernel)};
  for (int64_t index = 0; index < kernel.getNumTensorMaps(); ++index) {
    TensorMapAttr map = kernel.getTensorMap(index);
    entry.tensorMaps.push_back({unsigned(map.getBase()), map.elementBytes(), map.getOffset(), map.getSizes(),
                                map.getStrides(), SmallVector<int64_t>(map.getBox()), map.getSwizzle()});
    entry.baseAlignment = rt::tensorMapAlignment;
  }
  if (auto resident = kernel->getAttrOfType<IntegerAttr>(residentAttrName))
    entry.residentWorkgroups = resident.getInt();
  entry.hasUnevenPrograms = kernel->hasAttr(tile::unevenAttrName);
  kernel.walk([&](AwaitPreviousOp await) {
    entry.awaitsPrevious = true;
    entry.opensCalls = await.getOpens();
  });
  auto variantOf = kernel->getAttrOfType<StringAttr>(variantOfAttrName);
  if (!variantOf)
    return entry;
  entry.kernel = variantOf.str();
  entry.baseAlignment = std::max(entry.baseAlignment, kernel->getAttrOfType<IntegerAttr>(alignmentAttrName).getInt());
  auto divisors = kernel->getAttrOfType<DenseI64ArrayAttr>(divisorsAttrName);
  for (int64_t i = 0; i + 1 < divisors.size(); i += 2)
    entry.divisibilities.push_back({unsigned(divisors[i]), divisors[i + 1]});
  return entry;
}
