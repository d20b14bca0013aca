// The driver of CUDA devices, on a fake libcuda that runs kernels on the host and fails when told to.
#include "backends/cuda/driver/CudaDriver.h"
#include "tests/runtime/gpu/CudaTest.h"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

using namespace heed;
using namespace heed::test;
using rt::Code;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

namespace {

TEST_F(CudaDriver, SaysWhyThereIsNone) {
  std::shared_ptr<rt::Driver> driver;
  fake->set("version", 10020);
  EXPECT_FAILURE(openDevice("cuda:0", driver), noDriver, HasSubstr("CUDA 10.2, too old: 11.0 or later"));
  fake->set("version", 12040);
  fake->fail("cuInit", 804, 0);
  EXPECT_FAILURE(openDevice("cuda:0", driver), noDriver, HasSubstr("was found, but initialising it gives error 804"));
  EXPECT_FAILURE(openDevice("cuda:2", driver), noDevice, HasSubstr("there are 2 CUDA devices"));
  fake->fail("cuDevicePrimaryCtxRetain", 2, 0);
  EXPECT_FAILURE(openDevice("cuda:1", driver), outOfMemory, HasSubstr("no memory for a context on Fake GPU 1"));
  fake->set("devices", 0);
  EXPECT_FAILURE(openDevice("cuda:0", driver), noDevice, HasSubstr("there are 0 CUDA devices"));
  ::setenv("HEED_CUDA_LIBRARY", "/nowhere/libcuda.so", 1);
  EXPECT_FAILURE(openDevice("cuda:0", driver), noDriver,
                 AllOf(HasSubstr("HEED_CUDA_LIBRARY"), HasSubstr("/nowhere/libcuda.so")));
  ::setenv("HEED_CUDA_LIBRARY", "libm.so.6", 1);
  EXPECT_FAILURE(openDevice("cuda:0", driver), noDriver, HasSubstr("libm.so.6 has no function 'cuInit'"));
}

TEST_F(CudaDriver, DescribesDevices) {
  std::vector<rt::DeviceInfo> devices;
  ASSERT_STATUS(rt::listCuda({}, devices));
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[1].id(), "cuda:1");
  EXPECT_EQ(devices[1].name, "Fake GPU 1");
  EXPECT_FALSE(devices[0].memoryIsHost);
  EXPECT_EQ(devices[0].property(rt::DeviceProperty::workers), 132);
  EXPECT_EQ(devices[0].property(rt::DeviceProperty::subgroupSize), 32);
  EXPECT_EQ(devices[0].property(rt::DeviceProperty::sharedBytes), 227 * 1024);
  EXPECT_EQ(devices[0].property(rt::DeviceProperty::workgroupThreads), 1024);
  EXPECT_EQ(fake->calls("cuDevicePrimaryCtxRetain"), 0) << "listing must not cost device memory";
}

TEST(CudaFeatures, FollowNvidiasCompatibility) {
  auto hopper = rt::cudaFeatures(9, 0);
  for (const char *feature : {"sm_50", "sm_80", "sm_89", "sm_90", "sm_90a", "cubin_sm_90", "cubin_sm_90a"})
    EXPECT_THAT(hopper, Contains(feature));
  for (const char *feature : {"sm_100", "cubin_sm_80", "cubin_sm_89", "sm_80a", "sm_90f"})
    EXPECT_THAT(hopper, Not(Contains(feature)));
  auto ada = rt::cudaFeatures(8, 9);
  for (const char *feature : {"cubin_sm_80", "cubin_sm_86", "cubin_sm_89"})
    EXPECT_THAT(ada, Contains(feature));
  for (const char *feature : {"cubin_sm_87", "cubin_sm_75", "sm_89a", "sm_90"})
    EXPECT_THAT(ada, Not(Contains(feature)));
  EXPECT_THAT(rt::cudaFeatures(8, 7), AllOf(Contains("cubin_sm_87"), Not(Contains("cubin_sm_80"))));
  EXPECT_THAT(rt::cudaFeatures(10, 3), AllOf(Contains("sm_100f"), Contains("sm_103a"), Not(Contains("sm_100a"))));
  // A chip that is newer than this build.
  EXPECT_THAT(rt::cudaFeatures(13, 5), AllOf(Contains("sm_135"), Contains("sm_135a"), Contains("sm_90")));
}

