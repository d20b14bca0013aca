#include "runtime/tools/Npy.h"

#include "runtime/AtomicFile.h"
#include "runtime/HostCopy.h"
#include "runtime/PlanModel.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/stat.h>

namespace heed::rt {
namespace {

constexpr std::string_view npyMagic("\x93NUMPY", 6);

template <typename... Pieces> Status badNpy(const Pieces &...pieces) {
  return error(Code::invalidArgument, "no valid npy file: ", pieces...);
}

struct Descriptor {
  std::string_view text;
  ElementType type;
};

constexpr Descriptor descriptors[] = {
    {"<f8", ElementType::f64},  {"<f4", ElementType::f32},     {"<f2", ElementType::f16}, {"|V2", ElementType::bf16},
    {"<V2", ElementType::bf16}, {"<i8", ElementType::i64},     {"<i4", ElementType::i32}, {"<i2", ElementType::i16},
    {"|i1", ElementType::i8},   {"<u8", ElementType::u64},     {"<u4", ElementType::u32}, {"<u2", ElementType::u16},
    {"|u1", ElementType::u8},   {"|b1", ElementType::boolean},
};

/// The Python dictionary literal at the start of a file: three known keys in any order.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : rest(text) {}

  Status parse(std::string_view &descriptor, bool &fortran, std::vector<int64_t> &sizes) {
    bool seen[3] = {};
    HEED_TRY(expect('{'));
    while (!accept('}')) {
      std::string_view key;
      HEED_TRY(string(key));
      HEED_TRY(expect(':'));
      if (key == "descr" && !seen[0]) {
        seen[0] = true;
        HEED_TRY(string(descriptor));
      } else if (key == "fortran_order" && !seen[1]) {
        seen[1] = true;
        HEED_TRY(boolean(fortran));
      } else if (key == "shape" && !seen[2]) {
        seen[2] = true;
        HEED_TRY(tuple(sizes));
      } else {
        return badNpy("unexpected key '", key, "'");
      }
      if (!accept(',')) {
        HEED_TRY(expect('}'));
        break;
      }
    }
    if (!seen[0] || !seen[1] || !seen[2])
      return badNpy("descr, fortran_order or shape is missing");
    return {};
  }

private:
  void skipSpace() {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n'))
      rest.remove_prefix(1);
  }

  bool accept(char wanted) {
    skipSpace();
    if (rest.empty() || rest.front() != wanted)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  Status expect(char wanted) {
    return accept(wanted) ? Status() : badNpy("'", std::string_view(&wanted, 1), "' is missing in its header");
  }

  Status string(std::string_view &value) {
    skipSpace();
    if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
      return badNpy("a quoted string is missing in its header");
    size_t end = rest.find(rest.front(), 1);
    if (end == std::string_view::npos)
      return badNpy("a string in its header does not end");
    value = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return {};
  }

  Status boolean(bool &value) {
    skipSpace();
    for (bool candidate : {false, true})
      if (std::string_view word = candidate ? "True" : "False"; rest.starts_with(word)) {
        value = candidate;
        rest.remove_prefix(word.size());
        return {};
      }
    return badNpy("fortran_order is neither True nor False");
  }

  Status tuple(std::vector<int64_t> &sizes) {
    HEED_TRY(expect('('));
    while (!accept(')')) {
      skipSpace();
      int64_t size;
      auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      if (code != std::errc() || size < 0 || sizes.size() == maxRank)
        return badNpy("its shape is no list of at most ", maxRank, " sizes");
      sizes.push_back(size);
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      if (accept('L')) // written by Python 2
        skipSpace();
      if (!accept(',')) {
        HEED_TRY(expect(')'));
        break;
      }
    }
    return {};
  }

  std::string_view rest;
};

void copyFromFortranOrder(std::span<const std::byte> source, HostTensor &tensor) {
  std::array<int64_t, maxRank> from, to;
  int64_t stride = 1;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    from[i] = stride;
    stride *= tensor.sizes[i];
  }
  stride = 1;
  for (size_t i = tensor.sizes.size(); i-- > 0;) {
    to[i] = stride;
    stride *= tensor.sizes[i];
  }
  copyOnHost(static_cast<uint32_t>(tensor.sizes.size()), tensor.sizes.data(),
             static_cast<uint32_t>(byteWidth(tensor.type)), source.data(), from.data(), tensor.data.data(), to.data());
}

} // namespace

