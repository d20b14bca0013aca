#include "backends/vulkan/driver/VulkanKernel.h"

#include <charconv>

namespace heed::rt {

VulkanKernel::~VulkanKernel() {
  if (!device.hangs())
    device.vk.vkDestroyPipeline(device.handle, pipeline, nullptr);
}

Status VulkanCode::load(VulkanDevice &device, std::span<const std::byte> bytes, std::string name,
                        std::shared_ptr<VulkanCode> &out) {
  std::shared_ptr<VulkanCode> code(new VulkanCode(device, std::move(name)));
  HEED_TRY(SpirvModule::read(bytes, code->spirv));
  VkShaderModuleCreateInfo create = {VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
  create.codeSize = code->spirv.words().size_bytes();
  create.pCode = code->spirv.words().data();
  HEED_TRY(device.check(device.vk.vkCreateShaderModule(device.handle, &create, nullptr, &code->module),
                        "vkCreateShaderModule"));
  out = std::move(code);
  return {};
}

VulkanCode::~VulkanCode() { device.vk.vkDestroyShaderModule(device.handle, module, nullptr); }

/// 32 for "subgroup32", 0 for anything else.
static uint32_t subgroupSizeOf(std::string_view feature) {
  constexpr std::string_view prefix = "subgroup";
  uint32_t size = 0;
  if (!feature.starts_with(prefix))
    return 0;
  auto [end, failure] = std::from_chars(feature.data() + prefix.size(), feature.data() + feature.size(), size);
  return failure == std::errc() && end == feature.data() + feature.size() ? size : 0;
}

/// The size the kernel was made for; 0 when it runs with any.
Status VulkanCode::findSubgroupSize(const Variant &variant, uint32_t threads, uint32_t &size) const {
  size = 0;
  for (const std::string &feature : variant.features)
    if (uint32_t asked = subgroupSizeOf(feature))
      size = asked;
  if (size == 0)
    size = subgroupSizeOf(name);
  if (size == 0)
    return {};
  if (!device.info().features.contains(concat("subgroup", size)))
    return error(Code::wrongArchitecture, "subgroups of ", size, " lanes are needed; this device has ",
                 device.limits().subgroupMinimum, " to ", device.limits().subgroupMaximum);
  if (threads % size != 0)
    return error(Code::badPackage, "workgroups of ", threads, " threads are no whole number of subgroups of ", size);
  return {};
}

Status VulkanCode::findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &out) {
  const SpirvModule::EntryPoint *entry = spirv.find(variant.symbol);
  if (!entry)
    return error(Code::badPackage, "code '", name, "' has no entry point '", variant.symbol, "'");
  if (entry->workgroup && *entry->workgroup != variant.workgroup)
    return error(Code::badPackage, "entry point '", variant.symbol, "' has workgroups of ", (*entry->workgroup)[0],
                 " x ", (*entry->workgroup)[1], " x ", (*entry->workgroup)[2], ", its plan says ", variant.workgroup[0],
                 " x ", variant.workgroup[1], " x ", variant.workgroup[2]);
  uint32_t subgroup;
  HEED_TRY(findSubgroupSize(variant, variant.workgroup[0], subgroup));
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo required = {
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO};
  required.requiredSubgroupSize = subgroup;
  VkComputePipelineCreateInfo create = {VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
  create.layout = device.pipelineLayout;
  create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  create.stage.module = module;
  create.stage.pName = entry->name.c_str();
  VkBool32 watchesLoops = device.endsLoops();
  VkSpecializationMapEntry place = {0, 0, sizeof(watchesLoops)};
  VkSpecializationInfo constants = {1, &place, sizeof(watchesLoops), &watchesLoops};
  create.stage.pSpecializationInfo = &constants;
  if (subgroup > 0) {
    if (device.limits().subgroupSizeCanBeRequired)
      create.stage.pNext = &required;
    create.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT;
  }
  auto kernel = std::make_unique<VulkanKernel>(device);
  HEED_TRY(device
               .check(device.vk.vkCreateComputePipelines(device.handle, device.pipelineCache, 1, &create, nullptr,
                                                         &kernel->pipeline),
                      "vkCreateComputePipelines")
               .within("entry point '", variant.symbol, "'"));
  out = std::move(kernel);
  return {};
}

} // namespace heed::rt
