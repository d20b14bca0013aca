/// Programs of one function, compiled in process from MLIR and run on the CPU at each of its instruction sets.
#pragma once

#include "compiler/Heedc.h"
#include "runtime/heed.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace heed::test {

/// The x86-64 levels that this machine can run, the highest first. Names are valid as isa_limit.
std::vector<std::string> instructionSets();

/// "x86_64_v4": for the names of tests.
std::string testName(std::string level);

/// A compiled function @main. Programs of equal text are compiled once a process.
class Program {
public:
  /// Fails the current test, saying why, when the text does not compile; then run does nothing.
  explicit Program(const std::string &text);

  /// Binds tensors by name, runs, and copies the results from the call. Fails the current test when that cannot be
  /// done.
  void run(const std::string &level, const std::map<std::string, TensorView> &inputs,
           const std::map<std::string, TensorView> &outputs) const;

private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled;
};

/// `body` for every element of tensors "x0", "x1", .. of the element types of `inputs`, to "y" of type `output`. The
/// body sees %x0, %x1, .. and must define %r.
std::string elementwise(const std::vector<std::string> &inputs, const std::string &output, const std::string &body);

} // namespace heed::test