TEST_F(CudaDriver, RunsKernels) {
  OpenDevice device("cuda:0");
  for (size_t count : {1, 1000, 5000000}) // the last takes many pieces of pinned memory
    expectScales(device, count);
  OpenDevice second("cuda:1");
  expectScales(second);
  expectScales(device);
}

TEST_F(CudaDriver, CopiesOfNothingAreFine) {
  OpenDevice device("cuda:0");
  DeviceArray empty(*device.driver, 0);
  EXPECT_STATUS(device.driver->upload(*device.queue, empty.memory, nullptr, 0));
  EXPECT_STATUS(device.driver->download(*device.queue, nullptr, empty.memory, 0));
}

TEST_F(CudaDriver, PinnedMemoryIsUsedAgain) {
  OpenDevice device("cuda:0");
  for (int i = 0; i < 20; ++i)
    expectScales(device, 3000000); // 12 MB each way
  EXPECT_LE(fake->calls("cuMemHostAlloc"), 32);
  EXPECT_LE(fake->calls("cuEventCreate"), 32 + 8); // and markers of the queue
}

TEST_F(CudaDriver, UploadsWaitInOrderOfTheQueue) {
  OpenDevice device("cuda:0");
  auto stall = kernel(device, "stall");
  DeviceArray x(*device.driver, 400);
  std::vector<float> values = counting<float>(100);
  ASSERT_STATUS(device.launch(*stall, "stall", {}, {}, 1));
  x.write(*device.queue, values);
  values.assign(100, -1); // it was staged
  std::unique_ptr<rt::DriverEvent> event;
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, false, event));
  EXPECT_FALSE(event->reached());
  stalled = false;
  ASSERT_STATUS(event->wait());
  EXPECT_TRUE(event->reached());
  EXPECT_EQ(x.read<float>(*device.queue), counting<float>(100));
}

TEST_F(CudaDriver, StridedCopiesEqualTheHosts) {
  OpenDevice device("cuda:0");
  expectStridedCopies(device, 100);
}

TEST_F(CudaDriver, DenseAndPitchedCopiesAreOneCall) {
  OpenDevice device("cuda:0");
  DeviceArray from(*device.driver, 4096), to(*device.driver, 4096);
  rt::StridedCopy copy = {from.memory, to.memory, 2, 4, {8, 16}, {16, 1}, {16, 1}};
  EXPECT_STATUS(device.context->copy(*device.queue, copy));
  EXPECT_EQ(fake->calls("cuMemcpyDtoDAsync_v2"), 1);
  copy.sourceStrides = {20, 1};
  EXPECT_STATUS(device.context->copy(*device.queue, copy));
  EXPECT_EQ(fake->calls("cuMemcpy2DAsync_v2"), 1);
  EXPECT_EQ(fake->calls("cuMemcpyDtoDAsync_v2"), 1);
  EXPECT_STATUS(device.queue->synchronize());
}

TEST_F(CudaDriver, ShapesLaunches) {
  OpenDevice device("cuda:0");
  DeviceArray out(*device.driver, 56);
  auto launch = [&](uint64_t sharedBytes, std::array<int64_t, 3> grid) {
    auto shape = kernel(device, "shape", sharedBytes);
    std::vector<rt::DevicePointer> operands = {out.memory};
    EXPECT_STATUS(device.context->launch(*device.queue, {shape.get(), "shape", operands, {}, grid, 0}));
    return out.read<int64_t>(*device.queue);
  };
  EXPECT_THAT(launch(0, {5, 3, 2}), testing::ElementsAre(30, 1, 128, 0, 5, 3, 2));
  EXPECT_EQ(fake->calls("cuFuncSetAttribute"), 0);
  EXPECT_THAT(launch(200 * 1024, {1, 1, 1}), testing::ElementsAre(1, 1, 128, 200 * 1024, 1, 1, 1));
  EXPECT_EQ(fake->calls("cuFuncSetAttribute"), 2); // how much it may have, and what processors have of it
  EXPECT_EQ(launch(0, {65536, 32767, 1})[0], int64_t(65536) * 32767);
  auto shape = kernel(device, "shape");
  EXPECT_FAILURE(device.context->launch(*device.queue, {shape.get(), "shape", {}, {}, {65536, 32768, 1}, 0}),
                 unsupported, HasSubstr("kernel 'shape' has a grid of 2147483648 programs"));
}

