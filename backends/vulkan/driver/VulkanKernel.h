// Kernels as compute pipelines.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANKERNEL_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANKERNEL_H

#include "backends/vulkan/driver/SpirvModule.h"
#include "backends/vulkan/driver/VulkanDevice.h"

#include <memory>
#include <string>

namespace heed::rt {

class VulkanKernel : public DriverKernel {
public:
  explicit VulkanKernel(VulkanDevice &device) : device(device) {}
  ~VulkanKernel() override;

  VulkanDevice &device;
  VkPipeline pipeline = VK_NULL_HANDLE;
};

/// A SPIR-V module. Kernels do not need it any more.
class VulkanCode : public DriverCode {
public:
  /// `name` may ask for a subgroup size ("subgroup32") for kernels that do not ask themselves.
  static Status load(VulkanDevice &device, std::span<const std::byte> bytes, std::string name,
                     std::shared_ptr<VulkanCode> &code);
  ~VulkanCode() override;

  Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) override;

private:
  VulkanCode(VulkanDevice &device, std::string name) : device(device), name(std::move(name)) {}
  Status findSubgroupSize(const Variant &variant, uint32_t threads, uint32_t &size) const;

  VulkanDevice &device;
  std::string name;
  SpirvModule spirv;
  VkShaderModule module = VK_NULL_HANDLE;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANKERNEL_H
