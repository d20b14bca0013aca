/// One block of keys of an attend kernel: what its parts compute.
#include "compiler/kernel/AttendSkeleton.h"
#include "compiler/kernel/CapScores.h"
#include "compiler/kernel/ScoreRamps.h"
#include "compiler/kernel/ScoreTerms.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace heed;

//===- Regions ----------------------------------------------------------------------------------------------------===//

DenseMap<Value, Value> AttendSkeleton::regionCaptures(Region &region) {
  DenseMap<Value, Value> captures;
  unsigned first = region.getNumArguments() - attend.getCaptures().size();
  for (auto [position, capture] : llvm::enumerate(attend.getCaptures()))
    captures[region.getArgument(first + position)] = capture;
  return captures;
}

SmallVector<Piece> AttendSkeleton::regionArguments(std::optional<Piece> scalar) {
  SmallVector<Piece> arguments;
  if (scalar)
    arguments.push_back(*scalar);
  Piece row = rowPiece(), position = row;
  if (offset)
    position = emitter.binary<arith::AddIOp>(row, Piece::uniform(offset));
  llvm::append_range(arguments,
                     ArrayRef<Piece>{Piece::uniform(batch), headPiece(), row, emitter.coordinate(Keys), position});
  for (Value capture : attend.getCaptures()) {
    Piece piece; // tensors are read through regionCaptures
    if (!isa<RankedTensorType>(capture.getType()))
      piece = Piece::uniform(kernel.scalar(capture));
    arguments.push_back(piece);
  }
  return arguments;
}

FailureOr<Piece> AttendSkeleton::runRegion(Region &region, std::optional<Piece> scalar) {
  FailureOr<SmallVector<Piece>> yields =
      emitter.inlineBlock(region.front(), regionArguments(scalar), {}, regionCaptures(region));
  if (failed(yields))
    return failure();
  return yields->front();
}

/// A copy of a region that `change` has changed, without what it then does not use.
FailureOr<Piece> AttendSkeleton::runPart(Region &region, std::optional<Piece> scalar,
                                         function_ref<void(Region &, IRMapping &)> change) {
  Region part;
  IRMapping copies;
  region.cloneInto(&part, copies);
  change(part, copies);
  for (Operation *op = part.front().getTerminator()->getPrevNode(); op;) {
    Operation *before = op->getPrevNode();
    if (isOpTriviallyDead(op))
      op->erase();
    op = before;
  }
  return runRegion(part, scalar);
}

Value AttendSkeleton::readCapture(unsigned capture, ValueRange indices) {
  SmallVector<Piece> pieces = llvm::map_to_vector(indices, [](Value index) { return Piece::uniform(index); });
  FailureOr<Piece> piece = emitter.read(attend.getCaptures()[capture], pieces);
  return failed(piece) ? Value() : piece->value;
}

//===- What parts compute -----------------------------------------------------------------------------------------===//

/// Indices of a key or value block; through the page table when there is one. Keys behind the last one are on no page:
/// what pages hold there may be anything, and a weight of zero times that no number.
SmallVector<Piece> AttendSkeleton::keyIndices(Value tensor, Dimension depth) {
  Piece key = emitter.coordinate(Keys), first = Piece::uniform(batch);
  if (Value pages = attend.getPages()) {
    Piece pageSize = Piece::uniform(kernel.constant(cast<RankedTensorType>(tensor.getType()).getDimSize(2)));
    Piece page = emitter.binary<arith::DivUIOp>(key, pageSize);
    Value number = emitter.spread(*emitter.read(pages, {first, page}), {Keys});
    Value none = arith::ConstantOp::create(at, at.getIntegerAttr(getElementTypeOrSelf(number.getType()), -1));
    Value exists = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, emitter.spread(key, {Keys}),
                                         emitter.spread(Piece::uniform(length), {Keys}));
    first = TileEmitter::tile(arith::SelectOp::create(at, exists, number, emitter.spread(Piece::uniform(none), {Keys})),
                              {Keys});
    key = emitter.binary<arith::RemUIOp>(key, pageSize);
  }
  return {first, Piece::uniform(keyHead), key, emitter.coordinate(depth)};
}