TEST_F(CudaDriver, LaunchesNoMoreWorkgroupsThanStay) {
  OpenDevice device("cuda:0");
  DeviceArray out(*device.driver, 56);
  auto workgroups = [&](int64_t programs, bool isUneven) {
    rt::Variant variant;
    variant.symbol = "shape";
    variant.workgroup = {128, 1, 1};
    variant.residentWorkgroups = 2;
    variant.hasUnevenPrograms = isUneven;
    EXPECT_STATUS(
        device.launch(*device.find(section(rt::CodeFormat::ptx, ptx), variant), "shape", {out.memory}, {}, programs));
    return out.read<int64_t>(*device.queue)[0];
  };
  int64_t most = 2 * device.driver->info().property(rt::DeviceProperty::workers);
  EXPECT_EQ(workgroups(most - 1, false), most - 1);
  EXPECT_EQ(workgroups(3 * most, false), most);
  EXPECT_EQ(workgroups(3 * most + most / 2, false), most);
  // A last round of few programs, unless their order evens rounds out.
  EXPECT_EQ(workgroups(3 * most + 1, false), 3 * most + 1);
  EXPECT_EQ(workgroups(3 * most + 1, true), most);
}

TEST_F(CudaDriver, RefusesCodeInOneLine) {
  OpenDevice device("cuda:1"); // 8.0
  std::shared_ptr<rt::DriverCode> code;
  auto load = [&](rt::CodeFormat format, const std::string &bytes) {
    return device.driver->loadCode(section(format, bytes), code);
  };
  EXPECT_FAILURE(load(rt::CodeFormat::ptx, "rubbish"), badPackage,
                 AllOf(HasSubstr("CUDA_ERROR_INVALID_PTX"), HasSubstr("fatal : Parsing error"), Not(HasSubstr("\n"))));
  EXPECT_FAILURE(load(rt::CodeFormat::ptx, ".version 9.9 .target sm_80"), wrongArchitecture,
                 HasSubstr("update the driver"));
  std::string cubin = "\177ELF" + std::string(60, '\0') + "sm_90 scale";
  cubin[4] = 'x'; // the fake reads a C string
  EXPECT_FAILURE(load(rt::CodeFormat::cubin, cubin), wrongArchitecture,
                 AllOf(HasSubstr("not for Fake GPU 1"), HasSubstr("CUDA_ERROR_NO_BINARY_FOR_GPU")));
  EXPECT_FAILURE(load(rt::CodeFormat::cubin, "MZ"), badPackage, HasSubstr("is no cubin"));
  EXPECT_FAILURE(load(rt::CodeFormat::hsaco, cubin), badPackage, HasSubstr("neither PTX nor a cubin"));
  ASSERT_STATUS(load(rt::CodeFormat::ptx, ptx));
  rt::Variant variant;
  std::unique_ptr<rt::DriverKernel> kernel;
  variant.symbol = "absent";
  EXPECT_FAILURE(code->findKernel(variant, kernel), badPackage, HasSubstr("has no kernel 'absent'"));
  variant.symbol = "scale";
  variant.workgroup = {2048, 1, 1};
  EXPECT_FAILURE(code->findKernel(variant, kernel), unsupported, HasSubstr("workgroups of 2048 threads"));
  variant.workgroup = {128, 1, 1};
  variant.sharedBytes = 300 * 1024;
  EXPECT_FAILURE(code->findKernel(variant, kernel), unsupported, HasSubstr("needs 307200 bytes of shared memory"));
  EXPECT_STATUS(device.driver->alive());
}

