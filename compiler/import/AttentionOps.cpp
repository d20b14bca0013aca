/// Attention and RotaryEmbedding, as attn.attend and attn.rope.
#include "compiler/import/Registry.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace heed;
using namespace heed::importer;

//===- Heads ---------------------------------------------------------------------------------------------------===//

/// [batch, sequence, heads * width] as [batch, heads, sequence, width]; rank 4 is that already.
static FailureOr<Tensor> splitHeads(Node &node, const Tensor &x, int64_t heads, StringRef attribute) {
  if (x.rank() == 4)
    return x;
  Sizes &sizes = node.sizes();
  if (heads < 1)
    return node.error() << "attribute '" << attribute << "' must be at least 1 for inputs of rank 3, got " << heads;
  auto width = sizes.divideExactly(x.shape[2], sizes.constant(heads));
  if (!width)
    return node.error() << "attribute '" << attribute << "' is " << heads << ", which does not divide the width of "
                        << describe(x, sizes);
  Tensor split = node.build().reshape(x, {x.shape[0], x.shape[1], sizes.constant(heads), *width});
  return node.build().transpose(split, {0, 2, 1, 3});
}

static Tensor joinHeads(GraphBuilder &build, const Tensor &x) {
  Tensor rows = build.transpose(x, {0, 2, 1, 3});
  return build.reshape(rows, {rows.shape[0], rows.shape[1], build.getSizes().multiply(rows.shape[2], rows.shape[3])});
}

//===- Attention -----------------------------------------------------------------------------------------------===//

namespace {
/// One Attention node: its operands are prepared, then the op with its regions is built.
class AttentionBuilder {
public:
  explicit AttentionBuilder(Node &node) : node(node), build(node.build()), sizes(node.sizes()) {}

  LogicalResult run() {
    if (failed(readAttributes()) || failed(readHeads()) || failed(readCache()) || failed(checkSizes()) ||
        failed(readMask()) || failed(readKeyLengths()))
      return failure();
    emit();
    return success();
  }

private:
  enum Input { queryInput, keyInput, valueInput, maskInput, pastKeyInput, pastValueInput, lengthsInput };

  LogicalResult readAttributes();
  LogicalResult readHeads();
  LogicalResult readCache();
  LogicalResult checkSizes();
  LogicalResult readMask();
  LogicalResult readKeyLengths();
  void emit();
  void emitScore(attn::AttendOp op);
  void emitKeep(attn::AttendOp op);
  Value maskElement(ImplicitLocOpBuilder &body, ValueRange indices, Value mask);
  /// Within a region: a size, which is a constant or a capture.
  Value sizeInRegion(ImplicitLocOpBuilder &body, Block &block, Size size);
  bool needsScore() const { return softcap > 0 || (mask && mask->kind != ElementKind::boolean); }
  bool needsKeep() const {
    return causal || left >= 0 || right >= 0 || maskIsShort || (mask && mask->kind == ElementKind::boolean);
  }

  Node &node;
  GraphBuilder &build;
  Sizes &sizes;
  Tensor query, key, value;
  std::optional<Tensor> mask, lengths, offsets;
  bool causal = false, maskIsShort = false;
  double scale = 0, softcap = 0;
  int64_t left = -1, right = -1;
  /// The position of row 0, when that is one size for the whole batch.
  Size pastLength;
  SmallVector<Value> captures;
  SmallVector<Size> capturedSizes; ///< null where the capture is the mask
};
} // namespace

LogicalResult AttentionBuilder::readAttributes() {
  causal = node.flagAttribute("is_causal", false);
  softcap = node.floatAttribute("softcap", 0);
  scale = node.floatAttribute("scale", 0);
  int64_t precision = node.intAttribute("softmax_precision", 1), mode = node.intAttribute("qk_matmul_output_mode", 0);
  if (node.getOpset() >= 25) {
    left = node.intAttribute("left_window_size", -1);
    right = node.intAttribute("right_window_size", -1);
    if (left < -1 || right < -1)
      return node.error() << "attributes 'left_window_size' and 'right_window_size' must be at least -1";
  }
  if (mode < 0 || mode > 3)
    return node.error() << "attribute 'qk_matmul_output_mode' is " << mode << ", must be in [0, 3]";
  if (node.wants(3))
    return node.error() << "qk_matmul_output is not supported: leave out output 3";
  if (precision != 1 && precision != 10 && precision != 16)
    return node.error() << "attribute 'softmax_precision' is " << precision
                        << ", must be 1 (float), 10 (float16) or 16 (bfloat16): the softmax is computed in f32";
  if (!(softcap >= 0))
    return node.error() << "attribute 'softcap' is " << softcap << ", must be at least 0";
  return success();
}

