#include "runtime/PackageReader.h"

#include "runtime/ManifestDecoder.h"
#include "runtime/PlanVerifier.h"

#include <cstring>

namespace heed::rt {
namespace {

template <typename... Pieces> Status damaged(const Pieces &...pieces) {
  return error(Code::badPackage, "damaged package: ", pieces...);
}

/// Whether [offset, offset + size) lies inside a file of `total` bytes.
bool inside(uint64_t offset, uint64_t size, uint64_t total) { return offset <= total && size <= total - offset; }

Status readHeader(std::span<const std::byte> bytes, PackageHeader &header) {
  if (bytes.size() < sizeof(PackageHeader) || std::memcmp(bytes.data(), packageMagic, sizeof(packageMagic)) != 0)
    return error(Code::badPackage, "no Heed package: it does not start with the format's signature");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != packageVersion)
    return error(Code::version, "package has format version ", header.version, ", this runtime reads version ",
                 packageVersion, "; compile the model again with the matching heedc");
  if (header.fileBytes != bytes.size())
    return damaged("it should have ", header.fileBytes, " bytes and has ", bytes.size());
  if (header.headerBytes != sizeof(PackageHeader))
    return damaged("header of ", header.headerBytes, " bytes");
  return {};
}

Status readSectionTable(std::span<const std::byte> bytes, PackageContents &contents) {
  const PackageHeader &header = contents.header;
  if (header.sectionCount > bytes.size() / sizeof(SectionEntry) ||
      !inside(header.sectionTableOffset, header.sectionCount * sizeof(SectionEntry), bytes.size()))
    return damaged("the section table lies outside the file");
  contents.sections.resize(header.sectionCount);
  if (!contents.sections.empty())
    std::memcpy(contents.sections.data(), bytes.data() + header.sectionTableOffset,
                contents.sections.size() * sizeof(SectionEntry));
  if (hashHeader(header, contents.sections) != header.headerHash)
    return damaged("the header's hash does not match");
  for (size_t i = 0; i < contents.sections.size(); ++i) {
    const SectionEntry &section = contents.sections[i];
    bool constants = section.kind == static_cast<uint32_t>(SectionKind::constants);
    if (!inside(section.offset, section.bytes, bytes.size()) ||
        section.offset % (constants ? pageAlignment : codeAlignment) != 0)
      return damaged("section ", i, " lies outside the file or is misaligned");
  }
  return {};
}

Status checkSectionHashes(std::span<const std::byte> bytes, const PackageContents &contents, bool verifyConstants) {
  for (size_t i = 0; i < contents.sections.size(); ++i) {
    const SectionEntry &section = contents.sections[i];
    bool constants = section.kind == static_cast<uint32_t>(SectionKind::constants);
    if (constants && !verifyConstants)
      continue;
    if (hashBytes(bytes.subspan(section.offset, section.bytes)) != section.hash)
      return damaged("the hash of section ", i, constants ? " (constants)" : " (code)", " does not match");
  }
  return {};
}

} // namespace

Status readPackage(std::span<const std::byte> bytes, bool verifyConstants, PackageContents &contents) {
  HEED_TRY(readHeader(bytes, contents.header));
  HEED_TRY(readSectionTable(bytes, contents));
  const PackageHeader &header = contents.header;
  if (!inside(header.manifestOffset, header.manifestBytes, bytes.size()) ||
      header.manifestOffset % manifestAlignment != 0)
    return damaged("the manifest lies outside the file or is misaligned");
  auto manifest = bytes.subspan(header.manifestOffset, header.manifestBytes);
  if (hashBytes(manifest) != header.manifestHash)
    return damaged("the manifest's hash does not match");
  HEED_TRY(checkSectionHashes(bytes, contents, verifyConstants));
  HEED_TRY(decodeManifest(manifest, bytes, contents.sections, contents.package).within("damaged package"));
  return verifyPackage(contents.package).within("damaged package");
}

} // namespace heed::rt