TEST_F(CudaDriver, RunsOutOfMemoryAndGoesOn) {
  OpenDevice device("cuda:0");
  fake->set("memory", 1 << 20);
  rt::DevicePointer memory;
  EXPECT_FAILURE(device.driver->allocate(2 << 20, memory), outOfMemory,
                 AllOf(HasSubstr("2097152 bytes on cuda:0 (Fake GPU 0)"), HasSubstr("of 1048576 bytes are free")));
  expectScales(device);
  auto scale = kernel(device, "scale");
  fake->fail("cuLaunchKernel", 2, 0); // no room for the kernel's stack
  EXPECT_FAILURE(device.launch(*scale, "scale", {{}, {}}, {0}, 1), outOfMemory, HasSubstr("kernel 'scale'"));
  fake->fail("cuMemHostAlloc", 2, 0);
  OpenDevice second("cuda:1");
  DeviceArray x(*second.driver, 4);
  float value = 0;
  EXPECT_FAILURE(second.driver->upload(*second.queue, x.memory, &value, 4), outOfMemory,
                 HasSubstr("pinned host memory"));
  EXPECT_STATUS(second.driver->upload(*second.queue, x.memory, &value, 4));
  EXPECT_STATUS(second.queue->synchronize());
}

TEST_F(CudaDriver, FaultsLoseTheDeviceAndNameTheKernel) {
  {
    OpenDevice device("cuda:0"), other("cuda:1");
    auto fault = kernel(device, "fault");
    DeviceArray x(*device.driver, 400);
    ASSERT_STATUS(device.launch(*fault, "attend_3", {}, {}, 1));
    EXPECT_FAILURE(device.queue->synchronize(), deviceLost,
                   AllOf(HasSubstr("cuda:0 (Fake GPU 0)"), HasSubstr("kernel 'attend_3' faulted"),
                         HasSubstr("CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access")));
    long calls = fake->calls("cuMemAlloc_v2");
    rt::DevicePointer memory;
    EXPECT_FAILURE(device.driver->allocate(4, memory), deviceLost, HasSubstr("is lost: kernel 'attend_3' faulted"));
    EXPECT_EQ(fake->calls("cuMemAlloc_v2"), calls);
    EXPECT_FAILURE(device.launch(*fault, "next", {}, {}, 1), deviceLost, HasSubstr("'attend_3'"));
    EXPECT_FAILURE(device.queue->synchronize(), deviceLost, HasSubstr("'attend_3'"));
    std::unique_ptr<rt::DriverQueue> queue;
    EXPECT_FAILURE(device.driver->createQueue(queue), deviceLost, HasSubstr("'attend_3'"));
    expectScales(other);
  }
  OpenDevice again("cuda:0"); // its context was given up with all it held
  expectScales(again);
}

TEST_F(CudaDriver, AFaultAmongManyLaunchesNamesThem) {
  {
    OpenDevice device("cuda:0");
    auto fault = kernel(device, "fault"), shape = kernel(device, "shape");
    DeviceArray out(*device.driver, 56);
    for (int i = 0; i < 20; ++i)
      ASSERT_STATUS(device.launch(*shape, "early", {out.memory}, {}, 1));
    ASSERT_STATUS(device.queue->synchronize());
    ASSERT_STATUS(device.launch(*shape, "good", {out.memory}, {}, 1));
    ASSERT_STATUS(device.launch(*shape, "good", {out.memory}, {}, 1));
    ASSERT_STATUS(device.launch(*fault, "bad", {}, {}, 1));
    std::vector<int64_t> values(7);
    EXPECT_FAILURE(device.driver->download(*device.queue, values.data(), out.memory, 56), deviceLost,
                   AllOf(HasSubstr("one of the last 3 launches faulted, of kernels 'good', 'bad'"),
                         HasSubstr("HEED_GPU_SYNCHRONOUS=1"), Not(HasSubstr("early"))));
  }
  ::setenv("HEED_GPU_SYNCHRONOUS", "1", 1);
  OpenDevice device("cuda:0");
  auto fault = kernel(device, "fault"), shape = kernel(device, "shape");
  DeviceArray out(*device.driver, 56);
  ASSERT_STATUS(device.launch(*shape, "good", {out.memory}, {}, 1));
  EXPECT_FAILURE(device.launch(*fault, "bad", {}, {}, 1), deviceLost, HasSubstr("kernel 'bad' faulted"));
}