LogicalResult AttentionBuilder::readHeads() {
  for (size_t input : {queryInput, keyInput, valueInput})
    if (failed(node.requireFloat(input)) || failed(node.requireRank(input, 3, 4)) ||
        failed(node.requireRank(input, node.input(0).rank(), node.input(0).rank())))
      return failure();
  if (failed(node.requireSameKind(queryInput, keyInput)))
    return failure();
  int64_t queryHeads = node.intAttribute("q_num_heads", 0), keyHeads = node.intAttribute("kv_num_heads", 0);
  auto split = [&](Tensor &result, int64_t input, int64_t heads, StringRef attribute) -> LogicalResult {
    auto tensor = splitHeads(node, node.input(input), heads, attribute);
    if (succeeded(tensor))
      result = *tensor;
    return tensor;
  };
  // One after the other: the first error says it all.
  if (failed(split(query, queryInput, queryHeads, "q_num_heads")) ||
      failed(split(key, keyInput, keyHeads, "kv_num_heads")) ||
      failed(split(value, valueInput, keyHeads, "kv_num_heads")))
    return failure();
  return success();
}

/// Keys and values of earlier calls come first; what was passed in and the new rows together are the present ones.
LogicalResult AttentionBuilder::readCache() {
  pastLength = sizes.constant(0);
  if (node.has(pastKeyInput) != node.has(pastValueInput))
    return node.error() << "past_key and past_value (inputs 4 and 5) go together";
  if (node.has(pastKeyInput)) {
    for (auto [input, fresh] : {std::pair(pastKeyInput, &key), std::pair(pastValueInput, &value)}) {
      const Tensor &past = node.input(input);
      if (failed(node.requireRank(input, 4, 4)))
        return failure();
      if (past.kind != fresh->kind)
        return node.error() << "input " << static_cast<int>(input) << " must be " << elementTypeName(fresh->kind)
                            << " as the new rows are, got " << describe(past, sizes);
      if (past.shape.size() != 4 || fresh->shape.size() != 4)
        return node.error() << "past and new rows must have rank 4, got " << describe(past, sizes);
      for (int64_t dim : {0, 1, 3})
        if (failed(node.requireEqual(past.shape[dim], fresh->shape[dim], "sizes of past and new rows")))
          return failure();
      *fresh = build.concat({past, *fresh}, 2);
    }
    pastLength = node.input(pastKeyInput).shape[2];
    if (failed(node.requireEqual(pastLength, node.input(pastValueInput).shape[2],
                                 "the lengths of past_key and past_value")))
      return failure();
  }
  node.set(1, key);
  node.set(2, value);
  value = build.cast(value, query.kind);
  return success();
}

LogicalResult AttentionBuilder::checkSizes() {
  if (failed(node.requireEqual(query.shape[0], key.shape[0], "batch sizes of query and key")) ||
      failed(node.requireEqual(key.shape[0], value.shape[0], "batch sizes of key and value")) ||
      failed(node.requireEqual(key.shape[1], value.shape[1], "head counts of key and value")) ||
      failed(node.requireEqual(key.shape[2], value.shape[2], "sequence lengths of key and value")) ||
      failed(node.requireEqual(query.shape[3], key.shape[3], "head widths of query and key")))
    return failure();
  auto queryHeads = constantOf(query.shape[1]), keyHeads = constantOf(key.shape[1]);
  if (!queryHeads || !keyHeads || *keyHeads < 1 || *queryHeads % *keyHeads != 0)
    return node.error()
           << "head counts must be known when the model is compiled, and the query's a multiple of the key's, "
           << "got " << describe(query.shape[1], sizes) << " and " << describe(key.shape[1], sizes);
  auto width = constantOf(query.shape[3]), valueWidth = constantOf(value.shape[3]);
  if (!width || !valueWidth || *width < 1 || *valueWidth < 1)
    return node.error() << "head widths must be known when the model is compiled, and at least 1";
  if (!node.hasAttribute("scale"))
    scale = 1 / std::sqrt(static_cast<double>(*width));
  return success();
}

