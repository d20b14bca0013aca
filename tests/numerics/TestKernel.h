//===- TestKernel.h - Parameters of the hand-written kernel ------*- C++ -*-===//
#ifndef TESTS_NUMERICS_TESTKERNEL_H
#define TESTS_NUMERICS_TESTKERNEL_H

#include <cstdint>

namespace heed::numerics {

/// Keys in a block, as the kernel counts them.
inline constexpr int64_t testBlockN = 16;

/// The parameter block. Four strides each of query, key and value follow from FirstStride on.
enum TestParameter {
  QueryHeads,
  KeyHeads,
  Rows,
  Keys,
  KeyWidth,
  ValueWidth,
  Causal,
  ScaleBits, // of a double
  Mistake,
  FirstStride,
  TestParameterCount = FirstStride + 12
};

enum TestMistake { NoMistake, CausalOffByOne, CountOffByOne, Crash };

} // namespace heed::numerics

#endif // TESTS_NUMERICS_TESTKERNEL_H
