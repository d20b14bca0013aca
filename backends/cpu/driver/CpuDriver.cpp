#include "backends/cpu/driver/CpuDriver.h"

#include "backends/cpu/driver/CpuFeatures.h"
#include "backends/cpu/driver/ElfImage.h"
#include "backends/cpu/driver/WorkerPool.h"
#include "runtime/HostCopy.h"
#include "runtime/KernelAbi.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sys/mman.h>

namespace heed::rt {
namespace {

constexpr uint64_t pageBytes = 4096;
constexpr uint64_t hugePageBytes = uint64_t(2) << 20;

/// Operations below which waking other workers costs more than it gains.
constexpr int64_t serialWork = 16 * 1024;

std::byte *address(DevicePointer pointer) { return static_cast<std::byte *>(pointer.base) + pointer.offset; }

class CpuQueue : public DriverQueue {
public:
  Status synchronize() override { return {}; }
};

/// Work is done before an event is recorded, so all there is to it is the time.
class CpuEvent : public DriverEvent {
public:
  using Clock = std::chrono::steady_clock;

  bool reached() override { return true; }
  Status wait() override { return {}; }
  Status secondsSince(const DriverEvent &start, double &seconds) override {
    seconds = std::chrono::duration<double>(time - static_cast<const CpuEvent &>(start).time).count();
    return {};
  }

  Clock::time_point time;
};

class CpuKernel : public DriverKernel {
public:
  CpuKernel(std::shared_ptr<ElfImage> image, heed_cpu_kernel function) : function(function), image(std::move(image)) {}

  heed_cpu_kernel function;

private:
  std::shared_ptr<ElfImage> image;
};

class CpuCode : public DriverCode {
public:
  CpuCode(std::shared_ptr<ElfImage> image, std::string name) : image(std::move(image)), name(std::move(name)) {}

  Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) override {
    void *symbol = image->find(variant.symbol);
    if (!symbol)
      return error(Code::badPackage, "code '", name, "' has no symbol '", variant.symbol, "'");
    kernel = std::make_unique<CpuKernel>(image, reinterpret_cast<heed_cpu_kernel>(symbol));
    return {};
  }

private:
  std::shared_ptr<ElfImage> image;
  std::string name;
};

/// Runs work on the pool or through the host's function.
class Workers {
public:
  explicit Workers(const DriverOptions &options)
      : parallelFor(options.parallelFor), host(options.parallelForHost),
        count(options.workers ? options.workers : std::max(1u, std::thread::hardware_concurrency())) {
    if (!parallelFor) {
      pool.emplace(count);
      count = pool->workerCount();
    }
  }

  uint32_t size() const { return count; }

  void run(const WorkerTask &task) {
    if (pool) {
      pool->run(task);
      return;
    }
    auto body = [](void *context, int64_t index) {
      auto &task = *static_cast<const WorkerTask *>(context);
      task.function(task.argument, static_cast<uint32_t>(index));
    };
    parallelFor(host, count, body, const_cast<WorkerTask *>(&task));
  }

private:
  void (*parallelFor)(void *, int64_t, void (*)(void *, int64_t), void *);
  void *host;
  uint32_t count;
  std::optional<WorkerPool> pool;
};

class CpuContext : public DriverContext {
public:
  CpuContext(Workers &workers, uint64_t scratchBytes, std::byte *scratch)
      : workers(workers), scratchBytes(scratchBytes), scratch(scratch), counters(workers.size()) {}

  ~CpuContext() override { std::free(scratch); }

  Status launch(DriverQueue &, const Launch &launch) override {
    addresses.clear();
    for (const DevicePointer &operand : launch.operands)
      addresses.push_back(address(operand));
    int64_t total = launch.grid[0] * launch.grid[1] * launch.grid[2];
    bool serial = total == 1 || workers.size() == 1 || (launch.work > 0 && launch.work < serialWork);
    WorkRange range(total, workers.size());
    Round round{*this, launch, static_cast<const CpuKernel &>(*launch.kernel).function, serial ? nullptr : &range,
                total};
    WorkerTask task{[](void *argument, uint32_t worker) { static_cast<Round *>(argument)->run(worker); }, &round};
    if (serial)
      round.run(0);
    else
      workers.run(task);
    return {};
  }

  Status copy(DriverQueue &, const StridedCopy &copy) override {
    copyOnHost(copy.rank, copy.sizes.data(), copy.elementBytes, address(copy.source), copy.sourceStrides.data(),
               address(copy.destination), copy.destinationStrides.data());
    return {};
  }

  void countInKernels(bool enabled) override { counting = enabled; }

  std::array<int64_t, HEED_KERNEL_COUNTER_COUNT> takeCounters() override {
    std::array<int64_t, HEED_KERNEL_COUNTER_COUNT> sum = {};
    for (WorkerCounters &worker : counters)
      for (size_t i = 0; i < sum.size(); ++i) {
        sum[i] += worker.values[i];
        worker.values[i] = 0;
      }
    return sum;
  }

private:
  // Each worker counts in its own cache line.
  struct alignas(64) WorkerCounters {
    int64_t values[HEED_KERNEL_COUNTER_COUNT] = {};
  };

