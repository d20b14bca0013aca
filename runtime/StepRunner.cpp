#include "runtime/StepRunner.h"

#include <algorithm>
#include <utility>

namespace heed::rt {

StepRunner::StepRunner(const Module &module, const std::vector<Step> &steps)
    : module(module), steps(steps), resolved(steps.size()) {
  size_t mostOperands = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    auto *launch = std::get_if<LaunchStep>(&steps[i]);
    if (!launch)
      continue;
    const auto &list = module.variants(launch->kernel);
    size_t variants = list.size();
    resolved[i].offsets.resize(launch->operands.size());
    resolved[i].params.resize(launch->params.size());
    resolved[i].applicable.resize(variants);
    resolved[i].grids.resize(variants);
    resolved[i].maps.resize(variants);
    for (size_t variant = 0; variant < variants; ++variant) {
      size_t count = list[variant].variant->tensorMaps.size();
      ResolvedMaps &maps = resolved[i].maps[variant];
      maps.shapes.resize(count);
      maps.offsets.resize(count);
      maps.addresses.resize(count);
      maps.encoded.resize(count);
    }
    mostOperands = std::max(mostOperands, launch->operands.size());
  }
  operands.resize(mostOperands);
}

Status StepRunner::resolve(const Evaluation &evaluation, std::span<const PlacedBuffer> buffers) {
  for (size_t i = 0; i < steps.size(); ++i) {
    Status status;
    if (auto *launch = std::get_if<LaunchStep>(&steps[i])) {
      status = resolveLaunch(*launch, evaluation, buffers, resolved[i]);
      if (!status.ok())
        return std::move(status).within("step ", i, ", kernel '", module.plan().kernels[launch->kernel].name, "'");
    } else {
      status = resolveCopy(std::get<CopyStep>(steps[i]), evaluation, buffers, resolved[i]);
      if (!status.ok())
        return std::move(status).within("step ", i, ", copy");
    }
  }
  return {};
}

Status StepRunner::resolveGrid(const Variant &variant, const Evaluation &evaluation,
                               std::array<int64_t, 3> &grid) const {
  for (size_t i = 0; i < 3; ++i) {
    HEED_TRY(evaluation.get(variant.grid[i], "grid", grid[i], 1));
    if (grid[i] < 0)
      return error(Code::badPackage, "grid ", evaluation.print(variant.grid[i]), " is ", grid[i]);
  }
  int64_t total;
  if (__builtin_mul_overflow(grid[0], grid[1], &total) || __builtin_mul_overflow(total, grid[2], &total))
    return error(Code::arithmetic, "the grid of ", grid[0], " x ", grid[1], " x ", grid[2], " overflows 64 bits");
  return {};
}

Status StepRunner::resolveLaunch(const LaunchStep &launch, const Evaluation &evaluation,
                                 std::span<const PlacedBuffer> buffers, ResolvedStep &out) const {
  const Kernel &kernel = module.plan().kernels[launch.kernel];
  const auto &variants = module.variants(launch.kernel);
  out.skipped = true;
  bool anyApplies = false;
  for (size_t i = 0; i < variants.size(); ++i) {
    const Variant &variant = *variants[i].variant;
    out.applicable[i] =
        std::all_of(variant.conditions.begin(), variant.conditions.end(),
                    [&](const Constraint &condition) { return evaluation.holds(condition).value_or(false); });
    if (!out.applicable[i])
      continue;
    anyApplies = true;
    HEED_TRY(resolveGrid(variant, evaluation, out.grids[i]));
    ResolvedMaps &maps = out.maps[i];
    std::fill(maps.addresses.begin(), maps.addresses.end(), 0);
    for (size_t map = 0; map < maps.shapes.size(); ++map)
      HEED_TRY(resolveTensorMap(variant.tensorMaps[map], evaluation, maps.shapes[map], maps.offsets[map])
                   .within("tensor map ", map));
    if (out.grids[i][0] > 0 && out.grids[i][1] > 0 && out.grids[i][2] > 0)
      out.skipped = false;
  }
  if (!anyApplies)
    return error(Code::unsupported, "no variant of the kernel accepts these shapes");
  if (out.skipped)
    return {};
  for (size_t i = 0; i < launch.operands.size(); ++i)
    HEED_TRY(resolveOperand(launch.operands[i], evaluation, buffers[launch.operands[i].buffer], out.offsets[i])
                 .within("operand ", i));
  for (size_t i = 0; i < launch.params.size(); ++i)
    HEED_TRY(evaluation.get(launch.params[i], "parameter", out.params[i]));
  out.work = std::max(evaluation.tryGet(kernel.flops).value_or(0), evaluation.tryGet(kernel.bytes).value_or(0));
  return {};
}

