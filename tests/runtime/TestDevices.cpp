#include "tests/runtime/TestDevices.h"

#include "runtime/CapiObjects.h"
#include "tests/runtime/LeftOut.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

using namespace heed::rt;

namespace heed::test {
namespace {

/// A line of gpu-kernels.txt.
struct GpuImage {
  std::string kind;
  CodeFormat format;
  std::string name;
  std::vector<std::byte> bytes;
  std::vector<std::string> features;
};

std::vector<std::byte> readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<GpuImage> readGpuImages() {
  const std::pair<std::string_view, CodeFormat> formats[] = {{"cubin", CodeFormat::cubin},
                                                             {"ptx", CodeFormat::ptx},
                                                             {"hsaco", CodeFormat::hsaco},
                                                             {"spirv", CodeFormat::spirv}};
  std::vector<GpuImage> images;
  const char *moved = std::getenv("HEED_TEST_GPU_KERNELS"); // when the build is run on another machine
  std::string listPath = moved ? moved : HEED_TEST_GPU_KERNELS;
  std::string folder = listPath.substr(0, listPath.rfind('/') + 1);
  std::ifstream list(listPath);
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with('#'))
      continue;
    std::istringstream words(line);
    GpuImage image;
    std::string format, path, feature;
    words >> image.kind >> format >> path;
    image.format = std::find_if(std::begin(formats), std::end(formats), [&](auto &known) {
                     return known.first == format;
                   })->second;
    image.name = path;
    image.bytes = readFile(folder + path);
    while (words >> feature)
      image.features.push_back(feature);
    images.push_back(std::move(image));
  }
  return images;
}

const std::vector<GpuImage> &gpuImages() {
  static const std::vector<GpuImage> images = readGpuImages();
  return images;
}

bool runs(const GpuImage &image, const DeviceInfo &device) {
  return image.kind == device.kind && std::all_of(image.features.begin(), image.features.end(),
                                                  [&](auto &feature) { return device.features.contains(feature); });
}

std::vector<TestDevice> findTestDevices() {
  std::vector<TestDevice> devices = {{"cpu:0", "cpu", true, false}, {"separate:0", "separate", false, false}};
  for (const DeviceListing &listing : listDevices()) {
    if (listing.kind == "cpu")
      continue;
    if (!listing.whyNot.ok())
      leaveOut(listing.kind + " devices", std::string(listing.whyNot.message()));
    for (const DeviceInfo &device : listing.devices)
      if (std::any_of(gpuImages().begin(), gpuImages().end(),
                      [&](const GpuImage &image) { return runs(image, device); }))
        devices.push_back({device.id(), device.kind, device.memoryIsHost, device.software});
      else
        leaveOut(device.id() + " (" + device.name + ")", "no test kernels were compiled for it");
  }
  return devices;
}

} // namespace

void PrintTo(const TestDevice &device, std::ostream *stream) { *stream << device.id; }

const std::vector<TestDevice> &testDevices() {
  static const std::vector<TestDevice> devices = findTestDevices();
  return devices;
}

std::vector<TestDevice> testDevicesFor(const char *suite, const Need &need) {
  std::vector<TestDevice> chosen;
  std::string others;
  for (const TestDevice &device : testDevices())
    if (need.isMet(device))
      chosen.push_back(device);
    else
      others += " " + device.id;
  if (!others.empty())
    leaveOut(std::string(suite) + " on" + others + (chosen.empty() ? ", and so on all devices" : ""), need.otherwise);
  return chosen;
}

OpenedDevice openTestDevice(const TestDevice &which, double hangSeconds) {
  if (which.isSeparate()) {
    auto probe = std::make_shared<SeparateDeviceProbe>();
    SeparateDeviceOptions options;
    options.hangSeconds = hangSeconds;
    return {Device(new heed_device(openSeparateDevice(options, probe))), probe};
  }
  heed_device_options options = {sizeof(options), which.kind == "cpu" ? 3u : 0u, nullptr, nullptr, nullptr, hangSeconds,
                                 nullptr};
  return {Device::open(which.id.c_str(), &options).value(), nullptr};
}

PackageMaker madeFor(const TestDevice &which, PackageMaker maker) {
  if (which.kind == "cpu")
    return maker;
  maker.plan().target = which.kind;
  if (which.isSeparate())
    return maker;
  maker.package.code.clear();
  std::vector<std::vector<std::string>> features;
  for (const GpuImage &image : gpuImages())
    if (image.kind == which.kind) {
      maker.package.code.push_back({image.name, image.format, image.bytes});
      features.push_back(image.features);
    }
  for (Kernel &kernel : maker.plan().kernels) {
    std::vector<Variant> variants;
    for (const Variant &generic : kernel.variants)
      for (uint32_t code = 0; code < features.size(); ++code) {
        Variant variant = generic;
        variant.features.insert(variant.features.end(), features[code].begin(), features[code].end());
        variant.code = code;
        variant.workgroup = {64, 1, 1};
        variant.sharedBytes = variant.symbol == "test_sum" ? 256 : 0;
        variants.push_back(variant);
      }
    kernel.variants = std::move(variants);
  }
  return maker;
}

std::string testDeviceName(const testing::TestParamInfo<TestDevice> &info) {
  std::string name = info.param.id;
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

} // namespace heed::test
