#include "dialects/tile/Layout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace heed::tile;

// A tile's elements and the registers of a lane are enumerated by those who use a layout; both stay far below this.
static constexpr int64_t maxElements = int64_t(1) << 24;
static constexpr unsigned maxRegisterBits = 24, maxThreadBits = 10;

Layout::Layout(llvm::ArrayRef<int64_t> baseShape, const Bases &registers, const Bases &lanes, const Bases &warps,
               llvm::ArrayRef<Repeat> repeats, std::optional<Cut> cut)
    : extents(baseShape), vectors{registers, lanes, warps}, grid(repeats), end(cut) {
  canonicalise();
}

std::optional<int64_t> Layout::firstMissingWarp() const {
  const Bases &warps = warpBases();
  int64_t step = extents[end->dim];
  // The highest bits of the warp count along the dimension, and no other bits do.
  for (size_t bit = warps.size(); bit-- > 0 && step > 1;) {
    step /= 2;
    Coordinates unit(rank(), 0);
    unit[end->dim] = step;
    if (warps[bit] != unit)
      return std::nullopt;
    if (end->size % step == 0)
      return end->size / step << bit;
  }
  return std::nullopt;
}

void Layout::canonicalise() {
  llvm::erase_if(grid, [](const Repeat &repeat) { return repeat.count == 1; });
  while (!grid.empty()) {
    Repeat &first = grid.front();
    while (first.count % 2 == 0) {
      Coordinates step(rank(), 0);
      step[first.dim] = extents[first.dim];
      vectors[unsigned(Input::Register)].push_back(step);
      extents[first.dim] *= 2;
      first.count /= 2;
    }
    if (first.count != 1)
      return;
    grid.erase(grid.begin());
  }
}

static std::string rangeError(llvm::ArrayRef<int64_t> baseShape, const Bases &vectors, const char *name) {
  for (const Coordinates &vector : vectors) {
    if (vector.size() != baseShape.size())
      return llvm::formatv("a basis vector of {0} has {1} entries in a tile of rank {2}", name, vector.size(),
                           baseShape.size());
    for (auto [dim, entry] : llvm::enumerate(vector))
      if (entry < 0 || entry >= baseShape[dim])
        return llvm::formatv("a basis vector of {0} reaches {1} along dimension {2}, where the base tile has {3}", name,
                             entry, dim, baseShape[dim]);
  }
  return {};
}

/// Rounds up the first dimension without repeats that is not a power of two.
static std::optional<Cut> cutBase(llvm::MutableArrayRef<int64_t> baseShape, llvm::ArrayRef<Repeat> repeats) {
  for (auto [dim, size] : llvm::enumerate(baseShape)) {
    bool isRepeated = llvm::any_of(repeats, [dim = dim](const Repeat &repeat) { return repeat.dim == dim; });
    if (llvm::isPowerOf2_64(size) || isRepeated)
      continue;
    Cut cut{unsigned(dim), size};
    size = llvm::PowerOf2Ceil(size);
    return cut;
  }
  return std::nullopt;
}