  /// One launch as every worker sees it.
  struct Round {
    CpuContext &context;
    const Launch &launch;
    heed_cpu_kernel function;
    WorkRange *range; // null: this worker does all
    int64_t total;

    void run(uint32_t worker) {
      heed_cpu_kernel_args args;
      args.operands = context.addresses.data();
      args.params = launch.params.data();
      std::copy(launch.grid.begin(), launch.grid.end(), args.grid);
      args.counters = context.counting ? context.counters[worker].values : nullptr;
      void *scratch = context.scratch ? context.scratch + worker * context.scratchBytes : nullptr;
      if (!range) {
        function(&args, 0, total, scratch);
        return;
      }
      for (int64_t begin, end; range->claim(begin, end);)
        function(&args, begin, end, scratch);
    }
  };

  Workers &workers;
  uint64_t scratchBytes;
  std::byte *scratch;
  std::vector<WorkerCounters> counters;
  std::vector<void *> addresses;
  bool counting = false;
};

class CpuDriver : public Driver {
public:
  CpuDriver(DeviceInfo description, const DriverOptions &options)
      : description(std::move(description)), workers(options) {
    this->description.properties[static_cast<size_t>(DeviceProperty::workers)] = workers.size();
  }

  const DeviceInfo &info() const override { return description; }

  Status allocate(uint64_t bytes, DevicePointer &memory) override {
    uint64_t alignment = bytes >= hugePageBytes ? hugePageBytes : pageBytes;
    void *block = nullptr;
    if (bytes > SIZE_MAX / 2 || ::posix_memalign(&block, alignment, bytes ? bytes : 1) != 0)
      return error(Code::outOfMemory, "no memory for ", bytes, " bytes");
    if (alignment == hugePageBytes)
      (void)::madvise(block, bytes, MADV_HUGEPAGE); // only a wish
    memory = {block, 0};
    return {};
  }

  void free(DevicePointer memory) override { std::free(memory.base); }

  Status wrap(MemoryKind kind, void *handle, uint64_t, DevicePointer &pointer) override {
    if (kind != MemoryKind::host)
      return error(Code::unsupported, "a cpu device uses host memory in place; memory of other kinds has to be copied");
    pointer = {handle, 0};
    return {};
  }

  void *hostAddress(DevicePointer pointer) override { return address(pointer); }
  uint64_t deviceAddress(DevicePointer pointer) const override { return reinterpret_cast<uintptr_t>(address(pointer)); }

  Status upload(DriverQueue &, DevicePointer destination, const void *source, uint64_t bytes) override {
    if (bytes > 0)
      std::memcpy(address(destination), source, bytes);
    return {};
  }

  Status download(DriverQueue &, void *destination, DevicePointer source, uint64_t bytes) override {
    if (bytes > 0)
      std::memcpy(destination, address(source), bytes);
    return {};
  }

  Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) override {
    std::shared_ptr<ElfImage> image;
    HEED_TRY(ElfImage::load(code.data, code.name, image));
    loaded = std::make_shared<CpuCode>(std::move(image), code.name);
    return {};
  }

  Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) override {
    uint64_t each = (workerScratchBytes + pageBytes - 1) / pageBytes * pageBytes;
    DevicePointer scratch;
    if (each > 0)
      HEED_TRY(allocate(each * workers.size(), scratch).within("worker scratch"));
    context = std::make_unique<CpuContext>(workers, each, static_cast<std::byte *>(scratch.base));
    return {};
  }

  Status createQueue(std::unique_ptr<DriverQueue> &queue) override {
    queue = std::make_unique<CpuQueue>();
    return {};
  }

  Status recordEvent(DriverQueue &, bool timed, std::unique_ptr<DriverEvent> &event) override {
    if (!event)
      event = std::make_unique<CpuEvent>();
    if (timed)
      static_cast<CpuEvent &>(*event).time = CpuEvent::Clock::now();
    return {};
  }

private:
  DeviceInfo description;
  Workers workers;
};

} // namespace

Status listCpu(const DriverOptions &options, std::vector<DeviceInfo> &devices) {
  return describeCpu(options.isaLimit, devices.emplace_back());
}

Status openCpu(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  if (index > 0)
    return error(Code::noDevice, "there is one CPU, number 0");
  constexpr uint32_t maxWorkers = 1024;
  if (options.workers > maxWorkers)
    return error(Code::invalidArgument, options.workers, " workers were asked for, the most is ", maxWorkers);
  DeviceInfo description;
  HEED_TRY(describeCpu(options.isaLimit, description));
  driver = std::make_shared<CpuDriver>(std::move(description), options);
  return {};
}

} // namespace heed::rt