/// The mask broadcasts to [batch, heads, rows, keys]; its last dimension may be shorter, and keys beyond are masked.
LogicalResult AttentionBuilder::readMask() {
  if (!node.has(maskInput))
    return success();
  mask = node.input(maskInput);
  if (mask->kind != ElementKind::boolean && !isFloat(mask->kind))
    return node.error() << "input 3 (attn_mask) must hold floats or booleans, got " << describe(*mask, sizes);
  if (failed(node.requireRank(maskInput, 1, 4)))
    return failure();
  Size full[] = {query.shape[0], query.shape[1], query.shape[2], key.shape[2]};
  for (int64_t dim = 0; dim < mask->rank(); ++dim) {
    Size size = mask->shape[dim], wanted = full[4 - mask->rank() + dim];
    bool isLast = dim + 1 == mask->rank();
    // A last dimension of 1 that is not the number of keys is a mask of one key; the others would broadcast.
    if (isLast ? sizes.areEqual(size, wanted) : isConstant(size, 1))
      continue;
    if (!isLast) {
      if (failed(node.requireEqual(size, wanted, "sizes of attn_mask and of the scores")))
        return failure();
      continue;
    }
    if (failed(node.requireAtLeast(wanted, size, "the number of keys")))
      return failure();
    maskIsShort = true;
  }
  return success();
}

LogicalResult AttentionBuilder::readKeyLengths() {
  if (!node.has(lengthsInput))
    return success();
  lengths = node.input(lengthsInput);
  if (node.has(pastKeyInput))
    return node.error() << "nonpad_kv_seqlen (input 6) cannot be combined with past_key and past_value";
  if (lengths->kind != ElementKind::i64 && lengths->kind != ElementKind::i32)
    return node.error() << "input 6 (nonpad_kv_seqlen) must be i64, got " << describe(*lengths, sizes);
  if (failed(node.requireRank(lengthsInput, 1, 1)) ||
      failed(node.requireEqual(lengths->shape[0], query.shape[0], "the batch and the length of nonpad_kv_seqlen")))
    return failure();
  if (!causal && left < 0 && right < 0)
    return success();
  // The last row sees the last valid key, in each batch.
  Tensor rows = build.integers(lengths->kind, {}, query.shape[2]);
  offsets = build.elementwise(lengths->kind, lengths->kind, lengths->shape, {*lengths, rows},
                              [](ScalarBuilder &s, ValueRange v) { return s.subtract(v[0], v[1]); });
  return success();
}

Value AttentionBuilder::sizeInRegion(ImplicitLocOpBuilder &body, Block &block, Size size) {
  if (constantOf(size))
    return build.sizeInBody(body, size, body.getIndexType());
  auto found = llvm::find(capturedSizes, size);
  return block.getArgument(block.getNumArguments() - captures.size() + (found - capturedSizes.begin()));
}

/// The mask at batch, head, row and key; dimensions of size 1 are read at 0, a short last one within its extent.
Value AttentionBuilder::maskElement(ImplicitLocOpBuilder &body, ValueRange indices, Value maskArgument) {
  SmallVector<Value> at;
  for (int64_t dim = 0; dim < mask->rank(); ++dim) {
    bool isLast = dim + 1 == mask->rank();
    Value index = indices[4 - mask->rank() + dim];
    if (isConstant(mask->shape[dim], 1)) {
      index = arith::ConstantIndexOp::create(body, 0);
    } else if (isLast && maskIsShort) {
      Value extent = sizeInRegion(body, *body.getBlock(), mask->shape[dim]);
      Value last = arith::SubIOp::create(body, extent, arith::ConstantIndexOp::create(body, 1));
      index = arith::MinSIOp::create(body, index, last);
    }
    at.push_back(index);
  }
  return tensor::ExtractOp::create(body, maskArgument, at);
}

