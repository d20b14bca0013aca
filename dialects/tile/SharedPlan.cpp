/// Bank conflicts, and the swizzle or padding that avoids them.
#include "dialects/tile/LayoutConversion.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <tuple>

using namespace heed::tile;
using llvm::ArrayRef;
using llvm::SmallVector;

static constexpr int64_t banks = 32, bankBytes = 4;

/// Whether each lane asks for the same as the neighbour that differs in this bit of the number, or takes no part.
static bool arePairs(ArrayRef<int64_t> addresses, size_t bit) {
  for (size_t lane = 0; lane < addresses.size(); ++lane)
    if ((lane ^ bit) >= addresses.size() || addresses[lane] != addresses[lane ^ bit])
      return false;
  return true;
}

/// Calls `visit` with the addresses of the lanes that are served together. Vectors that all lanes ask for in pairs come
/// for twice as many.
template <typename Function> static void forEachGroup(ArrayRef<int64_t> addresses, int64_t bytes, Function visit) {
  size_t lanes = banks * bankBytes / std::max(bytes, bankBytes);
  if (bytes > bankBytes && (arePairs(addresses, 1) || arePairs(addresses, 2)))
    lanes *= 2;
  for (; !addresses.empty(); addresses = addresses.drop_front(std::min(lanes, addresses.size())))
    visit(addresses.take_front(lanes));
}

int64_t heed::tile::countBankCycles(ArrayRef<int64_t> addresses, int64_t bytes) {
  int64_t cycles = 0;
  forEachGroup(addresses, bytes, [&](ArrayRef<int64_t> group) {
    SmallVector<int64_t, 32> words;
    for (int64_t address : group)
      for (int64_t at = address / bankBytes * bankBytes; address >= 0 && at < address + bytes; at += bankBytes)
        words.push_back(at / bankBytes);
    llvm::sort(words);
    words.erase(llvm::unique(words), words.end());
    int64_t ofBank[banks] = {};
    for (int64_t word : words)
      ++ofBank[word % banks];
    cycles += *llvm::max_element(ofBank);
  });
  return cycles;
}

int64_t heed::tile::countBankConflicts(ArrayRef<int64_t> addresses, int64_t bytes) {
  int64_t needed = 0;
  forEachGroup(addresses, bytes, [&](ArrayRef<int64_t> group) {
    needed += llvm::any_of(group, [](int64_t address) { return address >= 0; });
  });
  return countBankCycles(addresses, bytes) - needed;
}

int64_t heed::tile::vectorElements(const Layout &layout, const SharedLayout &shared, int64_t elementBytes,
                                   int64_t vectorBytes) {
  if (shared.getOrder().empty())
    return 1;
  int64_t elements = int64_t(1) << layout.contiguousBits(shared.getOrder().front()).size();
  elements = std::min(elements, vectorBytes / elementBytes);
  if (shared.isSwizzled())
    elements = std::min(elements, shared.getChunkBytes() / elementBytes);
  elements = std::max<int64_t>(elements, 1);
  while (shared.rowBytes(layout.shape(), elementBytes) % (elements * elementBytes) != 0)
    elements /= 2;
  return elements;
}

namespace {

/// Compares candidates for one tile.
class SharedPlanner {
public:
  SharedPlanner(ArrayRef<SharedAccess> accesses, int64_t elementBytes, int64_t vectorBytes,
                const SharedDemands &demands)
      : accesses(accesses), elementBytes(elementBytes), vectorBytes(vectorBytes), demands(demands),
        shape(accesses.front().layout.shape()) {}

  SharedPlan run() {
    if (shape.empty())
      consider(SharedLayout());
    for (int64_t fastest = int64_t(shape.size()) - 1; fastest >= 0; --fastest)
      if (demands.fastest.value_or(fastest) == fastest)
        considerOrder(fastest);
    return best;
  }

private:
  // The first accesses show the pattern; the others repeat it elsewhere.
  static constexpr size_t sampledVectors = 4;

  /// Returns whether there are no conflicts.
  bool consider(const SharedLayout &layout);
  void considerOrder(unsigned fastest);
  void count(const SharedAccess &access, SharedPlan &plan, int64_t &instructions) const;
  bool needsAddress(const Layout &layout, const SharedLayout &shared, int64_t reg) const;

