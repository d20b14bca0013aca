/// Emits one tile kernel as the program of one lane: every tile becomes the scalars that the lane holds of it.
#pragma once

#include "backends/simt/LayoutPlan.h"
#include "backends/simt/Runs.h"
#include "backends/simt/SharedArena.h"
#include "backends/simt/TensorMaps.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/LayoutConversion.h"
#include "runtime/PlanModel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <vector>

namespace heed::simt {

/// What a lane holds of a tile, by register of the layout.
using Registers = llvm::SmallVector<mlir::Value>;

/// A tile in shared memory, from range.begin on.
struct SharedTile {
  SharedRange range;
  mlir::Type element; ///< as stored
  llvm::SmallVector<int64_t> shape;
  tile::SharedLayout layout;
  mlir::Value slot = {};  ///< i32 bytes to add; null: none
  bool isOrdered = false; ///< barriers around its accesses are placed by whoever made it

  int64_t elementBytes() const { return element.getIntOrFloatBitWidth() / 8; }
  int64_t sizeInBytes() const { return layout.sizeInBytes(shape, elementBytes()); }
  unsigned fastestDim() const { return layout.getOrder().empty() ? 0 : layout.getOrder().front(); }
  /// Elements from one position along a dimension to the next, where that is the same everywhere.
  int64_t stride(unsigned dim) const;
  /// Where an element lies in a swizzled tile: bytes that are joined by XOR with those of other coordinates, and bytes
  /// that are added.
  std::pair<int64_t, int64_t> bytesTo(tile::Coordinates at) const;
};

/// The accesses, of vectors where possible, by which a lane reaches registers of a tile in shared memory.
llvm::SmallVector<Run> runsOfShared(const SharedTile &tile, const tile::Layout &layout,
                                    llvm::ArrayRef<int64_t> registers, int64_t vectorBytes);

/// Rows of up to 128 bytes whose 16-byte chunks are exchanged, panel after panel, as tensor copies and matrix
/// instructions that read shared memory know them.
tile::SharedLayout swizzledPanels(unsigned fastest, int64_t rowBytes);
/// Such panels of so many bytes, 32 at least, of which the last need not be filled.
tile::SharedLayout panelsOfRows(unsigned fastest, int64_t rowBytes, int64_t panelBytes);
/// The fewest panels: what those of 128 bytes leave is in one of 32, 64 or 128, which it need not fill.
tile::SharedLayout fewestPanels(unsigned fastest, int64_t rowBytes);

/// The number that a load and its copies have, if it has one.
std::optional<int64_t> siteOf(mlir::Value tile);

class TileLowering {
public:
  TileLowering(tile::KernelOp kernel, const SimtTarget &target, const Promises &promises)
      : kernel(kernel), target(target),
        mayUseTensorMaps(target.abilities.tensorCopies && promises.baseAlignment >= rt::tensorMapAlignment),
        promises(promises), plan(kernel, target, promises), b(kernel.getLoc(), kernel.getContext()) {}

  /// Emits the simt.kernel at the end of `module`.
  mlir::FailureOr<simt::KernelOp> emit(mlir::ModuleOp module);
  /// Whether what was emitted relies on the promises enough to be worth a variant.
  bool reliesOnPromises();
  /// Whether some of its warps only copy.
  bool hasRoles() const { return !rings.empty(); }
  /// Whether groups of warps multiply.
  bool multipliesInGroups();
  /// Whether operands of a loop are copied ahead of their use.
  bool copiesAhead() const { return stages > 0; }
  /// Whether warps load in a loop what they multiply in groups.
  bool loadsForGroups();
  /// Whether groups of warps go through rounds of their own.
  bool sharesRows() const { return rowsOfShare != 0; }

private:
  /// Reports the first thing that cannot be lowered; emission goes on with placeholders and fails at the end.
  void fail(mlir::Operation *op, const llvm::Twine &reason);

