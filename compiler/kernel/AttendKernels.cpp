/// The kernels that an attend becomes, and which calls they are for.
///
///   bounds    where the mask asks for equal labels: which keys many rows may see
///   whole     many rows, in blocks of several sizes
///   parts     few rows: states of parts of the keys
///   merge     the results of these
///
/// Where rows are known at run time only there may be all four, and the grids of those that a call does without are
/// empty.
#include "compiler/kernel/Alternatives.h"
#include "compiler/kernel/AttendSkeleton.h"

using namespace mlir;
using namespace heed;

/// Parts that are merged at a time: so many that one wait is usually enough, fewer of wide values.
static int64_t partsOfBlock(int64_t valueDepth) { return valueDepth <= 128 ? 64 : 32; }

static attn::AttendOp rootOf(plan::KernelOp source) {
  attn::AttendOp attend;
  for (attn::AttendOp op : source.getBody().front().getOps<attn::AttendOp>())
    attend = op;
  return attend;
}

static std::optional<FewRowBlocks> fewRowBlocks(attn::AttendOp attend, const Backend &backend) {
  // States of other normalisers are sums alone, and lists of blocks are a head's own.
  if (attend.getNormaliser() != attn::Normaliser::Softmax || attend.getBlocks() || !attend.getOut())
    return std::nullopt;
  RankedTensorType query = attend.getQueryType();
  int64_t group = query.getDimSize(1) / attend.getKeyType().getDimSize(1), rows = query.getDimSize(2);
  return backend.fewRowBlocks(ShapedType::isDynamic(rows) ? rows : rows * group, query.getDimSize(3),
                              attend.getValueType().getDimSize(3), attend.getKeyType().getElementType());
}

/// What tells a kernel from others of the same attention.
static std::string nameOf(const AttendBlocks &blocks) {
  std::string name = std::to_string(blocks.rows) + "x" + std::to_string(blocks.keys);
  return blocks.copyingRegisters == 0 ? name : name + "_r" + std::to_string(blocks.copyingRegisters);
}

namespace {

class AttendKernels {
public:
  AttendKernels(plan::KernelOp source, StringRef name, const Backend &backend)
      : source(source), name(name), backend(backend), traits(backend.traits()) {}

  LogicalResult build();

private:
  LogicalResult fill(KernelBuilder &kernel, const AttendBlocks &blocks, AttendStep step,
                     const AttendBounds *bounds = nullptr) {
    const AttendParts *cut = parts ? &*parts : nullptr;
    return AttendSkeleton(kernel, rootOf(kernel.source()), blocks, traits, step, cut, bounds).build();
  }
  FailureOr<std::optional<AttendBounds>> buildBounds(plan::KernelOp whole);
  FailureOr<plan::LaunchOp> buildWhole(plan::KernelOp whole);
  LogicalResult buildParts(const AttendBlocks &blocks, ValueRange started);

  plan::KernelOp source;
  StringRef name;
  const Backend &backend;
  MachineTraits traits;
  std::optional<AttendParts> parts; ///< where calls may have few rows
};

} // namespace

/// The kernel that finds bounds in calls of many rows, where there are any to find.
FailureOr<std::optional<AttendBounds>> AttendKernels::buildBounds(plan::KernelOp whole) {
  std::optional<AttendBounds> bounds;
  if (traits.boundsLabels)
    bounds = boundLabels(whole, rootOf(whole));
  if (!bounds)
    return bounds;
  AffineExpr one = getAffineConstantExpr(1, whole.getContext());
  KernelBuilder kernel(whole, (name + "_bounds").str(), {ScratchUse::Write, bounds->scratch, plan::boundsSuffix});
  if (failed(heed::buildBounds(kernel, rootOf(whole), *bounds, parts ? one - parts->isFew : one)))
    return failure();
  return bounds;
}

FailureOr<plan::LaunchOp> AttendKernels::buildWhole(plan::KernelOp whole) {
  SmallVector<AttendBlocks> choices = attendChoices(rootOf(whole), backend);
  FailureOr<std::optional<AttendBounds>> found = buildBounds(whole);
  if (failed(found))
    return failure();
  const AttendBounds *bounds = *found ? &**found : nullptr;
  Alternatives alternatives(whole, name, bounds ? Handover{ScratchUse::Read, bounds->scratch} : Handover());
  for (const auto &[index, blocks] : llvm::enumerate(ArrayRef(choices).drop_back()))
    if (failed(alternatives.add(nameOf(blocks), Preference(), /*standsIn=*/index > 0, [&](KernelBuilder &kernel) {
          return fill(kernel, blocks, AttendStep::Whole, bounds);
        })))
      return failure();
  return alternatives.finish(
      Preference(), [&](KernelBuilder &kernel) { return fill(kernel, choices.back(), AttendStep::Whole, bounds); });
}

/// The kernels for few rows, one or two. `started` are the results of the kernel for many, where there is one.
LogicalResult AttendKernels::buildParts(const AttendBlocks &blocks, ValueRange started) {
  int64_t valueDepth = rootOf(source).getValueType().getDimSize(3);
  if (parts->lastMerges()) {
    KernelBuilder whole(source, (name + "_parts").str(), {ScratchUse::Own, parts->scratch, plan::partsSuffix, started});
    return fill(whole, blocks, AttendStep::Part);
  }
  KernelBuilder part(source, (name + "_parts").str(), {ScratchUse::Write, parts->scratch, plan::partsSuffix});
  if (failed(fill(part, blocks, AttendStep::Part)))
    return failure();
  KernelBuilder merge(source, (name + "_merge").str(), {ScratchUse::Read, parts->scratch, plan::mergeSuffix, started});
  AttendBlocks single{.rows = 1, .keys = partsOfBlock(valueDepth), .depthGranule = blocks.depthGranule};
  return fill(merge, single, AttendStep::Merge);
}

LogicalResult AttendKernels::build() {
  attn::AttendOp attend = rootOf(source);
  if (!attend)
    return source.emitOpError("has no attn.attend for its root");
  if (attend.getQueryType().getElementType().isF64())
    return attend.emitOpError("in f64 has no kernel: scores and sums are f32, so give it f32, f16 or bf16");
  std::optional<FewRowBlocks> few = fewRowBlocks(attend, backend);
  if (few)
    parts = cutIntoParts(source, attend, *few);
  auto isFew = parts ? dyn_cast<AffineConstantExpr>(parts->isFew) : AffineConstantExpr();
  if (isFew && isFew.getValue() == 0)
    parts.reset();
  if (!parts)
    return buildWhole(source);
  if (isFew)
    return buildParts(few->blocks, {});
  FailureOr<plan::LaunchOp> whole = buildWhole(cast<plan::KernelOp>(OpBuilder(source).clone(*source)));
  if (failed(whole))
    return failure();
  return buildParts(few->blocks, whole->getResults());
}

LogicalResult heed::buildAttends(plan::KernelOp source, StringRef name, const Backend &backend) {
  return AttendKernels(source, name, backend).build();
}
