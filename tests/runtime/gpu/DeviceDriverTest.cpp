// The drivers of CUDA and ROCm devices on devices: real ones, or AMD's under an emulated HIP. HEED_TEST_DEVICE names
// one ("cuda:0"); otherwise all that are found take part. What all kinds of devices must do through the C ABI is in
// ConformanceTest.cpp; here is what goes on below it, and what it costs.
#include "tests/runtime/LeftOut.h"
#include "tests/runtime/gpu/GpuTest.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <sstream>

using namespace heed;
using namespace heed::test;
using rt::Code;
using testing::HasSubstr;

namespace {

using Clock = std::chrono::steady_clock;
double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// One compiled image of DeviceKernels.mlir.in, a line of the list that compile.sh wrote.
struct Image {
  std::string kind, bytes;
  rt::CodeFormat format;
  std::vector<std::string> features;
};

std::vector<Image> readImages() {
  const char *moved = std::getenv("HEED_TEST_DEVICE_KERNELS"); // when the build is run on another machine
  std::string listPath = moved ? moved : HEED_TEST_DEVICE_KERNELS;
  std::string folder = listPath.substr(0, listPath.rfind('/') + 1);
  const std::pair<std::string_view, rt::CodeFormat> formats[] = {
      {"cubin", rt::CodeFormat::cubin}, {"ptx", rt::CodeFormat::ptx}, {"hsaco", rt::CodeFormat::hsaco}};
  std::vector<Image> images;
  std::ifstream list(listPath);
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    Image image;
    std::string format, path, feature;
    words >> image.kind >> format >> path;
    auto known = std::find_if(std::begin(formats), std::end(formats), [&](auto &each) { return each.first == format; });
    if (known == std::end(formats))
      continue;
    image.format = known->second;
    std::ifstream file(folder + path, std::ios::binary);
    image.bytes.assign(std::istreambuf_iterator<char>(file), {});
    while (words >> feature)
      image.features.push_back(feature);
    images.push_back(std::move(image));
  }
  return images;
}

const Image *imageFor(const rt::DeviceInfo &device) {
  static const std::vector<Image> images = readImages();
  auto fits = [&](const Image &image) {
    return image.kind == device.kind && std::all_of(image.features.begin(), image.features.end(),
                                                    [&](auto &feature) { return device.features.contains(feature); });
  };
  auto found = std::find_if(images.begin(), images.end(), fits);
  return found == images.end() ? nullptr : &*found;
}

std::vector<std::string> findDevices() {
  std::vector<std::string> names;
  const char *wanted = std::getenv("HEED_TEST_DEVICE");
  for (const rt::DeviceListing &listing : rt::listDevices()) {
    if (listing.kind != "cuda" && listing.kind != "rocm")
      continue;
    if (!listing.whyNot.ok())
      leaveOut(listing.kind + " devices", std::string(listing.whyNot.message()));
    for (const rt::DeviceInfo &device : listing.devices)
      if (wanted && device.id() != wanted)
        continue;
      else if (imageFor(device))
        names.push_back(device.id());
      else
        leaveOut(device.id() + " (" + device.name + ")", "no test kernels were compiled for it");
  }
  if (wanted && names.empty()) {
    std::printf("there is no device %s\n", wanted);
    std::exit(1);
  }
  return names;
}

const std::vector<std::string> &devices() {
  static const std::vector<std::string> names = findDevices();
  return names;
}

/// Those whose library can record launches; an emulated HIP cannot.
std::vector<std::string> recordingDevices() {
  std::vector<std::string> names;
  for (const std::string &name : devices()) {
    OpenDevice device(name.c_str());
    if (device.context->canRecord(*device.queue))
      names.push_back(name);
    else
      leaveOut("Recording on " + name, "its library cannot record");
  }
  return names;
}

class DeviceDriver : public testing::TestWithParam<std::string> {
protected:
  static std::unique_ptr<rt::DriverKernel> find(OpenDevice &device, const char *symbol, uint64_t sharedBytes = 0) {
    const Image &image = *imageFor(device.driver->info());
    return device.find(section(image.format, image.bytes), symbol, 64, sharedBytes);
  }

  static rt::Status launchScale(OpenDevice &device, const rt::DriverKernel &scale, const DeviceArray &y,
                                const DeviceArray &x) {
    auto count = static_cast<int64_t>(x.bytes / 4);
    return device.launch(scale, "scale", {y.memory, x.memory}, {count}, (count + 63) / 64);
  }

  static void expectScales(OpenDevice &device, size_t count = 1000) {
    auto scale = find(device, "scale");
    DeviceArray x(*device.driver, 4 * count), y(*device.driver, 4 * count);
    std::vector<float> values = counting<float>(count);
    x.write(*device.queue, values);
    ASSERT_STATUS(launchScale(device, *scale, y, x));
    for (float &value : values)
      value *= 2;
    EXPECT_TRUE(y.read<float>(*device.queue) == values);
  }