  // LowerKernel.cpp: the entry, blocks, scalars, regions.
  mlir::ValueRange gridSizes();
  void enterProgram(mlir::Value index);
  void emitBlock(mlir::Block &block);
  void emitOp(mlir::Operation *op);
  void emitTileOp(mlir::Operation *op);
  void rejectOp(mlir::Operation *op);
  void emitArrive(tile::ArriveOp op);
  void emitScalar(mlir::Operation *op);
  void emitScalarLoad(mlir::memref::LoadOp op);
  void emitLoop(mlir::scf::ForOp op);
  void emitBranch(mlir::scf::IfOp op);
  void emitSearch(mlir::scf::WhileOp op);
  mlir::Value scalar(mlir::Value value) { return scalars.lookup(value); }
  mlir::Type registerType(mlir::Type element) const;
  llvm::SmallVector<mlir::Type> flatTypes(mlir::ValueRange values);
  void appendFlat(mlir::Value value, mlir::Value like, llvm::SmallVectorImpl<mlir::Value> &flat);
  bool areCarriedInPairs(mlir::Value tile) const;
  void bindFlat(mlir::Value value, mlir::ValueRange flat, unsigned &next);

  // LowerValues.cpp: tiles in registers.
  Registers registers(mlir::Value tile, const tile::Layout &layout);
  Registers registers(mlir::Value tile) { return registers(tile, plan.layoutOf(tile)); }
  void define(mlir::Value tile, const tile::Layout &layout, Registers values);
  const Registers *find(mlir::Value tile, const tile::Layout &layout);
  Registers materialise(mlir::Operation *op, const tile::Layout &layout);
  Registers materialiseConstant(mlir::arith::ConstantOp op, const tile::Layout &layout);
  Registers materialiseIndex(tile::IndexOp op, const tile::Layout &layout);
  Registers materialiseBroadcast(tile::BroadcastOp op, const tile::Layout &layout);
  Registers materialiseElementwise(mlir::Operation *op, const tile::Layout &layout);
  /// The coordinate of register 0 of this lane, i32.
  mlir::Value laneCoordinate(const tile::Layout &layout, unsigned dim);
  /// What one input contributes to it.
  mlir::Value contribution(const tile::Layout &layout, tile::Input input, unsigned dim);
  mlir::Value coordinate(const tile::Layout &layout, int64_t reg, unsigned dim);
  /// Whether this lane is the one of its copies that stores; null when there are no copies.
  mlir::Value isOwner(const tile::Layout &layout);

  // LowerConversion.cpp: from layout to layout.
  /// The tile in another layout.
  Registers convert(const Registers &values, const tile::Layout &from, const tile::Layout &to);
  /// The same where the lanes of a warp have what they need between them, and exchanging it is cheap.
  std::optional<Registers> convertInWarp(const Registers &values, const tile::Layout &from, const tile::Layout &to);
  Registers exchangeLanes(const Registers &values, const tile::LaneExchange &exchange);
  void shuffleAll(llvm::MutableArrayRef<mlir::Value> values, ShuffleMode mode, mlir::Value selector);
  mlir::Value shuffleXor(mlir::Value value, int64_t mask) {
    shuffleAll(value, ShuffleMode::Xor, i32(mask));
    return value;
  }
  mlir::Value laneParity(uint64_t mask);
  mlir::Value chooseByLane(llvm::ArrayRef<mlir::Value> choices, llvm::ArrayRef<uint64_t> masks);
  mlir::Value sourceLane(const tile::LaneExchange &exchange, int64_t laneXor);
  const SharedTile &exchangeTile(mlir::Type element, const tile::Layout &from, const tile::Layout &to);

  // LowerElementwise.cpp: one op on scalars.
  mlir::Value emitElementwise(mlir::Operation *op, mlir::ValueRange operands);
  mlir::Value combine(tile::Combine kind, mlir::Value x, mlir::Value y);
  mlir::Value widen(mlir::Value value);
  mlir::Value narrow(mlir::Value value, mlir::Type type);

