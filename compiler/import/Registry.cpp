#include "compiler/import/Registry.h"

using namespace heed::importer;

const OperatorRegistry &OperatorRegistry::get() {
  static const OperatorRegistry registry = [] {
    OperatorRegistry all;
    registerElementwiseOperators(all);
    registerConversionOperators(all);
    registerShapeOperators(all);
    registerSliceOperators(all);
    registerDataOperators(all);
    registerIndexOperators(all);
    registerMatmulOperators(all);
    registerEinsumOperators(all);
    registerConvOperators(all);
    registerReduceOperators(all);
    registerNormOperators(all);
    registerAttentionOperators(all);
    registerControlOperators(all);
    return all;
  }();
  return registry;
}

const OperatorEntry *OperatorRegistry::find(const std::string &name, int64_t opset) const {
  auto found = entries.find(name);
  if (found == entries.end())
    return nullptr;
  for (const OperatorEntry &entry : found->second)
    if (entry.since <= opset && opset <= entry.until)
      return &entry;
  return nullptr;
}
