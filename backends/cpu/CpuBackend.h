/// The CPU backend: x86-64 shared objects, one per ISA level.
#pragma once

#include "backends/Backend.h"

#include <memory>

namespace heed {

std::unique_ptr<Backend> createCpuBackend();

} // namespace heed