  // LowerMemory.cpp: operands of the kernel.
  struct View {
    mlir::Value address; ///< of the element with all indices zero, i64
    mlir::Type element;
    llvm::SmallVector<mlir::Value> strides, sizes; ///< in elements, i64
  };
  const View &viewOf(mlir::Value memref);
  mlir::Value elementAddress(const View &view, mlir::ValueRange indices);
  /// How the lanes walk a view: address of register 0, bytes from one position to the next, extents that matter.
  struct Walk {
    ViewAccess access;
    tile::Layout layout;
    mlir::Value first; ///< the address of the lane's element of a register
    llvm::SmallVector<mlir::Value> steps = {}, extents = {};
    llvm::SmallVector<mlir::Value> rests = {}; ///< of such an extent, or null: what is left of it from the lane on, i32
    llvm::SmallVector<Registers> indices = {}; ///< of a gather of rows: per view dimension
    bool hasOrigin = false;                    ///< of such a gather: `first` has what all its elements have in common
    int64_t reached = 0;                       ///< the register of `first`
    bool inSteps = false;                      ///< an address is the one before and a step
  };
  Walk walk(const ViewAccess &access, const tile::Layout &layout);
  mlir::Value restOf(mlir::Value extent, const ViewAccess &access, const tile::Layout &layout, unsigned dim);
  mlir::Value isBelow(const Walk &walk, int64_t reg, unsigned dim, mlir::Value position);
  std::pair<mlir::Value, mlir::Value> locate(Walk &walk, int64_t reg);
  llvm::SmallVector<Run> runsOf(const ViewAccess &access, const tile::Layout &layout);
  Walk walkRows(const ViewAccess &access, const tile::Layout &layout);
  std::pair<mlir::Value, mlir::Value> locateRow(const Walk &walk, int64_t reg);
  Registers emitLoad(const ViewAccess &access, const tile::Layout &layout);
  void emitStore(tile::StoreOp op);
  bool storeExchanged(const ViewAccess &access, const tile::Layout &layout, const Registers &values);
  Registers emitGather(tile::GatherOp op, const tile::Layout &layout);
  mlir::Value loadElement(mlir::Value address, mlir::Value inBounds, mlir::Value fill, mlir::Type element);

  // LowerRounds.cpp: gathered operands brought to shared memory in rounds.
  int64_t registersBeside(mlir::Value operand);
  bool isMadeAgain(mlir::Value tile);
  tile::Layout roundOf(mlir::Value operand, const tile::Layout &layout);
  bool isGatheredInRounds(tile::GatherOp gather);
  void copyToShared(mlir::Value operand, const tile::Layout &layout, const SharedTile &to);

  // LowerReduce.cpp
  void emitReduce(tile::ReduceOp op);
  void emitScan(tile::ScanOp op);
  void emitFold(tile::FoldOp op);
  void emitExceeds(tile::ExceedsOp op);
  void limitTo(mlir::Value extent, tile::Combine kind, unsigned dim, const tile::Layout &layout, Registers &values);
  Registers reduceAll(mlir::Operation *op, tile::Combine kind, const Registers &source, unsigned dim);
  Registers reduceRegisters(tile::Combine kind, const Registers &source, unsigned dim, const tile::Layout &from,
                            const tile::Layout &to);
  mlir::Value reduceLanes(tile::Combine kind, mlir::Value value, const tile::Layout &from, unsigned dim);
  Registers reduceWarps(mlir::Operation *op, tile::Combine kind, unsigned dim, Registers values,
                        const tile::Layout &from, const tile::Layout &to);

