/// Tile operations one by one, at every instruction set, against plain loops in double: kernels written by hand that
/// read x (and y), compute, and write out. Sizes divide no vector; extents cut tiles short or leave nothing of them.
#include "tests/unit/cpu/Program.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

using namespace heed::test;

namespace {

/// A flat tensor of some element type, its elements held as double.
struct Elements {
  std::string type;
  std::vector<double> values;
};

heed_element_type typeOf(const std::string &name) {
  static const std::map<std::string, heed_element_type> types = {
      {"f64", HEED_F64}, {"f32", HEED_F32}, {"f16", HEED_F16}, {"bf16", HEED_BF16},
      {"i64", HEED_I64}, {"i32", HEED_I32}, {"i8", HEED_I8}};
  return types.at(name);
}

template <typename Stored> void put(std::vector<std::byte> &bytes, Stored value) {
  const auto *data = reinterpret_cast<const std::byte *>(&value);
  bytes.insert(bytes.end(), data, data + sizeof(Stored));
}

template <typename Stored> double get(const std::byte *bytes, size_t index) {
  Stored value;
  std::memcpy(&value, bytes + index * sizeof(Stored), sizeof(Stored));
  return static_cast<double>(value);
}

/// Values of tests are chosen to be exact in every type they are stored in, so that cutting bits off rounds nothing.
std::vector<std::byte> encode(const Elements &elements) {
  std::vector<std::byte> bytes;
  for (double value : elements.values) {
    if (elements.type == "f64")
      put(bytes, value);
    else if (elements.type == "f32")
      put(bytes, static_cast<float>(value));
    else if (elements.type == "f16")
      put(bytes, static_cast<_Float16>(value));
    else if (elements.type == "bf16")
      put(bytes, static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(value)) >> 16));
    else if (elements.type == "i64")
      put(bytes, static_cast<int64_t>(value));
    else if (elements.type == "i32")
      put(bytes, static_cast<int32_t>(value));
    else
      put(bytes, static_cast<int8_t>(value));
  }
  return bytes;
}

std::vector<double> decode(const std::string &type, const std::vector<std::byte> &bytes, size_t count) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    if (type == "f64")
      values.push_back(get<double>(bytes.data(), i));
    else if (type == "f32")
      values.push_back(get<float>(bytes.data(), i));
    else if (type == "f16")
      values.push_back(get<_Float16>(bytes.data(), i));
    else if (type == "bf16")
      values.push_back(std::bit_cast<float>(static_cast<uint32_t>(get<uint16_t>(bytes.data(), i)) << 16));
    else if (type == "i64")
      values.push_back(get<int64_t>(bytes.data(), i));
    else if (type == "i32")
      values.push_back(get<int32_t>(bytes.data(), i));
    else
      values.push_back(get<int8_t>(bytes.data(), i));
  }
  return values;
}

/// A module whose graph launches one kernel over a grid of one program. The kernel sees %x, %y and %out as flat memory,
/// the numbers %e0 and %e1 that the call gives, and the constants %c0, %c1.
std::string kernel(const std::string &xType, const std::string &yType, const std::string &outType, int64_t outCount,
                   const std::string &body) {
  std::string out = "tensor<" + std::to_string(outCount) + "x" + outType + ">";
  std::string x = "tensor<?x" + xType + ">", y = "tensor<?x" + yType + ">";
  std::string scalars;
  for (const char *name : {"e0", "e1"})
    scalars +=
        std::string(", %") + name + ": tensor<i64> {plan.name = \"" + name + "\", plan.host_scalar = \"" + name + "\"}";
  return "#none = affine_map<()[a, b, c, d] -> (0)>\nfunc.func @main(%x: " + x +
         " {plan.name = \"x\", plan.shape = affine_map<()[a, b, c, d] -> (c)>}, %y: " + y +
         " {plan.name = \"y\", plan.shape = affine_map<()[a, b, c, d] -> (d)>}" + scalars + ") -> (" + out +
         " {plan.name = \"out\"}) attributes {plan.symbols = [\"e0\", \"e1\", \"n\", \"m\"]} {\n" +
         "  %out = plan.launch map \"test\" @kernel(%x, %y) grid affine_map<()[a, b, c, d] -> (1)>" +
         " params affine_map<()[a, b, c, d] -> (a, b)> shapes [affine_map<()[a, b, c, d] -> (" +
         std::to_string(outCount) + ")>] flops #none bytes #none : (" + x + ", " + y + ") -> " + out +
         "\n  return %out : " + out + "\n}\ntile.kernel @kernel(%x: memref<?x" + xType + ">, %y: memref<?x" + yType +
         ">, %out: memref<?x" + outType + ">, %e0: index, %e1: index) attributes {grid_rank = 1 : i64} {\n" +
         "  %c0 = arith.constant 0 : index\n  %c1 = arith.constant 1 : index\n" + body + "\n  tile.return\n}\n";
}