  const char *name() const { return GetParam().c_str(); }
  bool isEmulated() const { return std::getenv("HIP_EMU_ARCH") != nullptr; }
};

TEST_P(DeviceDriver, RunsKernels) {
  OpenDevice device(name());
  for (size_t count : {1, 63, 1000, 20000})
    expectScales(device, count);
}

TEST_P(DeviceDriver, UsesAllItsSharedMemory) {
  OpenDevice device(name());
  auto reverse = find(device, "reverse", 65536);
  DeviceArray out(*device.driver, 4 * 128);
  ASSERT_STATUS(device.launch(*reverse, "reverse", {out.memory}, {}, 2));
  std::vector<int> values = out.read<int>(*device.queue);
  for (int i = 0; i < 128; ++i)
    EXPECT_EQ(values[static_cast<size_t>(i)], i / 64 * 64 + 63 - i % 64);
}

TEST_P(DeviceDriver, StridedCopiesEqualTheHosts) {
  OpenDevice device(name());
  expectStridedCopies(device, 60);
}

class Recording : public DeviceDriver {};

TEST_P(Recording, IsReplayed) {
  OpenDevice device(name());
  auto scale = find(device, "scale");
  DeviceArray x(*device.driver, 4000), y(*device.driver, 4000);
  x.write(*device.queue, counting<float>(1000));
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  ASSERT_STATUS(launchScale(device, *scale, y, x));
  ASSERT_STATUS(device.context->copy(*device.queue, {y.memory, x.memory, 2, 4, {10, 100}, {100, 1}, {100, 1}}));
  std::unique_ptr<rt::DriverRecording> recording;
  ASSERT_STATUS(device.context->endRecording(*device.queue, recording));
  EXPECT_EQ(x.read<float>(*device.queue), counting<float>(1000)) << "recording must not run anything";
  std::unique_ptr<rt::DriverQueue> another;
  ASSERT_STATUS(device.driver->createQueue(another));
  for (int i = 0; i < 3; ++i)
    ASSERT_STATUS(device.context->replay(*another, *recording));
  EXPECT_EQ(x.read<float>(*another)[7], 56);
}

/// The library that the open device belongs to.
void *loadedLibrary(bool isCuda) {
  const char *path = std::getenv(isCuda ? "HEED_CUDA_LIBRARY" : "HEED_HIP_LIBRARY");
  for (const char *candidate : {path, isCuda ? "libcuda.so.1" : "libamdhip64.so", isCuda ? "libcuda.so" : nullptr,
                                "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"})
    if (void *library = candidate ? ::dlopen(candidate, RTLD_NOW | RTLD_NOLOAD) : nullptr)
      return library;
  return nullptr;
}

TEST_P(DeviceDriver, BorrowsStreams) {
  OpenDevice device(name());
  bool isCuda = device.driver->info().kind == "cuda";
  void *library = loadedLibrary(isCuda);
  ASSERT_NE(library, nullptr) << "a device is open, and its library is not loaded";
  auto call = [&]<typename... Arguments>(const char *function, Arguments... arguments) {
    return reinterpret_cast<int (*)(Arguments...)>(::dlsym(library, function))(arguments...);
  };
  void *context = nullptr, *stream = nullptr;
  if (isCuda) {
    ASSERT_EQ(call("cuDevicePrimaryCtxRetain", &context, static_cast<int>(device.driver->info().index)), 0);
    ASSERT_EQ(call("cuCtxPushCurrent_v2", context), 0);
  }
  ASSERT_EQ(call(isCuda ? "cuStreamCreate" : "hipStreamCreateWithFlags", &stream, 1u), 0);
  std::unique_ptr<rt::DriverQueue> queue;
  ASSERT_STATUS(device.driver->wrapQueue(stream, queue));
  std::swap(device.queue, queue);
  expectScales(device);
  std::swap(device.queue, queue);
  queue.reset();
  EXPECT_EQ(call(isCuda ? "cuStreamDestroy_v2" : "hipStreamDestroy", stream), 0);
  if (isCuda) {
    EXPECT_EQ(call("cuCtxPopCurrent_v2", &context), 0);
    EXPECT_EQ(call("cuDevicePrimaryCtxRelease_v2", static_cast<int>(device.driver->info().index)), 0);
  }
}

TEST_P(DeviceDriver, RunsOutOfMemoryAndGoesOn) {
  OpenDevice device(name());
  rt::DevicePointer memory;
  EXPECT_FAILURE(device.driver->allocate(uint64_t(1) << 46, memory), outOfMemory, HasSubstr("bytes are free"));
  expectScales(device);
}

