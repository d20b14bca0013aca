#include "backends/vulkan/KernelEmitter.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::vulkan;

static int64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }

//===- Bits -------------------------------------------------------------------------------------------------------===//

Value KernelEmitter::bitcast(Value value, Type type) {
  return value.getType() == type ? value : create<spirv::BitcastOp>(type, value);
}

/// Casts have at most four elements, so bytes and 64-bit scalars meet at 32-bit words.
Scalars KernelEmitter::regroup(const Scalars &from, Type to) {
  int64_t before = bytesOf(from.front().getType()), after = bytesOf(to);
  Type word = builder.getI32Type();
  if (std::max(before, after) == 8 && std::min(before, after) < 4)
    return regroup(regroup(from, word), to);
  Scalars emitted;
  if (before > after) {
    unsigned parts = before / after;
    for (Value value : from) {
      Value vector = bitcast(value, VectorType::get(parts, to));
      for (int32_t part = 0; part < int32_t(parts); ++part)
        emitted.push_back(create<spirv::CompositeExtractOp>(vector, ArrayRef<int32_t>{part}));
    }
    return emitted;
  }
  unsigned parts = after / before;
  for (size_t first = 0; first + parts <= from.size(); first += parts) {
    Value value = from[first];
    if (parts > 1)
      value = create<spirv::CompositeConstructOp>(VectorType::get(parts, value.getType()),
                                                  ArrayRef<Value>(from).slice(first, parts));
    emitted.push_back(bitcast(value, to));
  }
  return emitted;
}

//===- Global memory ----------------------------------------------------------------------------------------------===//

namespace {

/// How an access is made of device accesses: `count` scalars of type `unit`, `width` of them at a time.
struct AccessPlan {
  Type unit;
  unsigned count, width;
};

} // namespace

/// Elements narrower than a word go by words where the alignment allows, because vectors end at four elements. An
/// access is never wider than its alignment.
static AccessPlan planAccess(Type element, unsigned count, int64_t alignment) {
  int64_t size = bytesOf(element), total = size * count;
  AccessPlan plan{element, count, 1};
  auto useUnits = [&](int64_t bytes) {
    plan.unit = IntegerType::get(element.getContext(), bytes * 8);
    plan.count = total / bytes;
  };
  if (alignment < size)
    useUnits(alignment);
  else if (size < 4 && total >= 4 && alignment >= 4)
    useUnits(4);
  int64_t unitBytes = bytesOf(plan.unit);
  while (plan.width < 4 && plan.width < plan.count && plan.width * 2 * unitBytes <= alignment)
    plan.width *= 2;
  return plan;
}

Value KernelEmitter::globalPointer(Value address, int64_t offset, Type type) {
  if (offset)
    address = create<spirv::IAddOp>(address, constant(address.getType(), offset));
  return create<spirv::ConvertUToPtrOp>(spirv::PointerType::get(type, spirv::StorageClass::PhysicalStorageBuffer),
                                        address);
}

Scalars KernelEmitter::loadGlobal(Value address, Type element, unsigned count, int64_t alignment) {
  AccessPlan plan = planAccess(element, count, alignment);
  int64_t bytes = bytesOf(plan.unit);
  auto access = spirv::MemoryAccessAttr::get(builder.getContext(), spirv::MemoryAccess::Aligned);
  auto aligned = builder.getI32IntegerAttr(bytes * plan.width);
  Type type = plan.width > 1 ? VectorType::get(plan.width, plan.unit) : plan.unit;
  Scalars units;
  for (unsigned first = 0; first < plan.count; first += plan.width) {
    Value loaded = create<spirv::LoadOp>(globalPointer(address, first * bytes, type), access, aligned);
    if (plan.width == 1)
      units.push_back(loaded);
    else
      for (int32_t part = 0; part < int32_t(plan.width); ++part)
        units.push_back(create<spirv::CompositeExtractOp>(loaded, ArrayRef<int32_t>{part}));
  }
  return regroup(units, element);
}