/// "%name = view of %base": rows x columns with these strides.
std::string viewOf(const std::string &name, const std::string &base, const std::string &type, int64_t rows,
                   int64_t columns, int64_t rowStride, int64_t columnStride) {
  std::string sizes = std::to_string(rows) + ", " + std::to_string(columns);
  std::string strides = std::to_string(rowStride) + ", " + std::to_string(columnStride);
  return "  %" + name + " = memref.reinterpret_cast %" + base + " to offset: [0], sizes: [" + sizes + "], strides: [" +
         strides + "] : memref<?x" + type + "> to " + "memref<" + std::to_string(rows) + "x" + std::to_string(columns) +
         "x" + type + ", strided<[" + strides + "]>>\n";
}

std::string viewType(const std::string &type, int64_t rows, int64_t columns, int64_t rowStride, int64_t columnStride) {
  return "memref<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" + type + ", strided<[" +
         std::to_string(rowStride) + ", " + std::to_string(columnStride) + "]>>";
}

/// Small whole numbers: exact in every type, as are their sums and products here.
Elements wholeNumbers(const std::string &type, size_t count, unsigned seed, int low = -8, int high = 8) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> pick(low, high);
  Elements elements{type, {}};
  for (size_t i = 0; i < count; ++i)
    elements.values.push_back(pick(random));
  return elements;
}

class TileOps : public testing::TestWithParam<std::string> {
protected:
  std::vector<double> run(const std::string &text, const Elements &x, const Elements &y, const std::string &outType,
                          size_t outCount, int64_t e0 = 0, int64_t e1 = 0) {
    std::vector<std::byte> xBytes = encode(x), yBytes = encode(y), out(outCount * 8, std::byte{0x5a});
    auto flat = [](std::vector<std::byte> &bytes, const std::string &type, size_t count) {
      int64_t sizes[] = {static_cast<int64_t>(count)};
      return heed::TensorView(bytes.data(), typeOf(type), sizes);
    };
    Program(text).run(GetParam(),
                      {{"x", flat(xBytes, x.type, x.values.size())},
                       {"y", flat(yBytes, y.type, y.values.size())},
                       {"e0", heed::view(&e0, {})},
                       {"e1", heed::view(&e1, {})}},
                      {{"out", flat(out, outType, outCount)}});
    return decode(outType, out, outCount);
  }
};

constexpr int64_t rows = 13, columns = 37;
std::string tile(const std::string &type, int64_t r = rows, int64_t c = columns) {
  return "tensor<" + std::to_string(r) + "x" + std::to_string(c) + "x" + type + ">";
}

/// x, 13 x 37, dense, as %t; then the given operations; then %r, of this shape, to out.
std::string fromTile(const std::string &type, const std::string &outType, int64_t outRows, int64_t outColumns,
                     const std::string &operations) {
  return kernel(type, type, outType, outRows * outColumns,
                viewOf("vx", "x", type, rows, columns, columns, 1) +
                    viewOf("vo", "out", outType, outRows, outColumns, outColumns, 1) +
                    "  %t = tile.load %vx[%c0, %c0] dims [0, 1] : " + viewType(type, rows, columns, columns, 1) +
                    " -> " + tile(type) + "\n" + operations + "\n  tile.store %r, %vo[%c0, %c0] dims [0, 1] : " +
                    tile(outType, outRows, outColumns) + ", " + viewType(outType, outRows, outColumns, outColumns, 1));
}

} // namespace

