//===- Runner.h - Runs the cases on a device ---------------------*- C++ -*-===//
#ifndef TESTS_NUMERICS_RUNNER_H
#define TESTS_NUMERICS_RUNNER_H

#include "tests/numerics/Case.h"

#include <string>

namespace heed::numerics {

struct RunOptions {
  /// Where the packages <kernel>.heed are.
  std::string folder;
  std::string device = "cpu";
  /// Highest CPU instruction set to use, e.g. "x86-64-v2"; empty for all there is.
  std::string isa;
  /// Only cases whose name contains this.
  std::string filter;
  /// Cases at a time; 0 is one per processor.
  unsigned jobs = 0;
  /// Of every kind of case, for each kernel.
  int64_t rounds = 1;
  /// Only cases of at most so many multiply-adds; 0 is all.
  int64_t maximumWork = 0;
  /// About so many cases of few kernels, for slow devices; 0 is all.
  size_t sample = 0;
  /// Runs of every case, which must all give the same bits; at least one.
  int64_t repeats = 2;
  /// Compare the key blocks that kernels say they visited with the brute-force count. Only the CPU counts.
  bool countBlocks = true;
  /// A line for every case, not only for those that fail.
  bool verbose = false;
};

/// The cases that the options ask for.
std::vector<Case> chooseCases(const RunOptions &options, const std::vector<Mechanism> &mechanisms);

/// Runs all cases, prints what fails and a summary whose last line is `N passed, N failed`. Returns the exit status: 0
/// if all passed, 1 if any failed, 2 if nothing could be run.
int runCases(const RunOptions &options);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_RUNNER_H
