/// decompose-attn: rope, merge and finish become linalg, so that kernels are made of attend, append, norm and linalg.
///
/// A row state between ops becomes two tensors, the output of its rows and their lse: attention over joined keys is
/// the mean of the parts' outputs weighted by exp(lse). A normaliser without a running maximum needs the output alone.
#include "compiler/graph/Passes.h"
#include "compiler/graph/Rewriting.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

namespace {

/// Scalar arithmetic in a body.
class Scalars {
public:
  Scalars(OpBuilder &builder, Location location) : builder(builder), location(location) {}

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, location, value); }
  Value number(double value) {
    return arith::ConstantOp::create(builder, location, builder.getF32FloatAttr(static_cast<float>(value)));
  }
  Value loop(int64_t dim) { return linalg::IndexOp::create(builder, location, dim); }
  template <typename Op, typename... Args> Value make(Args... args) {
    return Op::create(builder, location, args...).getResult();
  }
  Value less(Value a, Value b) { return make<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b); }
  Value choose(Value condition, Value yes, Value no) { return make<arith::SelectOp>(condition, yes, no); }
  Value clamp(Value value, Value size) {
    Value last = make<arith::SubIOp>(size, index(1));
    return make<arith::MaxSIOp>(index(0), make<arith::MinSIOp>(value, last));
  }
  /// An integer element as an index.
  Value toIndex(Value value) { return make<arith::IndexCastOp>(builder.getIndexType(), value); }
  Value widen(Value value) {
    return value.getType().getIntOrFloatBitWidth() < 32 ? make<arith::ExtFOp>(builder.getF32Type(), value) : value;
  }
  Value narrow(Value value, Type type) {
    return value.getType() == type                                                  ? value
           : type.getIntOrFloatBitWidth() < value.getType().getIntOrFloatBitWidth() ? make<arith::TruncFOp>(type, value)
                                                                                    : make<arith::ExtFOp>(type, value);
  }
  Value read(Value tensor, ArrayRef<Value> at) {
    return tensor::ExtractOp::create(builder, location, tensor, at).getResult();
  }

private:
  OpBuilder &builder;
  Location location;
};

/// What stands for a row state: out [B,H,M,Dv] in f32, lse [B,H,M] for the softmax normaliser.
struct StateTensors {
  Value out, lse;
};

class AttnDecomposer {
public:
  explicit AttnDecomposer(func::FuncOp function) : function(function), shapes(function), builder(function) {}

