#include "compiler/host/PlanKernels.h"

#include "dialects/tile/Tile.h"

using namespace mlir;

namespace heed {

std::string PlanKernels::uniqueName(StringRef label) {
  std::string name = label.str();
  while (unsigned use = uses[name]++)
    name = label.str() + "#" + std::to_string(use + 1);
  return name;
}

static std::vector<std::string> strings(ArrayAttr texts) {
  std::vector<std::string> result;
  if (texts)
    for (StringAttr text : texts.getAsRange<StringAttr>())
      result.push_back(text.str());
  return result;
}

/// "block_m=64 block_n=64 .."; the dictionary is sorted by name, so equal choices print alike.
static void printSchedule(DictionaryAttr schedule, llvm::raw_ostream &os) {
  for (NamedAttribute choice : schedule) {
    os << ' ' << choice.getName().getValue() << '=';
    if (auto number = dyn_cast<IntegerAttr>(choice.getValue()))
      os << number.getValue();
    else if (auto text = dyn_cast<StringAttr>(choice.getValue()))
      os << text.getValue();
    else
      os << choice.getValue();
  }
}

rt::Explain PlanKernels::explain(plan::LaunchOp launch) {
  rt::Explain result;
  result.root = stringifyKernelRoot(launch.getRoot());
  result.fused = strings(launch->getAttrOfType<ArrayAttr>(fusedAttrName));
  result.notes = strings(launch.getNotesAttr());
  llvm::raw_string_ostream schedule(result.schedule);
  schedule << result.root;
  auto kernel = SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(launch, launch.getKernelAttr());
  if (kernel && kernel.getSchedule())
    printSchedule(*kernel.getSchedule(), schedule);
  return result;
}

FailureOr<uint32_t> PlanKernels::add(plan::LaunchOp launch, std::vector<rt::Access> accesses) {
  AffineMap grid = launch.getGrid();
  if (grid.getNumResults() > 3 || launch.getFlops().getNumResults() != 1 || launch.getBytes().getNumResults() != 1)
    return launch.emitOpError("L2: grid has at most three results, flops and bytes have one");
  rt::Kernel kernel;
  kernel.name = uniqueName(launch.getLabel());
  kernel.explain = explain(launch);
  kernel.flops = symbols.convert(launch.getFlops())[0];
  kernel.bytes = symbols.convert(launch.getBytes())[0];
  kernel.fallback = launch->hasAttr(fallbackAttrName);
  kernel.operands = std::move(accesses);
  kernel.paramCount = launch.getParams().getNumResults();
  for (const KernelEntry &entry : request.kernels->entries) {
    if (entry.kernel != launch.getKernel())
      continue;
    rt::Variant &variant = kernel.variants.emplace_back();
    variant.features = request.kernels->images[entry.image].features;
    variant.code = request.firstCode + entry.image;
    variant.symbol = entry.symbol;
    variant.workerScratchBytes = entry.scratchBytes;
    llvm::copy(symbols.convert(grid), variant.grid.begin());
  }
  if (kernel.variants.empty())
    return launch.emitError("target '") << request.target << "' made no code for kernel @" << launch.getKernel();
  plan.kernels.push_back(std::move(kernel));
  return plan.kernels.size() - 1;
}

} // namespace heed
