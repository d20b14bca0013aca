// From the FlatBuffers manifest to the structs of PlanModel.h.
#ifndef HEED_RUNTIME_MANIFESTDECODER_H
#define HEED_RUNTIME_MANIFESTDECODER_H

#include "runtime/PackageFormat.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

namespace heed::rt {

/// Runs the FlatBuffers verifier and decodes. Every reference to a section is checked and becomes a span of `file`; all
/// other rules are left to the plan verifier.
Status decodeManifest(std::span<const std::byte> manifest, std::span<const std::byte> file,
                      std::span<const SectionEntry> sections, Package &package);

} // namespace heed::rt

#endif // HEED_RUNTIME_MANIFESTDECODER_H