std::string Layout::findError(llvm::ArrayRef<int64_t> shape, const Bases &registers, const Bases &lanes,
                              const Bases &warps, llvm::ArrayRef<Repeat> repeats) {
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 1 || size > maxElements || (elements *= size) > maxElements)
      return llvm::formatv("a tile has 1 to {0} elements", maxElements);
  }
  llvm::SmallVector<int64_t> baseShape(shape);
  llvm::SmallVector<bool> seen(shape.size(), false);
  for (const Repeat &repeat : repeats) {
    if (repeat.dim >= shape.size() || seen[repeat.dim])
      return "repeats must name different dimensions of the tile";
    if (repeat.count < 1 || shape[repeat.dim] % repeat.count != 0)
      return llvm::formatv("{0} repeats do not divide dimension {1} of size {2}", repeat.count, repeat.dim,
                           shape[repeat.dim]);
    seen[repeat.dim] = true;
    baseShape[repeat.dim] /= repeat.count;
  }
  std::optional<Cut> cut = cutBase(baseShape, repeats);
  for (auto [dim, size] : llvm::enumerate(baseShape))
    if (!llvm::isPowerOf2_64(size))
      return llvm::formatv("dimension {0} of the base tile is {1}: it must be a power of two, the rest repeats", dim,
                           size);
  for (auto [vectors, name] : {std::pair{&registers, "register"}, {&lanes, "lane"}, {&warps, "warp"}})
    if (std::string error = rangeError(baseShape, *vectors, name); !error.empty())
      return error;
  for (auto [count, limit, name] : {std::tuple{lanes.size(), maxThreadBits, "lane"},
                                    {warps.size(), maxThreadBits, "warp"},
                                    {registers.size(), maxRegisterBits, "register"}})
    if (count > limit)
      return llvm::formatv("{0} has {1} basis vectors, at most {2} are possible", name, count, limit);
  Layout layout(baseShape, registers, lanes, warps, repeats, cut);
  if (cut && !layout.firstMissingWarp())
    return llvm::formatv("dimension {0} ends at {1}, where no warp begins", cut->dim, cut->size);
  if (layout.numRegisters() > int64_t(1) << maxRegisterBits)
    return llvm::formatv("a lane has {0} registers, at most {1} are possible", layout.numRegisters(),
                         int64_t(1) << maxRegisterBits);
  if (!layout.matrix().isSurjective())
    return "some elements have no owner: the basis vectors must span the base tile";
  return {};
}

Layout Layout::get(llvm::ArrayRef<int64_t> shape, const Bases &registers, const Bases &lanes, const Bases &warps,
                   llvm::ArrayRef<Repeat> repeats) {
  llvm::SmallVector<int64_t> baseShape(shape);
  for (const Repeat &repeat : repeats)
    baseShape[repeat.dim] /= repeat.count;
  std::optional<Cut> cut = cutBase(baseShape, repeats);
  return Layout(baseShape, registers, lanes, warps, repeats, cut);
}

Coordinates Layout::shape() const {
  Coordinates sizes(extents);
  for (const Repeat &repeat : grid)
    sizes[repeat.dim] *= repeat.count;
  if (end)
    sizes[end->dim] = end->size;
  return sizes;
}

int64_t Layout::numElements() const {
  int64_t elements = 1;
  for (int64_t size : shape())
    elements *= size;
  return elements;
}

int64_t Layout::size(Input input) const {
  int64_t values = int64_t(1) << bases(input).size();
  if (input == Input::Register)
    for (const Repeat &repeat : grid)
      values *= repeat.count;
  if (input == Input::Warp && end)
    return *firstMissingWarp();
  return values;
}

static void addVectors(Coordinates &sum, const Bases &vectors, int64_t value) {
  for (auto [bit, vector] : llvm::enumerate(vectors))
    if (value >> bit & 1)
      for (auto [entry, addend] : llvm::zip_equal(sum, vector))
        entry ^= addend;
}

Coordinates Layout::coordinates(int64_t reg, int64_t lane, int64_t warp) const {
  Coordinates sum(rank(), 0);
  addVectors(sum, registerBases(), reg & (numBaseRegisters() - 1));
  addVectors(sum, laneBases(), lane);
  addVectors(sum, warpBases(), warp);
  int64_t copy = reg >> registerBases().size();
  for (const Repeat &repeat : grid) {
    sum[repeat.dim] += copy % repeat.count * extents[repeat.dim];
    copy /= repeat.count;
  }
  return sum;
}

/// Per dimension the bits any of the vectors touches.
static Coordinates touchedBits(unsigned rank, std::initializer_list<const Bases *> groups) {
  Coordinates bits(rank, 0);
  for (const Bases *vectors : groups)
    for (const Coordinates &vector : *vectors)
      for (auto [entry, part] : llvm::zip_equal(bits, vector))
        entry |= part;
  return bits;
}