  // LowerShared.cpp: tiles in shared memory.
  mlir::Type sharedType(mlir::Type element) const;
  mlir::Value toShared(mlir::Value value, mlir::Type stored);
  mlir::Value fromShared(mlir::Value value, mlir::Type element);
  SharedTile allocate(llvm::ArrayRef<int64_t> shape, mlir::Type stored, const tile::SharedLayout &layout);
  void storeShared(const Registers &values, const tile::Layout &layout, const SharedTile &to);
  Registers loadShared(const SharedTile &from, const tile::Layout &layout, mlir::Type element);
  /// Some registers of the layout, as they are stored.
  Registers loadShared(const SharedTile &from, const tile::Layout &layout, llvm::ArrayRef<int64_t> registers);
  /// Where the element of a register lies, i32 bytes; `along`: i32 bytes that are known at run time only, from there
  /// along the fastest dimension, of which the layout has one position.
  mlir::Value sharedOffset(const SharedTile &tile, const tile::Layout &layout, int64_t reg, mlir::Value along = {});
  mlir::Value swizzledRowOffset(const SharedTile &tile, const tile::Layout &layout, int64_t reg, mlir::Value along);
  mlir::Value swizzledOffset(const SharedTile &tile, const tile::Layout &layout, int64_t reg, mlir::Value along,
                             int64_t &fixed);
  mlir::Value pack(llvm::ArrayRef<mlir::Value> elements);
  void unpack(mlir::Value packed, Registers &elements);
  mlir::Operation *tag(mlir::Operation *access, const SharedTile &tile);
  mlir::Operation *tag(mlir::Operation *access, const SharedRange &range);

  // LowerPipeline.cpp: loops whose operands are copied ahead of their use.
  struct Pipelined {
    mlir::Value tile; ///< that is loaded, or gathered in rows
    ViewAccess access;
    SharedTile ring; ///< slot 0
    tile::Layout layout;
    llvm::SmallVector<mlir::Operation *> slice; ///< scalars of the loop's body that the load depends on
    std::optional<TensorBoxes> boxes = {};      ///< copied as these by one lane; none: in pieces by all
  };
  struct Pipeline {
    std::vector<Pipelined> loads;
    int64_t slots = 0;
    SharedRange barriers;    ///< of slots that get boxes, one each
    int64_t tensorBytes = 0; ///< of the boxes of a slot
    bool hasPieces = false;  ///< some loads are copied in pieces

    bool hasTensors() const { return tensorBytes != 0; }
    /// Values a loop carries for it.
    unsigned numCarried() const { return hasTensors() ? 4 : 3; }
  };
  Pipeline planPipeline(mlir::scf::ForOp loop);
  std::optional<llvm::SmallVector<mlir::Operation *>> scalarSlice(mlir::Operation *load, mlir::scf::ForOp loop);
  std::optional<Pipelined> planCopy(mlir::Operation *load, mlir::scf::ForOp loop);
  llvm::SmallVector<mlir::Value> enterPipeline(const Pipeline &pipeline, mlir::scf::ForOp loop);
  void startCopies(const Pipeline &pipeline, mlir::scf::ForOp loop, mlir::Value iteration, mlir::Value slot,
                   bool isOrdered);
  void startTensorCopies(const Pipeline &pipeline, mlir::Value slot, mlir::Value wanted);
  llvm::SmallVector<mlir::Value> enterIteration(const Pipeline &pipeline, mlir::scf::ForOp loop,
                                                mlir::ValueRange carried);
  void leavePipeline(const Pipeline &pipeline);
  void emitCopies(const ViewAccess &access, const tile::Layout &layout, const SharedTile &to, mlir::Value wanted);
  mlir::Value nextSlot(mlir::Value slot, int64_t slots);

  // LowerTensorCopies.cpp: copies of boxes of tensors.
  /// The boxes of a tile that lies so in shared memory; none where the kernel makes no promises, or without the
  /// ability.
  std::optional<TensorBoxes> planBoxes(tile::LoadOp load, const tile::SharedLayout &layout);
  /// Starts the copies of a tile; their bytes count at the barrier. By one lane.
  void emitTensorCopies(const TensorBoxes &boxes, tile::LoadOp load, mlir::Value destination, mlir::Value barrier);
  /// Emits `body` for one lane of the workgroup, where `wanted` (null: always) is true.
  void forOneLane(mlir::Value wanted, llvm::function_ref<void()> body);
  mlir::Value barrierAt(const SharedRange &barriers, mlir::Value slot);

