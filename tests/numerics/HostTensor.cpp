//===- HostTensor.cpp - Inputs as a caller's memory -----------------------===//

#include "tests/numerics/HostTensor.h"

#include "tests/numerics/Random.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <sys/mman.h>
#include <unistd.h>

using namespace heed::numerics;

int64_t heed::numerics::byteWidth(Element element) {
  switch (element) {
  case Element::F32:
  case Element::I32:
    return 4;
  case Element::F16:
  case Element::BF16:
    return 2;
  case Element::I64:
    return 8;
  case Element::Bool:
    return 1;
  }
  return 0;
}

Element heed::numerics::elementOf(StorageType storage) {
  return storage == StorageType::F32 ? Element::F32 : storage == StorageType::F16 ? Element::F16 : Element::BF16;
}

GuardedMemory::GuardedMemory(size_t bytes, size_t alignment) : bytes(bytes) {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), used = (bytes + page - 1) / page * page,
         slack = (used - bytes) % alignment;
  mappedBytes = used + 2 * page;
  void *mapped = mmap(nullptr, mappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED || (used && mprotect(static_cast<uint8_t *>(mapped) + page, used, PROT_READ | PROT_WRITE))) {
    std::fprintf(stderr, "heed-numerics: out of memory for %zu bytes\n", bytes);
    std::exit(1);
  }
  mapping = static_cast<uint8_t *>(mapped);
  first = mapping + page + used - bytes - slack;
}

GuardedMemory::~GuardedMemory() { munmap(mapping, mappedBytes); }

static void storeNumber(uint8_t *to, Element element, float value) {
  uint16_t bits = 0;
  switch (element) {
  case Element::F32:
    std::memcpy(to, &value, 4);
    return;
  case Element::F16:
    bits = encodeF16(value);
    std::memcpy(to, &bits, 2);
    return;
  case Element::BF16:
    bits = encodeBF16(value);
    std::memcpy(to, &bits, 2);
    return;
  case Element::Bool:
    *to = value != 0.0f;
    return;
  default:
    return;
  }
}

static int64_t countElements(const std::vector<int64_t> &sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
}

/// How the tensors of a case are laid out; draws decisions from the seed.
namespace {
struct Layout {
  Layout(const Mechanism &mechanism, const Case &test)
      : strided(test.strided), aligned(test.seed & 1), contiguousRows(mechanism.contiguousRows),
        random(test.seed, 2000) {}
  std::shared_ptr<GuardedMemory> allocate(const HostTensor &tensor, int64_t elements) const {
    int64_t width = byteWidth(tensor.element);
    return std::make_shared<GuardedMemory>(elements * width, aligned ? 64 : width);
  }
  bool strided, aligned, contiguousRows;
  RandomSequence random;
};
} // namespace

static void makeDense(HostTensor &tensor, const Layout &layout) {
  tensor.strides.resize(tensor.sizes.size());
  int64_t stride = 1;
  for (size_t dim = tensor.sizes.size(); dim-- > 0; stride *= tensor.sizes[dim])
    tensor.strides[dim] = stride;
  tensor.memory = layout.allocate(tensor, countElements(tensor.sizes));
}

/// Draws an order of the dimensions in memory, gaps after each of them and an offset.
static void makeStrided(HostTensor &tensor, Layout &layout) {
  RandomSequence &random = layout.random;
  static constexpr int orders[][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {2, 0, 1, 3}, {1, 0, 2, 3}, {0, 1, 3, 2}};
  // The last order has rows as neighbours.
  const int *order = orders[random.below(std::size(orders) - layout.contiguousRows)];
  tensor.strides.resize(4);
  int64_t stride = random.chance(1, 5) && !layout.contiguousRows ? 2 : 1;
  for (int at = 3; at >= 0; --at) {
    int dim = order[at];
    tensor.strides[dim] = stride;
    // Gaps of whole vectors keep rows aligned, others do not.
    int64_t gap = layout.contiguousRows && layout.aligned ? 8 : 1;
    stride = stride * tensor.sizes[dim] + (at > 0 ? gap * random.below(4) : 0);
  }
  tensor.offset = random.below(4) * (layout.contiguousRows && layout.aligned ? 8 : 1);
  int64_t last = tensor.offset;
  for (int dim = 0; dim < 4; ++dim)
    last += (tensor.sizes[dim] - 1) * tensor.strides[dim];
  tensor.memory = layout.allocate(tensor, last + 1);
}

