#include "compiler/host/PlanKernels.h"

#include "compiler/host/DescribeEntry.h"
#include "dialects/tile/Tile.h"

using namespace mlir;

namespace heed {

static LogicalResult verifyMaps(plan::LaunchOp launch, const SymbolExpressions &symbols) {
  SmallVector<AffineMap> maps = {launch.getGrid(), launch.getParams(), launch.getFlops(), launch.getBytes()};
  for (const plan::LaunchOp::Alternative &each : launch.alternatives())
    maps.append({each.grid, each.conditions});
  llvm::append_range(maps, launch.getResultShapes().getAsValueRange<AffineMapAttr>());
  for (AffineMap map : maps)
    if (!symbols.accepts(map))
      return launch.emitOpError("L2: maps are over the symbols of the graph, got ") << AffineMapAttr::get(map);
  unsigned gridRank = launch.getGrid().getNumResults();
  if (gridRank < 1 || gridRank > 3 || launch.getFlops().getNumResults() != 1 || launch.getBytes().getNumResults() != 1)
    return launch.emitOpError("L2: grid has one to three results, flops and bytes have one");
  return success();
}

LogicalResult verifyLaunch(plan::LaunchOp launch, const SymbolExpressions &symbols) {
  if (failed(verifyMaps(launch, symbols)))
    return failure();
  auto tied = launch->getAttrOfType<DenseI64ArrayAttr>(plan::tiedAttrName);
  auto isOperand = [&](int64_t index) { return index >= -1 && index < int64_t(launch.getOperands().size()); };
  if (launch.getResultShapes().size() != launch.getNumResults() ||
      (tied && (tied.size() != launch.getNumResults() || !llvm::all_of(tied.asArrayRef(), isOperand))))
    return launch.emitOpError("L3: needs one shape per result and, with plan.tied, one operand index or -1 per result");
  auto kernel = SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(launch, launch.getKernelAttr());
  if (!kernel)
    return launch.emitOpError("L1: ") << launch.getKernel() << " is not a tile.kernel";
  SmallVector<Type> tensors(launch->getOperandTypes());
  llvm::append_range(tensors, launch->getResultTypes());
  for (auto [position, tensor] : llvm::enumerate(tensors)) {
    Type element = cast<RankedTensorType>(tensor).getElementType();
    Type stored = element.isInteger(1) ? IntegerType::get(launch.getContext(), 8) : element;
    auto base = dyn_cast<MemRefType>(kernel.getArgumentTypes()[position]);
    if (!base || base.getElementType() != stored)
      return launch.emitOpError("L4: base ")
             << position << " of kernel @" << launch.getKernel() << " must be a memref of " << stored << ", got "
             << kernel.getArgumentTypes()[position];
  }
  return success();
}

std::string PlanKernels::uniqueName(StringRef label) {
  std::string name = label.str();
  while (unsigned use = uses[name]++)
    name = label.str() + "#" + std::to_string(use + 1);
  return name;
}

static SmallVector<StringAttr> notesOf(plan::LaunchOp launch) {
  ArrayAttr notes = launch.getNotesAttr();
  return notes ? llvm::to_vector(notes.getAsRange<StringAttr>()) : SmallVector<StringAttr>();
}

/// "block_m=64 block_n=64 .."; the dictionary is sorted by name, so equal choices print alike.
static void printSchedule(DictionaryAttr schedule, llvm::raw_ostream &os) {
  for (NamedAttribute choice : schedule) {
    os << ' ' << choice.getName().getValue() << '=';
    if (auto number = dyn_cast<IntegerAttr>(choice.getValue()))
      os << number.getValue();
    else if (auto text = dyn_cast<StringAttr>(choice.getValue()))
      os << text.getValue();
    else
      os << choice.getValue();
  }
}

rt::Explain PlanKernels::explain(plan::LaunchOp launch) {
  rt::Explain result;
  result.root = stringifyKernelRoot(launch.getRoot());
  for (StringAttr note : notesOf(launch)) {
    StringRef text = note.getValue();
    if (text.consume_front("fused: ") || text.starts_with("pulled in: "))
      result.fused.push_back(text.str());
    else
      result.notes.push_back(text.str());
  }
  llvm::raw_string_ostream schedule(result.schedule);
  schedule << result.root;
  auto print = [&](FlatSymbolRefAttr symbol) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<tile::KernelOp>(launch, symbol);
    if (kernel && kernel.getSchedule())
      printSchedule(*kernel.getSchedule(), schedule);
  };
  print(launch.getKernelAttr());
  for (const plan::LaunchOp::Alternative &each : launch.alternatives()) {
    bool hasCode = llvm::any_of(request.kernels->entries,
                                [&](const KernelEntry &entry) { return entry.kernel == each.kernel.getValue(); });
    if (!hasCode)
      continue;
    schedule << (each.conditions.getNumResults() > 0 ? "; for some sizes" : "; of aligned operands");
    print(each.kernel);
  }
  return result;
}

