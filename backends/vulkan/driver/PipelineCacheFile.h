// Compiled pipelines kept between processes.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_PIPELINECACHEFILE_H
#define HEED_BACKENDS_VULKAN_DRIVER_PIPELINECACHEFILE_H

#include <volk.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace heed::rt {

/// A file in the cache folder, one for each device and version of its driver. Everything about it is optional: without
/// a folder, and after failures, pipelines are compiled.
class PipelineCacheFile {
public:
  PipelineCacheFile() = default;
  PipelineCacheFile(const std::string &folder, const VkPhysicalDeviceProperties &device);

  /// What was stored for this very device and driver; empty when there is nothing, or when it is damaged.
  std::vector<std::byte> load() const;
  void store(std::span<const std::byte> data) const;

  bool exists() const { return !path.empty(); }

private:
  std::string folder, path; // empty: no file
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_PIPELINECACHEFILE_H