TEST_F(CudaDriver, HangsAreReportedWithTheKernel) {
  hung = true;
  OpenDevice device("cuda:0", 0.2), other("cuda:1");
  auto stall = kernel(device, "stall");
  DeviceArray x(*device.driver, 4);
  ASSERT_STATUS(device.launch(*stall, "endless", {}, {}, 1));
  auto start = std::chrono::steady_clock::now();
  EXPECT_FAILURE(device.queue->synchronize(), timeout, HasSubstr("kernel 'endless' did not finish for 0.2 s"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  float value;
  EXPECT_FAILURE(device.driver->download(*device.queue, &value, x.memory, 4), deviceLost, HasSubstr("'endless'"));
  expectScales(other);
}

TEST_F(CudaDriver, ProgressIsNoHang) {
  OpenDevice device("cuda:0", 0.5);
  fake->define("stall", 3, [](const FakeLaunch &) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    return 0;
  });
  auto slow = kernel(device, "stall");
  for (int i = 0; i < 40; ++i) // 1.2 s in all
    ASSERT_STATUS(device.launch(*slow, "slow", {}, {}, 1));
  EXPECT_STATUS(device.queue->synchronize());
}

/// [3, 4, 10] numbers, of which rows take 16.
const rt::TensorMapShape tensor = {3, 2, 128, {3, 4, 10}, {64, 16, 1}, {2, 4, 8}};

std::vector<uint16_t> boxOfTensor() {
  std::vector<uint16_t> expected;
  for (int i = 1; i < 3; ++i)
    for (int j = 1; j < 5; ++j)
      for (int k = 1; k < 9; ++k)
        expected.push_back(j < 4 ? static_cast<uint16_t>(64 * i + 16 * j + k) : 0);
  return expected;
}

TEST_F(CudaDriver, PassesTensorMapsBehindTheWords) {
  OpenDevice device("cuda:0");
  auto kernel = this->kernel(device, "box");
  DeviceArray x(*device.driver, 3 * 64 * 2), y(*device.driver, 2 * 4 * 8 * 2);
  x.write(*device.queue, counting<uint16_t>(3 * 64));
  std::array<rt::EncodedTensorMap, 2> maps = {};
  ASSERT_STATUS(device.driver->encodeTensorMap(x.memory, tensor, maps[1]));
  std::vector<rt::DevicePointer> operands = {y.memory};
  auto launch = [&] {
    return device.context->launch(*device.queue, {kernel.get(), "box", operands, {}, {1, 1, 1}, 0, maps});
  };
  ASSERT_STATUS(launch());
  EXPECT_EQ(y.read<uint16_t>(*device.queue), boxOfTensor());
  // A recording keeps them.
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  ASSERT_STATUS(launch());
  std::unique_ptr<rt::DriverRecording> recording;
  ASSERT_STATUS(device.context->endRecording(*device.queue, recording));
  maps = {};
  y.write(*device.queue, std::vector<uint16_t>(64, 7));
  ASSERT_STATUS(device.context->replay(*device.queue, *recording));
  EXPECT_EQ(y.read<uint16_t>(*device.queue), boxOfTensor());
}

TEST_F(CudaDriver, RefusesTensorMapsInOneLine) {
  OpenDevice device("cuda:0");
  DeviceArray x(*device.driver, 3 * 64 * 2);
  rt::EncodedTensorMap map;
  EXPECT_FAILURE(device.driver->encodeTensorMap(x.memory.advanced(8), tensor, map), internal,
                 HasSubstr("tensor map: CUDA says CUDA_ERROR_INVALID_VALUE"));
  useLibrary(HEED_FAKE_CUDA_OLD);
  OpenDevice old("cuda:0");
  DeviceArray y(*old.driver, 3 * 64 * 2);
  EXPECT_FAILURE(old.driver->encodeTensorMap(y.memory, tensor, map), unsupported,
                 HasSubstr("this CUDA driver, or Fake GPU 0, does not make tensor maps"));
}

TEST_F(CudaDriver, RecordsAndReplays) {
  OpenDevice device("cuda:0");
  auto scale = kernel(device, "scale");
  DeviceArray x(*device.driver, 400), y(*device.driver, 400);
  ASSERT_TRUE(device.context->canRecord(*device.queue));
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  ASSERT_STATUS(device.launch(*scale, "scale", {y.memory, x.memory}, {100}, 1));
  ASSERT_STATUS(device.context->copy(*device.queue, {y.memory, x.memory, 1, 4, {100}, {1}, {1}}));
  std::unique_ptr<rt::DriverRecording> recording;
  ASSERT_STATUS(device.context->endRecording(*device.queue, recording));
  x.write(*device.queue, counting<float>(100));
  EXPECT_EQ(x.read<float>(*device.queue), counting<float>(100)) << "recording must not run anything";
  long launches = fake->calls("cuLaunchKernel");
  std::unique_ptr<rt::DriverQueue> another;
  ASSERT_STATUS(device.driver->createQueue(another));
  for (int i = 0; i < 3; ++i)
    ASSERT_STATUS(device.context->replay(*another, *recording));
  EXPECT_EQ(x.read<float>(*another)[7], 56);
  EXPECT_EQ(fake->calls("cuLaunchKernel"), launches);
}

TEST_F(CudaDriver, AFailedRecordingLeavesTheQueueAlone) {
  OpenDevice device("cuda:0");
  auto scale = kernel(device, "scale");
  DeviceArray x(*device.driver, 400);
  ASSERT_TRUE(device.context->canRecord(*device.queue));
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  ASSERT_STATUS(device.launch(*scale, "scale", {x.memory, x.memory}, {100}, 1));
  fake->fail("cuGraphInstantiateWithFlags", 801, 0);
  std::unique_ptr<rt::DriverRecording> recording;
  EXPECT_FAILURE(device.context->endRecording(*device.queue, recording), unsupported, HasSubstr("recording"));
  expectScales(device);
}

TEST_F(CudaDriver, LibrariesThatCannotRecordAreNotAsked) {
  OpenDevice device("cuda:0");
  fake->fail("cuStreamBeginCapture_v2", 801, 0);
  EXPECT_FALSE(device.context->canRecord(*device.queue));
  EXPECT_FALSE(device.context->canRecord(*device.queue));
  EXPECT_EQ(fake->calls("cuStreamBeginCapture_v2"), 1);
  expectScales(device);
}

TEST_F(CudaDriver, FaultsOfReplaysNameTheirKernels) {
  OpenDevice device("cuda:0");
  auto fault = kernel(device, "fault");
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  ASSERT_STATUS(device.launch(*fault, "bad", {}, {}, 1));
  ASSERT_STATUS(device.launch(*fault, "worse", {}, {}, 1));
  std::unique_ptr<rt::DriverRecording> recording;
  ASSERT_STATUS(device.context->endRecording(*device.queue, recording));
  ASSERT_STATUS(device.context->replay(*device.queue, *recording));
  EXPECT_FAILURE(device.queue->synchronize(), deviceLost, HasSubstr("'bad', 'worse'"));
}

TEST_F(CudaDriver, OldLibrariesRunWithoutRecording) {
  useLibrary(HEED_FAKE_CUDA_OLD);
  OpenDevice device("cuda:0");
  EXPECT_FALSE(device.context->canRecord(*device.queue));
  expectScales(device);
}

TEST_F(CudaDriver, EventsTellTheTime) {
  OpenDevice device("cuda:0");
  fake->define("stall", 3, [](const FakeLaunch &) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return 0;
  });
  auto slow = kernel(device, "stall");
  std::unique_ptr<rt::DriverEvent> start, end, untimed;
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, start));
  ASSERT_STATUS(device.launch(*slow, "slow", {}, {}, 1));
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, end));
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, false, untimed));
  ASSERT_STATUS(untimed->wait());
  double seconds = 0;
  EXPECT_STATUS(end->secondsSince(*start, seconds));
  EXPECT_GT(seconds, 0.019);
  EXPECT_FAILURE(untimed->secondsSince(*start, seconds), invalidArgument, HasSubstr("without its time"));
  long events = fake->calls("cuEventCreate");
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, end));
  EXPECT_EQ(fake->calls("cuEventCreate"), events) << "an event is used again";
  EXPECT_STATUS(end->wait());
}

