/// Conv over any number of spatial dimensions, as a contraction. Where the kernel steps by its own size, as in a patch
/// embedding, the input is only seen as patches; otherwise it is padded and read through an affine map.
#include "compiler/import/Registry.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

namespace {
/// The window of one convolution, an entry a spatial dimension.
struct Window {
  SmallVector<int64_t> strides, dilations, padsBefore, padsAfter, kernel;
};
} // namespace

static FailureOr<SmallVector<int64_t>> readPerDimension(Node &node, StringRef name, size_t count, int64_t otherwise,
                                                        int64_t minimum) {
  SmallVector<int64_t> values(count, otherwise);
  if (auto given = node.intsAttribute(name))
    values = *given;
  if (values.size() != count ||
      llvm::any_of(values, [&](int64_t value) { return value < minimum || value > (1 << 30); }))
    return node.error() << "attribute '" << name << "' must have " << count << " values of at least " << minimum;
  return values;
}

static FailureOr<Window> readWindow(Node &node, size_t spatial) {
  Window window;
  const Tensor &weight = node.input(1);
  auto strides = readPerDimension(node, "strides", spatial, 1, 1);
  auto dilations = readPerDimension(node, "dilations", spatial, 1, 1);
  auto pads = readPerDimension(node, "pads", 2 * spatial, 0, 0);
  auto shape = node.intsAttribute("kernel_shape");
  std::string autoPad = node.stringAttribute("auto_pad", "NOTSET");
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();
  window.strides = *strides;
  window.dilations = *dilations;
  for (size_t dim = 0; dim < spatial; ++dim) {
    auto extent = constantOf(weight.shape[2 + dim]);
    if (!extent || *extent < 1 || *extent > (1 << 30) ||
        (shape && (shape->size() != spatial || (*shape)[dim] != *extent)))
      return node.error() << "the kernel's size must be known, and kernel_shape agree with the weight "
                          << describe(weight, node.sizes());
    window.kernel.push_back(*extent);
  }
  window.padsBefore.assign(pads->begin(), pads->begin() + spatial);
  window.padsAfter.assign(pads->begin() + spatial, pads->end());
  if (autoPad == "NOTSET" || autoPad == "VALID")
    return window;
  if (autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER")
    return node.error() << "attribute 'auto_pad' is '" << autoPad
                        << "', must be NOTSET, VALID, SAME_UPPER or SAME_LOWER";
  for (size_t dim = 0; dim < spatial; ++dim) {
    auto extent = constantOf(node.input(0).shape[2 + dim]);
    if (!extent)
      return node.error() << "attribute 'auto_pad' needs spatial sizes that are known when the model is compiled";
    int64_t steps = (*extent + window.strides[dim] - 1) / window.strides[dim];
    int64_t reach = window.dilations[dim] * (window.kernel[dim] - 1) + 1;
    int64_t total = std::max<int64_t>(0, (steps - 1) * window.strides[dim] + reach - *extent);
    bool isUpper = autoPad == "SAME_UPPER";
    window.padsBefore[dim] = isUpper ? total / 2 : total - total / 2;
    window.padsAfter[dim] = total - window.padsBefore[dim];
  }
  return window;
}

/// Zeros around the spatial dimensions.
static Tensor padZeros(GraphBuilder &build, const Tensor &x, const Window &window) {
  auto isZero = [](int64_t pad) { return pad == 0; };
  if (llvm::all_of(window.padsBefore, isZero) && llvm::all_of(window.padsAfter, isZero))
    return x;
  Sizes &sizes = build.getSizes();
  ImplicitLocOpBuilder &builder = build.getBuilder();
  SmallVector<OpFoldResult> low(2, builder.getIndexAttr(0)), high(2, builder.getIndexAttr(0));
  SmallVector<Size> shape(x.shape);
  for (size_t dim = 0; dim < window.kernel.size(); ++dim) {
    low.push_back(builder.getIndexAttr(window.padsBefore[dim]));
    high.push_back(builder.getIndexAttr(window.padsAfter[dim]));
    shape[2 + dim] = sizes.add(shape[2 + dim], sizes.constant(window.padsBefore[dim] + window.padsAfter[dim]));
  }
  Type element = storageType(x.kind, build.getContext());
  Value zero = arith::ConstantOp::create(builder, builder.getZeroAttr(element));
  auto padded = tensor::PadOp::create(builder, build.typeOf(element, shape), build.materialise(x), low, high, zero);
  return build.wrap(padded.getResult(), x.kind, shape);
}

/// The input as patches: each spatial dimension becomes (step, place in the kernel). Rows that fill no patch are cut
/// off.
static Tensor asPatches(GraphBuilder &build, Tensor x, const Window &window, ArrayRef<Size> steps) {
  Sizes &sizes = build.getSizes();
  SmallVector<Size> shape(ArrayRef(x.shape).take_front(2));
  for (auto [dim, kernel] : llvm::enumerate(window.kernel)) {
    Size extent = sizes.multiply(steps[dim], sizes.constant(kernel));
    x = build.slice(x, 2 + dim, sizes.constant(0), extent, 1);
    shape.append({steps[dim], sizes.constant(kernel)});
  }
  return build.reshape(x, shape);
}

static FailureOr<SmallVector<Size>> countSteps(Node &node, const Window &window) {
  Sizes &sizes = node.sizes();
  SmallVector<Size> steps;
  for (auto [dim, kernel] : llvm::enumerate(window.kernel)) {
    Size extent =
        sizes.add(node.input(0).shape[2 + dim], sizes.constant(window.padsBefore[dim] + window.padsAfter[dim]));
    Size room = sizes.subtract(extent, sizes.constant(window.dilations[dim] * (kernel - 1) + 1));
    if (failed(node.requireAtLeast(room, sizes.constant(0), "the input less the kernel")))
      return failure();
    Size count = sizes.add(sizes.floorDivide(room, sizes.constant(window.strides[dim])), sizes.constant(1));
    // With a stride of the kernel's size (n - k) / k + 1 is n / k, in which exact multiples show.
    if (window.strides[dim] == kernel && window.dilations[dim] == 1)
      count = sizes.floorDivide(extent, sizes.constant(kernel));
    if (!count)
      return node.error() << "the size of the result overflows";
    steps.push_back(count);
  }
  return steps;
}

/// Iterators: batch, group if there are several, channel out within the group, steps.. | channel in within the group,
/// places in the kernel..
static Tensor convolve(GraphBuilder &build, const Tensor &x, const Tensor &weight, int64_t group, const Window &window,
                       ArrayRef<Size> steps) {
  Sizes &sizes = build.getSizes();
  MLIRContext *context = build.getContext();
  bool hasGroups = group > 1;
  unsigned spatial = steps.size(), channelOut = hasGroups ? 2 : 1, firstStep = channelOut + 1;
  unsigned channelIn = firstStep + spatial, firstPlace = channelIn + 1, numIterators = firstPlace + spatial;
  auto dim = [&](unsigned position) { return getAffineDimExpr(position, context); };
  Size channelsOut = *sizes.divideExactly(weight.shape[0], sizes.constant(group)), channelsIn = weight.shape[1];
  bool isPatched =
      llvm::equal(window.strides, window.kernel) && llvm::all_of(window.dilations, [](int64_t d) { return d == 1; });
  Tensor source = padZeros(build, x, window);
  if (isPatched)
    source = asPatches(build, source, window, steps);
  Tensor filter = weight;
  SmallVector<Size> shape = {x.shape[0]}, joined = {x.shape[0], weight.shape[0]};
  SmallVector<AffineExpr> inputDims = {dim(0)}, filterDims, outDims = {dim(0)};
  if (hasGroups) {
    SmallVector<Size> sourceShape = {source.shape[0], sizes.constant(group), channelsIn};
    sourceShape.append(source.shape.begin() + 2, source.shape.end());
    source = build.reshape(source, sourceShape);
    SmallVector<Size> filterShape = {sizes.constant(group), channelsOut};
    filterShape.append(weight.shape.begin() + 1, weight.shape.end());
    filter = build.reshape(weight, filterShape);
    for (SmallVector<AffineExpr> *dims : {&inputDims, &filterDims, &outDims})
      dims->push_back(dim(1));
    shape.push_back(sizes.constant(group));
  }
  inputDims.push_back(dim(channelIn));
  filterDims.append({dim(channelOut), dim(channelIn)});
  outDims.push_back(dim(channelOut));
  shape.push_back(channelsOut);
  for (unsigned i = 0; i < spatial; ++i) {
    AffineExpr step = dim(firstStep + i), place = dim(firstPlace + i);
    if (isPatched)
      inputDims.append({step, place});
    else
      inputDims.push_back(step * window.strides[i] + place * window.dilations[i]);
    filterDims.push_back(place);
    outDims.push_back(step);
  }
  shape.append(steps.begin(), steps.end());
  joined.append(steps.begin(), steps.end());
  SmallVector<utils::IteratorType> iterators(numIterators, utils::IteratorType::parallel);
  std::fill(iterators.begin() + channelIn, iterators.end(), utils::IteratorType::reduction);
  auto map = [&](ArrayRef<AffineExpr> dims) { return AffineMap::get(numIterators, 0, dims, context); };
  return build.reshape(build.contract(source, filter, map(inputDims), map(filterDims), map(outDims), iterators, shape),
                       joined);
}

static LogicalResult buildConv(Node &node) {
  const Tensor &x = node.input(0), &weight = node.input(1);
  int64_t group = node.intAttribute("group", 1);
  if (failed(node.requireFloat(0)) || failed(node.requireSameKind(0, 1)) || failed(node.requireRank(0, 3, 8)) ||
      failed(node.requireRank(1, x.rank(), x.rank())))
    return failure();
  Sizes &sizes = node.sizes();
  FailureOr<Window> window = readWindow(node, x.rank() - 2);
  if (failed(window))
    return failure();
  if (group < 1 || !sizes.divideExactly(weight.shape[0], sizes.constant(group)))
    return node.error() << "attribute 'group' is " << group
                        << ", must be at least 1 and divide the channels of the weight " << describe(weight, sizes);
  if (failed(node.requireEqual(sizes.multiply(weight.shape[1], sizes.constant(group)), x.shape[1],
                               "the channels of the weight times 'group' and those of the input")))
    return failure();
  FailureOr<SmallVector<Size>> steps = countSteps(node, *window);
  if (failed(steps))
    return failure();
  GraphBuilder &build = node.build();
  Tensor result = convolve(build, x, weight, group, *window, *steps);
  if (node.has(2)) {
    if (failed(node.requireSameKind(0, 2)) || failed(node.requireRank(2, 1, 1)) ||
        failed(node.requireEqual(node.input(2).shape[0], weight.shape[0], "the bias and the channels of the weight")))
      return failure();
    SmallVector<Size> perChannel = {weight.shape[0]};
    perChannel.append(steps->size(), sizes.constant(1));
    result = build.elementwise(x.kind, x.kind, result.shape, {result, build.reshape(node.input(2), perChannel)},
                               [](ScalarBuilder &s, ValueRange v) { return s.add(v[0], v[1]); });
  }
  node.set(0, result);
  return success();
}

void heed::importer::registerConvOperators(OperatorRegistry &registry) {
  registry.add("Conv", {.since = 1, .minInputs = 2, .maxInputs = 3, .build = buildConv});
}
