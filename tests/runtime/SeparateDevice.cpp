#include "tests/runtime/SeparateDevice.h"

#include "backends/cpu/driver/CpuDriver.h"
#include "runtime/CopyBlocks.h"
#include "runtime/KernelWords.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace heed::rt;

namespace heed::test {
namespace {

constexpr uint64_t pageBytes = 4096;

/// Pages that only the device can use.
class DeviceHeap {
public:
  explicit DeviceHeap(uint64_t limit) : limit(limit) {}
  ~DeviceHeap() {
    for (auto &[base, block] : blocks)
      release(base, block);
  }

  Status allocate(uint64_t bytes, DevicePointer &memory) {
    std::scoped_lock guard(lock);
    if (bytes > limit - used)
      return error(Code::outOfMemory, "the device has ", limit - used, " bytes left, ", bytes, " were asked for");
    uint64_t size = std::max(pageBytes, (bytes + pageBytes - 1) / pageBytes * pageBytes);
    void *seen = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *own = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED || own == MAP_FAILED)
      return error(Code::outOfMemory, "no pages");
    std::memset(own, 0xa5, size); // never zero by luck
    blocks[reinterpret_cast<uintptr_t>(seen)] = {static_cast<std::byte *>(own), size};
    used += size;
    memory = {seen, 0};
    return {};
  }

  void free(DevicePointer memory) {
    std::scoped_lock guard(lock);
    auto found = blocks.find(reinterpret_cast<uintptr_t>(memory.base));
    if (found == blocks.end())
      std::abort(); // freed twice, or never allocated
    used -= found->second.bytes;
    release(found->first, found->second);
    blocks.erase(found);
  }

  /// Where the device's own mapping has an address; null outside of what is allocated.
  std::byte *find(uint64_t address) {
    std::scoped_lock guard(lock);
    auto next = blocks.upper_bound(address);
    if (next == blocks.begin())
      return nullptr;
    const auto &[base, block] = *std::prev(next);
    return address - base <= block.bytes ? block.own + (address - base) : nullptr;
  }

private:
  struct Block {
    std::byte *own;
    uint64_t bytes;
  };
  static void release(uintptr_t base, const Block &block) {
    ::munmap(reinterpret_cast<void *>(base), block.bytes);
    ::munmap(block.own, block.bytes);
  }

  std::mutex lock;
  std::map<uintptr_t, Block> blocks;
  uint64_t limit, used = 0;
};

uint64_t addressOf(DevicePointer pointer) {
  return reinterpret_cast<uintptr_t>(pointer.base) + static_cast<uint64_t>(pointer.offset);
}

/// What a tensor map of this device holds.
struct MadeMap {
  uint64_t address;
  int64_t outer;
};

/// What queues, events and contexts share.
struct Shared {
  explicit Shared(uint64_t memoryBytes) : heap(memoryBytes) {}
  DeviceHeap heap;
  std::shared_ptr<SeparateDeviceProbe> probe;
  double hangSeconds = 60;
  std::atomic<bool> stopped = false;                                // lost: queues drop their work
  std::function<Status(Code code, const std::string &reason)> lose; // reports a loss
  std::function<Status()> alive;
};

/// How far a queue has come. Events keep it when the queue is gone.
struct Progress {
  std::mutex lock;
  std::condition_variable changed;
  int64_t enqueued = 0, done = 0;
  std::string running; // the kernel at work

  int64_t position() {
    std::scoped_lock guard(lock);
    return enqueued;
  }
  bool passed(int64_t position) {
    std::scoped_lock guard(lock);
    return done >= position;
  }

  Status waitFor(int64_t position, Shared &shared) {
    ++shared.probe->waits;
    std::unique_lock guard(lock);
    auto limit = std::chrono::duration<double>(shared.hangSeconds);
    while (done < position && !shared.stopped) {
      int64_t before = done;
      if (changed.wait_for(guard, limit, [&] { return done != before || shared.stopped; }))
        continue;
      shared.stopped = true;
      return shared.lose(Code::timeout, concat("kernel '", running, "' did not end within ", shared.hangSeconds, " s"));
    }
    guard.unlock();
    return shared.alive();
  }
};

/// A thread that works off operations in order.
class Queue : public DriverQueue {
public:
  explicit Queue(Shared &shared) : shared(shared), worker([this] { work(); }) {}
  ~Queue() override {
    (void)synchronize();
    {
      std::scoped_lock guard(progress->lock);
      ending = true;
    }
    progress->changed.notify_all();
    worker.join();
  }

  void enqueue(std::function<void()> operation) {
    {
      std::scoped_lock guard(progress->lock);
      operations.push_back(std::move(operation));
      ++progress->enqueued;
    }
    progress->changed.notify_all();
  }

  Status synchronize() override { return progress->waitFor(progress->position(), shared); }