TEST_P(TileOps, loadAndStoreWithinExtents) {
  struct Walk {
    int64_t rowStride, columnStride;
    bool transposed;
  };
  for (const char *type : {"f32", "f16", "bf16", "f64", "i64", "i32", "i8"})
    for (Walk walk : {Walk{columns, 1, false}, Walk{2 * columns + 5, 2, false}, Walk{columns, 1, true}}) {
      std::string one = std::string(type)[0] == 'i' ? "7" : "7.0";
      std::string load = viewType(type, rows, columns, walk.rowStride, walk.columnStride);
      // Transposed: dimension 0 of the tile walks the view's columns.
      int64_t tileRows = walk.transposed ? columns : rows, tileColumns = walk.transposed ? rows : columns;
      std::string store = viewType(type, tileRows, tileColumns, tileColumns, 1);
      std::string text = kernel(
          type, type, type, tileRows * tileColumns,
          viewOf("vx", "x", type, rows, columns, walk.rowStride, walk.columnStride) +
              viewOf("vo", "out", type, tileRows, tileColumns, tileColumns, 1) + "  %fill = arith.constant " + one +
              " : " + type + "\n  %all = tile.splat %fill : " + tile(type, tileRows, tileColumns) +
              "\n  tile.store %all, %vo[%c0, %c0] dims [0, 1] : " + tile(type, tileRows, tileColumns) + ", " + store +
              "\n  %t = tile.load %vx[%c0, %c0] dims " + (walk.transposed ? "[1, 0]" : "[0, 1]") +
              " extents(%e0, %e1) fill %fill : " + type + " : " + load + " -> " + tile(type, tileRows, tileColumns) +
              "\n  %twice = arith.add" + (one == "7" ? "i" : "f") + " %t, %t : " + tile(type, tileRows, tileColumns) +
              "\n  %w = arith.subi %e1, %c1 : index\n  tile.store %twice, %vo[%c0, %c0] dims [0, 1] extents(%e0, %w) "
              ": " +
              tile(type, tileRows, tileColumns) + ", " + store);
      Elements x = wholeNumbers(type, rows * walk.rowStride, 3);
      for (auto [e0, e1] : {std::pair<int64_t, int64_t>{100, 100},
                            {tileRows, tileColumns},
                            {5, 9},
                            {1, 17},
                            {0, 3},
                            {-4, 2},
                            {tileRows - 1, 1}}) {
        std::vector<double> out = run(text, x, x, type, tileRows * tileColumns, e0, e1);
        for (int64_t i = 0; i < tileRows; ++i)
          for (int64_t j = 0; j < tileColumns; ++j) {
            int64_t at = walk.transposed ? j * walk.rowStride + i * walk.columnStride
                                         : i * walk.rowStride + j * walk.columnStride;
            double expected = i < e0 && j < e1 - 1 ? 2 * x.values[at] : 7;
            ASSERT_EQ(out[i * tileColumns + j], expected)
                << type << " strides " << walk.rowStride << ", " << walk.columnStride << " extents " << e0 << ", " << e1
                << " at " << i << ", " << j;
          }
      }
    }
}

TEST_P(TileOps, reduce) {
  for (const char *type : {"f32", "i32"})
    for (const char *combine : {"add", "max", "min"})
      for (int64_t dim : {0, 1}) {
        int64_t kept = dim == 0 ? columns : rows, along = dim == 0 ? rows : columns;
        std::string vector = "tensor<" + std::to_string(kept) + "x" + type + ">";
        std::string reduced = std::string("tile.reduce ") + combine + " %t along " + std::to_string(dim) +
                              " extent(%e0) : " + tile(type) + " -> " + vector;
        std::string text = fromTile(type, type, kept, 2,
                                    "  %v = " + reduced + "\n  %r = tile.broadcast %v dims [0] : " + vector + " -> " +
                                        tile(type, kept, 2));
        Elements x = wholeNumbers(type, rows * columns, 5);
        for (int64_t extent : {int64_t(1), int64_t(6), along - 1, along, int64_t(1000)}) {
          std::vector<double> out = run(text, x, x, type, kept * 2, extent);
          for (int64_t i = 0; i < kept; ++i) {
            double expected = std::string(combine) == "add" ? 0 : dim == 0 ? x.values[i] : x.values[i * columns];
            for (int64_t j = 0; j < std::min(along, extent); ++j) {
              double value = x.values[dim == 0 ? j * columns + i : i * columns + j];
              expected = combine[0] == 'a'               ? expected + value
                         : std::string(combine) == "max" ? std::max(expected, value)
                                                         : std::min(expected, value);
            }
            ASSERT_EQ(out[2 * i], expected) << type << " " << combine << " along " << dim << " extent " << extent;
            ASSERT_EQ(out[2 * i + 1], expected);
          }
        }
      }
}

TEST_P(TileOps, scan) {
  for (int64_t dim : {0, 1}) {
    std::string text = fromTile("f32", "f32", rows, columns,
                                "  %r = tile.scan add %t along " + std::to_string(dim) + " : " + tile("f32"));
    Elements x = wholeNumbers("f32", rows * columns, 7);
    std::vector<double> out = run(text, x, x, "f32", rows * columns);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double expected = x.values[i * columns + j];
        if (dim == 0 ? i > 0 : j > 0)
          expected += out[dim == 0 ? (i - 1) * columns + j : i * columns + j - 1];
        ASSERT_EQ(out[i * columns + j], expected) << "along " << dim << " at " << i << ", " << j;
      }
  }
}

TEST_P(TileOps, transpose) {
  for (const char *type : {"f32", "bf16", "i32"}) {
    std::string text = fromTile(type, type, columns, rows,
                                "  %r = tile.transpose %t : " + tile(type) + " -> " + tile(type, columns, rows));
    Elements x = wholeNumbers(type, rows * columns, 9);
    std::vector<double> out = run(text, x, x, type, rows * columns);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        ASSERT_EQ(out[j * rows + i], x.values[i * columns + j]) << type;
  }
}

