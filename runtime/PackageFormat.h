// The bytes of a .heed package around its FlatBuffers manifest. All numbers are little-endian.
//
//   PackageHeader                at 0
//   SectionEntry[sectionCount]   at sectionTableOffset
//   manifest (package.fbs)       at manifestOffset, 8-aligned
//   sections                     constants at a page boundary, each code section 64-aligned
//
// Padding is zero, the order is fixed and nothing depends on time or place, so one model always gives the same bytes.
#ifndef HEED_RUNTIME_PACKAGEFORMAT_H
#define HEED_RUNTIME_PACKAGEFORMAT_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace heed::rt {

static_assert(std::endian::native == std::endian::little, "the package format is read in place on little-endian hosts");

inline constexpr char packageMagic[8] = {'\x89', 'H', 'E', 'E', 'D', '\r', '\n', '\x1a'};
/// Changes whenever an older reader would misread a newer package.
inline constexpr uint32_t packageVersion = 3; // 2: tensor maps of variants; 3: zeroed buffers

inline constexpr uint64_t constantAlignment = 64;
inline constexpr uint64_t codeAlignment = 64;
inline constexpr uint64_t pageAlignment = 4096;
inline constexpr uint64_t manifestAlignment = 8;

struct PackageHeader {
  char magic[8];
  uint32_t version;
  uint32_t headerBytes; // sizeof(PackageHeader) of the writer
  uint64_t fileBytes;
  uint64_t manifestOffset;
  uint64_t manifestBytes;
  uint64_t sectionTableOffset;
  uint64_t sectionCount;
  uint64_t manifestHash;
  /// Of the section table followed by this header with this field zero.
  uint64_t headerHash;
};
static_assert(sizeof(PackageHeader) == 72);

enum class SectionKind : uint32_t { constants = 1, code = 2 };

struct SectionEntry {
  uint32_t kind;
  uint32_t reserved;
  uint64_t offset;
  uint64_t bytes;
  uint64_t hash;
};
static_assert(sizeof(SectionEntry) == 32);

/// 64-bit XXH3.
uint64_t hashBytes(std::span<const std::byte> bytes);

/// The same hash of bytes that arrive in pieces.
class StreamHash {
public:
  StreamHash();
  ~StreamHash();
  StreamHash(const StreamHash &) = delete;
  StreamHash &operator=(const StreamHash &) = delete;

  void add(std::span<const std::byte> bytes);
  uint64_t finish() const;

private:
  struct State;
  State *state;
};

/// What PackageHeader::headerHash must be.
uint64_t hashHeader(PackageHeader header, std::span<const SectionEntry> sections);

} // namespace heed::rt

#endif // HEED_RUNTIME_PACKAGEFORMAT_H