  const std::shared_ptr<Progress> progress = std::make_shared<Progress>();

private:
  void work() {
    std::unique_lock guard(progress->lock);
    for (;;) {
      progress->changed.wait(guard, [&] { return ending || !operations.empty(); });
      if (operations.empty())
        return;
      auto operation = std::move(operations.front());
      operations.pop_front();
      guard.unlock();
      // Late enough that a host which does not wait is found out.
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      if (!shared.stopped)
        operation();
      guard.lock();
      ++progress->done;
      progress->changed.notify_all();
    }
  }

  Shared &shared;
  std::deque<std::function<void()>> operations;
  bool ending = false;
  std::thread worker;
};

class Event : public DriverEvent {
public:
  using Clock = std::chrono::steady_clock;

  explicit Event(Shared &shared) : shared(shared) {}

  bool reached() override { return progress->passed(position); }
  Status wait() override { return progress->waitFor(position, shared); }
  Status secondsSince(const DriverEvent &start, double &seconds) override {
    seconds = std::chrono::duration<double>(time - static_cast<const Event &>(start).time).count();
    return {};
  }

  Shared &shared;
  std::shared_ptr<Progress> progress;
  int64_t position = 0;
  Clock::time_point time;
};

class Kernel : public DriverKernel {
public:
  std::unique_ptr<DriverKernel> cpu;
};

class LoadedCode : public DriverCode {
public:
  Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) override {
    auto found = std::make_unique<Kernel>();
    HEED_TRY(cpu->findKernel(variant, found->cpu));
    kernel = std::move(found);
    return {};
  }
  std::shared_ptr<DriverCode> cpu;
};

class Recording : public DriverRecording {
public:
  std::vector<std::function<void()>> operations;
};

class Context : public DriverContext {
public:
  Context(Shared &shared, Driver &driver, Driver &cpu, std::unique_ptr<DriverContext> cpuContext)
      : shared(shared), driver(driver), cpuContext(std::move(cpuContext)) {
    (void)cpu.createQueue(cpuQueue);
  }

  Status launch(DriverQueue &queue, const Launch &launch) override {
    auto &target = static_cast<Queue &>(queue);
    std::vector<uint64_t> words(kernelWordCount(launch));
    packKernelWords(driver, launch, words);
    size_t operands = launch.operands.size(), params = launch.params.size();
    if (!launch.tensorMaps.empty()) {
      MadeMap map;
      std::memcpy(&map, launch.tensorMaps[0].bytes.data(), sizeof(map));
      shared.probe->mapAddress = static_cast<int64_t>(map.address);
      shared.probe->mapOuter = map.outer;
    }
    add(target, [this, progress = target.progress, words = std::move(words), operands, params, kernel = launch.kernel,
                 name = std::string(launch.name)] {
      {
        std::scoped_lock guard(progress->lock);
        progress->running = name;
      }
      ++shared.probe->launches;
      if (shared.probe->faultNext.exchange(false)) {
        (void)shared.lose(Code::deviceLost, concat("kernel '", name, "' faulted"));
        shared.stopped = true;
        return;
      }
      if (shared.probe->hangNext.exchange(false))
        while (!shared.stopped)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
      else
        run(kernel, words, operands, params);
    });
    return {};
  }

  Status copy(DriverQueue &queue, const StridedCopy &copy) override {
    return forEachCopyBlock(copy, [&](const CopyBlock &block) {
      add(static_cast<Queue &>(queue), [this, block] {
        std::byte *source = shared.heap.find(addressOf(block.source));
        std::byte *destination = shared.heap.find(addressOf(block.destination));
        for (uint64_t row = 0; row < block.height; ++row)
          std::memcpy(destination + row * block.destinationPitch, source + row * block.sourcePitch, block.width);
      });
      return Status();
    });
  }

  bool canRecord(DriverQueue &) override { return true; }
  Status beginRecording(DriverQueue &) override {
    recording = std::make_unique<Recording>();
    ++shared.probe->recordings;
    return {};
  }
  Status endRecording(DriverQueue &, std::unique_ptr<DriverRecording> &out) override {
    auto ended = std::move(recording);
    if (shared.probe->refuseRecording)
      return error(Code::unsupported, "not this time");
    out = std::move(ended);
    return {};
  }
  Status replay(DriverQueue &queue, const DriverRecording &what) override {
    ++shared.probe->replays;
    for (const auto &operation : static_cast<const Recording &>(what).operations)
      static_cast<Queue &>(queue).enqueue(operation);
    return {};
  }

private:
  void add(Queue &queue, std::function<void()> operation) {
    if (recording)
      recording->operations.push_back(std::move(operation));
    else
      queue.enqueue(std::move(operation));
  }