  // LowerDot.cpp
  /// How the operand of a product lies in shared memory.
  struct Staging {
    mlir::Type stored;
    tile::SharedLayout layout;
  };
  Staging stagingOf(tile::DotOp dot, mlir::Value operand, unsigned depthDim);
  bool comesAlong(const tile::Layout &store, unsigned depthDim, mlir::Type stored) const;
  tile::Layout stagedLayout(mlir::Value operand) const;
  Staging planStaging(mlir::Type stored, const tile::Layout &store, const tile::Layout &read,
                      const tile::SharedDemands &demands);
  void emitDot(tile::DotOp op);
  void emitMultiplyAdds(tile::DotOp op);
  struct OuterProduct;
  void multiplyAdd(const OuterProduct &product, mlir::Value depth, Registers &sums);
  void emitAtoms(tile::DotOp op, const Product &product);
  /// Where fragments of an operand come from: registers of this lane, or shared memory.
  struct Operand {
    tile::Layout layout; ///< of the fragments
    Registers values;    ///< empty: in shared memory
    SharedTile shared;
    bool isResident = false; ///< stays in shared memory after the product
  };
  Operand atomOperand(mlir::Value value, const tile::Layout &layout, const Staging &how);
  /// The fragments whose first elements lie at these offsets from the lane's.
  llvm::SmallVector<Registers> fragments(const Operand &operand, llvm::ArrayRef<tile::Coordinates> offsets,
                                         int64_t size);

  /// The moments of a kernel whose products are started in turns.
  enum class TurnStep { Enter, Begin, End, Leave };

  // LowerGroupAtoms.cpp: instructions of groups of warps, which run beside the lanes.
  struct Held;
  struct Ring;
  void emitGroupAtoms(tile::DotOp op, const Product &product);
  Staging groupStaging(mlir::Value operand, unsigned depthDim, const tile::Atom &atom) const;
  tile::SharedLayout boxedStaging(tile::LoadOp load, unsigned depthDim, const Product &product) const;
  struct Reading;
  Reading &beginReading(mlir::Value operand, Ring &ring);
  SharedTile groupOperand(mlir::Value operand, unsigned depthDim, const Product &product);
  /// A place in shared memory: an offset that the lanes compute, and bytes beyond it.
  struct GroupAddress {
    mlir::Value base;
    int64_t bytes = 0;
  };
  GroupAddress groupAddress(const SharedTile &tile, const Product &product, unsigned sumDim, tile::Coordinates at);
  simt::SharedMatrixAttr describe(const SharedTile &tile, unsigned depthDim, tile::Coordinates at);
  Registers packPairs(const Registers &halves);
  void land(Held &held);
  void landAll(Registers *others, mlir::ValueRange after = {});
  void landWith(mlir::Value tile, const tile::Layout &layout);
  void landBefore(mlir::Value tile);
  void landUsedIn(mlir::Operation *op);
  bool startsGroups(mlir::Operation *op);
  void finishGroups(int64_t last);
  bool feedsGroupAtom(mlir::Value tile) const;

