#include "backends/vulkan/driver/PipelineCacheFile.h"

#include "runtime/AtomicFile.h"
#include "runtime/PackageFormat.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace heed::rt {
namespace {

/// Drivers trust the data they are given back, so damage must be found here.
struct CacheHeader {
  char magic[8];
  uint64_t bytes;
  uint64_t hash;
};

} // namespace

static constexpr char cacheMagic[8] = {'h', 'e', 'e', 'd', 'v', 'k', 'p', '1'};

PipelineCacheFile::PipelineCacheFile(const std::string &folder, const VkPhysicalDeviceProperties &device)
    : folder(folder) {
  if (folder.empty())
    return;
  static constexpr char digits[] = "0123456789abcdef";
  std::string name = "vulkan-";
  auto append = [&](const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      uint8_t byte = static_cast<const uint8_t *>(data)[i];
      name += {digits[byte >> 4], digits[byte & 15]};
    }
  };
  for (uint32_t number : {device.vendorID, device.deviceID, device.driverVersion})
    append(&number, sizeof(number));
  append(device.pipelineCacheUUID, sizeof(device.pipelineCacheUUID));
  path = folder + "/" + name + ".pipelines";
}

std::vector<std::byte> PipelineCacheFile::load() const {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  CacheHeader header;
  if (text.size() < sizeof(header))
    return {};
  std::memcpy(&header, text.data(), sizeof(header));
  std::span<const std::byte> data = std::as_bytes(std::span(text)).subspan(sizeof(header));
  if (std::memcmp(header.magic, cacheMagic, sizeof(cacheMagic)) != 0 || header.bytes != data.size() ||
      header.hash != hashBytes(data))
    return {};
  return {data.begin(), data.end()};
}

void PipelineCacheFile::store(std::span<const std::byte> data) const {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  CacheHeader header = {{}, data.size(), hashBytes(data)};
  std::memcpy(header.magic, cacheMagic, sizeof(cacheMagic));
  AtomicFile file;
  // A cache that cannot be written is no failure of the call.
  if (!failed && file.open(path).ok() && file.write(std::as_bytes(std::span(&header, 1))).ok() && file.write(data).ok())
    (void)file.commit();
}

} // namespace heed::rt