void KernelEmitter::storeGlobal(Value address, Type element, const Scalars &stored, int64_t alignment) {
  AccessPlan plan = planAccess(element, stored.size(), alignment);
  int64_t bytes = bytesOf(plan.unit);
  Scalars units = regroup(stored, plan.unit);
  Type type = plan.width > 1 ? VectorType::get(plan.width, plan.unit) : plan.unit;
  for (unsigned first = 0; first < plan.count; first += plan.width) {
    Value value = units[first];
    if (plan.width > 1)
      value = create<spirv::CompositeConstructOp>(type, ArrayRef<Value>(units).slice(first, plan.width));
    auto store = create<spirv::StoreOp>(globalPointer(address, first * bytes, type), value);
    store.setMemoryAccess(spirv::MemoryAccess::Aligned);
    store.setAlignment(bytes * plan.width);
  }
}

//===- Shared memory ----------------------------------------------------------------------------------------------===//

Value KernelEmitter::sharedWord(Value firstWord, unsigned position) {
  if (!shared)
    shared = addressOf(module.shared(kernel.getSymName(), kernel.getSharedBytes() / 4));
  if (position)
    firstWord = create<spirv::IAddOp>(firstWord, constant(firstWord.getType(), position));
  return create<spirv::AccessChainOp>(shared, ValueRange{firstWord});
}

Value KernelEmitter::wordIndex(Value offset) {
  return create<spirv::ShiftRightLogicalOp>(offset.getType(), offset, constant(offset.getType(), 2));
}

Scalars KernelEmitter::loadShared(Value offset, Type element, unsigned count) {
  Value first = wordIndex(offset);
  Scalars words;
  for (unsigned position = 0; position < count * bytesOf(element) / 4; ++position)
    words.push_back(create<spirv::LoadOp>(sharedWord(first, position)));
  return regroup(words, element);
}

void KernelEmitter::storeShared(Value offset, const Scalars &stored) {
  Value first = wordIndex(offset);
  for (auto [position, word] : llvm::enumerate(regroup(stored, builder.getI32Type())))
    create<spirv::StoreOp>(sharedWord(first, position), word);
}

/// Shared memory is an array of 32-bit words.
LogicalResult KernelEmitter::checkShared(Operation *op, Type accessed, int64_t alignment) {
  int64_t bytes = bytesOf(scalarType(accessed)) * elementCount(accessed);
  if (bytes % 4 || alignment < 4)
    return op->emitOpError("accesses ") << accessed << " aligned to " << alignment
                                        << " bytes; shared memory in Vulkan is accessed in aligned 32-bit words";
  if (kernel.getSharedBytes() % 4 || kernel.getSharedBytes() < uint64_t(bytes))
    return op->emitOpError("accesses shared memory, of which the kernel has ") << kernel.getSharedBytes() << " bytes";
  return success();
}

//===- Ops --------------------------------------------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitLoad(simt::LoadOp op) {
  bool isShared = op.getSpace() == simt::Space::Shared;
  if (isShared && failed(checkShared(op, op.getType(), op.getAlignment())))
    return failure();
  Value address = scalar(op.getAddress());
  Type element = scalarType(op.getType());
  unsigned count = elementCount(op.getType());
  auto load = [&] {
    return isShared ? loadShared(address, element, count) : loadGlobal(address, element, count, op.getAlignment());
  };
  if (op.getPredicate())
    set(op.getResult(), emitWhere(scalar(op.getPredicate()), scalars(op.getFill()), load));
  else
    set(op.getResult(), load());
  return success();
}

LogicalResult KernelEmitter::emitStore(simt::StoreOp op) {
  bool isShared = op.getSpace() == simt::Space::Shared;
  if (isShared && failed(checkShared(op, op.getValue().getType(), op.getAlignment())))
    return failure();
  Value address = scalar(op.getAddress());
  Scalars stored = scalars(op.getValue());
  auto store = [&]() -> Scalars {
    if (isShared)
      storeShared(address, stored);
    else
      storeGlobal(address, stored.front().getType(), stored, op.getAlignment());
    return {};
  };
  if (op.getPredicate())
    emitWhere(scalar(op.getPredicate()), {}, store);
  else
    store();
  return success();
}