/// Adds a block with the arguments of a region: the score if there is one, the indices, the captures.
static Block &addRegionBlock(attn::AttendOp op, Region &region, bool hasScore) {
  Block &block = region.emplaceBlock();
  Location location = op.getLoc();
  if (hasScore)
    block.addArgument(Float32Type::get(op.getContext()), location);
  for (unsigned i = 0; i < attn::AttendOp::numIndexArguments; ++i)
    block.addArgument(IndexType::get(op.getContext()), location);
  for (Value capture : op.getCaptures())
    block.addArgument(capture.getType(), location);
  return block;
}

/// Softcap first, then the float mask.
void AttentionBuilder::emitScore(attn::AttendOp op) {
  Block &block = addRegionBlock(op, op.getScore(), true);
  ImplicitLocOpBuilder body = ImplicitLocOpBuilder::atBlockEnd(op.getLoc(), &block);
  ScalarBuilder scalars(body, ElementKind::f32);
  Value score = block.getArgument(0);
  if (softcap > 0) {
    Value cap = scalars.constant(softcap);
    score = scalars.multiply(scalars.apply<math::TanhOp>(scalars.divide(score, cap)), cap);
  }
  if (mask && isFloat(mask->kind)) {
    Value maskArgument = block.getArguments().take_back(captures.size()).front();
    Value element = maskElement(body, block.getArguments().drop_front(1).take_front(4), maskArgument);
    element = ScalarBuilder(body, mask->kind).widen(element);
    score = scalars.add(score, scalars.convert(element, mask->kind == ElementKind::f64 ? mask->kind : ElementKind::f32,
                                               ElementKind::f32));
  }
  attn::YieldOp::create(body, score);
}

void AttentionBuilder::emitKeep(attn::AttendOp op) {
  Block &block = addRegionBlock(op, op.getKeep(), false);
  ImplicitLocOpBuilder body = ImplicitLocOpBuilder::atBlockEnd(op.getLoc(), &block);
  Value keyIndex = block.getArgument(3), position = block.getArgument(4), keep;
  auto require = [&](arith::CmpIPredicate order, Value a, Value b) {
    Value holds = arith::CmpIOp::create(body, order, a, b);
    keep = keep ? arith::AndIOp::create(body, keep, holds).getResult() : holds;
  };
  if ((causal || left >= 0 || right >= 0) && !isConstant(pastLength, 0))
    position = arith::AddIOp::create(body, position, sizeInRegion(body, block, pastLength));
  if (causal)
    require(arith::CmpIPredicate::sle, keyIndex, position);
  if (left >= 0)
    require(arith::CmpIPredicate::sge, keyIndex,
            arith::SubIOp::create(body, position, arith::ConstantIndexOp::create(body, left)));
  if (right >= 0)
    require(arith::CmpIPredicate::sle, keyIndex,
            arith::AddIOp::create(body, position, arith::ConstantIndexOp::create(body, right)));
  if (maskIsShort)
    require(arith::CmpIPredicate::slt, keyIndex, sizeInRegion(body, block, mask->shape.back()));
  if (mask && mask->kind == ElementKind::boolean) {
    Value maskArgument = block.getArguments().take_back(captures.size()).front();
    Value element = maskElement(body, block.getArguments().take_front(4), maskArgument);
    keep = keep ? arith::AndIOp::create(body, keep, element).getResult() : element;
  }
  attn::YieldOp::create(body, keep);
}

void AttentionBuilder::emit() {
  auto capture = [&](Value captured, Size size) {
    captures.push_back(captured);
    capturedSizes.push_back(size);
  };
  if (mask)
    capture(build.materialise(*mask), Size());
  auto captureSize = [&](Size size) {
    if (!constantOf(size) && !llvm::is_contained(capturedSizes, size))
      capture(build.dim(size), size);
  };
  if (maskIsShort)
    captureSize(mask->shape.back());
  if (causal || left >= 0 || right >= 0)
    captureSize(pastLength);
  SmallVector<Size> shape = {query.shape[0], query.shape[1], query.shape[2], value.shape[3]};
  Type type = build.typeOf(storageType(query.kind, build.getContext()), shape);
  auto op = attn::AttendOp::create(
      build.getBuilder(), type, /*lse=*/Type(), /*state=*/Type(), build.materialise(query), build.materialise(key),
      build.materialise(value), lengths ? build.materialise(*lengths) : Value(),
      offsets ? build.materialise(*offsets) : Value(), /*sink=*/Value(), /*pages=*/Value(), /*blocks=*/Value(),
      captures, APFloat(scale), attn::Normaliser::Softmax, /*block_size=*/DenseI64ArrayAttr());
  if (needsScore())
    emitScore(op);
  if (needsKeep())
    emitKeep(op);
  Tensor output = build.wrap(op.getOut(), query.kind, shape);
  node.set(0, node.input(queryInput).rank() == 3 ? joinHeads(build, output) : output);
}

