// What a run of the tests leaves out: suites are registered only for the devices they apply to, and what that leaves
// out is printed once before the first test.
#ifndef HEED_TESTS_RUNTIME_LEFTOUT_H
#define HEED_TESTS_RUNTIME_LEFTOUT_H

#include <string>

namespace heed::test {

/// Prints "left out: `what`: `why`" before the first test. To be called while suites are instantiated.
void leaveOut(const std::string &what, const std::string &why);

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_LEFTOUT_H
