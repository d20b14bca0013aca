// The inside of the fake libcuda: devices, streams that run their work on threads of their own, events, graphs.
#ifndef HEED_TESTS_RUNTIME_GPU_FAKESTATE_H
#define HEED_TESTS_RUNTIME_GPU_FAKESTATE_H

#include "tests/runtime/gpu/FakeCuda.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace heed::test {

enum : int {
  success = 0,
  invalidValue = 1,
  outOfMemory = 2,
  invalidDevice = 101,
  noDevice = 100,
  invalidImage = 200,
  invalidContext = 201,
  noBinary = 209,
  invalidPtx = 218,
  unsupportedPtxVersion = 222,
  invalidHandle = 400,
  notFound = 500,
  notReady = 600,
  captureUnsupported = 900,
  capturedEvent = 907,
};

struct Device {
  int major = 9, minor = 0;
  size_t memory = size_t(1) << 30, used = 0;
  std::atomic<int> sticky = success;
  int references = 0; // of the primary context
};

/// Work returns a result; anything but success stays with the device.
using Work = std::function<int()>;

class Stream {
public:
  explicit Stream(Device &device) : device(device), thread([this] { run(); }) {}
  ~Stream();

  void add(Work work);
  bool idle();

  Device &device;
  bool capturing = false;
  bool endsInLaunch = false; // the work added last
  std::vector<Work> captured;

private:
  void run();

  std::mutex lock;
  std::condition_variable wake;
  std::deque<Work> queue;
  bool busy = false, stopping = false;
  std::thread thread;
};

struct Event {
  Device *device;
  bool timed;
  std::atomic<uint64_t> recorded = 0, reached = 0;
  std::atomic<double> seconds = 0;
  bool captured = false;
};

struct Function {
  std::string name;
  FakeKernel kernel;
  int words, maps;
  int permittedShared = 48 * 1024;
};

struct Module {
  Device *device;
  std::string text;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

struct Graph {
  Device *device;
  std::vector<Work> work;
};

/// Memory of a device or pinned memory of the host, by its first byte.
struct Memory {
  size_t bytes;
  Device *device;
  bool onHost;
};

struct KernelDefinition {
  int words;
  FakeKernel kernel;
  int maps = 0;
};

struct State {
  std::recursive_mutex lock;
  std::vector<std::unique_ptr<Device>> devices;
  int version = 12040;
  int maxThreads = 1024;
  std::map<std::string, long> callCounts;
  std::map<std::string, std::vector<std::pair<int, int>>> failures; // function: skip, result
  std::map<std::string, KernelDefinition> kernels;
  std::map<uint64_t, Memory> memory;
  std::set<Stream *> streams;
  std::map<Event *, std::shared_ptr<Event>> events; // work of a stream may outlive an event's handle
  std::set<Module *> modules;
  std::set<Graph *> graphs;
};

State &state();
extern thread_local std::vector<Device *> currentDevices;

/// Counts a call; its injected failure, or the device's own.
int enterCall(const char *function, bool needsDevice);
/// The allocation that holds all these bytes; null if none does.
Memory *findMemory(uint64_t address, size_t bytes);

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_GPU_FAKESTATE_H
