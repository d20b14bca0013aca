//===- KernelText.cpp - Mechanisms as programs ----------------------------===//

#include "tests/numerics/KernelText.h"

#include <cstdio>

using namespace heed::numerics;

namespace {
/// A graph input: its name, its dimensions (numbers, or symbols by name) and its element type.
struct Argument {
  std::string name;
  std::vector<std::string> dims;
  std::string element;
  bool strided = false;

  std::string type() const {
    std::string text = "tensor<";
    for (const std::string &dim : dims)
      text += (isNumber(dim) ? dim : "?") + "x";
    return text + element + ">";
  }
  static bool isNumber(const std::string &dim) { return dim[0] >= '0' && dim[0] <= '9'; }
};

/// Writes one module. Regions see the captures under the name of the input.
class TextWriter {
public:
  explicit TextWriter(const Mechanism &mechanism) : m(mechanism) {}

  std::string write() {
    listArguments();
    listSymbols();
    writeHeader();
    writeAttend();
    text += "  return %out : " + outType() + "\n}\n";
    return text;
  }

private:
  std::string number(int64_t value) { return std::to_string(value); }
  std::string storage() { return mlirName(m.storage); }
  std::string outType() {
    return Argument{"out", {"batch", number(m.queryHeads), "rows", number(m.valueWidth)}, storage()}.type();
  }

  /// Of keys or values: of all sequences, or of a pool of pages.
  std::vector<std::string> cacheSizes(int64_t width) {
    if (m.pageSize != 0)
      return {"pool", number(m.keyHeads), number(m.pageSize), number(width)};
    return {"batch", number(m.keyHeads), "keys", number(width)};
  }

  void listArguments() {
    auto add = [&](std::vector<Argument> &list, bool has, Argument argument) {
      if (has)
        list.push_back(std::move(argument));
    };
    operands = {{"query", {"batch", number(m.queryHeads), "rows", number(m.keyWidth)}, storage(), true},
                {"key", cacheSizes(m.keyWidth), storage(), true},
                {"value", cacheSizes(m.valueWidth), storage(), true}};
    add(operands, m.lengths, {"kv_length", {"batch"}, "i64"});
    add(operands, m.offsets, {"q_offset", {"batch"}, "i64"});
    add(operands, m.sink, {"sink", {number(m.queryHeads)}, "f32"});
    add(operands, m.pageSize != 0, {"pages", {"batch", "entries"}, "i32"});
    add(captures, m.alibi, {"slopes", {number(m.queryHeads)}, "f32"});
    add(captures, m.distances != 0, {"table", {"1", number(m.queryHeads), "1", number(m.distances)}, storage(), true});
    add(captures, m.window, {"window_left", {}, "i64"});
    add(captures, m.window, {"window_right", {}, "i64"});
    add(captures, m.prefix, {"prefix", {}, "i64"});
    add(captures, m.documents, {"query_documents", {"batch", "rows"}, "i32"});
    add(captures, m.documents, {"key_documents", {"batch", "keys"}, "i32"});
    add(captures, m.mask != MaskKind::None,
        {"mask",
         {m.maskPerBatch ? "batch" : "1", m.maskPerHead ? number(m.queryHeads) : "1", m.maskPerRow ? "rows" : "1",
          "keys"},
         m.mask == MaskKind::Bool ? "i1" : mlirName(m.maskStorage()),
         true});
  }

  std::vector<Argument> allArguments() {
    std::vector<Argument> all = operands;
    all.insert(all.end(), captures.begin(), captures.end());
    return all;
  }

  /// The symbol of a stride, or the number it is.
  std::string strideOf(const Argument &argument, size_t dim) const {
    if (m.contiguousRows && dim + 1 == argument.dims.size())
      return "1";
    return argument.name + ".stride" + std::to_string(dim);
  }

  void listSymbols() {
    symbols = {"batch", "rows", "keys"};
    if (m.pageSize != 0)
      symbols = {"batch", "rows", "pool", "entries"};
    for (const Argument &argument : allArguments())
      for (size_t dim = 0; argument.strided && dim + (m.contiguousRows ? 1 : 0) < argument.dims.size(); ++dim)
        symbols.push_back(strideOf(argument, dim));
  }

