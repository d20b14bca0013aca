#include "runtime/tools/DeviceCeilings.h"

#include "runtime/Status.h"

#include <algorithm>
#include <random>

namespace heed::tools {
namespace {

using rt::Code;
using rt::error;

// What the copy of the largest grid moves is beyond the caches: 128 MiB there and back.
constexpr int64_t leastPrograms = 256, mostPrograms = 8192, mostRounds = 1 << 16;

class Measurement {
public:
  rt::Status open(const ModuleOptions &package) {
    HEED_TRY(session.open(package));
    HEED_TRY(fromC(session.call->setFlags(HEED_CALL_DEVICE_OUTPUTS)));
    tensors.resize(session.inputs.size());
    for (size_t i = 0; i < tensors.size(); ++i)
      HEED_TRY(makeInput(session.inputs[i], tensors[i]).within("input '", session.inputs[i].name, "'"));
    return {};
  }

  /// One run. Returns its seconds by `total`.
  rt::Status run(int64_t programs, int64_t rounds, std::vector<KernelReport> &best, double &total) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      const heed_tensor_info &input = session.inputs[i];
      if (input.is_host_scalar)
        tensors[i].setNumber(0, static_cast<double>(input.name == std::string_view("rounds") ? rounds : programs));
      HEED_TRY(fromC(session.call->bindInput(input.name, viewOf(tensors[i]))));
    }
    HEED_TRY(fromC(session.call->setFlags(HEED_CALL_DEVICE_OUTPUTS | HEED_CALL_PROFILE)));
    HEED_TRY(fromC(session.call->run()));
    total = 0;
    for (const heed_profile_entry &entry : session.call->profile()) {
      total += entry.seconds;
      if (entry.launches != 0)
        keep({entry.name, static_cast<double>(entry.launches), entry.seconds, entry.flops, entry.bytes}, best);
    }
    return {};
  }

private:
  rt::Status makeInput(const heed_tensor_info &info, rt::HostTensor &tensor) {
    std::vector<int64_t> sizes(info.sizes, info.sizes + info.rank);
    if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0; }))
      return error(Code::invalidArgument, "a package of ceilings has inputs of static shapes only");
    HEED_TRY(rt::makeTensor(static_cast<rt::ElementType>(info.type), sizes, tensor));
    rt::fillAtRandom(tensor, random);
    return {};
  }

  static double speed(const KernelReport &kernel) {
    return kernel.seconds > 0 ? std::max(kernel.flops, kernel.bytes) / kernel.seconds : 0;
  }

  static void keep(const KernelReport &kernel, std::vector<KernelReport> &best) {
    auto known = std::find_if(best.begin(), best.end(), [&](const auto &other) { return other.name == kernel.name; });
    if (known == best.end())
      best.push_back(kernel);
    else if (speed(kernel) > speed(*known))
      *known = kernel;
  }

  Session session;
  std::vector<rt::HostTensor> tensors;
  std::mt19937_64 random{1};
};

} // namespace

rt::Status measureCeilings(const ModuleOptions &package, double seconds, std::vector<KernelReport> &kernels) {
  Measurement measurement;
  HEED_TRY(measurement.open(package));
  double total = 0;
  for (int64_t programs = leastPrograms, rounds = 1; rounds <= mostRounds && total < seconds;
       (programs < mostPrograms ? programs : rounds) *= 2)
    HEED_TRY(measurement.run(programs, rounds, kernels, total));
  return {};
}

} // namespace heed::tools
