/// Which operators are imported, in which versions, by which builder.
#pragma once

#include "compiler/import/Node.h"

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace heed::importer {

using NodeBuilder = std::function<mlir::LogicalResult(Node &)>;

/// One meaning of an operator of the default domain, for the opsets since .. until.
struct OperatorEntry {
  int64_t since = 1;
  int64_t until = std::numeric_limits<int64_t>::max();
  size_t minInputs = 0;
  size_t maxInputs = 0;
  size_t maxOutputs = 1;
  NodeBuilder build;
};

constexpr size_t variadic = std::numeric_limits<size_t>::max();

class OperatorRegistry {
public:
  /// The operators of every family below.
  static const OperatorRegistry &get();

  void add(const std::string &name, OperatorEntry entry) { entries[name].push_back(std::move(entry)); }
  bool isKnown(const std::string &name) const { return entries.contains(name); }
  /// Null when no entry covers the opset.
  const OperatorEntry *find(const std::string &name, int64_t opset) const;

private:
  std::map<std::string, std::vector<OperatorEntry>> entries;
};

void registerElementwiseOperators(OperatorRegistry &registry);
void registerConversionOperators(OperatorRegistry &registry);
void registerShapeOperators(OperatorRegistry &registry);
void registerSliceOperators(OperatorRegistry &registry);
void registerDataOperators(OperatorRegistry &registry);
void registerIndexOperators(OperatorRegistry &registry);
void registerMatmulOperators(OperatorRegistry &registry);
void registerEinsumOperators(OperatorRegistry &registry);
void registerConvOperators(OperatorRegistry &registry);
void registerReduceOperators(OperatorRegistry &registry);
void registerNormOperators(OperatorRegistry &registry);
void registerAttentionOperators(OperatorRegistry &registry);
void registerControlOperators(OperatorRegistry &registry);

} // namespace heed::importer