Status parseNpy(std::span<const std::byte> bytes, HostTensor &tensor) {
  if (bytes.size() < 10 || std::memcmp(bytes.data(), npyMagic.data(), npyMagic.size()) != 0)
    return badNpy("it does not start with the format's signature");
  auto byteAt = [&](size_t index) { return static_cast<size_t>(bytes[index]); };
  size_t major = byteAt(6), headerBytes = byteAt(8) | byteAt(9) << 8, start = 10;
  if (major < 1 || major > 3)
    return badNpy("its version is ", major, ", known are 1 to 3");
  if (major > 1) {
    if (bytes.size() < 12)
      return badNpy("it ends in its header");
    headerBytes |= byteAt(10) << 16 | byteAt(11) << 24;
    start = 12;
  }
  if (headerBytes > bytes.size() - start)
    return badNpy("it ends in its header");
  std::string_view header(reinterpret_cast<const char *>(bytes.data()) + start, headerBytes), descriptor;
  bool fortran = false;
  std::vector<int64_t> sizes;
  HEED_TRY(HeaderParser(header).parse(descriptor, fortran, sizes));
  const Descriptor *found = nullptr;
  for (const Descriptor &candidate : descriptors)
    if (candidate.text == descriptor)
      found = &candidate;
  if (!found)
    return error(Code::invalidArgument, "element type '", descriptor,
                 "' is not supported; little-endian floats, integers and bool are");
  std::span<const std::byte> data = bytes.subspan(start + headerBytes);
  int64_t expected = byteWidth(found->type);
  for (int64_t size : sizes)
    if (__builtin_mul_overflow(expected, size, &expected))
      return badNpy("its shape is too large");
  if (static_cast<uint64_t>(expected) != data.size())
    return badNpy("its shape needs ", expected, " bytes of data, it has ", data.size());
  tensor.type = found->type;
  tensor.sizes = std::move(sizes);
  tensor.data.assign(data.begin(), data.end());
  // An empty array may claim sizes whose product with the others overflows.
  if (fortran && !data.empty())
    copyFromFortranOrder(data, tensor);
  return {};
}

Status readFile(const std::string &path, uint64_t limit, std::vector<std::byte> &bytes) {
  auto refused = [&] { return error(Code::io, "cannot read '", path, "': ", std::strerror(errno)); };
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return error(Code::io, "cannot read '", path, "': it is a folder");
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file)
    return refused();
  bytes.clear();
  std::byte block[1 << 16];
  while (size_t count = std::fread(block, 1, sizeof(block), file.get())) {
    if (bytes.size() + count > limit)
      return error(Code::io, "cannot read '", path, "': it has more than ", limit, " bytes");
    bytes.insert(bytes.end(), block, block + count);
  }
  return std::ferror(file.get()) ? refused() : Status();
}

Status readNpy(const std::string &path, HostTensor &tensor) {
  std::vector<std::byte> bytes;
  HEED_TRY(readFile(path, uint64_t(1) << 40, bytes));
  return parseNpy(bytes, tensor).within(path);
}

std::vector<std::byte> formatNpy(const HostTensor &tensor) {
  std::string_view descriptor;
  for (const Descriptor &candidate : descriptors)
    if (candidate.type == tensor.type && descriptor.empty())
      descriptor = candidate.text;
  std::string shape;
  for (int64_t size : tensor.sizes)
    shape += concat(size, tensor.sizes.size() == 1 ? "," : ", ");
  if (tensor.sizes.size() > 1)
    shape.resize(shape.size() - 2);
  std::string header = concat("{'descr': '", descriptor, "', 'fortran_order': False, 'shape': (", shape, "), }");
  // The data starts at a multiple of 64 and the header ends with a newline.
  size_t padded = (10 + header.size() + 1 + 63) / 64 * 64 - 10;
  header.resize(padded - 1, ' ');
  header += '\n';
  std::string start(npyMagic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  start += header;
  auto text = std::as_bytes(std::span(start));
  std::vector<std::byte> bytes(text.begin(), text.end());
  bytes.insert(bytes.end(), tensor.data.begin(), tensor.data.end());
  return bytes;
}

Status writeNpy(const std::string &path, const HostTensor &tensor) {
  AtomicFile file;
  HEED_TRY(file.open(path));
  HEED_TRY(file.write(formatNpy(tensor)));
  return file.commit();
}

} // namespace heed::rt