/// Lets products with coordinates that scores are made of be made from those of other coordinates nearby. They are then
/// off by as much as they are anyway some hundred keys further away, which is nothing to weights of 16 bits.
static void loosenRamps(Value scores) {
  Operation *op = scores.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return;
  auto isCoordinate = [](Value operand) { return operand.getDefiningOp<arith::SIToFPOp>() != nullptr; };
  if (auto product = dyn_cast<arith::MulFOp>(op); product && llvm::any_of(op->getOperands(), isCoordinate))
    product.setFastmath(product.getFastmath() | arith::FastMathFlags::reassoc);
  for (Value operand : op->getOperands())
    loosenRamps(operand);
}

/// Scales by which terms may be divided: far from where quotients are no numbers or reach masked scores.
constexpr double leastScaleOfTerms = 1e-6;

/// Where lanes hold the scores of groups, sums of products may as well begin with what is added to them afterwards:
/// that saves a multiply-add each, and is made before the products are there. Every step of a product then rounds a
/// term by up to 2^-23 of it, so a width of 128 by 2^-20, where a sum afterwards rounds twice by 2^-24. Only the
/// largest terms of a row count, and weights of 16 bits are rounded by 2^-9 or 2^-12 anyway: ramps that rise, to terms
/// of t where they are largest, show in f16 from t = 3000 on, take the whole error allowed at about 12000, and a third
/// more at 16000; in bf16 they hardly show at 32000 (tests/perf/NOTES.md). Slopes and extents are not known here, so
/// none is left out.
AttendSkeleton::Start AttendSkeleton::startOfSums(double scale) {
  bool isPossible = blocks.groups > 1 && isSoftmax() && machine.fusedMultiplyAdd && machine.infinities &&
                    scale >= leastScaleOfTerms && attend.getValueType().getElementTypeBitWidth() == 16 &&
                    attend.hasScore();
  if (isPossible && findRamp(attend.getScore()))
    return Start::Ramp;
  return isPossible && addsTermOfDistance(attend) ? Start::Term : Start::Zero;
}

/// Of the program.
LogicalResult AttendSkeleton::readRampFactor() {
  if (sumStart != Start::Ramp)
    return success();
  FailureOr<Piece> factor = runPart(attend.getScore(), Piece::uniform(Value()), [&](Region &part, IRMapping &) {
    yieldFactor(part, attend.getScale().convertToDouble());
  });
  if (failed(factor))
    return failure();
  rampFactor = factor->value;
  return success();
}

/// What the sums of a block begin with.
FailureOr<Value> AttendSkeleton::firstLogits() {
  if (sumStart == Start::Zero)
    return splat(0, {Rows, Keys});
  bool isRamp = sumStart == Start::Ramp;
  // What the region makes of -0 is what it adds.
  Piece nothing = TileEmitter::tile(splat(-0.0, {Rows, Keys}), {Rows, Keys});
  FailureOr<Piece> added = isRamp ? runPart(attend.getScore(), Piece::uniform(rampFactor),
                                            [](Region &part, IRMapping &) { yieldRamp(part); })
                                  : runRegion(attend.getScore(), nothing);
  if (failed(added))
    return failure();
  Value result = emitter.spread(*added, {Rows, Keys});
  if (isRamp)
    loosenRamps(result);
  else
    result = arith::MulFOp::create(at, result, splat(1 / attend.getScale().convertToDouble(), {Rows, Keys}));
  return result;
}

