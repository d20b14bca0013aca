#include "runtime/PackageFormat.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace heed::rt {

uint64_t hashBytes(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

struct StreamHash::State {
  XXH3_state_t hash;
};

StreamHash::StreamHash() : state(new State) { XXH3_64bits_reset(&state->hash); }
StreamHash::~StreamHash() { delete state; }
void StreamHash::add(std::span<const std::byte> bytes) { XXH3_64bits_update(&state->hash, bytes.data(), bytes.size()); }
uint64_t StreamHash::finish() const { return XXH3_64bits_digest(&state->hash); }

uint64_t hashHeader(PackageHeader header, std::span<const SectionEntry> sections) {
  header.headerHash = 0;
  uint64_t table = hashBytes(std::as_bytes(sections));
  return XXH3_64bits_withSeed(&header, sizeof(header), table);
}

} // namespace heed::rt