  // LowerBands.cpp: matrices that are the same along each diagonal.
  struct BandPlace;
  BandPlace placeOfWarp(tile::ToeplitzOp op) const;
  BandPlace placeOfTile(tile::ToeplitzOp op, int64_t warps) const;
  tile::Layout bandLayout(const BandPlace &place) const;
  void planBands();
  int64_t bandBytes();
  mlir::Value makeOnce(llvm::function_ref<mlir::Value()> make);
  void storeBand(tile::ToeplitzOp op, const BandPlace &place, mlir::Type stored);
  mlir::Value inBands(mlir::Value element, int64_t bytes);
  void storeParts(const BandPlace &place, const Registers &values, const tile::Layout &layout, mlir::Type stored,
                  mlir::Value own, int64_t begin);
  void emitToeplitz(tile::ToeplitzOp op);
  mlir::Value bytesOfLane(const BandPlace &place, const tile::Layout &layout, int64_t bytes, bool isOfTile);
  Registers readBand(const BandPlace &place, const tile::Layout &layout, mlir::Type element, mlir::Value slot,
                     int64_t begin);
  Registers loadBand(mlir::Value from, mlir::Type element, int64_t width);
  tile::ToeplitzOp bandOf(tile::LoadOp load) const;
  int64_t bandBytesOf(int64_t site);
  int64_t warpsOfBands();

  // LowerRings.cpp: tiles that warps of their own copy, slot after slot.
  struct Ring {
    std::optional<int64_t> site;      ///< of the loads that read it
    SharedTile tile;                  ///< slot 0
    std::optional<TensorBoxes> boxes; ///< how one lane has it copied; none: all lanes of the copying warps do it
    bool isResident = false;          ///< a slot is a program's from where the tile is loaded to its end
    bool isForLanes = false;          ///< which read it by themselves, not products
    bool isOfNumbers = false;         ///< no tile: what LowerNumbers.cpp hands over
    int64_t slots = 0;
    int64_t bandBytes = 0;   ///< behind a tile, of a band that its product starts from; 0: there is none
    int64_t barriers = 0;    ///< offset of the barriers: a full one a slot, then an empty one a slot
    mlir::Value slot, phase; ///< the next one to fill or to read, i32
    mlir::Value release;     ///< resident: the barrier of the slot that this program reads
    mlir::Value filled;      ///< of warps that copy: the slot that they filled last, i32 bytes
    mlir::Value full;        ///< the barrier that it is full

    /// From a slot to the next.
    int64_t slotBytes() const;
    /// Where the band of slot 0 begins.
    int64_t bandsBegin() const;
  };
  void planRings();
  bool planRing(tile::LoadOp load, Ring &ring);
  bool isGroupOperand(tile::LoadOp load) const;
  bool allotSlots();
  bool allotSlots(int64_t residents);
  Ring *ringOf(mlir::Value tile);
  Ring *ringOfBand(tile::ToeplitzOp op);
  llvm::SmallVector<Ring *> ringsIn(mlir::Operation *op);
  llvm::SmallVector<mlir::Value> ringState(llvm::ArrayRef<Ring *> moved);
  void setRingState(llvm::ArrayRef<Ring *> moved, mlir::ValueRange state);
  void emitRoles();
  void noteOutcome(int64_t copyingWarps);
  void emitNeighbours();
  void emitPrograms();
  const Ring &movesWith(const Ring &ring) const;
  void emitResidentLoop();
  bool fillsRegisters();
  void renewArguments();
  bool hasManyNumbers();
  mlir::Value countPrograms();
  mlir::Value renew(mlir::Value wide);
  void emitProgram(mlir::Value index);
  void releaseSlot(mlir::Value barrier);
  void advance(Ring &ring);
  mlir::Value barrierOf(const Ring &ring, bool isFull);
  /// A slot that can be read, and the barrier to tell when it no longer is.
  struct FullSlot {
    SharedTile tile;
    mlir::Value empty;
  };
  void awaitBarrier(const Ring &ring, bool isFull, mlir::Value parity);
  FullSlot awaitSlot(Ring &ring);
  void fillSlot(Ring &ring, tile::LoadOp load);
  void fillByBoxes(const Ring &ring, tile::LoadOp load, const SharedTile &slot);
  void fillByLanes(const Ring &ring, tile::LoadOp load, const SharedTile &slot);
  void fillBand(const Ring &ring, tile::ToeplitzOp op);
  void signalLast(int64_t pending);
  void produce();
  void enterRole(const TileLowering &frame);