/// Queries times keys. What sums begin with comes after the keys, with which warps that copy may bring it.
FailureOr<Value> AttendSkeleton::multiplyKeys() {
  Value logits;
  int64_t depthBefore = 0;
  for (auto [depth, queryTile] : llvm::zip_equal(depths, query)) {
    enterChunk(Depth, depth, depthBefore);
    FailureOr<Piece> key = emitter.read(attend.getKey(), keyIndices(attend.getKey(), Depth));
    if (failed(key))
      return failure();
    if (!logits) {
      FailureOr<Value> first = firstLogits();
      if (failed(first))
        return failure();
      logits = *first;
    }
    logits = tile::DotOp::create(at, queryTile, emitter.spread(*key, {Depth, Keys}), logits);
    depthBefore += depth;
  }
  return logits;
}

/// The products as the scale and the score region make them.
FailureOr<Value> AttendSkeleton::scores(Value logits) {
  if (scaleIsLate)
    return logits;
  Value scaled = arith::MulFOp::create(at, logits, splat(attend.getScale().convertToDouble(), {Rows, Keys}));
  if (!attend.hasScore())
    return scaled;
  FailureOr<Piece> changed = runRegion(attend.getScore(), TileEmitter::tile(scaled, {Rows, Keys}));
  if (failed(changed))
    return failure();
  Value result = emitter.spread(*changed, {Rows, Keys});
  // One rounding instead of two where a region first adds something.
  if (auto sum = machine.fusedMultiplyAdd && scaled.hasOneUse() ? dyn_cast<arith::AddFOp>(*scaled.user_begin())
                                                                : arith::AddFOp()) {
    Value other = sum.getLhs() == scaled ? sum.getRhs() : sum.getLhs();
    OpBuilder::InsertionGuard guard(at);
    at.setInsertionPoint(sum);
    Value scale = splat(attend.getScale().convertToDouble(), {Rows, Keys});
    Value fused = math::FmaOp::create(at, logits, scale, other);
    sum.replaceAllUsesWith(fused);
    if (result == sum.getResult())
      result = fused;
    sum.erase();
    scaled.getDefiningOp()->erase();
  }
  if (machine.fusedMultiplyAdd && attend.getValueType().getElementTypeBitWidth() == 16)
    loosenRamps(result);
  // Minus infinity weighs nothing where it may be computed with.
  if (machine.infinities && isSoftmax())
    return capScores(at, result, largestCap(attend.getValueType().getElementType()));
  // A bias of minus infinity becomes a finite masked score; comparing this way keeps a NaN.
  Value floor = splat(maskedLogit, {Rows, Keys});
  Value below = arith::CmpFOp::create(at, arith::CmpFPredicate::OLT, result, floor);
  return arith::SelectOp::create(at, below, floor, result).getResult();
}