bool Layout::isSeparable() const {
  Coordinates ofRegisters = touchedBits(rank(), {&registerBases()});
  Coordinates ofThreads = touchedBits(rank(), {&laneBases(), &warpBases()});
  return llvm::all_of(llvm::zip_equal(ofRegisters, ofThreads),
                      [](auto pair) { return (std::get<0>(pair) & std::get<1>(pair)) == 0; });
}

llvm::SmallVector<BitField> Layout::bitFields(Input input, unsigned dim) const {
  llvm::SmallVector<BitField> fields;
  for (auto [bit, vector] : llvm::enumerate(bases(input)))
    for (uint64_t rest = vector[dim]; rest; rest &= rest - 1) {
      unsigned from = bit, to = llvm::countr_zero(rest);
      auto previous = llvm::find_if(fields, [&](const BitField &field) {
        return field.from + field.width == from && field.to + field.width == to;
      });
      if (previous != fields.end())
        ++previous->width;
      else
        fields.push_back({from, 1, to});
    }
  return fields;
}

BitMatrix Layout::matrix() const {
  unsigned outputBits = 0;
  llvm::SmallVector<unsigned, 3> shifts;
  for (int64_t extent : extents) {
    shifts.push_back(outputBits);
    outputBits += llvm::Log2_64(extent);
  }
  llvm::SmallVector<uint64_t> columns;
  for (const Bases &group : vectors)
    for (const Coordinates &vector : group) {
      uint64_t column = 0;
      for (auto [shift, entry] : llvm::zip_equal(shifts, vector))
        column |= uint64_t(entry) << shift;
      columns.push_back(column);
    }
  return BitMatrix(outputBits, columns);
}

uint64_t Layout::freeVariableMask(Input input) const {
  uint64_t mask = matrix().dependentInputs();
  for (unsigned before = 0; before < unsigned(input); ++before)
    mask >>= vectors[before].size();
  return mask & ((uint64_t(1) << bases(input).size()) - 1);
}

bool Layout::isInjective() const { return matrix().isInjective(); }

uint64_t Layout::flatten(llvm::ArrayRef<int64_t> coordinates) const {
  uint64_t flat = 0;
  unsigned shift = 0;
  for (auto [extent, coordinate] : llvm::zip_equal(extents, coordinates)) {
    flat |= uint64_t(coordinate & (extent - 1)) << shift;
    shift += llvm::Log2_64(extent);
  }
  return flat;
}

int64_t Layout::copyOf(llvm::ArrayRef<int64_t> coordinates) const {
  int64_t copy = 0, stride = 1;
  for (const Repeat &repeat : grid) {
    copy += coordinates[repeat.dim] / extents[repeat.dim] * stride;
    stride *= repeat.count;
  }
  return copy << registerBases().size();
}

Owner Layout::ownerOf(llvm::ArrayRef<int64_t> coordinates) const {
  int64_t inputs = matrix().solve(flatten(coordinates)).value_or(0);
  unsigned registerBits = registerBases().size(), laneBits = laneBases().size();
  Owner owner;
  owner.reg = (inputs & (numBaseRegisters() - 1)) | copyOf(coordinates);
  owner.lane = inputs >> registerBits & ((int64_t(1) << laneBits) - 1);
  owner.warp = inputs >> (registerBits + laneBits);
  return owner;
}

std::optional<int64_t> Layout::registerAt(llvm::ArrayRef<int64_t> offset) const {
  for (auto [size, coordinate] : llvm::zip_equal(shape(), offset))
    if (coordinate < 0 || coordinate >= size)
      return std::nullopt;
  // Bits that depend on lower ones stay zero, so this is the lowest such register.
  BitMatrix all = matrix();
  BitMatrix registers(all.outputBits(), all.columns().take_front(registerBases().size()));
  std::optional<uint64_t> reg = registers.solve(flatten(offset));
  if (!reg)
    return std::nullopt;
  return int64_t(*reg) | copyOf(offset);
}

