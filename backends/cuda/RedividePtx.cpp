#include "backends/cuda/RedividePtx.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace heed;

constexpr StringLiteral entryWord = ".entry ", takingWord = "setmaxnreg.inc.sync.aligned.u32",
                        givingWord = "setmaxnreg.dec.sync.aligned.u32";

/// The name of the only kernel; empty where there is another number of them.
static StringRef onlyKernel(StringRef ptx) {
  StringRef behind = ptx.split(entryWord).second;
  return behind.contains(entryWord) ? StringRef() : behind.split('(').first;
}

/// Appends a line, with all that is called `from` called `to`.
static void appendRenamed(std::string &text, StringRef line, StringRef from, StringRef to) {
  while (line.contains(from)) {
    auto [before, behind] = line.split(from);
    (text += before) += to;
    line = behind;
  }
  text += line;
}

bool cuda::hasRoles(StringRef ptx) { return ptx.contains(takingWord); }

std::optional<std::string> cuda::redividePtx(StringRef ptx, const RoleDivision &division) {
  StringRef name = onlyKernel(ptx);
  if (name.empty() || !hasRoles(ptx))
    return std::nullopt;
  std::string text;
  text.reserve(ptx.size());
  ListSeparator newLine("\n");
  for (StringRef line : split(ptx, '\n')) {
    text += StringRef(newLine);
    bool takes = line.contains(takingWord);
    if (takes || line.contains(givingWord))
      text += (line.rtrim("0123456789;") + Twine(takes ? division.more : division.fewer) + ";").str();
    else
      appendRenamed(text, line, name, division.name);
  }
  return text;
}
