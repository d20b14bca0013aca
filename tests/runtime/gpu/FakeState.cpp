#include "tests/runtime/gpu/FakeState.h"

namespace heed::test {

thread_local std::vector<Device *> currentDevices;

State &state() {
  static State *state = new State; // outlives every thread
  return *state;
}

Stream::~Stream() {
  {
    std::scoped_lock guard(lock);
    stopping = true;
  }
  wake.notify_all();
  thread.join();
}

void Stream::add(Work work) {
  if (capturing) {
    captured.push_back(std::move(work));
    return;
  }
  {
    std::scoped_lock guard(lock);
    queue.push_back(std::move(work));
  }
  wake.notify_all();
}

bool Stream::idle() {
  std::scoped_lock guard(lock);
  return queue.empty() && !busy;
}

void Stream::run() {
  std::unique_lock guard(lock);
  for (;;) {
    wake.wait(guard, [&] { return stopping || !queue.empty(); });
    if (queue.empty())
      return;
    Work work = std::move(queue.front());
    queue.pop_front();
    busy = true;
    guard.unlock();
    int result = device.sticky;
    if (result == success)
      result = work();
    if (result != success)
      device.sticky = result;
    guard.lock();
    busy = false;
  }
}

int enterCall(const char *function, bool needsDevice) {
  State &all = state();
  std::scoped_lock guard(all.lock);
  ++all.callCounts[function];
  if (auto found = all.failures.find(function); found != all.failures.end() && !found->second.empty()) {
    auto &[skip, result] = found->second.front();
    if (skip-- == 0) {
      int injected = result;
      found->second.erase(found->second.begin());
      return injected;
    }
  }
  if (!needsDevice)
    return success;
  return currentDevices.empty() ? int(invalidContext) : currentDevices.back()->sticky.load();
}

Memory *findMemory(uint64_t address, size_t bytes) {
  State &all = state();
  auto above = all.memory.upper_bound(address);
  if (above == all.memory.begin())
    return nullptr;
  auto found = std::prev(above);
  bool inside = bytes <= found->second.bytes && address - found->first <= found->second.bytes - bytes;
  return inside ? &found->second : nullptr;
}

} // namespace heed::test

using namespace heed::test;

static void reset() {
  State &all = state();
  std::scoped_lock guard(all.lock);
  all.devices.clear();
  for (int i = 0; i < 2; ++i)
    all.devices.push_back(std::make_unique<Device>());
  all.devices[1]->major = 8;
  all.version = 12040;
  all.maxThreads = 1024;
  all.callCounts.clear();
  all.failures.clear();
  all.kernels.clear();
  all.memory.clear();
  all.streams.clear();
  all.events.clear();
  all.modules.clear();
  all.graphs.clear();
}

static void set(const char *setting, long value) {
  State &all = state();
  std::scoped_lock guard(all.lock);
  std::string_view name = setting;
  if (name == "devices")
    all.devices.resize(static_cast<size_t>(value));
  else if (name == "version")
    all.version = static_cast<int>(value);
  else if (name == "threads")
    all.maxThreads = static_cast<int>(value);
  else if (name == "memory")
    for (auto &device : all.devices)
      device->memory = static_cast<size_t>(value);
}

static void fail(const char *function, int result, int skip) {
  std::scoped_lock guard(state().lock);
  state().failures[function].push_back({skip, result});
}

static void define(const char *name, int words, FakeKernel kernel) {
  std::scoped_lock guard(state().lock);
  state().kernels[name] = {words, kernel, 0};
}

static void defineMaps(const char *name, int maps) {
  std::scoped_lock guard(state().lock);
  state().kernels.at(name).maps = maps;
}

static long calls(const char *function) {
  std::scoped_lock guard(state().lock);
  return state().callCounts[function];
}

static long alive() {
  State &all = state();
  std::scoped_lock guard(all.lock);
  size_t count = all.memory.size() + all.streams.size() + all.events.size() + all.modules.size() + all.graphs.size();
  for (auto &device : all.devices)
    count += static_cast<size_t>(device->references);
  return static_cast<long>(count);
}

extern "C" __attribute__((visibility("default"))) const FakeCuda *fakeCuda() {
  static const FakeCuda functions = {reset,      set,   fail,  define,
                                     defineMaps, calls, alive, [] { return static_cast<long>(currentDevices.size()); }};
  static bool ready = (reset(), true);
  (void)ready;
  return &functions;
}