//===- RotaryEmbedding -----------------------------------------------------------------------------------------===//

static LogicalResult buildRotaryEmbedding(Node &node) {
  const Tensor &x = node.input(0), &cosines = node.input(1), &sines = node.input(2);
  bool interleaved = node.flagAttribute("interleaved", false);
  int64_t heads = node.intAttribute("num_heads", 0), width = node.intAttribute("rotary_embedding_dim", 0);
  if (failed(node.requireRank(0, 3, 4)) || failed(node.requireFloat(0)) || failed(node.requireSameKind(0, 1)) ||
      failed(node.requireSameKind(0, 2)))
    return failure();
  FailureOr<Tensor> input = splitHeads(node, x, heads, "num_heads");
  if (failed(input))
    return failure();
  Sizes &sizes = node.sizes();
  auto headWidth = constantOf(input->shape[3]);
  if (!headWidth)
    return node.error() << "the head width must be known when the model is compiled";
  if (width == 0)
    width = *headWidth;
  if (width < 2 || width % 2 != 0 || width > *headWidth)
    return node.error() << "attribute 'rotary_embedding_dim' is " << width << ", must be even and in [2, " << *headWidth
                        << "]";
  bool hasPositions = node.has(3);
  int64_t tableRank = hasPositions ? 2 : 3;
  for (size_t index : {1, 2})
    if (failed(node.requireRank(index, tableRank, tableRank)) ||
        failed(node.requireEqual(node.input(index).shape.back(), sizes.constant(width / 2),
                                 "the last dimension of the tables and half the rotary width")))
      return failure();
  const SmallVector<Size> &rows = hasPositions ? node.input(3).shape : cosines.shape;
  if (hasPositions && (failed(node.requireRank(3, 2, 2)) ||
                       (node.input(3).kind != ElementKind::i64 && node.input(3).kind != ElementKind::i32)))
    return node.error() << "input 3 (position_ids) must be i64 of rank 2, got " << describe(node.input(3), sizes);
  if (failed(node.requireEqual(rows[0], input->shape[0], "batch sizes of the input and of the positions")) ||
      failed(node.requireEqual(rows[1], input->shape[2], "sequence lengths of the input and of the positions")) ||
      failed(node.requireEqual(cosines.shape[0], sines.shape[0], "sizes of the tables")) ||
      failed(node.requireEqual(cosines.shape[1], sines.shape[1], "sizes of the tables")))
    return failure();
  GraphBuilder &build = node.build();
  Value source = build.materialise(*input), cosTable = build.materialise(cosines), sinTable = build.materialise(sines);
  if (cosTable.getType() != sinTable.getType())
    sinTable = tensor::CastOp::create(build.getBuilder(), cosTable.getType(), sinTable);
  Value positions = hasPositions ? build.materialise(node.input(3)) : Value();
  Value rotated = attn::RopeOp::create(build.getBuilder(), source.getType(), source, cosTable, sinTable, positions,
                                       width, interleaved);
  Tensor output = build.wrap(rotated, x.kind, input->shape);
  node.set(0, x.rank() == 3 ? joinHeads(build, output) : output);
  return success();
}

void heed::importer::registerAttentionOperators(OperatorRegistry &registry) {
  auto attention = [](Node &node) { return AttentionBuilder(node).run(); };
  registry.add("Attention",
               {.since = 23, .until = 23, .minInputs = 3, .maxInputs = 6, .maxOutputs = 4, .build = attention});
  registry.add("Attention", {.since = 24, .minInputs = 3, .maxInputs = 7, .maxOutputs = 4, .build = attention});
  registry.add("RotaryEmbedding", {.since = 23, .minInputs = 3, .maxInputs = 4, .build = buildRotaryEmbedding});
}