llvm::SmallVector<unsigned> Layout::contiguousBits(unsigned dim) const {
  llvm::SmallVector<unsigned> bits;
  for (int64_t step = 1; step < extents[dim]; step *= 2) {
    Coordinates unit(rank(), 0);
    unit[dim] = step;
    auto found = llvm::find(registerBases(), unit);
    unsigned touching = 0;
    for (const Bases &group : vectors)
      touching += llvm::count_if(group, [&](const Coordinates &vector) { return (vector[dim] & step) != 0; });
    if (found == registerBases().end() || touching != 1)
      break;
    bits.push_back(found - registerBases().begin());
  }
  return bits;
}

int64_t Layout::contiguousRegisters(unsigned dim) const {
  llvm::SmallVector<unsigned> bits = contiguousBits(dim);
  unsigned count = 0;
  while (count < bits.size() && bits[count] == count)
    ++count;
  return int64_t(1) << count;
}

llvm::SmallVector<llvm::SmallVector<int64_t>> Layout::vectorGroups(unsigned dim, int64_t width) const {
  llvm::SmallVector<unsigned> bits;
  if (width > 1)
    bits = contiguousBits(dim);
  bits.truncate(llvm::Log2_64(width));
  int64_t mask = 0;
  for (unsigned bit : bits)
    mask |= int64_t(1) << bit;
  llvm::SmallVector<llvm::SmallVector<int64_t>> groups;
  for (int64_t first = 0, end = numRegisters(); first < end; ++first) {
    if (first & mask)
      continue;
    llvm::SmallVector<int64_t> &group = groups.emplace_back();
    for (int64_t step = 0; step < width; ++step) {
      group.push_back(first);
      for (auto [position, bit] : llvm::enumerate(bits))
        group.back() |= (step >> position & 1) << bit;
    }
  }
  return groups;
}

bool Layout::operator==(const Layout &other) const {
  return extents == other.extents && grid == other.grid && end == other.end &&
         std::equal(std::begin(vectors), std::end(vectors), std::begin(other.vectors));
}

llvm::hash_code heed::tile::hash_value(const Layout &layout) {
  llvm::hash_code code = llvm::hash_combine_range(layout.extents);
  for (const Bases &group : layout.vectors) {
    code = llvm::hash_combine(code, group.size());
    for (const Coordinates &vector : group)
      code = llvm::hash_combine(code, llvm::hash_combine_range(vector));
  }
  for (const Repeat &repeat : layout.grid)
    code = llvm::hash_combine(code, repeat.dim, repeat.count);
  if (layout.end)
    code = llvm::hash_combine(code, layout.end->dim, layout.end->size);
  return code;
}

static void printList(llvm::raw_ostream &stream, llvm::ArrayRef<int64_t> values) {
  stream << '[';
  llvm::interleaveComma(values, stream);
  stream << ']';
}

void Layout::print(llvm::raw_ostream &stream) const {
  printList(stream, shape());
  for (auto [input, name] : {std::pair{Input::Register, "register"}, {Input::Lane, "lane"}, {Input::Warp, "warp"}}) {
    if (bases(input).empty())
      continue;
    stream << ", " << name << " = [";
    llvm::interleaveComma(bases(input), stream, [&](const Coordinates &vector) { printList(stream, vector); });
    stream << ']';
  }
  if (grid.empty())
    return;
  stream << ", repeat = [";
  llvm::interleaveComma(grid, stream,
                        [&](const Repeat &repeat) { printList(stream, {int64_t(repeat.dim), repeat.count}); });
  stream << ']';
}

std::string Layout::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  print(stream);
  return text;
}