/// A rank-4 tensor of the numbers, dense or strided.
static HostTensor layOut(const std::string &name, Element element, std::vector<int64_t> sizes,
                         const std::vector<float> &numbers, Layout &layout) {
  HostTensor tensor{name, element, std::move(sizes), {}, 0, nullptr};
  layout.strided ? makeStrided(tensor, layout) : makeDense(tensor, layout);
  // All ones is a NaN in every float type and a true in a bool.
  std::memset(tensor.memory->data(), 0xff, tensor.memory->size());
  const std::vector<int64_t> &s = tensor.sizes, &p = tensor.strides;
  size_t from = 0;
  for (int64_t a = 0; a < s[0]; ++a)
    for (int64_t b = 0; b < s[1]; ++b)
      for (int64_t c = 0; c < s[2]; ++c)
        for (int64_t d = 0; d < s[3]; ++d)
          storeNumber(tensor.address(a * p[0] + b * p[1] + c * p[2] + d * p[3]), element, numbers[from++]);
  return tensor;
}

template <typename T>
static HostTensor layOutValues(const std::string &name, Element element, std::vector<int64_t> sizes,
                               const std::vector<T> &values, const Layout &layout) {
  HostTensor tensor{name, element, std::move(sizes), {}, 0, nullptr};
  makeDense(tensor, layout);
  std::memcpy(tensor.memory->data(), values.data(), values.size() * sizeof(T));
  return tensor;
}

/// Overwrites the rows of key or value that no query may see.
static void poisonBeyondLength(const Inputs &inputs, const HostTensor &tensor) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float poisons[] = {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 60000.0f, -60000.0f};
  const std::vector<int64_t> &s = tensor.sizes, &p = tensor.strides;
  for (int64_t b = 0; b < s[0]; ++b)
    for (int64_t head = 0; head < s[1]; ++head)
      for (int64_t row = inputs.lengths[b]; row < s[2]; ++row)
        for (int64_t d = 0; d < s[3]; ++d) {
          float poison = poisons[(row + head + d / 8) % std::size(poisons)];
          storeNumber(tensor.address(b * p[0] + head * p[1] + row * p[2] + d * p[3]), tensor.element, poison);
        }
}

/// Keys or values in pages, in random places of a pool; where it holds no key that may be seen, it holds NaNs.
static HostTensor layOutPages(const char *name, const Inputs &inputs, const std::vector<float> &numbers, int64_t width,
                              const std::vector<int32_t> &pages, int64_t pool, Layout &layout) {
  const Mechanism &m = inputs.mechanism;
  int64_t entries = static_cast<int64_t>(pages.size()) / inputs.batch;
  std::vector<float> placed(pool * m.keyHeads * m.pageSize * width, std::numeric_limits<float>::quiet_NaN());
  for (int64_t b = 0; b < inputs.batch; ++b)
    for (int64_t head = 0; head < m.keyHeads; ++head)
      for (int64_t key = 0; key < inputs.lengths[b]; ++key) {
        int64_t page = pages[b * entries + key / m.pageSize];
        auto from = numbers.begin() + ((b * m.keyHeads + head) * inputs.keys + key) * width;
        std::copy_n(from, width, placed.begin() + ((page * m.keyHeads + head) * m.pageSize + key % m.pageSize) * width);
      }
  return layOut(name, elementOf(m.storage), {pool, m.keyHeads, m.pageSize, width}, placed, layout);
}

/// Every page once, in random order; entries beyond a length may hold any number.
static std::vector<int32_t> drawPages(const Inputs &inputs, const Case &test, int64_t pool) {
  RandomSequence random(test.seed, 2000);
  std::vector<int32_t> order(pool);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = pool - 1; i > 0; --i)
    std::swap(order[i], order[random.below(i + 1)]);
  int64_t pageSize = inputs.mechanism.pageSize, entries = (inputs.keys + pageSize - 1) / pageSize;
  order.resize(inputs.batch * entries);
  for (int64_t b = 0; b < inputs.batch; ++b)
    for (int64_t entry = (inputs.lengths[b] + pageSize - 1) / pageSize; entry < entries; ++entry)
      order[b * entries + entry] = random.chance(1, 2) ? -1 : std::numeric_limits<int32_t>::max();
  return order;
}