  std::string symbolReference(const std::string &name) {
    for (size_t i = 0; i < symbols.size(); ++i)
      if (symbols[i] == name)
        return "s" + std::to_string(i);
    return name;
  }

  /// An affine map over all symbols with the given results, numbers or symbols by name.
  std::string map(const std::vector<std::string> &results) {
    std::string list = "affine_map<()[";
    for (size_t i = 0; i < symbols.size(); ++i)
      list += (i ? ", s" : "s") + std::to_string(i);
    list += "] -> (";
    for (size_t i = 0; i < results.size(); ++i)
      list += (i ? ", " : "") + symbolReference(results[i]);
    return list + ")>";
  }

  void writeHeader() {
    text = "// " + m.name + "\nfunc.func @attend(";
    const char *separator = "";
    for (const Argument &argument : allArguments()) {
      text += separator + ("\n    %" + argument.name) + ": " + argument.type() + " {plan.name = \"" + argument.name +
              "\", plan.shape = " + map(argument.dims);
      if (argument.strided) {
        std::vector<std::string> strides;
        for (size_t dim = 0; dim < argument.dims.size(); ++dim)
          strides.push_back(strideOf(argument, dim));
        text += ", plan.strides = " + map(strides);
      }
      text += "}";
      separator = ",";
    }
    text += "\n  ) -> (" + outType() + " {plan.name = \"out\"}) attributes {plan.symbols = [";
    for (size_t i = 0; i < symbols.size(); ++i)
      text += (i ? ", \"" : "\"") + symbols[i] + "\"";
    text += "]} {\n";
  }

  void writeAttend() {
    text += "  %out = attn.attend";
    for (const Argument &operand : operands)
      text += " " + operand.name + "(%" + operand.name + " : " + operand.type() + ")\n     ";
    if (!captures.empty()) {
      std::string names, types;
      for (const Argument &capture : captures) {
        names += (names.empty() ? "%" : ", %") + capture.name;
        types += (types.empty() ? "" : ", ") + capture.type();
      }
      text += " captures(" + names + " : " + types + ")\n     ";
    }
    char scale[40];
    std::snprintf(scale, sizeof scale, "%.17e", static_cast<double>(m.scale));
    text += std::string(" scale ") + scale;
    if (m.softcap != 0 || m.alibi || m.distances != 0 || m.mask == MaskKind::Float)
      writeScore();
    if (m.causal || m.window || m.documents || m.mask == MaskKind::Bool)
      writeKeep();
    text += "\n    -> " + outType() + "\n";
  }

  void openRegion(const char *name, const char *leading) {
    text += std::string("\n    ") + name + " {\n    ^bb0(" + leading +
            "%b: index, %h: index, %i: index, %j: index, %pos: index";
    for (const Argument &capture : captures)
      text += ", %the_" + capture.name + ": " + capture.type();
    text += "):\n";
  }

  void line(const std::string &statement) { text += "      " + statement + "\n"; }

  void writeMaskExtract(const std::string &element) {
    if (!m.maskPerBatch || !m.maskPerHead || !m.maskPerRow)
      line("%zero = arith.constant 0 : index");
    line(std::string("%entry = tensor.extract %the_mask[") + (m.maskPerBatch ? "%b" : "%zero") + ", " +
         (m.maskPerHead ? "%h" : "%zero") + ", " + (m.maskPerRow ? "%i" : "%zero") +
         ", %j] : " + captures.back().type());
    if (element == "f16" || element == "bf16")
      line("%bias = arith.extf %entry : " + element + " to f32");
  }