/// The scores where `visible` holds, which is asked where `needed` does.
FailureOr<Value> AttendSkeleton::maskWhere(Value needed, Value logits, llvm::function_ref<FailureOr<Piece>()> visible) {
  auto branch = scf::IfOp::create(at, logits.getType(), needed, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(at, logits);
  at.setInsertionPointToStart(branch.thenBlock());
  FailureOr<Piece> seen = visible();
  if (failed(seen))
    return failure();
  Value masked =
      arith::SelectOp::create(at, emitter.spread(*seen, {Rows, Keys}), logits, splat(maskedLogit, {Rows, Keys}));
  scf::YieldOp::create(at, masked);
  return branch.getResult(0);
}

/// Whether something in a block may be masked, i1.
Value AttendSkeleton::isCut(Truth block) {
  Value yes = arith::ConstantOp::create(at, at.getBoolAttr(true));
  return block.must ? at.createOrFold<arith::XOrIOp>(block.must, yes) : yes;
}

/// Keys on one side of a bound.
Piece AttendSkeleton::keysWhere(arith::CmpIPredicate predicate, Value bound) {
  return Piece{arith::CmpIOp::create(at, predicate, emitter.spread(emitter.coordinate(Keys), {Keys}),
                                     emitter.spread(Piece::uniform(bound), {Keys})),
               {Keys},
               std::nullopt};
}

/// Whether these conditions of the keep region hold.
FailureOr<Piece> AttendSkeleton::holdAll(ArrayRef<Value> conditions) {
  return runPart(attend.getKeep(), std::nullopt, [&](Region &part, IRMapping &copies) {
    Operation *end = part.front().getTerminator();
    OpBuilder builder(end);
    Value all = copies.lookup(conditions.front());
    for (Value condition : conditions.drop_front())
      all = arith::AndIOp::create(builder, end->getLoc(), all, copies.lookup(condition));
    end->setOperand(0, all);
  });
}

/// What cuts blocks of keys at different places is asked for by itself: the end of a causal block is not the start of a
/// window. Keys whose labels are those of rows lie in a range, too, and are nothing but that where these have one label
/// and so have all keys between; only other rows compare labels. Nothing where keys are bounded from above alone: one
/// pass does for the ends of all.
SmallVector<AttendSkeleton::MaskPass> AttendSkeleton::maskPasses(Value firstKey) {
  MaskAnalysis::Conjuncts all = mask.conjuncts();
  if (all.below.empty() && all.others.empty() && all.labels.empty())
    return {};
  auto either = [&](Value a, Value b) { return at.createOrFold<arith::OrIOp>(a, b); };
  KeyRange ofLabels = all.labels.empty() ? KeyRange() : mask.keysOfLabels();
  Value end = ofLabels.high ? kernel.min(length, ofLabels.high) : length;
  Value reachesEnd =
      arith::CmpIOp::create(at, arith::CmpIPredicate::slt, kernel.sub(end, firstKey), kernel.constant(blocks.keys));
  SmallVector<MaskPass> passes{{reachesEnd, {}, Value(), end}};
  if (!all.above.empty())
    passes.push_back({isCut(mask.classify(all.above)), all.above});
  if (ofLabels.low || !all.below.empty()) {
    Value cut = all.below.empty() ? Value() : isCut(mask.classify(all.below));
    if (ofLabels.low) {
      Value starts = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, firstKey, ofLabels.low);
      cut = cut ? either(starts, cut) : starts;
    }
    passes.push_back({cut, all.below, ofLabels.low});
  }
  if (!all.others.empty())
    passes.push_back({isCut(mask.classify(all.others)), all.others});
  if (!all.labels.empty())
    passes.push_back({isCut({Value(), mask.haveOneLabel()}), all.labels});
  return passes;
}

/// Which elements a pass leaves.
FailureOr<Piece> AttendSkeleton::passes(const MaskPass &pass) {
  std::optional<Piece> left;
  auto add = [&](Piece more) { left = left ? emitter.binary<arith::AndIOp>(*left, more) : more; };
  if (pass.first)
    add(keysWhere(arith::CmpIPredicate::sge, pass.first));
  if (pass.end)
    add(keysWhere(arith::CmpIPredicate::slt, pass.end));
  if (!pass.conditions.empty()) {
    FailureOr<Piece> kept = holdAll(pass.conditions);
    if (failed(kept))
      return failure();
    add(*kept);
  }
  return *left;
}

