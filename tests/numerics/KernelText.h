//===- KernelText.h - Mechanisms as programs ---------------------*- C++ -*-===//
#ifndef TESTS_NUMERICS_KERNELTEXT_H
#define TESTS_NUMERICS_KERNELTEXT_H

#include "tests/numerics/Mechanism.h"

namespace heed::numerics {

/// The mechanism as a module in the attn dialect with one graph, @attend. Its inputs, in this order and each only if
/// the mechanism has it: query, key, value, kv_length, q_offset, sink, slopes, window_left, window_right, prefix,
/// query_documents, key_documents, mask. Its output is out.
std::string writeKernelText(const Mechanism &mechanism);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_KERNELTEXT_H
