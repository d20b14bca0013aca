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

  bool run();
  LaneExchange exchange() const;

private:
  static BitMatrix ownersOf(const Layout &layout) {
    BitMatrix all = layout.matrix();
    return BitMatrix(all.outputBits(), all.columns().drop_back(layout.warpBases().size()));
  }
  bool findOwners();
  void findDetours();
  bool receiveInPlace();
  bool receiveAnywhere();
  void choose(unsigned lane, uint64_t way);

  unsigned registerBits, laneBits, resultBits;
  BitMatrix source, wanted;
  BitMatrix registerByRegister, laneByRegister;
  SmallVector<uint64_t> registerByLane, laneByLane, received; ///< columns, by bit of the lane
  /// What a lane may do to take from another lane: choose another owner of the same elements (the first ones, with the
  /// register that differs in detourRegisters), or receive another register (one way for each of its bits).
  SmallVector<uint64_t> detourRegisters, ways;
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
  registerByLane = columns[2];
  laneByLane = columns[3];
  received.assign(laneBits, 0);
  return true;
}

void ExchangePlanner::findDetours() {
  uint64_t dependent = source.dependentInputs();
  for (unsigned bit = 0; bit < source.inputBits(); ++bit)
    if (dependent >> bit & 1) {
      uint64_t same = *source.solve(source.column(bit)) ^ uint64_t(1) << bit;
      detourRegisters.push_back(same & ((uint64_t(1) << registerBits) - 1));
      ways.push_back(same >> registerBits);
    }
  llvm::append_range(ways, laneByRegister.columns());
}

/// Lets a bit of the lane take the ways of a mask.
void ExchangePlanner::choose(unsigned lane, uint64_t way) {
  for (unsigned index = 0; index < ways.size(); ++index) {
    if (!(way >> index & 1))
      continue;
    if (index < detourRegisters.size()) {
      registerByLane[lane] ^= detourRegisters[index];
      laneByLane[lane] ^= ways[index];
    } else {
      received[lane] ^= uint64_t(1) << (index - detourRegisters.size());
    }
  }
}

/// Shuffles by XOR: every bit of the source lane is that of the lane.
bool ExchangePlanner::receiveInPlace() {
  SmallVector<uint64_t> chosen;
  for (unsigned lane = 0; lane < laneBits; ++lane) {
    std::optional<uint64_t> way = BitMatrix(laneBits, ways).solve(laneByLane[lane] ^ uint64_t(1) << lane);
    if (!way)
      return false;
    chosen.push_back(*way);
  }
  for (unsigned lane = 0; lane < laneBits; ++lane)
    choose(lane, chosen[lane]);
  return true;
}

/// Different lanes take from different lanes. Those that would not take one of the ways.
bool ExchangePlanner::receiveAnywhere() {
  SmallVector<uint64_t> taken;
  uint64_t dependent = BitMatrix(laneBits, laneByLane).dependentInputs();
  for (unsigned lane = 0; lane < laneBits; ++lane)
    if (!(dependent >> lane & 1))
      taken.push_back(laneByLane[lane]);
  for (unsigned lane = 0; lane < laneBits; ++lane)
    for (unsigned way = 0; way < ways.size() && (dependent >> lane & 1); ++way) {
      SmallVector<uint64_t> more = taken;
      more.push_back(laneByLane[lane] ^ ways[way]);
      if (!BitMatrix(laneBits, more).isInjective())
        continue;
      taken = more;
      choose(lane, uint64_t(1) << way);
      break;
    }
  return taken.size() == laneBits;
}

bool ExchangePlanner::run() {
  if (!findOwners())
    return false;
  findDetours();
  return receiveInPlace() || receiveAnywhere();
}

LaneExchange ExchangePlanner::exchange() const {
  BitMatrix received(resultBits, this->received);
  BitMatrix sourceLane = sum(BitMatrix(laneBits, laneByLane), laneByRegister.compose(received));
  BitMatrix offeredTo = sum(BitMatrix(registerBits, registerByLane), registerByRegister.compose(received));
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
