/// Text and constraint (T15) of the layout attributes.
#include "dialects/tile/Tile.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace heed::tile;

static ParseResult parseIntegers(AsmParser &parser, SmallVectorImpl<int64_t> &values) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                        [&] { return parser.parseInteger(values.emplace_back()); });
}

static ParseResult parseBases(AsmParser &parser, Bases &vectors) {
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    SmallVector<int64_t> entries;
    if (parseIntegers(parser, entries))
      return failure();
    vectors.emplace_back(ArrayRef<int64_t>(entries));
    return success();
  });
}

/// `, name = <value>` as often as they come, each name once; `parseValue` says whether it knows the name.
static ParseResult parseEntries(AsmParser &parser, function_ref<ParseResult(StringRef, bool &)> parseValue) {
  SmallVector<StringRef> seen;
  while (succeeded(parser.parseOptionalComma())) {
    StringRef name;
    SMLoc location = parser.getCurrentLocation();
    if (parser.parseKeyword(&name))
      return failure();
    if (llvm::is_contained(seen, name))
      return parser.emitError(location, "'") << name << "' is given twice";
    seen.push_back(name);
    bool known = true;
    if (parser.parseEqual() || parseValue(name, known))
      return failure();
    if (!known)
      return parser.emitError(location, "a layout has no '") << name << "'";
  }
  return parser.parseGreater();
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  Bases registers, lanes, warps, pairs;
  auto parseValue = [&](StringRef name, bool &known) -> ParseResult {
    Bases *vectors = llvm::StringSwitch<Bases *>(name)
                         .Case("register", &registers)
                         .Case("lane", &lanes)
                         .Case("warp", &warps)
                         .Case("repeat", &pairs)
                         .Default(nullptr);
    known = vectors;
    return known ? parseBases(parser, *vectors) : success();
  };
  if (parser.parseLess() || parseIntegers(parser, shape) || parseEntries(parser, parseValue))
    return {};
  SmallVector<Repeat> repeats;
  for (const Coordinates &pair : pairs) {
    if (pair.size() != 2 || pair[0] < 0 || pair[0] >= static_cast<int64_t>(shape.size())) {
      parser.emitError(location, "T15: a repeat is written [dimension, count]");
      return {};
    }
    repeats.push_back({static_cast<unsigned>(pair[0]), pair[1]});
  }
  if (std::string error = Layout::findError(shape, registers, lanes, warps, repeats); !error.empty()) {
    parser.emitError(location, "T15: ") << error;
    return {};
  }
  return get(parser.getContext(), Layout::get(shape, registers, lanes, warps, repeats));
}

void LayoutAttr::print(AsmPrinter &printer) const { printer << '<' << getLayout().text() << '>'; }

LogicalResult LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                         function_ref<InFlightDiagnostic()> emitError) const {
  if (getLayout().shape() != shape)
    return emitError() << "T15: a layout of shape [" << getLayout().shape() << "] cannot encode a tile of shape ["
                       << shape << "]";
  return success();
}

Attribute SharedLayoutAttr::parse(AsmParser &parser, Type) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> order;
  SharedLayout defaults;
  int64_t chunk = defaults.getChunkBytes(), rowsPerPhase = defaults.getRowsPerPhase(), phases = defaults.getPhases(),
          pad = defaults.getPadBytes(), panel = defaults.getPanelBytes(), lastPanel = defaults.getLastPanelBytes();
  auto parseValue = [&](StringRef name, bool &known) -> ParseResult {
    int64_t *value = llvm::StringSwitch<int64_t *>(name)
                         .Case("chunk", &chunk)
                         .Case("rows_per_phase", &rowsPerPhase)
                         .Case("phases", &phases)
                         .Case("pad", &pad)
                         .Case("panel", &panel)
                         .Case("last_panel", &lastPanel)
                         .Default(nullptr);
    known = value;
    return known ? parser.parseInteger(*value) : success();
  };
  if (parser.parseLess() || parser.parseKeyword("order") || parser.parseEqual() || parseIntegers(parser, order) ||
      parseEntries(parser, parseValue))
    return {};
  if (llvm::any_of(order, [&](int64_t dim) { return dim < 0 || dim >= static_cast<int64_t>(order.size()); })) {
    parser.emitError(location, "T15: order must name every dimension once");
    return {};
  }
  SmallVector<unsigned> dims(order.begin(), order.end());
  return get(parser.getContext(), SharedLayout(dims, chunk, rowsPerPhase, phases, pad, panel, lastPanel));
}

void SharedLayoutAttr::print(AsmPrinter &printer) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  getLayout().print(stream);
  printer << '<' << text << '>';
}

LogicalResult SharedLayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type element,
                                               function_ref<InFlightDiagnostic()> emitError) const {
  if (!element.isIntOrFloat())
    return emitError() << "T15: a tile in shared memory holds numbers, got " << element;
  int64_t bytes = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  if (std::string error = getLayout().findError(shape, bytes); !error.empty())
    return emitError() << "T15: " << error;
  return success();
}