  /// On the queue's thread: unpacks the words and runs the CPU's kernel.
  void run(const DriverKernel *kernel, const std::vector<uint64_t> &words, size_t operandCount, size_t paramCount) {
    std::vector<DevicePointer> operands;
    for (size_t i = 0; i < operandCount; ++i)
      operands.push_back({shared.heap.find(words[i]), 0});
    std::vector<int64_t> params(words.begin() + static_cast<ptrdiff_t>(operandCount),
                                words.begin() + static_cast<ptrdiff_t>(operandCount + paramCount));
    Launch launch{static_cast<const Kernel *>(kernel)->cpu.get(), "", operands, params, {}, 0};
    for (size_t i = 0; i < 3; ++i)
      launch.grid[i] = static_cast<int64_t>(words[operandCount + paramCount + i]);
    (void)cpuContext->launch(*cpuQueue, launch);
  }

  Shared &shared;
  Driver &driver;
  std::unique_ptr<DriverContext> cpuContext;
  std::unique_ptr<DriverQueue> cpuQueue;
  std::unique_ptr<Recording> recording;
};

class SeparateDriver : public Driver {
public:
  SeparateDriver(std::shared_ptr<Driver> cpuDriver, const SeparateDeviceOptions &options,
                 std::shared_ptr<SeparateDeviceProbe> probe)
      : cpu(std::move(cpuDriver)), shared(options.memoryBytes) {
    description = cpu->info();
    description.kind = "separate";
    description.name = "CPU behind a wall";
    description.memoryIsHost = false;
    description.setProperty(DeviceProperty::workgroupThreads, 1024);
    shared.probe = std::move(probe);
    shared.hangSeconds = options.hangSeconds;
    shared.lose = [this](Code code, const std::string &reason) { return loseDevice(code, reason); };
    shared.alive = [this] { return alive(); };
  }

  const DeviceInfo &info() const override { return description; }

  Status allocate(uint64_t bytes, DevicePointer &memory) override {
    HEED_TRY(shared.heap.allocate(bytes, memory));
    ++shared.probe->allocations;
    ++shared.probe->allocated;
    return {};
  }
  void free(DevicePointer memory) override {
    shared.heap.free(memory);
    --shared.probe->allocated;
  }
  Status wrap(MemoryKind, void *, uint64_t, DevicePointer &) override {
    return error(Code::unsupported, "this device uses no memory but its own");
  }
  void *hostAddress(DevicePointer) override { return nullptr; }
  uint64_t deviceAddress(DevicePointer pointer) const override { return addressOf(pointer); }

  Status upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) override {
    ++shared.probe->uploads;
    static_cast<Queue &>(queue).enqueue([this, destination, source, bytes] {
      if (bytes > 0)
        std::memcpy(shared.heap.find(addressOf(destination)), source, bytes);
    });
    return {};
  }
  Status download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) override {
    ++shared.probe->downloads;
    static_cast<Queue &>(queue).enqueue([this, destination, source, bytes] {
      if (bytes > 0)
        std::memcpy(destination, shared.heap.find(addressOf(source)), bytes);
    });
    return {};
  }

  Status encodeTensorMap(DevicePointer base, const TensorMapShape &shape, EncodedTensorMap &encoded) override {
    ++shared.probe->madeMaps;
    MadeMap map = {addressOf(base), shape.sizes[0]};
    std::memcpy(encoded.bytes.data(), &map, sizeof(map));
    return {};
  }

  Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) override {
    auto wrapped = std::make_shared<LoadedCode>();
    HEED_TRY(cpu->loadCode(code, wrapped->cpu));
    loaded = std::move(wrapped);
    return {};
  }
  Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) override {
    std::unique_ptr<DriverContext> inner;
    HEED_TRY(cpu->createContext(workerScratchBytes, inner));
    context = std::make_unique<Context>(shared, *this, *cpu, std::move(inner));
    return {};
  }
  Status createQueue(std::unique_ptr<DriverQueue> &queue) override {
    queue = std::make_unique<Queue>(shared);
    return {};
  }
  Status recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) override {
    if (!event)
      event = std::make_unique<Event>(shared);
    auto &recorded = static_cast<Event &>(*event);
    auto &target = static_cast<Queue &>(queue);
    if (timed)
      target.enqueue([&recorded] { recorded.time = Event::Clock::now(); });
    recorded.progress = target.progress;
    recorded.position = target.progress->position();
    return {};
  }

private:
  DeviceInfo description;
  std::shared_ptr<Driver> cpu;
  Shared shared;
};

} // namespace

std::shared_ptr<Driver> openSeparateDevice(const SeparateDeviceOptions &options,
                                           std::shared_ptr<SeparateDeviceProbe> probe) {
  std::shared_ptr<Driver> cpu;
  DriverOptions cpuOptions;
  cpuOptions.workers = 2;
  if (!openCpu(0, cpuOptions, cpu).ok())
    return nullptr;
  return std::make_shared<SeparateDriver>(std::move(cpu), options, std::move(probe));
}

} // namespace heed::test