FailureOr<Value> AttendSkeleton::maskInPasses(ArrayRef<MaskPass> all, Value logits) {
  Value any = all.front().needed;
  for (const MaskPass &pass : all.drop_front())
    any = at.createOrFold<arith::OrIOp>(any, pass.needed);
  auto branch = scf::IfOp::create(at, logits.getType(), any, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(at, logits);
  at.setInsertionPointToStart(branch.thenBlock());
  for (const MaskPass &pass : all) {
    FailureOr<Value> masked = maskWhere(pass.needed, logits, [&] { return passes(pass); });
    if (failed(masked))
      return failure();
    logits = *masked;
  }
  scf::YieldOp::create(at, logits);
  return branch.getResult(0);
}

/// Masks the scores where the block is not entirely visible. Where lanes hold them, that takes passes over them;
/// elsewhere a second one costs more than a second condition.
FailureOr<Value> AttendSkeleton::applyMask(Value logits, Value firstKey) {
  Value lastKey =
      kernel.sub(kernel.min(kernel.add(firstKey, kernel.constant(blocks.keys)), length), kernel.constant(1));
  auto exists = [&] { return keysWhere(arith::CmpIPredicate::slt, length); };
  Value reachesEnd = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, emitter.getDomain().extents[Keys],
                                           kernel.constant(blocks.keys));
  if (!attend.hasKeep())
    return maskWhere(reachesEnd, logits, [&]() -> FailureOr<Piece> { return exists(); });
  mask.setKeys({firstKey, lastKey});
  if (blocks.groups > 1)
    if (SmallVector<MaskPass> all = maskPasses(firstKey); !all.empty())
      return maskInPasses(all, logits);
  Value needed = at.createOrFold<arith::OrIOp>(reachesEnd, isCut(mask.classify()));
  return maskWhere(needed, logits, [&]() -> FailureOr<Piece> {
    FailureOr<Piece> kept = runRegion(attend.getKeep(), std::nullopt);
    return failed(kept) ? kept : emitter.binary<arith::AndIOp>(exists(), *kept);
  });
}

/// The weights of a block as the value product takes them.
FailureOr<Value> AttendSkeleton::finishWeights(Value weights) {
  if (attend.hasProb()) {
    FailureOr<Piece> changed = runRegion(attend.getProb(), TileEmitter::tile(weights, {Rows, Keys}));
    if (failed(changed))
      return failure();
    weights = emitter.spread(*changed, {Rows, Keys});
  }
  Type valueType = attend.getValueType().getElementType();
  if (valueType == at.getF32Type() || valueType.isF64())
    return weights;
  return arith::TruncFOp::create(at, emitter.tileType(valueType, {Rows, Keys}), weights).getResult();
}

Value AttendSkeleton::weigh(Value scores, Value reference) {
  if (!machine.fusedMultiplyAdd) {
    Value difference = arith::SubFOp::create(at, scores, overRows(reference, Keys));
    return math::Exp2Op::create(at, arith::MulFOp::create(at, difference, splat(unit, {Rows, Keys})));
  }
  Value below = overRows(arith::NegFOp::create(at, reference), Keys);
  return math::Exp2Op::create(at, math::FmaOp::create(at, scores, splat(unit, {Rows, Keys}), below));
}

Value AttendSkeleton::rebase(Value from, Value to, ArrayRef<int64_t> dims) {
  Value exponent = arith::SubFOp::create(at, from, to);
  if (!machine.fusedMultiplyAdd)
    exponent = arith::MulFOp::create(at, exponent, splat(unit, dims));
  return math::Exp2Op::create(at, exponent);
}

Value AttendSkeleton::sumOf(Value weights) {
  if (followsLate())
    return tile::FoldOp::create(at, floatTile({Rows, Parts}), tile::Combine::Add, weights, 1);
  return tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Add, weights, 1, Value());
}

/// The reference that follows the greatest score, where that exceeds `limits` if there are any; the sum so far relative
/// to it; what earlier weights shrink by.
SmallVector<Value> AttendSkeleton::follow(Value logits, ValueRange state, Value limits) {
  Value blockMaximum = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Max, logits, 1, Value());
  Value reference = greater(state[0], referenceOf(blockMaximum));
  if (limits) {
    Value isBeyond = arith::CmpFOp::create(at, arith::CmpFPredicate::OGT, blockMaximum, limits);
    reference = arith::SelectOp::create(at, isBeyond, reference, state[0]);
  }
  Value shrink = rebase(state[0], reference, {Rows});
  Value sum = arith::MulFOp::create(at, state[1], followsLate() ? overRows(shrink, Parts) : shrink);
  return {reference, sum, shrink};
}

