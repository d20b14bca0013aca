//===- DeviceTensor.cpp - Tensors as they are bound to a call -------------===//

#include "tests/numerics/DeviceTensor.h"

#include <algorithm>
#include <cstring>

using namespace heed::numerics;

/// Bytes before and after a tensor, which kernels must leave alone. All ones are a NaN to those that read too far.
static constexpr uint64_t guardBytes = 512;
static constexpr std::byte guard{0xff};

static heed_element_type elementType(Element element) {
  switch (element) {
  case Element::F32:
    return HEED_F32;
  case Element::F16:
    return HEED_F16;
  case Element::BF16:
    return HEED_BF16;
  case Element::I32:
    return HEED_I32;
  case Element::I64:
    return HEED_I64;
  case Element::Bool:
    return HEED_BOOL;
  }
  return HEED_F32;
}

BoundTensor::BoundTensor(HostTensor tensor, const Device *device) : host(std::move(tensor)) {
  if (!device)
    return;
  const GuardedMemory &memory = *host.memory;
  // As far from a multiple of 64 as on the host.
  begin = guardBytes + reinterpret_cast<uintptr_t>(memory.data()) % 64;
  std::vector<std::byte> image(begin + memory.size() + guardBytes, guard);
  std::memcpy(image.data() + begin, memory.data(), memory.size());
  Result<Buffer> allocated = Buffer::allocate(*device, image.size());
  if (!allocated) {
    failure = "no device memory for " + host.name + ": " + std::string(allocated.message());
    return;
  }
  buffer = std::move(allocated.value());
  if (Status status = buffer->write(0, image); !status)
    failure = "cannot copy " + host.name + " to the device: " + std::string(status.message());
}

heed::TensorView BoundTensor::view() const {
  heed_element_type type = elementType(host.element);
  if (!buffer)
    return TensorView(host.address(0), type, host.sizes, host.strides);
  uint64_t first = begin + static_cast<uint64_t>(host.offset * byteWidth(host.element));
  return TensorView(buffer->raw(), first, type, host.sizes, host.strides);
}

std::string BoundTensor::fetch() {
  if (!buffer)
    return "";
  std::vector<std::byte> image(buffer->bytes());
  if (Status status = buffer->read(0, image); !status)
    return "cannot copy " + host.name + " from the device: " + std::string(status.message());
  auto intact = [](auto first, auto last) { return std::all_of(first, last, [](std::byte b) { return b == guard; }); };
  auto tensorBegin = image.begin() + static_cast<ptrdiff_t>(begin);
  auto tensorEnd = tensorBegin + static_cast<ptrdiff_t>(host.memory->size());
  std::memcpy(host.memory->data(), image.data() + begin, host.memory->size());
  if (!intact(image.begin(), tensorBegin) || !intact(tensorEnd, tensorEnd + guardBytes))
    return "the kernel wrote outside of " + host.name;
  return "";
}