TEST_F(CudaDriver, BorrowsStreams) {
  OpenDevice device("cuda:0");
  std::unique_ptr<rt::DriverQueue> none;
  EXPECT_FAILURE(device.driver->wrapQueue(&device, none), invalidArgument, HasSubstr("not a CUDA stream of cuda:0"));
  // The caller's own use of the library.
  void *library = ::dlopen(HEED_FAKE_CUDA, RTLD_NOW), *context = nullptr, *stream = nullptr, *graph = nullptr;
  auto call = [&]<typename... Arguments>(const char *name, Arguments... arguments) {
    return reinterpret_cast<int (*)(Arguments...)>(::dlsym(library, name))(arguments...);
  };
  ASSERT_EQ(call("cuDevicePrimaryCtxRetain", &context, 0), 0);
  ASSERT_EQ(call("cuCtxPushCurrent_v2", context), 0);
  ASSERT_EQ(call("cuStreamCreate", &stream, 0u), 0);
  ASSERT_TRUE(device.context->canRecord(*device.queue)); // tries it, with a stream
  long streams = fake->calls("cuStreamDestroy_v2");
  {
    std::unique_ptr<rt::DriverQueue> queue;
    ASSERT_STATUS(device.driver->wrapQueue(stream, queue));
    std::swap(device.queue, queue);
    expectScales(device);
    ASSERT_EQ(call("cuStreamBeginCapture_v2", stream, 0), 0);
    auto scale = kernel(device, "scale");
    EXPECT_FALSE(device.context->canRecord(*device.queue));
    for (int i = 0; i < 10; ++i)
      EXPECT_STATUS(device.launch(*scale, "scale", {{}, {}}, {0}, 1));
    EXPECT_FAILURE(device.queue->synchronize(), invalidArgument, HasSubstr("being captured by its owner"));
    ASSERT_EQ(call("cuStreamEndCapture", stream, &graph), 0);
    EXPECT_STATUS(device.queue->synchronize());
    std::swap(device.queue, queue);
  }
  EXPECT_EQ(fake->calls("cuStreamDestroy_v2"), streams) << "it is not ours";
  EXPECT_EQ(call("cuGraphDestroy", graph), 0);
  EXPECT_EQ(call("cuStreamDestroy_v2", stream), 0);
  EXPECT_EQ(fake->currentContexts(), 1) << "the caller's context is as it was";
  EXPECT_EQ(call("cuCtxPopCurrent_v2", &context), 0);
  EXPECT_EQ(call("cuDevicePrimaryCtxRelease_v2", 0), 0);
}

