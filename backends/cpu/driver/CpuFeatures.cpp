#include "backends/cpu/driver/CpuFeatures.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace heed::rt {

static void readCacheSizes(DeviceInfo &info) {
  auto size = [](int name, int64_t fallback) {
    long value = ::sysconf(name);
    return value > 0 ? static_cast<int64_t>(value) : fallback;
  };
  info.properties[static_cast<size_t>(DeviceProperty::l1Bytes)] = size(_SC_LEVEL1_DCACHE_SIZE, 32 * 1024);
  info.properties[static_cast<size_t>(DeviceProperty::l2Bytes)] = size(_SC_LEVEL2_CACHE_SIZE, 512 * 1024);
}

#if defined(__x86_64__)
namespace {

struct CpuidLeaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;

  CpuidLeaf(unsigned leaf, unsigned subleaf) {
    if (!__get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx))
      eax = ebx = ecx = edx = 0;
  }
};

bool bit(unsigned word, unsigned index) { return (word >> index) & 1; }
bool allBits(unsigned word, unsigned mask) { return (word & mask) == mask; }

/// Which register files the operating system saves (XCR0).
uint64_t savedState(const CpuidLeaf &leaf1) {
  if (!bit(leaf1.ecx, 27)) // OSXSAVE
    return 0;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t(high) << 32) | low;
}

std::string brandName() {
  char text[49] = {};
  if (CpuidLeaf(0x80000000u, 0).eax < 0x80000004u)
    return "x86-64 processor";
  for (unsigned i = 0; i < 3; ++i) {
    CpuidLeaf leaf(0x80000002u + i, 0);
    std::memcpy(text + 16 * i, &leaf, 16);
  }
  std::string name = text;
  name.erase(name.find_last_not_of(' ') + 1);
  return name;
}

} // namespace

static int supportedLevel(const CpuidLeaf &leaf1, const CpuidLeaf &leaf7, const CpuidLeaf &extended, uint64_t saved) {
  constexpr uint64_t avxState = 0x6, avx512State = 0xe6;
  // cmpxchg16b, popcnt, sse3, sse4.1, sse4.2, ssse3; lahf
  unsigned v2 = (1u << 13) | (1u << 23) | (1u << 0) | (1u << 19) | (1u << 20) | (1u << 9);
  if (!allBits(leaf1.ecx, v2) || !bit(extended.ecx, 0))
    return 1;
  // avx, f16c, fma, movbe; avx2, bmi1, bmi2; lzcnt
  unsigned v3 = (1u << 28) | (1u << 29) | (1u << 12) | (1u << 22);
  unsigned v3Leaf7 = (1u << 5) | (1u << 3) | (1u << 8);
  if (!allBits(leaf1.ecx, v3) || !allBits(leaf7.ebx, v3Leaf7) || !bit(extended.ecx, 5) ||
      (saved & avxState) != avxState)
    return 2;
  // avx512f, dq, cd, bw, vl
  unsigned v4 = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31);
  if (!allBits(leaf7.ebx, v4) || (saved & avx512State) != avx512State)
    return 3;
  return 4;
}

static void addExtensions(const CpuidLeaf &leaf7, uint64_t saved, DeviceInfo &info) {
  constexpr uint64_t amxState = (uint64_t(1) << 17) | (uint64_t(1) << 18);
  CpuidLeaf leaf71(7, 1);
  auto add = [&](bool present, const char *name) {
    if (present)
      info.features.insert(name);
  };
  add(bit(leaf7.ecx, 11), "avx512vnni");
  add(bit(leaf71.eax, 5), "avx512bf16");
  add(bit(leaf7.edx, 23), "avx512fp16");
  bool amx = (saved & amxState) == amxState;
  add(amx && bit(leaf7.edx, 24), "amx-tile");
  add(amx && bit(leaf7.edx, 22), "amx-bf16");
}

Status describeCpu(const std::string &isaLimit, DeviceInfo &info) {
  constexpr const char *levels[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
  info.kind = "cpu";
  info.memoryIsHost = true;
  info.name = brandName();
  readCacheSizes(info);
  CpuidLeaf leaf1(1, 0), leaf7(7, 0), extended(0x80000001u, 0);
  uint64_t saved = savedState(leaf1);
  int supported = supportedLevel(leaf1, leaf7, extended, saved);
  int level = supported;
  if (!isaLimit.empty()) {
    auto *found =
        std::find_if(std::begin(levels), std::end(levels), [&](const char *name) { return isaLimit == name; });
    if (found == std::end(levels))
      return error(Code::invalidArgument, "unknown instruction set '", isaLimit,
                   "'; known are x86-64, x86-64-v2, x86-64-v3 and x86-64-v4");
    level = static_cast<int>(found - std::begin(levels)) + 1;
    if (level > supported)
      return error(Code::unsupported, "instruction set ", isaLimit, " was asked for, this machine has ",
                   levels[supported - 1]);
  }
  for (int i = 0; i < level; ++i)
    info.features.insert(levels[i]);
  if (level == 4 && isaLimit.empty())
    addExtensions(leaf7, saved, info);
  constexpr int64_t vectorBytes[] = {16, 16, 32, 64};
  info.properties[static_cast<size_t>(DeviceProperty::vectorBytes)] = vectorBytes[level - 1];
  return {};
}

#else

Status describeCpu(const std::string &isaLimit, DeviceInfo &info) {
  if (!isaLimit.empty())
    return error(Code::invalidArgument, "instruction sets can be limited on x86-64 only, got '", isaLimit, "'");
  info.kind = "cpu";
  info.memoryIsHost = true;
#if defined(__aarch64__)
  info.name = "aarch64 processor";
  info.features.insert("aarch64");
#endif
  readCacheSizes(info);
  info.properties[static_cast<size_t>(DeviceProperty::vectorBytes)] = 16;
  return {};
}

#endif

} // namespace heed::rt