std::vector<HostTensor> heed::numerics::layOutInputs(const Inputs &inputs, const Case &test) {
  const Mechanism &m = inputs.mechanism;
  Layout layout(m, test);
  Element storage = elementOf(m.storage);
  std::vector<HostTensor> list;
  auto scalar = [&](const char *name, int64_t value) {
    list.push_back(layOutValues(name, Element::I64, {}, std::vector<int64_t>{value}, layout));
  };

  list.push_back(layOut("query", storage, {inputs.batch, m.queryHeads, inputs.rows, m.keyWidth}, inputs.query, layout));
  if (m.pageSize != 0) {
    int64_t pool = inputs.batch * ((inputs.keys + m.pageSize - 1) / m.pageSize) + 2;
    std::vector<int32_t> pages = drawPages(inputs, test, pool);
    list.push_back(layOutPages("key", inputs, inputs.key, m.keyWidth, pages, pool, layout));
    list.push_back(layOutPages("value", inputs, inputs.value, m.valueWidth, pages, pool, layout));
    list.push_back(
        layOutValues("pages", Element::I32, {inputs.batch, int64_t(pages.size()) / inputs.batch}, pages, layout));
  } else {
    list.push_back(layOut("key", storage, {inputs.batch, m.keyHeads, inputs.keys, m.keyWidth}, inputs.key, layout));
    poisonBeyondLength(inputs, list.back());
    list.push_back(
        layOut("value", storage, {inputs.batch, m.keyHeads, inputs.keys, m.valueWidth}, inputs.value, layout));
    poisonBeyondLength(inputs, list.back());
  }
  if (m.lengths)
    list.push_back(layOutValues("kv_length", Element::I64, {inputs.batch}, inputs.lengths, layout));
  if (m.offsets)
    list.push_back(layOutValues("q_offset", Element::I64, {inputs.batch}, inputs.offsets, layout));
  if (m.sink)
    list.push_back(layOutValues("sink", Element::F32, {m.queryHeads}, inputs.sinks, layout));
  if (m.alibi)
    list.push_back(layOutValues("slopes", Element::F32, {m.queryHeads}, inputs.slopes, layout));
  if (m.distances != 0)
    list.push_back(layOut("table", storage, {1, m.queryHeads, 1, m.distances}, inputs.table, layout));
  if (m.window) {
    scalar("window_left", inputs.windowLeft);
    scalar("window_right", inputs.windowRight);
  }
  if (m.prefix)
    scalar("prefix", inputs.prefix);
  if (m.documents) {
    list.push_back(
        layOutValues("query_documents", Element::I32, {inputs.batch, inputs.rows}, inputs.queryDocs, layout));
    list.push_back(layOutValues("key_documents", Element::I32, {inputs.batch, inputs.keys}, inputs.keyDocs, layout));
  }
  if (m.mask != MaskKind::None)
    list.push_back(layOut("mask", m.mask == MaskKind::Bool ? Element::Bool : elementOf(m.maskStorage()),
                          {inputs.maskBatches(), inputs.maskHeads(), inputs.maskRows(), inputs.keys}, inputs.mask,
                          layout));
  return list;
}

HostTensor heed::numerics::makeOutput(const Inputs &inputs, const Case &test) {
  const Mechanism &m = inputs.mechanism;
  HostTensor tensor{"out",  elementOf(m.storage), {inputs.batch, m.queryHeads, inputs.rows, m.valueWidth}, {}, 0,
                    nullptr};
  makeDense(tensor, Layout(m, test));
  std::memset(tensor.memory->data(), 0xff, tensor.memory->size());
  return tensor;
}

std::vector<float> heed::numerics::readNumbers(const HostTensor &tensor) {
  std::vector<float> numbers(countElements(tensor.sizes));
  const uint8_t *data = tensor.memory->data();
  for (size_t i = 0; i < numbers.size(); ++i) {
    uint16_t bits = 0;
    switch (tensor.element) {
    case Element::F32:
      std::memcpy(&numbers[i], data + 4 * i, 4);
      break;
    case Element::F16:
      std::memcpy(&bits, data + 2 * i, 2);
      numbers[i] = decodeF16(bits);
      break;
    case Element::BF16:
      std::memcpy(&bits, data + 2 * i, 2);
      numbers[i] = decodeBF16(bits);
      break;
    default:
      break;
    }
  }
  return numbers;
}