  // LowerNumbers.cpp: numbers of a program that warps that copy make for the others.
  struct Number {
    mlir::Value value; ///< of the tile program
    int64_t offset;    ///< bytes from the slot, or from what it has of a group
    bool isOfGroup;
  };
  struct Numbers {
    llvm::SetVector<mlir::Operation *> made;     ///< that the other warps leave out, in order
    llvm::SetVector<mlir::Operation *> ofGroups; ///< of these, other numbers for each group
    std::vector<Number> handed;
    int64_t groups = 1, begin = 0, slotBytes = 0, groupsBegin = 0, groupBytes = 0;
    mlir::Value slot; ///< from which this program reads, i32
  };
  void planNumbers();
  llvm::SetVector<mlir::Operation *> numbersOfGroups();
  bool isRead(mlir::Value value);
  Ring *ringOfNumbers();
  mlir::Value placeOfNumber(const Number &number, mlir::Value slot, mlir::Value group);
  mlir::Value slotOfNumbers(const Ring &ring);
  void writeNumber(const Number &number, mlir::Value slot, mlir::Value writes);
  void emitNumbers();
  mlir::Value readNumber(const Number &number);
  void takeNumbers();
  void leaveNumbers();
  bool leavesOut(mlir::Operation *op) const;
  bool isHanded(mlir::Value value) const;
  void takeAgain(llvm::ArrayRef<mlir::Value> values);

  // LowerLaneRings.cpp: such tiles that lanes read by themselves.
  void planLaneRings();
  std::optional<SharedTile> laneRingTile(tile::LoadOp load);
  mlir::Operation *lastReader(tile::LoadOp load);
  void readSlot(Ring &ring, tile::LoadOp load);
  void releaseReadBy(mlir::Operation *op);

  // LowerShares.cpp: rows of groups of warps.
  int64_t planShare();
  mlir::scf::ForOp loopOfRings();
  void emitShare(tile::ShareOp op);
  void mapShare(tile::ShareOp op, mlir::Value group);
  void emitSkip(tile::SkipOp op);

  // ParkNumbers.cpp: numbers that wait for the end of a loop.
  /// Numbers of the program that wait in the lanes of a register.
  struct Parked {
    llvm::SmallVector<mlir::Value> scalars;  ///< of the tile program
    llvm::SmallVector<mlir::Value> handed;   ///< of these, what can be read again
    llvm::SmallVector<mlir::Value *> places; ///< of others
    mlir::Value words;
  };
  bool parksNumbers(mlir::Operation *op);
  Parked park(mlir::Operation *op);
  void unpark(const Parked &parked);

  // LowerTurns.cpp: which group of warps starts its products next.
  int64_t turnWarps();
  void emitTurn(TurnStep step);

  // LowerLoadMatrix.cpp
  bool canLoadMatrices(const Operand &operand) const;
  llvm::SmallVector<Registers> loadMatrices(const Operand &operand, llvm::ArrayRef<tile::Coordinates> offsets,
                                            int64_t size);
  mlir::Value matrixAddress(const Operand &operand, llvm::ArrayRef<tile::Coordinates> offsets);
  mlir::Value swizzledMatrixAddress(const Operand &operand, llvm::ArrayRef<tile::Coordinates> offsets, int64_t &fixed);
  Registers loadMatrixBatch(const Operand &operand, llvm::ArrayRef<tile::Coordinates> offsets);
  void stageEarly(mlir::Value operand);
  SharedTile stage(mlir::Value operand, const Staging &how);
  /// Reads at the depth coordinate `depth` what the lane's rows (or columns) need.
  llvm::SmallVector<mlir::Value> readVector(const SharedTile &from, const tile::Layout &accumulator, unsigned dim,
                                            llvm::ArrayRef<int64_t> offsets, mlir::Value depth, unsigned depthDim);
  /// Reads a vector along the depth, from the coordinate `depth` on, of a row (or column) of the lane.
  llvm::SmallVector<mlir::Value> readAlong(const SharedTile &from, const tile::Layout &accumulator, unsigned dim,
                                           int64_t offset, mlir::Value depth);