  void writeScore() {
    openRegion("score", "%s: f32, ");
    std::string score = "%s";
    if (m.softcap != 0) {
      char cap[40];
      std::snprintf(cap, sizeof cap, "%.9e", static_cast<double>(m.softcap));
      line(std::string("%cap = arith.constant ") + cap + " : f32");
      line("%scaled = arith.divf " + score + ", %cap : f32");
      line("%bent = math.tanh %scaled : f32");
      line("%capped = arith.mulf %cap, %bent : f32");
      score = "%capped";
    }
    if (m.alibi) {
      line("%slope = tensor.extract %the_slopes[%h] : " + tensorOf("slopes"));
      line("%distance = arith.subi %j, %pos : index");
      line("%distance_i32 = arith.index_cast %distance : index to i32");
      line("%distance_f32 = arith.sitofp %distance_i32 : i32 to f32");
      line("%ramp = arith.mulf %slope, %distance_f32 : f32");
      line("%ramped = arith.addf " + score + ", %ramp : f32");
      score = "%ramped";
    }
    if (m.distances != 0)
      score = writeTableEntry(score);
    if (m.mask == MaskKind::Float) {
      writeMaskExtract(mlirName(m.maskStorage()));
      line("%biased = arith.addf " + score + ", " + (m.maskStorage() == StorageType::F32 ? "%entry" : "%bias") +
           " : f32");
      score = "%biased";
    }
    line("attn.yield " + score + " : f32");
    text += "    }";
  }

  /// The score with the entry of its distance added.
  std::string writeTableEntry(const std::string &score) {
    line("%first = arith.constant 0 : index");
    line("%middle = arith.constant " + number(m.distances / 2) + " : index");
    line("%last = arith.constant " + number(m.distances - 1) + " : index");
    line("%back = arith.subi %pos, %j : index");
    line("%from_first = arith.addi %back, %middle : index");
    line("%not_before = arith.maxsi %from_first, %first : index");
    line("%place = arith.minsi %not_before, %last : index");
    bool isSmall = m.storage != StorageType::F32;
    line(std::string(isSmall ? "%stored" : "%of_distance") +
         " = tensor.extract %the_table[%first, %h, %first, %place] : " + tensorOf("table"));
    if (isSmall)
      line("%of_distance = arith.extf %stored : " + storage() + " to f32");
    line("%placed = arith.addf " + score + ", %of_distance : f32");
    return "%placed";
  }

  std::string tensorOf(const std::string &name) {
    for (const Argument &capture : captures)
      if (capture.name == name)
        return capture.type();
    return "";
  }

  void writeScalar(const std::string &name) {
    line("%" + name + "_i64 = tensor.extract %the_" + name + "[] : tensor<i64>");
    line("%" + name + "_index = arith.index_cast %" + name + "_i64 : i64 to index");
  }

  /// Appends `%result = op %left, %right` unless there is no left side yet; returns the name that now holds the value.
  std::string combine(const char *op, const std::string &left, const std::string &right, const std::string &result) {
    if (left.empty())
      return right;
    line(result + " = arith." + op + " " + left + ", " + right + " : i1");
    return result;
  }

  void writeKeep() {
    openRegion("keep", "");
    std::string keep;
    if (m.causal) {
      line("%not_later = arith.cmpi sle, %j, %pos : index");
      keep = "%not_later";
    }
    if (m.window) {
      writeScalar("window_left");
      writeScalar("window_right");
      line("%first = arith.subi %pos, %window_left_index : index");
      line("%last = arith.addi %pos, %window_right_index : index");
      line("%from_first = arith.cmpi sge, %j, %first : index");
      line("%to_last = arith.cmpi sle, %j, %last : index");
      line("%near = arith.andi %from_first, %to_last : i1");
      keep = combine("andi", keep, "%near", "%inside");
    }
    if (m.prefix) {
      writeScalar("prefix");
      line("%in_prefix = arith.cmpi slt, %j, %prefix_index : index");
      keep = combine("ori", keep, "%in_prefix", "%ruled");
    }
    if (m.documents) {
      line("%row_document = tensor.extract %the_query_documents[%b, %i] : " + tensorOf("query_documents"));
      line("%key_document = tensor.extract %the_key_documents[%b, %j] : " + tensorOf("key_documents"));
      line("%same_document = arith.cmpi eq, %row_document, %key_document : i32");
      keep = combine("andi", keep, "%same_document", "%in_document");
    }
    if (m.mask == MaskKind::Bool) {
      writeMaskExtract("i1");
      keep = combine("andi", keep, "%entry", "%allowed");
    }
    line("attn.yield " + keep + " : i1");
    text += "    }";
  }

  const Mechanism &m;
  std::vector<Argument> operands, captures;
  std::vector<std::string> symbols;
  std::string text;
};
} // namespace

std::string heed::numerics::writeKernelText(const Mechanism &mechanism) { return TextWriter(mechanism).write(); }
