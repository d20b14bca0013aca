/// Layouts made from scratch and from other layouts.
#include "dialects/tile/Layout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace heed::tile;

static int64_t powerOfTwoPart(int64_t value) { return value & -value; }

llvm::SmallVector<unsigned, 3> heed::tile::rowMajor(unsigned rank) {
  llvm::SmallVector<unsigned, 3> order(rank);
  std::iota(order.rbegin(), order.rend(), 0);
  return order;
}

Layout Layout::blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> perThread, llvm::ArrayRef<int64_t> lanes,
                       llvm::ArrayRef<int64_t> warps, llvm::ArrayRef<unsigned> order) {
  llvm::SmallVector<int64_t> reached(shape.size(), 1), limit;
  for (int64_t size : shape)
    limit.push_back(powerOfTwoPart(size));
  auto take = [&](Bases &vectors, llvm::ArrayRef<int64_t> counts, bool replicate) {
    for (unsigned dim : order)
      for (int64_t count = counts[dim]; count > 1; count /= 2) {
        Coordinates vector(shape.size(), 0);
        if (reached[dim] < limit[dim]) {
          vector[dim] = reached[dim];
          reached[dim] *= 2;
        } else if (!replicate) {
          break;
        }
        vectors.push_back(vector);
      }
  };
  Bases registerVectors, laneVectors, warpVectors;
  take(registerVectors, perThread, /*replicate=*/false);
  take(laneVectors, lanes, /*replicate=*/true);
  take(warpVectors, warps, /*replicate=*/true);
  llvm::SmallVector<Repeat, 3> repeats;
  for (unsigned dim : order)
    repeats.push_back({dim, shape[dim] / reached[dim]});
  return Layout(reached, registerVectors, laneVectors, warpVectors, repeats);
}

Layout Layout::coalesced(llvm::ArrayRef<int64_t> shape, int64_t vector, int64_t lanes, int64_t warps,
                         llvm::ArrayRef<unsigned> order) {
  llvm::SmallVector<unsigned, 3> rowMajorOrder = rowMajor(shape.size());
  if (order.empty())
    order = rowMajorOrder;
  llvm::SmallVector<int64_t, 3> left, counts[3];
  for (int64_t size : shape)
    left.push_back(powerOfTwoPart(size));
  const int64_t wanted[] = {vector, lanes, warps};
  for (unsigned position = 0; position < 3; ++position) {
    counts[position].assign(shape.size(), 1);
    int64_t remaining = llvm::bit_floor(uint64_t(wanted[position]));
    // A vector lies along the fastest dimension; lanes and warps go on to the next ones.
    for (unsigned dim : position == 0 ? order.take_front(1) : order) {
      int64_t count = std::min(remaining, left[dim]);
      counts[position][dim] = count;
      left[dim] /= count;
      remaining /= count;
    }
  }
  Layout layout = blocked(shape, counts[0], counts[1], counts[2], order);
  return layout.padded(Input::Lane, lanes).padded(Input::Warp, warps);
}

Layout Layout::replicated(llvm::ArrayRef<int64_t> shape, int64_t lanes, int64_t warps) {
  return coalesced(shape, 1, 1, 1).padded(Input::Lane, lanes).padded(Input::Warp, warps);
}

template <typename Function> Layout Layout::mapped(llvm::ArrayRef<int64_t> baseShape, Function function) const {
  Bases groups[3];
  for (auto [from, to] : llvm::zip_equal(vectors, groups))
    for (const Coordinates &vector : from)
      to.push_back(function(vector));
  return Layout(baseShape, groups[0], groups[1], groups[2], {});
}

template <typename Function> std::optional<Cut> Layout::movedCut(Function dimension) const {
  return end ? std::optional(Cut{unsigned(dimension(end->dim)), end->size}) : std::nullopt;
}

