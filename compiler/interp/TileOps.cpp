/// tile: program ids and counters, memory, staging, schedules. Copies complete at once; roles run one after another in
/// the order of the text.
#include "compiler/interp/Handlers.h"

#include "dialects/tile/Tile.h"

using namespace mlir;

namespace heed::interp {

static int64_t bytesOf(Type elementType) { return (bitWidth(elementType) + 7) / 8; }

namespace {
/// Walks the elements of a tile in memory: load, store and copy share it.
class TileWalk {
public:
  TileWalk(Operation *op, const View &view, ValueRange indices, ArrayRef<int64_t> dims, ValueRange extents,
           ArrayRef<int64_t> tileShape, const Frame &frame)
      : op(op), view(view), origin(frame.indices(indices)), dims(dims), extents(frame.indices(extents)),
        tileShape(tileShape) {}

  /// Calls visit(position in the tile, storage element or null when out of bounds).
  template <typename Visit> LogicalResult walk(Visit visit) const {
    Shape position(tileShape.size(), 0);
    for (int64_t element = 0, count = elementCount(tileShape); element < count; ++element) {
      Scalar *target = nullptr;
      if (isInBounds(position) && failed(locate(position, target)))
        return failure();
      visit(element, target);
      nextPosition(position, tileShape);
    }
    return success();
  }

private:
  bool isInBounds(ArrayRef<int64_t> position) const {
    for (auto [dim, extent] : llvm::enumerate(extents))
      if (position[dim] >= extent)
        return false;
    return true;
  }

  LogicalResult locate(ArrayRef<int64_t> position, Scalar *&target) const {
    Shape indices = origin;
    for (auto [dim, viewDim] : llvm::enumerate(dims))
      indices[viewDim] += position[dim];
    int64_t flat = view.offset;
    for (auto [dim, index] : llvm::enumerate(indices)) {
      if (index < 0 || index >= view.shape[dim])
        return op->emitError("interpreter: an element in bounds lies at index ")
               << index << " of dimension " << dim << " of the view, which has " << view.shape[dim];
      flat += index * view.strides[dim];
    }
    if (flat < 0 || flat >= static_cast<int64_t>(view.storage->size()))
      return op->emitError("interpreter: an element in bounds lies at ")
             << flat << " of a storage of " << view.storage->size() << " elements";
    target = &(*view.storage)[flat];
    return success();
  }

  Operation *op;
  const View view;
  Shape origin;
  Shape dims, extents, tileShape;
};
} // namespace

/// load and copy.
template <typename Op>
static FailureOr<Tensor> readTile(Interpreter &interpreter, Op op, RankedTensorType type, const Frame &frame) {
  Scalar fill = op.getFill() ? frame.scalar(op.getFill()) : poison(type.getElementType());
  Tensor tile = Tensor::filled(type.getElementType(), type.getShape(), fill);
  MutableArrayRef<Scalar> data = tile.mutableData();
  TileWalk walk(op, frame.view(op.getView()), op.getIndices(), op.getDims(), op.getExtents(), type.getShape(), frame);
  if (failed(walk.walk([&](int64_t element, const Scalar *source) {
        if (!source)
          return;
        data[element] = *source;
        interpreter.counters.bytesLoaded += bytesOf(type.getElementType());
      })))
    return failure();
  return tile;
}

static LogicalResult runLoad(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto load = cast<tile::LoadOp>(op);
  FailureOr<Tensor> tile = readTile(interpreter, load, cast<RankedTensorType>(load.getResult().getType()), frame);
  if (failed(tile))
    return failure();
  frame.set(load.getResult(), std::move(*tile));
  return success();
}

static LogicalResult runStore(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto store = cast<tile::StoreOp>(op);
  const Tensor &tile = frame.tensor(store.getTile());
  TileWalk walk(op, frame.view(store.getView()), store.getIndices(), store.getDims(), store.getExtents(), tile.shape,
                frame);
  return walk.walk([&](int64_t element, Scalar *target) {
    if (!target)
      return;
    *target = tile.data()[element];
    interpreter.counters.bytesStored += bytesOf(tile.elementType);
  });
}

/// Programs run one after another, so what was stored before is seen.
static LogicalResult runArrive(Interpreter &, Operation *op, Frame &frame) {
  auto arrive = cast<tile::ArriveOp>(op);
  const View &view = frame.view(arrive.getView());
  int64_t flat = view.offset;
  for (auto [dim, index] : llvm::enumerate(frame.indices(arrive.getIndices()))) {
    if (index < 0 || index >= view.shape[dim])
      return op->emitError("interpreter: no counter at index ") << index << " of dimension " << dim;
    flat += index * view.strides[dim];
  }
  int64_t &arrived = (*view.storage)[flat].integer, count = frame.index(arrive.getCount());
  if (arrived < 0 || arrived >= count)
    return op->emitError("interpreter: program ") << arrived << " of " << count << " arrives";
  bool isLast = arrived + 1 == count;
  arrived = isLast ? 0 : arrived + 1;
  frame.set(arrive.getLast(), Scalar::ofInteger(isLast ? -1 : 0));
  return success();
}

static LogicalResult runGather(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto gather = cast<tile::GatherOp>(op);
  auto type = cast<RankedTensorType>(gather.getResult().getType());
  const View &view = frame.view(gather.getView());
  Tensor result = Tensor::filled(type.getElementType(), type.getShape(), frame.scalar(gather.getFill()));
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0; element < result.size(); ++element) {
    int64_t flat = view.offset;
    bool inside = true;
    for (auto [dim, operand] : llvm::enumerate(gather.getIndices())) {
      auto *indices = std::get_if<Tensor>(&frame.get(operand));
      int64_t index = indices ? indices->data()[element].integer : frame.index(operand);
      inside &= index >= 0 && index < view.shape[dim];
      flat += inside ? index * view.strides[dim] : 0;
    }
    if (!inside)
      continue;
    if (flat < 0 || flat >= static_cast<int64_t>(view.storage->size()))
      return op->emitError("interpreter: the view reaches element ") << flat << " of its storage";
    data[element] = (*view.storage)[flat];
    interpreter.counters.bytesLoaded += bytesOf(type.getElementType());
  }
  frame.set(gather.getResult(), std::move(result));
  return success();
}