  mlir::Value constant(mlir::Type type, int64_t value);
  mlir::Value i32(int64_t value) { return constant(b.getI32Type(), value); }
  mlir::Value i64(int64_t value) { return constant(b.getI64Type(), value); }
  mlir::Value toI32(mlir::Value index);
  mlir::Value toI64(mlir::Value index);

  tile::KernelOp kernel;
  const SimtTarget &target;
  bool mayUseTensorMaps;
  const Promises &promises;
  LayoutPlan plan;
  mlir::ImplicitLocOpBuilder b;
  bool failed = false, usesPromises = false, storesVectors = false;
  simt::KernelOp lowered;
  mlir::IRMapping scalars;
  llvm::DenseMap<mlir::Value, View> views;
  llvm::DenseMap<mlir::Value, SharedTile> staged; ///< tiles of loads that products read from shared memory
  mlir::Value lane, warp, program[3];
  mlir::Value firstProgram, numPrograms; ///< of this workgroup, of all, i32
  /// The end of the code that depends on nothing but the lane, in the kernel's first block.
  mlir::Operation *prologueEnd = nullptr;
  struct LaneCoordinate {
    tile::Layout layout;
    unsigned dim;
    mlir::Value value;
  };
  std::vector<LaneCoordinate> laneCoordinates;
  SharedArena arena;
  llvm::SmallVector<mlir::Attribute> tensorMaps; ///< of the kernel, by number
  /// Tiles on their way between two layouts.
  struct ExchangeTile {
    tile::Layout from, to;
    SharedTile tile;
  };
  std::vector<ExchangeTile> exchangeTiles;
  /// Of operands, by how they are stored and read.
  struct StagingPlan {
    tile::Layout store, read;
    std::optional<unsigned> fastest;
    Staging staging;
  };
  std::vector<StagingPlan> stagingPlans;

  /// Groups of instructions that run beside the lanes: how many were started, and what is free when one is finished.
  int64_t groupsStarted = 0;
  struct Release {
    int64_t group;
    mlir::Value barrier;
  };
  llvm::SmallVector<Release> releases;

  std::vector<Ring> rings;
  Numbers numbers;
  /// By the load, what products have begun to read, and how many of them have yet to be started.
  struct Reading {
    FullSlot slot;
    int64_t products = 0;
  };
  llvm::DenseMap<mlir::Value, Reading> readings;

  SharedRange bands;         ///< of all warps
  mlir::Value positionsFrom; ///< i32 that positions of tiles begin with; null: 0

  int64_t rowsOfShare = 0;     ///< that a group holds by itself; 0: all work on all
  bool leavesOutRings = false; ///< of lanes, for which there was no room
  /// Slots that lanes read by themselves: free after the op that does so last.
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value, 1>> readSlots;
  int64_t stages = 0; ///< the most slots of a ring, for reports
  int64_t scratchBarrier = 0;
  /// In the program of warps that copy by themselves: the address of the barrier of the last slot, which they have not
  /// told to be full.
  mlir::Value lastFull;
  bool isProducer = false;
  bool makesNumbers = false; ///< and nothing else

  /// What tiles were reduced to before lanes exchanged anything: valid where the tile is.
  llvm::DenseMap<mlir::Value, Registers> reducedInLanes;

  /// Tiles that exist at this point, in every layout they were needed in; innermost region last.
  struct Held {
    tile::Layout layout;
    Registers values;
    int64_t group = -1; ///< of the instructions that still write them; -1: none
  };
  std::vector<llvm::DenseMap<mlir::Value, llvm::SmallVector<Held, 1>>> scopes;
};

} // namespace heed::simt
