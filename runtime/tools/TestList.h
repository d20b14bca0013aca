// Many packages, each with a test folder, on one device in one process.
#ifndef HEED_RUNTIME_TOOLS_TESTLIST_H
#define HEED_RUNTIME_TOOLS_TESTLIST_H

#include "runtime/tools/ToolSupport.h"

namespace heed::tools {

/// Runs every line of a file, `PACKAGE FOLDER RTOL ATOL` with paths relative to the file; empty lines and those after
/// '#' are left out. Prints a line for each, `ok PACKAGE: OUTPUT..` or `FAIL PACKAGE: why`, and how many passed; fails
/// unless all did. A package is released before the next is loaded.
rt::Status runTestList(const std::string &path, const ModuleOptions &options);

} // namespace heed::tools

#endif // HEED_RUNTIME_TOOLS_TESTLIST_H