TEST_P(DeviceDriver, RefusesOthersCode) {
  OpenDevice device(name());
  std::shared_ptr<rt::DriverCode> code;
  std::string elf = "\177ELF" + std::string(500, '\0');
  bool isCuda = device.driver->info().kind == "cuda";
  EXPECT_FAILURE(device.driver->loadCode(section(isCuda ? rt::CodeFormat::cubin : rt::CodeFormat::hsaco, elf), code),
                 badPackage, HasSubstr("refused by the driver"));
  if (isCuda) {
    const char *text = ".version 7.0\n.target sm_80\n.address_size 64\n.entry k() { nonsense; }\n";
    EXPECT_FAILURE(device.driver->loadCode(section(rt::CodeFormat::ptx, text), code), badPackage, HasSubstr("ptx"));
  }
  expectScales(device);
}

TEST_P(DeviceDriver, EventsTellTheTime) {
  OpenDevice device(name());
  auto spin = find(device, "spin");
  DeviceArray out(*device.driver, 256);
  std::unique_ptr<rt::DriverEvent> start, end;
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, start));
  ASSERT_STATUS(device.launch(*spin, "spin", {out.memory}, {isEmulated() ? 1000 : 10000000}, 1));
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, end));
  ASSERT_STATUS(end->wait());
  double seconds = 0;
  EXPECT_STATUS(end->secondsSince(*start, seconds));
  EXPECT_GT(seconds, isEmulated() ? 0 : 0.001);
  EXPECT_LT(seconds, 10);
}

/// Prints what things cost; asserts only that they work.
TEST_P(DeviceDriver, Costs) {
  OpenDevice device(name());
  auto scale = find(device, "scale");
  const size_t large = isEmulated() ? size_t(1) << 20 : size_t(256) << 20;
  const int launches = isEmulated() ? 100 : 10000;
  DeviceArray x(*device.driver, 4000), y(*device.driver, 4000), big(*device.driver, large);
  std::vector<float> host(large / 4, 1);
  for (int round = 0; round < 2; ++round) { // the second counts
    auto start = Clock::now();
    big.write(*device.queue, host);
    ASSERT_STATUS(device.queue->synchronize());
    double up = secondsSince(start);
    start = Clock::now();
    ASSERT_STATUS(device.driver->download(*device.queue, host.data(), big.memory, large));
    double down = secondsSince(start);
    start = Clock::now();
    for (int i = 0; i < launches; ++i)
      ASSERT_STATUS(launchScale(device, *scale, y, x));
    double enqueued = secondsSince(start);
    ASSERT_STATUS(device.queue->synchronize());
    double done = secondsSince(start);
    start = Clock::now();
    for (int i = 0; i < launches / 10; ++i) {
      ASSERT_STATUS(launchScale(device, *scale, y, x));
      ASSERT_STATUS(device.queue->synchronize());
    }
    double alone = secondsSince(start) * 10;
    if (round == 0)
      continue;
    std::printf("%s: upload %.1f GB/s, download %.1f GB/s, launch %.2f us on the host and %.2f us in all, launch and "
                "wait %.2f us\n",
                name(), static_cast<double>(large) / up * 1e-9, static_cast<double>(large) / down * 1e-9,
                enqueued / launches * 1e6, done / launches * 1e6, alone / launches * 1e6);
  }
}

class LostDevice : public DeviceDriver {};

TEST_P(LostDevice, FaultsNameTheKernel) {
  {
    OpenDevice device(name());
    auto wild = find(device, "wild");
    DeviceArray out(*device.driver, 256);
    // Emulated launches report their own faults.
    rt::Status status = device.launch(*wild, "wild_7", {out.memory}, {}, 1);
    if (status.ok())
      status = device.queue->synchronize();
    EXPECT_FAILURE(std::move(status), deviceLost, HasSubstr("kernel 'wild_7' faulted"));
    rt::DevicePointer memory;
    EXPECT_FAILURE(device.driver->allocate(4, memory), deviceLost, HasSubstr("is lost: kernel 'wild_7' faulted"));
  }
  OpenDevice again(name());
  expectScales(again);
}

TEST_P(LostDevice, HangsNameTheKernel) {
  OpenDevice device(name(), 1);
  auto spin = find(device, "spin");
  DeviceArray out(*device.driver, 256);
  auto start = Clock::now();
  // About ten seconds; the emulator stops it earlier.
  rt::Status status = device.launch(*spin, "spin_7", {out.memory}, {2000000000}, 1);
  if (status.ok())
    status = device.queue->synchronize();
  EXPECT_FAILURE(std::move(status), timeout, HasSubstr("kernel 'spin_7'"));
  if (!isEmulated())
    EXPECT_LT(secondsSince(start), 5);
  EXPECT_FAILURE(device.queue->synchronize(), deviceLost, HasSubstr("'spin_7'"));
}

std::string paramName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeviceDriver);
INSTANTIATE_TEST_SUITE_P(Devices, DeviceDriver, testing::ValuesIn(devices()), paramName);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Recording);
INSTANTIATE_TEST_SUITE_P(Devices, Recording, testing::ValuesIn(recordingDevices()), paramName);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LostDevice);
INSTANTIATE_TEST_SUITE_P(Devices, LostDevice, testing::ValuesIn(devices()), paramName);

} // namespace
