#include "runtime/tools/TestFolder.h"

#include "runtime/tools/Compare.h"

#include <algorithm>
#include <cstdio>

namespace heed::tools {

using rt::Code;
using rt::error;
using rt::HostTensor;

static rt::Status nameByPosition(const std::string &folder, std::string_view what,
                                 const std::vector<heed_tensor_info> &infos, std::vector<rt::NamedTensor> &tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    bool known = std::any_of(infos.begin(), infos.end(),
                             [&](const heed_tensor_info &info) { return tensors[i].name == info.name; });
    if (known)
      continue;
    if (i >= infos.size())
      return error(Code::invalidArgument, "'", folder, "' holds ", tensors.size(), " ", what, "s, the model has ",
                   infos.size());
    tensors[i].name = infos[i].name;
  }
  return {};
}

rt::Status TestFolder::read(const std::string &folder, const Session &session) {
  std::vector<rt::NamedTensor> given;
  HEED_TRY(rt::readOnnxTensors(folder, "input", given));
  HEED_TRY(rt::readOnnxTensors(folder, "output", expected));
  if (expected.empty())
    return error(Code::notFound, "'", folder, "' holds no output_0.pb");
  HEED_TRY(nameByPosition(folder, "input", session.inputs, given));
  HEED_TRY(nameByPosition(folder, "output", session.outputs, expected));
  for (rt::NamedTensor &tensor : given)
    inputs[tensor.name] = std::move(tensor.tensor);
  return {};
}

static rt::Status compareOutput(Call &call, const rt::NamedTensor &reference, const Tolerance &tolerance,
                                std::string &line) {
  std::optional<heed_tensor_view> view;
  HEED_TRY(take(call.output(reference.name.c_str()), view));
  HostTensor got = copyOutput(*view);
  rt::Comparison result;
  HEED_TRY(rt::compare(got, reference.tensor, tolerance.relative, tolerance.absolute, result)
               .within("output '", reference.name, "'"));
  char numbers[200];
  std::snprintf(numbers, sizeof(numbers), " worst error %.3g norm-wise %.3g %s", result.worstError, result.normWise,
                result.matches ? "ok" : "MISMATCH");
  line = rt::concat(reference.name, ": ", rt::printShape(got.type, got.sizes), numbers);
  if (result.matches)
    return {};
  std::snprintf(numbers, sizeof(numbers), "is %.9g, expected %.9g (rtol %g, atol %g)", got.number(result.worstIndex),
                reference.tensor.number(result.worstIndex), tolerance.relative, tolerance.absolute);
  return error(Code::invalidArgument, "output '", reference.name, "' at ", rt::printIndex(got, result.worstIndex), " ",
               numbers);
}

rt::Status compareOutputs(Call &call, const std::vector<rt::NamedTensor> &expected, const Tolerance &tolerance,
                          const std::function<void(const std::string &line)> &report) {
  rt::Status status;
  for (const rt::NamedTensor &reference : expected) {
    std::string line;
    rt::Status compared = compareOutput(call, reference, tolerance, line);
    if (!line.empty())
      report(line);
    if (status.ok() && !compared.ok())
      status = std::move(compared);
  }
  return status;
}

} // namespace heed::tools