TEST_P(TileOps, dotOfEveryType) {
  for (auto [type, sum] : {std::pair<std::string, std::string>{"f32", "f32"},
                           {"f64", "f64"},
                           {"f16", "f32"},
                           {"bf16", "f32"},
                           {"i8", "i32"}})
    for (auto [m, k, n] : {std::tuple<int64_t, int64_t, int64_t>{13, 37, 21}, {1, 5, 70}, {24, 64, 64}, {9, 1, 3}}) {
      std::string zero = sum[0] == 'i' ? "1" : "1.0";
      std::string text =
          kernel(type, type, sum, m * n,
                 viewOf("vx", "x", type, m, k, k, 1) + viewOf("vy", "y", type, k, n, n, 1) +
                     viewOf("vo", "out", sum, m, n, n, 1) +
                     "  %a = tile.load %vx[%c0, %c0] dims [0, 1] : " + viewType(type, m, k, k, 1) + " -> " +
                     tile(type, m, k) + "\n  %b = tile.load %vy[%c0, %c0] dims [0, 1] : " + viewType(type, k, n, n, 1) +
                     " -> " + tile(type, k, n) + "\n  %init = arith.constant dense<" + zero + "> : " + tile(sum, m, n) +
                     "\n  %r = tile.dot %a, %b, %init : " + tile(type, m, k) + ", " + tile(type, k, n) + " -> " +
                     tile(sum, m, n) + "\n  tile.store %r, %vo[%c0, %c0] dims [0, 1] : " + tile(sum, m, n) + ", " +
                     viewType(sum, m, n, n, 1));
      Elements x = wholeNumbers(type, m * k, 11), y = wholeNumbers(type, k * n, 13);
      std::vector<double> out = run(text, x, y, sum, m * n);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double expected = 1;
          for (int64_t l = 0; l < k; ++l)
            expected += x.values[i * k + l] * y.values[l * n + j];
          ASSERT_EQ(out[i * n + j], expected) << type << " " << m << "x" << k << "x" << n;
        }
    }
}

TEST_P(TileOps, gatherIsHarmlessOutside) {
  std::string indices = tile("i32");
  std::string text = kernel(
      "f32", "i32", "f32", rows * columns,
      viewOf("vy", "y", "i32", rows, columns, columns, 1) + viewOf("vo", "out", "f32", rows, columns, columns, 1) +
          "  %i = tile.load %vy[%c0, %c0] dims [0, 1] : " + viewType("i32", rows, columns, columns, 1) + " -> " +
          indices + "\n  %fill = arith.constant -3.5 : f32\n" +
          "  %vx = memref.reinterpret_cast %x to offset: [0], sizes: [%e0], strides: [2] : memref<?xf32> to "
          "memref<?xf32, strided<[2]>>\n  %r = tile.gather %vx[%i : " +
          indices + "] fill %fill : f32 : memref<?xf32, strided<[2]>> -> " + tile("f32") +
          "\n  tile.store %r, %vo[%c0, %c0] dims [0, 1] : " + tile("f32") + ", " +
          viewType("f32", rows, columns, columns, 1));
  Elements x = wholeNumbers("f32", 100, 15), y = wholeNumbers("i32", rows * columns, 17, -40, 90);
  y.values[3] = std::numeric_limits<int32_t>::max();
  y.values[4] = std::numeric_limits<int32_t>::min();
  std::vector<double> out = run(text, x, y, "f32", rows * columns, 50);
  for (size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], y.values[i] >= 0 && y.values[i] < 50 ? x.values[2 * static_cast<size_t>(y.values[i])] : -3.5);
}

TEST_P(TileOps, triangularInverse) {
  for (int64_t size : {1, 16, 33}) {
    std::string square = tile("f32", size, size), memory = viewType("f32", size, size, size, 1);
    std::string text =
        kernel("f32", "f32", "f32", size * size,
               viewOf("vx", "x", "f32", size, size, size, 1) + viewOf("vo", "out", "f32", size, size, size, 1) +
                   "  %t = tile.load %vx[%c0, %c0] dims [0, 1] : " + memory + " -> " + square +
                   "\n  %r = tile.trinv %t : " + square + "\n  tile.store %r, %vo[%c0, %c0] dims [0, 1] : " + square +
                   ", " + memory);
    Elements x = wholeNumbers("f32", size * size, 19);
    for (double &value : x.values)
      value /= 64;
    std::vector<double> out = run(text, x, x, "f32", size * size);
    // (I + L) out must be I; entries on and above the diagonal of x play no part.
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j) {
        double product = out[i * size + j];
        for (int64_t l = 0; l < i; ++l)
          product += x.values[i * size + l] * out[l * size + j];
        ASSERT_NEAR(product, i == j ? 1 : 0, 1e-5) << size << " at " << i << ", " << j;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, TileOps, testing::ValuesIn(instructionSets()),
                         [](const auto &info) { return testName(info.param); });