static LogicalResult runStage(Interpreter &, Operation *op, Frame &frame) {
  auto type = cast<tile::RingType>(cast<tile::StageOp>(op).getRing().getType());
  if (type.getSlots() < 1 || type.getSlots() > 64)
    return op->emitError("interpreter: a ring of ") << type.getSlots() << " slots is not supported";
  Type elementType = type.getTile().getElementType();
  auto ring = std::make_shared<Ring>();
  for (int64_t slot = 0; slot < type.getSlots(); ++slot)
    ring->slots.push_back(Tensor::filled(elementType, type.getTile().getShape(), poison(elementType)));
  frame.set(op->getResult(0), std::move(ring));
  return success();
}

/// The slot `index` modulo the length of the ring.
static Tensor &slotOf(const Frame &frame, Value ring, Value index) {
  std::vector<Tensor> &slots = std::get<std::shared_ptr<Ring>>(frame.get(ring))->slots;
  auto length = static_cast<int64_t>(slots.size());
  return slots[(frame.index(index) % length + length) % length];
}

static LogicalResult runCopy(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto copy = cast<tile::CopyOp>(op);
  FailureOr<Tensor> tile = readTile(interpreter, copy, cast<tile::RingType>(copy.getRing().getType()).getTile(), frame);
  if (failed(tile))
    return failure();
  slotOf(frame, copy.getRing(), copy.getSlot()) = std::move(*tile);
  frame.set(copy.getToken(), Token());
  return success();
}

static LogicalResult runRead(Interpreter &, Operation *op, Frame &frame) {
  auto read = cast<tile::ReadOp>(op);
  frame.set(read.getResult(), Tensor(slotOf(frame, read.getRing(), read.getSlot())));
  return success();
}

static LogicalResult runWait(Interpreter &, Operation *op, Frame &frame) {
  auto wait = cast<tile::WaitOp>(op);
  for (auto [result, value] : llvm::zip_equal(wait.getResults(), wait.getValues()))
    frame.set(result, RuntimeValue(frame.get(value)));
  return success();
}

/// part and role: the body once, in place.
static LogicalResult runInPlace(Interpreter &interpreter, Operation *op, Frame &frame) {
  SmallVector<RuntimeValue> yielded;
  if (failed(interpreter.runBlock(op->getRegion(0).front(), frame, yielded)))
    return failure();
  for (auto [result, value] : llvm::zip(op->getResults(), yielded))
    frame.set(result, value);
  return success();
}

static LogicalResult runProgramId(Interpreter &, Operation *op, Frame &frame) {
  frame.set(op->getResult(0), Scalar::ofInteger(frame.programId[cast<tile::ProgramIdOp>(op).getDim()]));
  return success();
}

/// The interpreter works on whole tiles, and skips nothing.
static LogicalResult runShare(Interpreter &, Operation *op, Frame &frame) {
  frame.set(op->getResult(0), Scalar::ofInteger(0));
  frame.set(op->getResult(1), Scalar::ofInteger(cast<tile::ShareOp>(op).getOf()));
  return success();
}

static LogicalResult runSkip(Interpreter &, Operation *op, Frame &frame) {
  if (int64_t rounds = frame.index(cast<tile::SkipOp>(op).getRounds()))
    return op->emitError("skips ") << rounds << " rounds, and a share that is everything skips none";
  return success();
}

static LogicalResult runCount(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto count = cast<tile::CountOp>(op);
  switch (count.getCounter()) {
  case tile::Counter::KeyBlocks:
    interpreter.counters.keyBlocks += frame.index(count.getAmount());
  }
  return success();
}

void addTileHandlers(HandlerTable &table) {
  table["tile.program_id"] = runProgramId;
  table["tile.arrive"] = runArrive;
  table["tile.share"] = runShare;
  table["tile.skip"] = runSkip;
  table["tile.count"] = runCount;
  table["tile.load"] = runLoad;
  table["tile.store"] = runStore;
  table["tile.gather"] = runGather;
  table["tile.stage"] = runStage;
  table["tile.copy"] = runCopy;
  table["tile.read"] = runRead;
  table["tile.wait"] = runWait;
  table["tile.part"] = runInPlace;
  table["tile.role"] = runInPlace;
  table["tile.barrier"] = [](Interpreter &, Operation *, Frame &) { return success(); };
}

} // namespace heed::interp