Layout Layout::slice(unsigned dim) const {
  auto without = [&](llvm::ArrayRef<int64_t> entries) {
    Coordinates kept(entries);
    kept.erase(kept.begin() + dim);
    return kept;
  };
  Layout result = mapped(without(extents), without);
  uint64_t surplus = result.freeVariableMask(Input::Register);
  Bases registers;
  for (auto [bit, vector] : llvm::enumerate(result.registerBases()))
    if (!(surplus >> bit & 1))
      registers.push_back(vector);
  llvm::SmallVector<Repeat, 3> repeats;
  for (const Repeat &repeat : grid)
    if (repeat.dim != dim)
      repeats.push_back({repeat.dim - (repeat.dim > dim), repeat.count});
  std::optional<Cut> rest;
  if (end && end->dim != dim)
    rest = movedCut([&](unsigned from) { return from - (from > dim); });
  return Layout(result.extents, registers, result.laneBases(), result.warpBases(), repeats, rest);
}

std::optional<Layout> Layout::condense(unsigned dim) const {
  if (!isInjective() || (end && end->dim == dim))
    return std::nullopt;
  Layout rest = slice(dim).expand(dim);
  for (Input input : {Input::Lane, Input::Warp})
    for (auto [from, to] : llvm::zip_equal(bases(input), rest.vectors[unsigned(input)])) {
      if (from[dim] == 0)
        continue;
      if (llvm::any_of(to, [](int64_t other) { return other != 0; }))
        return std::nullopt;
      to[dim] = rest.extents[dim];
      rest.extents[dim] *= 2;
    }
  // Where registers of a lane move along the dimension and another, lanes may hold parts of one place without being
  // apart along it.
  if (!rest.isInjective())
    return std::nullopt;
  return rest;
}

Layout Layout::expand(unsigned dim) const {
  auto with = [&](llvm::ArrayRef<int64_t> entries, int64_t added) {
    Coordinates result(entries);
    result.insert(result.begin() + dim, added);
    return result;
  };
  Layout result = mapped(with(extents, 1), [&](const Coordinates &vector) { return with(vector, 0); });
  for (const Repeat &repeat : grid)
    result.grid.push_back({repeat.dim + (repeat.dim >= dim), repeat.count});
  result.end = movedCut([&](unsigned from) { return from + (from >= dim); });
  return result;
}

Layout Layout::transpose(llvm::ArrayRef<unsigned> permutation) const {
  auto permuted = [&](llvm::ArrayRef<int64_t> entries) {
    Coordinates result;
    for (unsigned from : permutation)
      result.push_back(entries[from]);
    return result;
  };
  auto to = [&](unsigned from) { return unsigned(llvm::find(permutation, from) - permutation.begin()); };
  Layout result = mapped(permuted(extents), permuted);
  for (const Repeat &repeat : grid)
    result.grid.push_back({to(repeat.dim), repeat.count});
  result.end = movedCut(to);
  return result;
}

Layout Layout::product(const Layout &outer) const {
  auto scaled = [&](const Coordinates &vector) {
    Coordinates result;
    for (auto [entry, extent] : llvm::zip_equal(vector, extents))
      result.push_back(entry * extent);
    return result;
  };
  Bases groups[3];
  for (unsigned input = 0; input < 3; ++input) {
    groups[input] = vectors[input];
    llvm::append_range(groups[input], llvm::map_range(outer.vectors[input], scaled));
  }
  std::optional<Cut> cut = outer.end;
  if (cut)
    cut->size *= extents[cut->dim];
  return Layout(scaled(Coordinates(outer.extents)), groups[0], groups[1], groups[2], outer.grid, cut);
}