Status StepRunner::resolveTensorMap(const TensorMap &map, const Evaluation &evaluation, TensorMapShape &shape,
                                    int64_t &offset) const {
  shape.rank = static_cast<uint32_t>(map.box.size());
  shape.elementBytes = map.elementBytes;
  shape.swizzleBytes = map.swizzleBytes;
  HEED_TRY(evaluation.get(map.offset, "offset", offset));
  if (offset % tensorMapAlignment != 0)
    return error(Code::badPackage, "an offset of ", offset, " bytes; the variant's conditions should exclude it");
  for (size_t i = 0; i < shape.rank; ++i) {
    int64_t &size = shape.sizes[i], &stride = shape.strides[i];
    HEED_TRY(evaluation.get(map.sizes[i], "size", size));
    HEED_TRY(evaluation.get(map.strides[i], "stride", stride));
    shape.box[i] = map.box[i];
    bool isStride = stride >= 0 && stride < tensorMapStrideLimit / map.elementBytes &&
                    (i + 1 == shape.rank || stride * map.elementBytes % tensorMapAlignment == 0);
    if (size < 1 || size > maxTensorMapSize || !isStride)
      return error(Code::badPackage, "size ", size, " and stride ", stride, " of dimension ", i,
                   "; the variant's conditions should exclude them");
  }
  return {};
}

/// [low, high) relative to the start of the buffer must lie in its range.
static Status checkSlice(int64_t low, int64_t high, const ByteRange &range) {
  if (low >= range.low && low <= high && high <= range.high)
    return {};
  return error(Code::badPackage, "bytes ", low, " to ", high, " lie outside the buffer's ", range.low, " to ",
               range.high);
}

Status StepRunner::resolveOperand(const Operand &operand, const Evaluation &evaluation, const PlacedBuffer &buffer,
                                  int64_t &offset) const {
  int64_t bytes, end;
  HEED_TRY(evaluation.get(operand.offset, "offset", offset));
  HEED_TRY(evaluation.get(operand.bytes, "size", bytes));
  if (__builtin_add_overflow(offset, bytes, &end))
    return error(Code::arithmetic, "offset ", offset, " plus size ", bytes, " overflows 64 bits");
  return checkSlice(offset, end, buffer.range);
}

