// Test data as ONNX lays it out: a folder of input_N.pb and output_N.pb.
#ifndef HEED_RUNTIME_TOOLS_TESTFOLDER_H
#define HEED_RUNTIME_TOOLS_TESTFOLDER_H

#include "runtime/tools/OnnxTensor.h"
#include "runtime/tools/ToolSupport.h"

namespace heed::tools {

/// |got - expected| <= atol + rtol |expected|.
struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-7;
};

/// The tensors of a folder under the names that a model gives them.
struct TestFolder {
  std::map<std::string, rt::HostTensor> inputs;
  std::vector<rt::NamedTensor> expected;

  /// Files belong to the tensor they name; one without such a name to the one at its position. Fails where there is
  /// nothing to expect.
  rt::Status read(const std::string &folder, const Session &session);
};

/// Compares every expected tensor with the call's output of that name, `report` with a line on each. Fails with the
/// first mismatch, after all were compared.
rt::Status compareOutputs(Call &call, const std::vector<rt::NamedTensor> &expected, const Tolerance &tolerance,
                          const std::function<void(const std::string &line)> &report);

} // namespace heed::tools

#endif // HEED_RUNTIME_TOOLS_TESTFOLDER_H