std::optional<Layout> Layout::divide(const Layout &inner) const {
  if (inner.rank() != rank() || !inner.grid.empty() || inner.end)
    return std::nullopt;
  Coordinates rest;
  for (auto [extent, innerExtent] : llvm::zip_equal(extents, inner.extents)) {
    if (extent % innerExtent != 0)
      return std::nullopt;
    rest.push_back(extent / innerExtent);
  }
  Bases groups[3];
  for (unsigned input = 0; input < 3; ++input) {
    llvm::ArrayRef<Coordinates> all = vectors[input], first = inner.vectors[input];
    if (all.size() < first.size() || all.take_front(first.size()) != first)
      return std::nullopt;
    for (const Coordinates &vector : all.drop_front(first.size())) {
      Coordinates &quotient = groups[input].emplace_back();
      for (auto [entry, innerExtent] : llvm::zip_equal(vector, inner.extents)) {
        if (entry % innerExtent != 0)
          return std::nullopt;
        quotient.push_back(entry / innerExtent);
      }
    }
  }
  std::optional<Cut> cut = end;
  if (cut && cut->size % inner.extents[cut->dim] != 0)
    return std::nullopt;
  if (cut)
    cut->size /= inner.extents[cut->dim];
  return Layout(rest, groups[0], groups[1], groups[2], grid, cut);
}

Layout Layout::repeated(unsigned dim, int64_t count) const {
  llvm::SmallVector<Repeat, 3> repeats(grid);
  auto found = llvm::find_if(repeats, [&](const Repeat &repeat) { return repeat.dim == dim; });
  if (found != repeats.end())
    found->count *= count;
  else
    repeats.push_back({dim, count});
  return Layout(extents, registerBases(), laneBases(), warpBases(), repeats, end);
}

Layout Layout::spread(Input input, unsigned dim, int64_t count) const {
  Layout result = *this;
  if (!llvm::isPowerOf2_64(count))
    result.end = Cut{dim, extents[dim] * count};
  for (count = llvm::PowerOf2Ceil(count); count > 1; count /= 2) {
    Coordinates vector(rank(), 0);
    vector[dim] = result.extents[dim];
    result.vectors[unsigned(input)].push_back(vector);
    result.extents[dim] *= 2;
  }
  return result;
}

Layout Layout::padded(Input input, int64_t size) const {
  Layout result = *this;
  Bases &group = result.vectors[unsigned(input)];
  while (int64_t(1) << group.size() < size)
    group.emplace_back(rank(), 0);
  return result;
}

Layout Layout::compose(const BitMatrix &inputs) const {
  BitMatrix composed = matrix().compose(inputs);
  Layout result = *this;
  unsigned column = 0;
  for (Bases &group : result.vectors)
    for (Coordinates &vector : group) {
      uint64_t flat = composed.column(column++);
      for (auto [entry, extent] : llvm::zip_equal(vector, extents)) {
        entry = flat & (extent - 1);
        flat >>= llvm::Log2_64(extent);
      }
    }
  return result;
}

Layout Layout::withOddRepeats(llvm::SmallVectorImpl<int64_t> &from) const {
  llvm::SmallVector<int64_t, 3> even(rank(), 1), odd(rank(), 1);
  for (const Repeat &repeat : grid) {
    even[repeat.dim] = powerOfTwoPart(repeat.count);
    odd[repeat.dim] = repeat.count / even[repeat.dim];
  }
  Layout result = *this;
  result.grid.clear();
  for (unsigned dim = 0; dim < rank(); ++dim)
    result = result.spread(Input::Register, dim, even[dim]);
  for (unsigned dim = 0; dim < rank(); ++dim)
    if (odd[dim] != 1)
      result.grid.push_back({dim, odd[dim]});
  from.clear();
  for (int64_t reg = 0, end = numRegisters(); reg < end; ++reg) {
    int64_t rest = reg >> registerBases().size(), copy = 0, stride = 1;
    llvm::SmallVector<int64_t, 3> index(rank(), 0);
    for (unsigned dim = 0; dim < rank(); rest /= even[dim++])
      index[dim] = rest % even[dim];
    for (unsigned dim = 0; dim < rank(); rest /= odd[dim++])
      index[dim] += rest % odd[dim] * even[dim];
    for (const Repeat &repeat : grid) {
      copy += index[repeat.dim] * stride;
      stride *= repeat.count;
    }
    from.push_back((reg & (numBaseRegisters() - 1)) | copy << registerBases().size());
  }
  return result;
}
