/// The Vulkan backend: SPIR-V 1.6 for Vulkan 1.3, one plan for each size of subgroups.
#pragma once

#include "backends/Backend.h"

#include <memory>
#include <vector>

namespace heed {

/// Sizes of subgroups that users may name, for messages.
inline constexpr llvm::StringLiteral vulkanChips = "8, 16, 32, 64";

/// A backend for subgroups of the size `chip`, or without a chip one for each usual size.
std::vector<std::unique_ptr<Backend>> createVulkanBackends(llvm::StringRef chip);

} // namespace heed