TEST_F(CudaDriver, WrapsMemoryOfItsDevice) {
  OpenDevice device("cuda:0"), other("cuda:1");
  DeviceArray own(*device.driver, 64), foreign(*other.driver, 64);
  rt::DevicePointer wrapped;
  auto handle = [](const DeviceArray &array) { return static_cast<std::byte *>(array.memory.base) + 16; };
  ASSERT_STATUS(device.driver->wrap(rt::MemoryKind::cuda, handle(own), 48, wrapped));
  EXPECT_EQ(device.driver->deviceAddress(wrapped), device.driver->deviceAddress(own.memory) + 16);
  EXPECT_EQ(device.driver->hostAddress(wrapped), nullptr);
  EXPECT_FAILURE(device.driver->wrap(rt::MemoryKind::cuda, handle(foreign), 48, wrapped), invalidArgument,
                 HasSubstr("belongs to device cuda:1, not to cuda:0"));
  EXPECT_FAILURE(device.driver->wrap(rt::MemoryKind::cuda, &wrapped, 48, wrapped), invalidArgument,
                 HasSubstr("not memory that CUDA knows"));
  EXPECT_FAILURE(device.driver->wrap(rt::MemoryKind::host, &wrapped, 48, wrapped), unsupported,
                 HasSubstr("has to be copied"));
}

TEST_F(CudaDriver, ThreadsShareADevice) {
  std::shared_ptr<rt::Driver> driver;
  ASSERT_STATUS(openDevice("cuda:0", driver));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      OpenDevice device("cuda:0");
      device.context.reset();
      device.queue.reset();
      device.driver = driver;
      ASSERT_STATUS(driver->createQueue(device.queue));
      ASSERT_STATUS(driver->createContext(0, device.context));
      for (int round = 0; round < 10; ++round)
        expectScales(device, 300000);
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace
