#include "dialects/tile/LayoutConversion.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace heed::tile;
using llvm::ArrayRef;
using llvm::SmallVector;

std::optional<SmallVector<int64_t>> heed::tile::matchRegisters(const Layout &from, const Layout &to) {
  if (from.shape() != to.shape() || from.laneBases() != to.laneBases() || from.warpBases() != to.warpBases())
    return std::nullopt;
  // Lanes and warps contribute alike, by XOR, so offsets decide.
  std::map<Coordinates, int64_t> registers;
  for (int64_t reg = 0, end = from.numRegisters(); reg < end; ++reg)
    registers.try_emplace(from.registerOffset(reg), reg);
  SmallVector<int64_t> matched;
  for (int64_t reg = 0, end = to.numRegisters(); reg < end; ++reg) {
    auto found = registers.find(to.registerOffset(reg));
    if (found == registers.end())
      return std::nullopt;
    matched.push_back(found->second);
  }
  return matched;
}

unsigned LaneExchange::numShuffles() const {
  return llvm::count_if(rounds, [&](const ExchangeRound &round) { return !isLocal(round); });
}

bool Conversion::isIdentity() const {
  return kind == Kind::Registers &&
         llvm::all_of(llvm::enumerate(registers), [](auto pair) { return int64_t(pair.index()) == pair.value(); });
}

namespace {

/// A linear map written as few parities of its input that each add a vector.
struct Parities {
  SmallVector<uint64_t> masks, vectors;

  explicit Parities(const BitMatrix &map) {
    uint64_t dependent = map.dependentInputs();
    for (unsigned bit = 0; bit < map.inputBits(); ++bit)
      if (!(dependent >> bit & 1))
        vectors.push_back(map.column(bit));
    masks.assign(vectors.size(), 0);
    BitMatrix independent(map.outputBits(), vectors);
    for (unsigned bit = 0; bit < map.inputBits(); ++bit) {
      uint64_t parts = independent.solve(map.column(bit)).value_or(0);
      for (auto [part, mask] : llvm::enumerate(masks))
        mask |= (parts >> part & 1) << bit;
    }
  }
  unsigned choices() const { return 1u << vectors.size(); }
  uint64_t vector(unsigned choice) const {
    uint64_t sum = 0;
    for (auto [part, value] : llvm::enumerate(vectors))
      if (choice >> part & 1)
        sum ^= value;
    return sum;
  }
};

BitMatrix sum(const BitMatrix &a, const BitMatrix &b) {
  SmallVector<uint64_t> columns;
  for (auto [x, y] : llvm::zip_equal(a.columns(), b.columns()))
    columns.push_back(x ^ y);
  return BitMatrix(a.outputBits(), columns);
}

/// Finds an exchange within a warp, for layouts whose warps own the same elements and whose repeats are odd and alike.
///
/// Register r of lane l takes its element from register s and lane s' of the source, both linear in r and l:
/// s = registerByRegister r + registerByLane l, s' = laneByRegister r + laneByLane l. In one round, a lane receives the
/// register rho + received l, with `received` chosen such that all lanes take from different lanes; each then
/// offers one register only, and as many rounds as registers do.
class ExchangePlanner {
public:
  ExchangePlanner(const Layout &from, const Layout &to)
      : registerBits(from.registerBases().size()), laneBits(from.laneBases().size()),
        resultBits(to.registerBases().size()), source(ownersOf(from)), wanted(ownersOf(to)) {}

  bool run() { return findOwners() && findReceived(); }
  LaneExchange exchange() const;

private:
  static BitMatrix ownersOf(const Layout &layout) {
    BitMatrix all = layout.matrix();
    return BitMatrix(all.outputBits(), all.columns().drop_back(layout.warpBases().size()));
  }
  bool findOwners();
  bool findReceived();
  bool receiveInPlace();
  bool receiveAnywhere();

  unsigned registerBits, laneBits, resultBits;
  BitMatrix source, wanted;
  BitMatrix registerByRegister, laneByRegister, registerByLane, laneByLane;
  BitMatrix received, sourceLane;
};

bool ExchangePlanner::findOwners() {
  SmallVector<uint64_t> columns[4];
  uint64_t registerMask = (uint64_t(1) << registerBits) - 1;
  for (unsigned bit = 0; bit < resultBits + laneBits; ++bit) {
    bool ofRegister = bit < resultBits;
    unsigned lane = bit - resultBits;
    // A lane looks for its elements in itself first: only the difference must come from elsewhere.
    uint64_t target = wanted.column(bit) ^ (ofRegister ? 0 : source.column(registerBits + lane));
    std::optional<uint64_t> owner = source.solve(target);
    if (!owner)
      return false;
    columns[ofRegister ? 0 : 2].push_back(*owner & registerMask);
    columns[ofRegister ? 1 : 3].push_back(*owner >> registerBits ^ (ofRegister ? 0 : uint64_t(1) << lane));
  }
  registerByRegister = BitMatrix(registerBits, columns[0]);
  laneByRegister = BitMatrix(laneBits, columns[1]);
  registerByLane = BitMatrix(registerBits, columns[2]);
  laneByLane = BitMatrix(laneBits, columns[3]);
  return true;
}

bool ExchangePlanner::receiveInPlace() {
  SmallVector<uint64_t> columns;
  for (unsigned lane = 0; lane < laneBits; ++lane) {
    std::optional<uint64_t> reg = laneByRegister.solve(laneByLane.column(lane) ^ uint64_t(1) << lane);
    if (!reg)
      return false;
    columns.push_back(*reg);
  }
  received = BitMatrix(resultBits, columns);
  return true;
}

bool ExchangePlanner::receiveAnywhere() {
  SmallVector<uint64_t> columns(laneBits, 0), taken;
  uint64_t dependent = laneByLane.dependentInputs();
  for (unsigned lane = 0; lane < laneBits; ++lane)
    if (!(dependent >> lane & 1))
      taken.push_back(laneByLane.column(lane));
  // The other lanes take from the lanes that are left, by receiving another register.
  for (unsigned lane = 0; lane < laneBits; ++lane)
    for (unsigned reg = 0; reg < resultBits && (dependent >> lane & 1); ++reg) {
      SmallVector<uint64_t> more = taken;
      more.push_back(laneByLane.column(lane) ^ laneByRegister.column(reg));
      if (!BitMatrix(laneBits, more).isInjective())
        continue;
      taken = more;
      columns[lane] = uint64_t(1) << reg;
      break;
    }
  received = BitMatrix(resultBits, columns);
  return taken.size() == laneBits;
}

bool ExchangePlanner::findReceived() {
  if (!receiveInPlace() && !receiveAnywhere())
    return false;
  sourceLane = sum(laneByLane, laneByRegister.compose(received));
  return sourceLane.isInjective();
}

LaneExchange ExchangePlanner::exchange() const {
  BitMatrix offeredTo = sum(registerByLane, registerByRegister.compose(received));
  BitMatrix offered = offeredTo.compose(*sourceLane.invert());
  Parities offers(offered), keeps(received);
  LaneExchange result;
  result.offerMasks = offers.masks;
  result.keepMasks = keeps.masks;
  result.sourceLane = sourceLane;
  for (uint64_t rho = 0; rho < uint64_t(1) << resultBits; ++rho) {
    ExchangeRound &round = result.rounds.emplace_back();
    round.laneXor = laneByRegister.apply(rho);
    uint64_t first = registerByRegister.apply(rho) ^ offered.apply(round.laneXor);
    for (unsigned choice = 0; choice < offers.choices(); ++choice)
      round.offered.push_back(first ^ offers.vector(choice));
    SmallVector<unsigned> &kept = result.kept.emplace_back();
    for (unsigned choice = 0; choice < keeps.choices(); ++choice)
      kept.push_back(rho ^ keeps.vector(choice));
  }
  return result;
}

/// The exchange of the base tile done for every odd repeat, with registers numbered as the layouts had them.
LaneExchange repeatExchange(const LaneExchange &base, int64_t repeats, ArrayRef<int64_t> fromNumbers,
                            ArrayRef<int64_t> toNumbers) {
  LaneExchange result = base;
  result.rounds.clear();
  result.kept.assign(toNumbers.size(), {});
  int64_t baseFrom = fromNumbers.size() / repeats, baseTo = toNumbers.size() / repeats;
  for (int64_t repeat = 0; repeat < repeats; ++repeat) {
    for (const auto &[reg, kept] : llvm::enumerate(base.kept))
      for (unsigned round : kept)
        result.kept[toNumbers[repeat * baseTo + reg]].push_back(repeat * base.rounds.size() + round);
    for (ExchangeRound round : base.rounds) {
      for (int64_t &reg : round.offered)
        reg = fromNumbers[repeat * baseFrom + reg];
      result.rounds.push_back(round);
    }
  }
  return result;
}

} // namespace

Conversion heed::tile::planConversion(const Layout &from, const Layout &to) {
  Conversion conversion = {Conversion::Kind::Shared, {}, {}};
  if (std::optional<SmallVector<int64_t>> registers = matchRegisters(from, to)) {
    conversion.kind = Conversion::Kind::Registers;
    conversion.registers = *registers;
    return conversion;
  }
  if (from.shape() != to.shape() || from.numLanes() != to.numLanes() || from.warpBases() != to.warpBases())
    return conversion;
  SmallVector<int64_t> fromNumbers, toNumbers;
  Layout source = from.withOddRepeats(fromNumbers), result = to.withOddRepeats(toNumbers);
  ExchangePlanner planner(source, result);
  if (!planner.run())
    return conversion;
  int64_t repeats = 1;
  for (const Repeat &repeat : source.repeats())
    repeats *= repeat.count;
  conversion.kind = Conversion::Kind::Lanes;
  conversion.exchange = repeatExchange(planner.exchange(), repeats, fromNumbers, toNumbers);
  return conversion;
}
