#include "backends/simt/MultiplyAdd.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace heed;
using tile::Input;
using tile::Layout;

tile::Atom heed::simt::multiplyAdd(tile::Element element, int64_t lanes, int64_t rows, int64_t columns) {
  int64_t rowLanes = int64_t(1) << llvm::Log2_64(lanes) / 2, columnLanes = lanes / rowLanes;
  Layout single = Layout::coalesced({1, 1}, 1, 1, 1);
  Layout left =
      single.spread(Input::Register, 0, rows).padded(Input::Lane, columnLanes).spread(Input::Lane, 0, rowLanes);
  Layout right = single.spread(Input::Register, 1, columns).spread(Input::Lane, 1, columnLanes);
  Layout sum = single.spread(Input::Register, 1, columns)
                   .spread(Input::Register, 0, rows)
                   .spread(Input::Lane, 1, columnLanes)
                   .spread(Input::Lane, 0, rowLanes);
  return {.name = llvm::formatv("fma.{0}x{1}.{2}", rows, columns, tile::stringifyElement(element)),
          .m = rows * rowLanes,
          .n = columns * columnLanes,
          .k = 1,
          .operand = element,
          .accumulator = element,
          .left = left,
          .right = right.padded(Input::Lane, lanes),
          .sum = sum,
          .instruction = "fma"};
}
