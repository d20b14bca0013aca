// Packages made by hand for the runtime's tests.
#ifndef HEED_TESTS_RUNTIME_TESTPACKAGE_H
#define HEED_TESTS_RUNTIME_TESTPACKAGE_H

#include "runtime/PackageWriter.h"
#include "runtime/PlanModel.h"

#include <string>
#include <vector>

namespace heed::test {

/// The shared object made from kernels.c.
const std::vector<std::byte> &kernelObject();
/// The same, but test_twice multiplies by three.
const std::vector<std::byte> &otherKernelObject();

/// A package with one plan for the CPU and one code section, kernelObject(), and the usual shorthands.
class PackageMaker {
public:
  PackageMaker();

  rt::Plan &plan() { return package.plans.front(); }
  rt::ExprPool &expressions() { return plan().expressions; }

  rt::ExprId symbol(const std::string &name);
  rt::ExprId constant(int64_t value) { return expressions().constant(value); }
  uint32_t input(const std::string &name, std::vector<rt::ExprId> dims, bool strided = false,
                 rt::ElementType type = rt::ElementType::f32);
  uint32_t output(const std::string &name, std::vector<rt::ExprId> dims);
  uint32_t buffer(rt::Buffer buffer);
  /// A kernel with one generic variant of the symbol "test_<name>".
  uint32_t kernel(const std::string &name, std::vector<rt::Access> operands, uint32_t params, rt::ExprId gridX);
  void launch(uint32_t kernel, std::vector<uint32_t> buffers, std::vector<rt::ExprId> params = {});

  /// Bytes of the package; fails the test when the writer refuses.
  std::vector<std::byte> write() const;
  /// What the writer says.
  std::string refusal() const;

  rt::Package package;
};

/// y = x + c + c, with x: f32[n], a constant c: f32[4] and n = 4 required; one arena value between two kernels.
PackageMaker addConstantTwice();
/// y = 2 x, with x: f32[rows, columns] of any strides.
PackageMaker twice();
/// sum, state' = append(state, x): state f32[past, width] lives in place in f32[past + 1, width].
PackageMaker runningSum();

inline constexpr float constantValues[4] = {10, 20, 30, 40};

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_TESTPACKAGE_H