  LogicalResult run() {
    SmallVector<Operation *> ops;
    function.walk([&](Operation *op) {
      if (isa<attn::AttendOp, attn::MergeOp, attn::FinishOp, attn::RopeOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      builder.setInsertionPoint(op);
      if (auto attend = dyn_cast<attn::AttendOp>(op); attend && attend.getState())
        openState(attend);
      else if (auto merge = dyn_cast<attn::MergeOp>(op))
        mergeStates(merge);
      else if (auto finish = dyn_cast<attn::FinishOp>(op))
        finishState(finish);
      else if (auto rope = dyn_cast<attn::RopeOp>(op))
        rotate(rope);
    }
    for (Operation *op : llvm::reverse(ops)) {
      if (op->use_empty() && (!isa<attn::AttendOp>(op) || cast<attn::AttendOp>(op).getState()))
        op->erase();
      else if (llvm::any_of(op->getResultTypes(), llvm::IsaPred<attn::RowStateType>))
        return op->emitOpError("a row state may only go to attn.merge and attn.finish of its own graph");
    }
    return success();
  }

private:
  void openState(attn::AttendOp op);
  void mergeStates(attn::MergeOp op);
  void finishState(attn::FinishOp op);
  void rotate(attn::RopeOp op);
  void rotateHalves(attn::RopeOp op);
  SmallVector<Value> tableEntry(attn::RopeOp op, Scalars &s, Value position, Value batch, Value row, Value pair);

  using Body = llvm::function_ref<Value(Scalars &, ValueRange)>;

  /// out[i] = body(inputs at maps(i), init at i).
  Value map(Location location, ValueRange inputs, ArrayRef<AffineMap> maps, Value init, Body body) {
    auto type = cast<RankedTensorType>(init.getType());
    SmallVector<AffineMap> all(maps);
    all.push_back(builder.getMultiDimIdentityMap(type.getRank()));
    SmallVector<utils::IteratorType> loops(type.getRank(), utils::IteratorType::parallel);
    return linalg::GenericOp::create(builder, location, type, inputs, init, all, loops,
                                     [&](OpBuilder &inner, Location at, ValueRange arguments) {
                                       Scalars scalars(inner, at);
                                       linalg::YieldOp::create(inner, at, body(scalars, arguments));
                                     })
        .getResult(0);
  }

  /// An uninitialised tensor with the sizes of `like` and the given elements.
  Value emptyLike(Location location, Value like, Type elementType) {
    SmallVector<OpFoldResult> sizes = materialiseShape(builder, location, function, shapes, like);
    Value empty = tensor::EmptyOp::create(builder, location, sizes, elementType);
    auto type = cast<RankedTensorType>(like.getType()).clone(elementType);
    return empty.getType() == type ? empty : Value(tensor::CastOp::create(builder, location, type, empty));
  }

  AffineMap identity(int64_t rank) { return builder.getMultiDimIdentityMap(rank); }
  /// (b, h, i, d) -> the first three.
  AffineMap rowsOnly() { return identity(4).getMajorSubMap(3); }

  func::FuncOp function;
  SymbolicShapes shapes;
  OpBuilder builder;
  DenseMap<Value, StateTensors> states;
};

} // namespace

void AttnDecomposer::openState(attn::AttendOp op) {
  auto accumulator = cast<attn::RowStateType>(op.getState().getType()).getAccumulator();
  bool hasLse = op.getNormaliser() == attn::Normaliser::Softmax;
  RankedTensorType rows = RankedTensorType::get(accumulator.getShape().drop_back(), builder.getF32Type());
  auto attend = attn::AttendOp::create(builder, op.getLoc(), accumulator, hasLse ? rows : Type(), /*state=*/Type(),
                                       op.getQuery(), op.getKey(), op.getValue(), op.getKvLength(), op.getQOffset(),
                                       op.getSink(), op.getPages(), op.getBlocks(), op.getCaptures(), op.getScaleAttr(),
                                       op.getNormaliserAttr(), op.getBlockSizeAttr());
  for (auto [region, moved] : llvm::zip_equal(op->getRegions(), attend->getRegions()))
    moved.takeBody(region);
  states[op.getState()] = {attend.getOut(), attend.getLse()};
}

/// exp(lse - m) of both, where m is the larger and 0 when there is nothing to see in either.
static std::pair<Value, Value> stateWeights(Scalars &s, Value left, Value right) {
  Value larger = s.make<arith::MaximumFOp>(left, right);
  Value nothing = s.make<arith::CmpFOp>(arith::CmpFPredicate::OLE, larger, s.number(attn::maskedScore));
  Value reference = s.choose(nothing, s.number(0.0), larger);
  return {s.make<math::ExpOp>(s.make<arith::SubFOp>(left, reference)),
          s.make<math::ExpOp>(s.make<arith::SubFOp>(right, reference))};
}

/// log(exp(left) + exp(right)), -inf when both are.
static Value joinedLse(Scalars &s, Value left, Value right) {
  Value larger = s.make<arith::MaximumFOp>(left, right);
  Value nothing = s.make<arith::CmpFOp>(arith::CmpFPredicate::OLE, larger, s.number(attn::maskedScore));
  auto [a, b] = stateWeights(s, left, right);
  Value joined = s.make<arith::AddFOp>(larger, s.make<math::LogOp>(s.make<arith::AddFOp>(a, b)));
  return s.choose(nothing, larger, joined);
}

/// (left * a + right * b) / (a + b), 0 where there is nothing to divide by.
static Value weightedMean(Scalars &s, Value left, Value right, Value a, Value b) {
  Value sum = s.make<arith::AddFOp>(a, b);
  Value empty = s.make<arith::CmpFOp>(arith::CmpFPredicate::OLE, sum, s.number(0.0));
  Value total = s.make<arith::AddFOp>(s.make<arith::MulFOp>(left, a), s.make<arith::MulFOp>(right, b));
  return s.choose(empty, s.number(0.0), s.make<arith::DivFOp>(total, s.choose(empty, s.number(1.0), sum)));
}

void AttnDecomposer::mergeStates(attn::MergeOp op) {
  StateTensors left = states.lookup(op.getLeft()), right = states.lookup(op.getRight());
  if (!left.out || !right.out)
    return;
  StateTensors merged;
  Value out = emptyLike(op.getLoc(), left.out, builder.getF32Type());
  if (op.getNormaliser() != attn::Normaliser::Softmax || !left.lse || !right.lse) {
    merged.out = map(op.getLoc(), {left.out, right.out}, {identity(4), identity(4)}, out,
                     [](Scalars &s, ValueRange in) { return s.make<arith::AddFOp>(in[0], in[1]); });
  } else {
    merged.out = map(op.getLoc(), {left.out, right.out, left.lse, right.lse},
                     {identity(4), identity(4), rowsOnly(), rowsOnly()}, out, [](Scalars &s, ValueRange in) {
                       auto [a, b] = stateWeights(s, in[2], in[3]);
                       return weightedMean(s, in[0], in[1], a, b);
                     });
    merged.lse = map(op.getLoc(), {left.lse, right.lse}, {identity(3), identity(3)},
                     emptyLike(op.getLoc(), left.lse, builder.getF32Type()),
                     [](Scalars &s, ValueRange in) { return joinedLse(s, in[0], in[1]); });
  }
  states[op.getResult()] = merged;
}

void AttnDecomposer::finishState(attn::FinishOp op) {
  StateTensors state = states.lookup(op.getState());
  if (!state.out)
    return;
  Location location = op.getLoc();
  auto type = cast<RankedTensorType>(op.getOut().getType());
  Value out = state.out, lse = state.lse;
  if (op.getSink() && state.lse) {
    // The virtual key has no value: it only takes its share of the weights.
    AffineMap head4 = AffineMap::get(4, 0, builder.getAffineDimExpr(1));
    AffineMap head3 = AffineMap::get(3, 0, builder.getAffineDimExpr(1));
    out = map(location, {state.out, state.lse, op.getSink()}, {identity(4), rowsOnly(), head4},
              emptyLike(location, state.out, builder.getF32Type()), [](Scalars &s, ValueRange in) {
                auto [a, b] = stateWeights(s, in[1], s.widen(in[2]));
                return weightedMean(s, in[0], s.number(0.0), a, b);
              });
    lse = map(location, {state.lse, op.getSink()}, {identity(3), head3},
              emptyLike(location, state.lse, builder.getF32Type()),
              [](Scalars &s, ValueRange in) { return joinedLse(s, in[0], s.widen(in[1])); });
  }
  op.getOut().replaceAllUsesWith(convertTo(builder, location, out, type));
  if (op.getLse())
    op.getLse().replaceAllUsesWith(convertTo(builder, location, lse, cast<RankedTensorType>(op.getLse().getType())));
}

/// The input at (batch, head, row, feature) as (batch, head, half, row, feature of the half), which is walked half by
/// half: then both reads of the input, the tables and the result are runs in memory.
void AttnDecomposer::rotateHalves(attn::RopeOp op) {
  Location location = op.getLoc();
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t half = op.getRotaryDim() / 2;
  SmallVector<OpFoldResult> sizes = materialiseShape(builder, location, function, shapes, op.getInput());
  sizes.back() = builder.getIndexAttr(2);
  sizes.push_back(builder.getIndexAttr(half));
  SmallVector<int64_t> split(type.getShape().drop_back());
  split.append({2, half});
  SmallVector<ReassociationIndices> groups{{0}, {1}, {2}, {3, 4}};
  auto splitType = RankedTensorType::get(split, type.getElementType());
  Value input = tensor::ExpandShapeOp::create(builder, location, splitType, op.getInput(), groups, sizes);

  constexpr std::array<unsigned, 5> swapped = {0, 1, 3, 2, 4};
  AffineMap bySwapped = AffineMap::getPermutationMap(swapped, builder.getContext());
  std::swap(sizes[2], sizes[3]);
  Value start = tensor::EmptyOp::create(builder, location, sizes, type.getElementType());
  SmallVector<AffineMap> maps{bySwapped};
  Value positions = op.getPositions();
  SmallVector<Value> inputs{input};
  if (positions) {
    inputs.push_back(positions);
    maps.push_back(
        AffineMap::get(5, 0, {builder.getAffineDimExpr(0), builder.getAffineDimExpr(3)}, builder.getContext()));
  }
  Value rotated = map(location, inputs, maps, start, [&](Scalars &s, ValueRange in) -> Value {
    Value batch = s.loop(0), which = s.loop(2), row = s.loop(3), pair = s.loop(4);
    SmallVector<Value> entry = tableEntry(op, s, positions ? in[1] : Value(), batch, row, pair);
    Value other = s.read(input, {batch, s.loop(1), row, s.make<arith::SubIOp>(s.index(1), which), pair});
    Value sign = s.choose(s.less(which, s.index(1)), s.number(-1.0), s.number(1.0));
    Value straight = s.make<arith::MulFOp>(s.widen(in[0]), s.widen(s.read(op.getCos(), entry)));
    Value crossed =
        s.make<arith::MulFOp>(s.widen(other), s.make<arith::MulFOp>(s.widen(s.read(op.getSin(), entry)), sign));
    return s.narrow(s.make<arith::AddFOp>(straight, crossed), type.getElementType());
  });
  std::swap(sizes[2], sizes[3]);
  Value ordered = tensor::EmptyOp::create(builder, location, sizes, type.getElementType());
  SmallVector<int64_t> order(swapped.begin(), swapped.end());
  ordered = linalg::TransposeOp::create(builder, location, rotated, ordered, order).getResult()[0];
  op.getResult().replaceAllUsesWith(
      tensor::CollapseShapeOp::create(builder, location, type, ordered, groups).getResult());
}

/// Where the tables hold what rotates a pair of features of a row.
SmallVector<Value> AttnDecomposer::tableEntry(attn::RopeOp op, Scalars &s, Value position, Value batch, Value row,
                                              Value pair) {
  if (position)
    return {s.toIndex(position), pair};
  if (cast<RankedTensorType>(op.getCos().getType()).getRank() == 3)
    return {batch, row, pair};
  return {row, pair};
}

void AttnDecomposer::rotate(attn::RopeOp op) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t width = op.getRotaryDim(), half = width / 2;
  bool interleaved = op.getInterleaved();
  if (!interleaved && width == type.getDimSize(3))
    return rotateHalves(op);
  Value input = op.getInput();
  SmallVector<Value> inputs{input};
  SmallVector<AffineMap> maps{identity(4)};
  if (Value positions = op.getPositions()) {
    inputs.push_back(positions);
    maps.push_back(
        AffineMap::get(4, 0, {builder.getAffineDimExpr(0), builder.getAffineDimExpr(2)}, builder.getContext()));
  }
  Value rotated =
      map(op.getLoc(), inputs, maps, emptyLike(op.getLoc(), input, type.getElementType()),
          [&](Scalars &s, ValueRange in) -> Value {
            Value batch = s.loop(0), head = s.loop(1), row = s.loop(2), feature = s.loop(3);
            // Features that are not rotated read something in range and drop it.
            Value inside = width == type.getDimSize(3) ? Value() : s.less(feature, s.index(width));
            Value t = inside ? s.clamp(feature, s.index(width)) : feature;
            Value isFirst, partner, pair;
            if (interleaved) {
              pair = s.make<arith::DivUIOp>(t, s.index(2));
              partner = s.make<arith::XOrIOp>(t, s.index(1));
              isFirst = s.less(t, partner);
            } else {
              isFirst = s.less(t, s.index(half));
              pair = s.choose(isFirst, t, s.make<arith::SubIOp>(t, s.index(half)));
              partner = s.choose(isFirst, s.make<arith::AddIOp>(t, s.index(half)), pair);
            }
            SmallVector<Value> entry = tableEntry(op, s, op.getPositions() ? in[1] : Value(), batch, row, pair);
            Value own = s.widen(in[0]), other = s.widen(s.read(input, {batch, head, row, partner}));
            Value straight = s.make<arith::MulFOp>(own, s.widen(s.read(op.getCos(), entry)));
            Value crossed = s.make<arith::MulFOp>(other, s.widen(s.read(op.getSin(), entry)));
            Value turned =
                s.choose(isFirst, s.make<arith::SubFOp>(straight, crossed), s.make<arith::AddFOp>(straight, crossed));
            turned = s.narrow(turned, type.getElementType());
            return inside ? s.choose(inside, turned, in[0]) : turned;
          });
  op.getResult().replaceAllUsesWith(rotated);
}

namespace {
struct DecomposeAttnPass : PassWrapper<DecomposeAttnPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DecomposeAttnPass)
  StringRef getArgument() const final { return "decompose-attn"; }
  StringRef getDescription() const final { return "Write rope, merge and finish as linalg"; }
  void getDependentDialects(DialectRegistry &registry) const final { registerRewritingDialects(registry); }
  void runOnOperation() final {
    if (failed(AttnDecomposer(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> heed::createDecomposeAttnPass() { return std::make_unique<DecomposeAttnPass>(); }