  ArrayRef<SharedAccess> accesses;
  int64_t elementBytes, vectorBytes;
  const SharedDemands &demands;
  Coordinates shape;
  SharedPlan best;
  std::tuple<int64_t, int64_t> bestCost = {-1, 0};
};

void SharedPlanner::count(const SharedAccess &access, SharedPlan &plan, int64_t &instructions) const {
  const Layout &layout = access.layout;
  int64_t elements = vectorElements(layout, plan.layout, elementBytes, vectorBytes), bytes = elements * elementBytes;
  uint64_t freeRegisters = layout.freeVariableMask(Input::Register);
  uint64_t freeLanes = access.isStore ? layout.freeVariableMask(Input::Lane) : 0;
  SmallVector<int64_t> firsts;
  for (ArrayRef<int64_t> group : layout.vectorGroups(shape.empty() ? 0 : plan.layout.getOrder().front(), elements))
    if ((group.front() & freeRegisters) == 0)
      firsts.push_back(group.front());
  int64_t cycles = 0, conflicts = 0, made = 0;
  SmallVector<int64_t> addresses;
  ArrayRef<int64_t> sampled = ArrayRef<int64_t>(firsts).take_front(sampledVectors);
  for (int64_t reg : sampled) {
    addresses.clear();
    for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
      addresses.push_back(lane & freeLanes ? -1
                                           : elementBytes * plan.layout.elementOffset(layout.coordinates(reg, lane, 0),
                                                                                      shape, elementBytes));
    cycles += countBankCycles(addresses, bytes);
    conflicts += countBankConflicts(addresses, bytes);
  }
  for (int64_t reg : firsts)
    made += needsAddress(layout, plan.layout, reg);
  auto scaled = [&](int64_t value) { return llvm::divideCeil(value * firsts.size(), sampled.size()); };
  plan.cycles += scaled(cycles);
  plan.conflicts += scaled(conflicts);
  plan.elements.push_back(elements);
  instructions += firsts.size() + made * demands.addressCost;
}

/// Whether what the register adds to an address depends on the lane.
bool SharedPlanner::needsAddress(const Layout &layout, const SharedLayout &shared, int64_t reg) const {
  if (!shared.isSwizzled() || demands.addressCost == 0)
    return false;
  if (!llvm::isPowerOf2_64(shape[shared.getOrder().front()]))
    return true; // rows and columns are sums, which a swizzle of lanes and registers together is not
  int64_t ofLanes = 0;
  for (Input input : {Input::Lane, Input::Warp})
    for (const Coordinates &base : layout.bases(input))
      ofLanes |= shared.elementOffset(base, shape, elementBytes);
  return (ofLanes & shared.elementOffset(layout.registerOffset(reg), shape, elementBytes)) != 0;
}

bool SharedPlanner::consider(const SharedLayout &layout) {
  if (!layout.findError(shape, elementBytes).empty())
    return false;
  SharedPlan plan;
  plan.layout = layout;
  plan.bytes = layout.sizeInBytes(shape, elementBytes);
  int64_t instructions = 0;
  for (const SharedAccess &access : accesses)
    count(access, plan, instructions);
  std::tuple<int64_t, int64_t> cost = {plan.cycles + instructions, plan.bytes};
  if (std::get<0>(bestCost) < 0 || cost < bestCost) {
    best = plan;
    bestCost = cost;
  }
  return plan.conflicts == 0;
}

void SharedPlanner::considerOrder(unsigned fastest) {
  SmallVector<unsigned, 3> order = {fastest};
  for (unsigned dim = shape.size(); dim-- > 0;)
    if (dim != fastest)
      order.push_back(dim);
  if (consider(SharedLayout(order)))
    return;
  int64_t rowBytes = shape[fastest] * elementBytes, piece = std::min(demands.pieceBytes, rowBytes & -rowBytes);
  int64_t leastChunk = std::max(elementBytes, piece);
  auto considerSwizzles = [&] {
    for (int64_t chunk = vectorBytes; chunk >= leastChunk; chunk /= 2)
      for (int64_t rowsPerPhase = 1; rowsPerPhase <= 8; rowsPerPhase *= 2)
        for (int64_t phases = 2; phases <= 32; phases *= 2)
          if (consider(SharedLayout(order, chunk, rowsPerPhase, phases)))
            return true;
    return false;
  };
  if (!demands.isLinear && considerSwizzles() && demands.addressCost == 0)
    return;
  for (int64_t pad = vectorBytes; pad >= elementBytes; pad /= 2)
    if (pad % piece == 0 && consider(SharedLayout(order, /*chunkBytes=*/vectorBytes, 1, 1, pad)))
      return;
}

} // namespace

SharedPlan heed::tile::planShared(ArrayRef<SharedAccess> accesses, int64_t elementBytes, int64_t vectorBytes,
                                  const SharedDemands &demands) {
  return SharedPlanner(accesses, elementBytes, vectorBytes, demands).run();
}