/// How far scores may exceed the reference, in binary logarithms. Weights up to 2 to this do no harm: they are floats
/// that are summed in f32.
constexpr double slack = 8;

/// The same with a reference that stays where it is until scores exceed it by more, and whether some row's do. That
/// another row of a warp follows changes nothing of a row.
SmallVector<Value> AttendSkeleton::followLate(Value logits, ValueRange state) {
  Value slackOfScores = splat(slack / unit, {Rows}), limits;
  if (machine.fusedMultiplyAdd)
    limits = math::FmaOp::create(at, state[0], splat(1 / unit, {Rows}), slackOfScores);
  else
    limits = arith::AddFOp::create(at, state[0], slackOfScores);
  Value some = tile::ExceedsOp::create(at, at.getI1Type(), logits, limits, 1);
  Type rowType = floatTile({Rows});
  auto branch = scf::IfOp::create(at, TypeRange{rowType, state[1].getType(), rowType}, some, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(at, follow(logits, state, limits));
  at.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(at, ValueRange{state[0], state[1], splat(1, {Rows})});
  SmallVector<Value> results(branch.getResults());
  results.push_back(some);
  return results;
}

/// The weights of a block; for a softmax also its reference and sum so far, how much what came before shrinks, and
/// where the reference follows late, whether anything does.
FailureOr<SmallVector<Value>> AttendSkeleton::normalise(Value logits, ValueRange state) {
  SmallVector<Value> results;
  Value weights;
  if (isSoftmax()) {
    results = followsLate() ? followLate(logits, state) : follow(logits, state, Value());
    weights = weigh(logits, results[0]);
    results[1] = arith::AddFOp::create(at, results[1], sumOf(weights));
  } else if (attend.getNormaliser() == attn::Normaliser::Relu) {
    weights = greater(logits, splat(0, {Rows, Keys}));
  } else {
    Value one = splat(1, {Rows, Keys});
    Value grown = math::ExpOp::create(at, arith::NegFOp::create(at, logits));
    weights = arith::DivFOp::create(at, one, arith::AddFOp::create(at, one, grown));
  }
  FailureOr<Value> finished = finishWeights(weights);
  if (failed(finished))
    return failure();
  results.insert(results.begin(), *finished);
  return results;
}

/// Before the first block a sum is 0, and known to stay that: where its factor is none that makes it so, weights are
/// none either, and come to the sum.
Value AttendSkeleton::shrinkSum(Value sum, Value factor) {
  auto known = arith::FastMathFlags::nnan | arith::FastMathFlags::nsz;
  return arith::MulFOp::create(at, sum, overRows(factor, ValueDepth), known);
}

/// What was summed up to a block, relative to the reference that it leads to.
SmallVector<Value> AttendSkeleton::rescale(Value some, Value shrink, ValueRange accumulators) {
  auto branch = scf::IfOp::create(at, accumulators.getTypes(), some, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> shrunk;
  for (auto [accumulator, depth] : llvm::zip_equal(accumulators, valueDepths)) {
    emitter.getDomain().sizes[ValueDepth] = depth;
    shrunk.push_back(shrinkSum(accumulator, shrink));
  }
  scf::YieldOp::create(at, shrunk);
  at.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(at, accumulators);
  return SmallVector<Value>(branch.getResults());
}

/// One chunk of the output, with the block's values added; `decay` may be null.
FailureOr<Value> AttendSkeleton::product(Value weights, Value decay, Value accumulator) {
  FailureOr<Piece> value = emitter.read(attend.getValue(), keyIndices(attend.getValue(), ValueDepth));
  if (failed(value))
    return failure();
  Value valueTile = emitter.spread(*value, {Keys, ValueDepth});
  Value kept = decay ? shrinkSum(accumulator, decay) : accumulator;
  return tile::DotOp::create(at, weights, valueTile, kept).getResult();
}