void PlanKernels::require(AffineExpr left, rt::Relation relation, int64_t right, rt::Variant &variant) {
  if (auto known = dyn_cast<AffineConstantExpr>(left)) {
    bool holds = relation == rt::Relation::equal       ? known.getValue() == right
                 : relation == rt::Relation::lessEqual ? known.getValue() <= right
                                                       : known.getValue() >= right;
    if (holds)
      return;
  }
  rt::Constraint condition{symbols.convert(left), relation,
                           symbols.convert(getAffineConstantExpr(right, left.getContext())), ""};
  bool isKnown = llvm::any_of(variant.conditions, [&](const rt::Constraint &other) {
    return other.left == condition.left && other.relation == relation && other.right == condition.right;
  });
  if (!isKnown)
    variant.conditions.push_back(std::move(condition));
}

/// The map over the symbols of the graph, and the conditions under which devices take it.
void PlanKernels::addTensorMap(const TensorMap &map, plan::LaunchOp launch, rt::Variant &variant) {
  int64_t granule = rt::tensorMapAlignment / map.elementBytes;
  AffineMap parameters = launch.getParams();
  auto numbers = [&](AffineMap ofParameters) {
    return ofParameters.replaceDimsAndSymbols({}, parameters.getResults(), 0, parameters.getNumSymbols());
  };
  AffineMap offset = numbers(map.offset), sizes = numbers(map.sizes), strides = numbers(map.strides);
  rt::TensorMap made;
  made.operand = map.base;
  made.elementBytes = map.elementBytes;
  made.swizzleBytes = map.swizzleBytes;
  made.box.assign(map.box.begin(), map.box.end());
  AffineExpr first = offset.getResult(0) * map.elementBytes;
  if (first != getAffineConstantExpr(0, first.getContext()))
    made.offset = symbols.convert(first);
  require(offset.getResult(0) % granule, rt::Relation::equal, 0, variant);
  for (auto [size, stride] : llvm::zip_equal(sizes.getResults(), strides.getResults())) {
    made.sizes.push_back(symbols.convert(size));
    made.strides.push_back(symbols.convert(stride));
    require(size, rt::Relation::greaterEqual, 1, variant);
    require(size, rt::Relation::lessEqual, rt::maxTensorMapSize, variant);
    require(stride, rt::Relation::greaterEqual, 0, variant);
    require(stride, rt::Relation::lessEqual, rt::tensorMapStrideLimit / map.elementBytes - granule, variant);
  }
  for (AffineExpr stride : strides.getResults().drop_back())
    require(stride % granule, rt::Relation::equal, 0, variant);
  variant.tensorMaps.push_back(std::move(made));
}

/// What the entry's code relies on, as conditions of the variant.
void PlanKernels::addConditions(const KernelEntry &entry, plan::LaunchOp launch, rt::Variant &variant) {
  for (const Divisibility &promise : entry.divisibilities)
    require(launch.getParams().getResult(promise.parameter) % promise.divisor, rt::Relation::equal, 0, variant);
  for (const TensorMap &map : entry.tensorMaps)
    addTensorMap(map, launch, variant);
}

/// The code there is for one of the launch's kernels.
void PlanKernels::addVariants(plan::LaunchOp launch, const plan::LaunchOp::Alternative &chosen, rt::Kernel &kernel) {
  for (const KernelEntry &entry : request.kernels->entries) {
    if (entry.kernel != chosen.kernel.getValue())
      continue;
    rt::Variant variant;
    variant.features = request.kernels->images[entry.image].features;
    variant.code = request.firstCode + entry.image;
    variant.symbol = entry.symbol;
    variant.workerScratchBytes = entry.scratchBytes;
    variant.workgroup[0] = entry.threads;
    variant.sharedBytes = entry.sharedBytes;
    variant.residentWorkgroups = entry.residentWorkgroups;
    variant.hasUnevenPrograms = entry.hasUnevenPrograms;
    variant.awaitsPrevious = entry.awaitsPrevious;
    variant.opensCalls = entry.opensCalls;
    variant.operandAlignment = entry.baseAlignment;
    if (std::string text = describeEntry(entry, request.kernels->images[entry.image]); !text.empty())
      kernel.explain.code.push_back(std::move(text));
    for (AffineExpr condition : chosen.conditions.getResults())
      require(condition, rt::Relation::greaterEqual, 0, variant);
    addConditions(entry, launch, variant);
    llvm::copy(symbols.convert(chosen.grid), variant.grid.begin());
    kernel.variants.push_back(std::move(variant));
  }
}

FailureOr<uint32_t> PlanKernels::add(plan::LaunchOp launch, std::vector<rt::Access> accesses) {
  rt::Kernel kernel;
  kernel.name = uniqueName(launch.getLabel());
  kernel.explain = explain(launch);
  kernel.flops = symbols.convert(launch.getFlops())[0];
  kernel.bytes = symbols.convert(launch.getBytes())[0];
  kernel.fallback =
      llvm::any_of(notesOf(launch), [](StringAttr note) { return note.getValue().starts_with("fallback: "); });
  kernel.operands = std::move(accesses);
  kernel.paramCount = launch.getParams().getNumResults();
  for (const plan::LaunchOp::Alternative &each : launch.alternatives())
    addVariants(launch, each, kernel);
  addVariants(launch, {launch.getKernelAttr(), launch.getGrid(), AffineMap::get(launch.getContext())}, kernel);
  if (kernel.variants.empty())
    return launch.emitError("target '") << request.target << "' made no code for kernel @" << launch.getKernel();
  plan.kernels.push_back(std::move(kernel));
  return plan.kernels.size() - 1;
}

} // namespace heed