Status StepRunner::resolveCopy(const CopyStep &copy, const Evaluation &evaluation,
                               std::span<const PlacedBuffer> buffers, ResolvedStep &out) const {
  StridedCopy &resolvedCopy = out.copy;
  resolvedCopy.rank = static_cast<uint32_t>(copy.sizes.size());
  resolvedCopy.elementBytes = copy.elementBytes;
  for (size_t i = 0; i < copy.sizes.size(); ++i) {
    HEED_TRY(evaluation.get(copy.sizes[i], "size", resolvedCopy.sizes[i]));
    HEED_TRY(evaluation.get(copy.source.strides[i], "source stride", resolvedCopy.sourceStrides[i]));
    HEED_TRY(evaluation.get(copy.destination.strides[i], "destination stride", resolvedCopy.destinationStrides[i]));
  }
  struct Side {
    const CopyView &view;
    const Extents &strides;
    DevicePointer &pointer;
  };
  out.skipped = isEmpty(resolvedCopy.rank, resolvedCopy.sizes);
  for (const Side &side : {Side{copy.source, resolvedCopy.sourceStrides, resolvedCopy.source},
                           Side{copy.destination, resolvedCopy.destinationStrides, resolvedCopy.destination}}) {
    ByteRange covered;
    int64_t low, high, offset;
    HEED_TRY(coveredBytes(resolvedCopy.rank, resolvedCopy.sizes, side.strides, copy.elementBytes, covered));
    HEED_TRY(evaluation.get(side.view.offset, "offset", offset));
    if (__builtin_add_overflow(covered.low, offset, &low) || __builtin_add_overflow(covered.high, offset, &high))
      return error(Code::arithmetic, "offset ", offset, " overflows 64 bits");
    side.pointer = {nullptr, offset};
    if (!out.skipped)
      HEED_TRY(checkSlice(low, high, buffers[side.view.buffer].range));
  }
  return {};
}

Status StepRunner::runStep(size_t index, DriverContext &context, DriverQueue &queue,
                           std::span<const PlacedBuffer> buffers) {
  if (auto *launch = std::get_if<LaunchStep>(&steps[index]))
    return runLaunch(*launch, resolved[index], context, queue, buffers);
  const CopyStep &copy = std::get<CopyStep>(steps[index]);
  StridedCopy placed = resolved[index].copy;
  placed.source = buffers[copy.source.buffer].memory.advanced(placed.source.offset);
  placed.destination = buffers[copy.destination.buffer].memory.advanced(placed.destination.offset);
  return context.copy(queue, placed);
}

Status StepRunner::encodeTensorMaps(const Variant &variant, ResolvedMaps &maps) const {
  for (size_t i = 0; i < maps.shapes.size(); ++i) {
    DevicePointer base = operands[variant.tensorMaps[i].operand].advanced(maps.offsets[i]);
    uint64_t address = module.driver().deviceAddress(base);
    if (maps.addresses[i] == address)
      continue;
    maps.addresses[i] = 0;
    HEED_TRY(module.driver().encodeTensorMap(base, maps.shapes[i], maps.encoded[i]).within("tensor map ", i));
    maps.addresses[i] = address;
  }
  return {};
}

Status StepRunner::runLaunch(const LaunchStep &launch, ResolvedStep &step, DriverContext &context, DriverQueue &queue,
                             std::span<const PlacedBuffer> buffers) {
  uint64_t allAddresses = 0;
  for (size_t i = 0; i < launch.operands.size(); ++i) {
    operands[i] = buffers[launch.operands[i].buffer].memory.advanced(step.offsets[i]);
    allAddresses |= module.driver().deviceAddress(operands[i]);
  }
  const auto &variants = module.variants(launch.kernel);
  uint32_t wanted = 1;
  for (size_t i = 0; i < variants.size(); ++i) {
    const Variant &variant = *variants[i].variant;
    if (!step.applicable[i])
      continue;
    if (allAddresses % variant.operandAlignment != 0) {
      wanted = variant.operandAlignment;
      continue;
    }
    const auto &grid = step.grids[i];
    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0)
      return {};
    const std::string &name = module.plan().kernels[launch.kernel].name;
    HEED_TRY(encodeTensorMaps(variant, step.maps[i]).within("kernel '", name, "'"));
    return context.launch(queue,
                          {variants[i].code.get(), name, std::span(operands).first(launch.operands.size()), step.params,
                           grid, step.work, step.maps[i].encoded, !std::exchange(hasLaunched, true)});
  }
  return error(Code::unsupported, "kernel '", module.plan().kernels[launch.kernel].name, "' needs operands aligned to ",
               wanted, " bytes; pass aligned tensors");
}

} // namespace heed::rt
