// The package format: what is written is read back, and damage is noticed.
#include "runtime/ManifestDecoder.h"
#include "runtime/PackageReader.h"
#include "runtime/package_generated.h"
#include "tests/runtime/RuntimeTest.h"

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

using namespace heed;
using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

/// Bytes at an address that the reader accepts.
struct Aligned {
  rt::PackageBytes bytes;
  explicit Aligned(const std::vector<std::byte> &from) { EXPECT_TRUE(rt::PackageBytes::copy(from, bytes).ok()); }
};

std::string readFailure(const std::vector<std::byte> &bytes, bool verifyConstants = false) {
  Aligned aligned(bytes);
  rt::PackageContents contents;
  rt::Status status = rt::readPackage(aligned.bytes.get(), verifyConstants, contents);
  return std::string(status.message());
}

void flip(std::vector<std::byte> &bytes, uint64_t bit) { bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8); }

TEST(Package, WritingIsDeterministic) {
  EXPECT_EQ(addConstantTwice().write(), addConstantTwice().write());
  EXPECT_EQ(runningSum().write(), runningSum().write());
}

TEST(Package, FileAndMemoryAgree) {
  PackageMaker maker = addConstantTwice();
  std::string path = testing::TempDir() + "same.heed";
  ASSERT_TRUE(rt::writePackageFile(maker.package, path).ok());
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> written = maker.write();
  ASSERT_EQ(text.size(), written.size());
  EXPECT_EQ(std::memcmp(text.data(), written.data(), text.size()), 0);
  std::filesystem::remove(path);
}

TEST(Package, EveryFieldSurvives) {
  PackageMaker maker = addConstantTwice();
  rt::Plan &plan = maker.plan();
  plan.features = {"x86-64"};
  rt::Kernel &kernel = plan.kernels[0];
  kernel.explain = {"root", {"a", "b"}, "schedule", {"note"}, {"code"}};
  kernel.fallback = true;
  rt::Variant special = kernel.variants[0];
  special.features = {"x86-64-v9"};
  special.requirements = {{rt::DeviceProperty::sharedBytes, 1, 2}};
  special.conditions = {{maker.symbol("n"), rt::Relation::greater, maker.constant(3), "why"}};
  special.operandAlignment = 64;
  special.workerScratchBytes = 12345;
  special.workgroup = {32, 2, 1};
  special.sharedBytes = 77;
  special.residentWorkgroups = 3;
  special.hasUnevenPrograms = true;
  special.awaitsPrevious = true;
  special.tensorMaps = {{0,
                         2,
                         maker.constant(32),
                         {maker.symbol("n"), maker.constant(64)},
                         {maker.constant(64), maker.constant(1)},
                         {8, 64},
                         128}};
  kernel.variants.insert(kernel.variants.begin(), special);
  rt::CopyStep copy;
  copy.source = {0, maker.constant(0), {maker.constant(1)}};
  copy.destination = {1, rt::noExpr, {maker.constant(1)}};
  copy.sizes = {maker.symbol("n")};
  plan.steps.push_back(copy);
  uint32_t persistent = maker.buffer(rt::Buffer::persistent(maker.constant(16)));
  rt::CopyStep pack = copy;
  pack.source.buffer = 2;
  pack.destination.buffer = persistent;
  pack.sizes = {maker.constant(4)};
  plan.prepare.push_back(pack);

  Aligned aligned(maker.write());
  rt::PackageContents contents;
  rt::Status status = rt::readPackage(aligned.bytes.get(), true, contents);
  ASSERT_TRUE(status.ok()) << status.message();
  // Writing what was read gives the same bytes, so nothing was lost or changed.
  std::vector<std::byte> again;
  ASSERT_TRUE(rt::writePackage(contents.package, again).ok());
  EXPECT_EQ(again, maker.write());
  const rt::Variant &read = contents.package.plans[0].kernels[0].variants[0];
  EXPECT_EQ(read.features, special.features);
  EXPECT_EQ(read.requirements[0].maximum, 2);
  EXPECT_EQ(read.conditions[0].message, "why");
  EXPECT_EQ(read.operandAlignment, 64u);
  EXPECT_EQ(read.workerScratchBytes, 12345u);
  EXPECT_EQ(read.workgroup[1], 2u);
  EXPECT_EQ(read.sharedBytes, 77u);
  EXPECT_EQ(read.residentWorkgroups, 3u);
  EXPECT_TRUE(read.hasUnevenPrograms);
  EXPECT_TRUE(read.awaitsPrevious);
  EXPECT_EQ(read.tensorMaps[0].box[1], 64u);
  EXPECT_EQ(read.tensorMaps[0].swizzleBytes, 128u);
  EXPECT_TRUE(contents.package.plans[0].kernels[0].fallback);
}

TEST(Package, EqualConstantsAreStoredOnce) {
  PackageMaker maker = addConstantTwice();
  size_t before = maker.write().size();
  std::vector<float> large(100000, 1.5f), twin = large;
  maker.package.constants.push_back({"large", rt::ElementType::f32, {100000}, std::as_bytes(std::span(large))});
  size_t with = maker.write().size();
  EXPECT_GE(with, before + 400000);
  maker.package.constants.push_back({"twin", rt::ElementType::f32, {1000, 100}, std::as_bytes(std::span(twin))});
  EXPECT_LT(maker.write().size(), with + 1000);
}

TEST(Package, ConstantsAreAligned) {
  PackageMaker maker = addConstantTwice();
  uint8_t odd[3] = {1, 2, 3};
  maker.package.constants.insert(maker.package.constants.begin(),
                                 {"odd", rt::ElementType::u8, {3}, std::as_bytes(std::span(odd))});
  maker.plan().buffers[2].index = 1;
  Aligned aligned(maker.write());
  rt::PackageContents contents;
  ASSERT_TRUE(rt::readPackage(aligned.bytes.get(), true, contents).ok());
  for (const rt::ConstantTensor &tensor : contents.package.constants)
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data.data()) % 64, 0u);
}

TEST(Package, NamesBothVersions) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  bytes[8] = std::byte{200};
  EXPECT_THAT(loadFailure(bytes), AllOf(HasSubstr("version 200"), HasSubstr("version 2")));
  auto module = Module::loadMemory(bytes);
  EXPECT_EQ(module.code(), HEED_VERSION);
}

TEST(Package, TruncationIsNoticed) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  for (size_t part = 0; part < 64; ++part) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() * part / 64));
    EXPECT_NE(loadFailure(cut), "");
  }
  bytes.push_back(std::byte{0});
  EXPECT_THAT(loadFailure(bytes), HasSubstr("should have"));
}

TEST(Package, TruncatedFilesAreNoticed) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  std::string path = testing::TempDir() + "cut.heed";
  for (size_t size : {size_t(0), size_t(10), size_t(72), bytes.size() / 2}) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<char *>(bytes.data()), static_cast<std::streamsize>(size));
    EXPECT_THAT(failure(Module::loadFile(path.c_str())), HasSubstr("cut.heed"));
  }
  std::filesystem::remove(path);
  EXPECT_EQ(Module::loadFile(path.c_str()).code(), HEED_NOT_FOUND);
  EXPECT_THAT(failure(Module::loadFile(testing::TempDir().c_str())), HasSubstr("not a regular file"));
}

TEST(Package, EveryFlippedBitOutsideConstantsIsNoticed) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  Aligned aligned(bytes);
  rt::PackageContents contents;
  ASSERT_TRUE(rt::readPackage(aligned.bytes.get(), true, contents).ok());
  std::vector<std::pair<uint64_t, uint64_t>> covered = {
      {0, sizeof(rt::PackageHeader) + contents.sections.size() * sizeof(rt::SectionEntry)},
      {contents.header.manifestOffset, contents.header.manifestBytes}};
  for (const rt::SectionEntry &section : contents.sections)
    if (section.kind == static_cast<uint32_t>(rt::SectionKind::code))
      covered.push_back({section.offset, section.bytes});
  for (auto [offset, size] : covered)
    for (uint64_t bit = 8 * offset; bit < 8 * (offset + size); ++bit) {
      flip(bytes, bit);
      ASSERT_NE(readFailure(bytes), "") << "bit " << bit;
      flip(bytes, bit);
    }
}

TEST(Package, ConstantsAreHashedOnRequest) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  Aligned aligned(bytes);
  rt::PackageContents contents;
  ASSERT_TRUE(rt::readPackage(aligned.bytes.get(), true, contents).ok());
  flip(bytes, 8 * contents.sections[0].offset);
  EXPECT_EQ(readFailure(bytes, false), "");
  EXPECT_THAT(readFailure(bytes, true), HasSubstr("constants"));
}

/// Makes damage that no hash gives away.
void fixHashes(std::vector<std::byte> &bytes) {
  rt::PackageHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.manifestHash = rt::hashBytes(std::span(bytes).subspan(header.manifestOffset, header.manifestBytes));
  std::vector<rt::SectionEntry> sections(header.sectionCount);
  std::memcpy(sections.data(), bytes.data() + header.sectionTableOffset, sections.size() * sizeof(rt::SectionEntry));
  header.headerHash = rt::hashHeader(header, sections);
  std::memcpy(bytes.data(), &header, sizeof(header));
}

TEST(Package, DamageBehindCorrectHashesDoesNotCrash) {
  std::vector<std::byte> bytes = runningSum().write();
  rt::PackageHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::set<std::string> messages;
  for (uint64_t bit = 8 * header.manifestOffset; bit < 8 * (header.manifestOffset + header.manifestBytes); ++bit) {
    flip(bytes, bit);
    fixHashes(bytes);
    messages.insert(readFailure(bytes));
    flip(bytes, bit);
  }
  EXPECT_GT(messages.size(), 20u);
}

TEST(Package, SharedTablesCannotExplode) {
  // Ten thousand plans that are one table in the file: decoded, each would be its own copy.
  flatbuffers::FlatBufferBuilder builder;
  std::vector<rt::fb::Expr> expressions(10000);
  auto pool = builder.CreateVectorOfStructs(expressions);
  auto target = builder.CreateString("cpu");
  rt::fb::PlanBuilder plan(builder);
  plan.add_target(target);
  plan.add_expressions(pool);
  auto one = plan.Finish();
  auto plans = builder.CreateVector(std::vector<flatbuffers::Offset<rt::fb::Plan>>(10000, one));
  rt::fb::ManifestBuilder manifest(builder);
  manifest.add_plans(plans);
  rt::fb::FinishManifestBuffer(builder, manifest.Finish());
  auto bytes = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  rt::Package package;
  rt::Status status = rt::decodeManifest(bytes, bytes, {}, package);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the same data many times"));
}

TEST(Package, FailedWritesLeaveNothing) {
  std::string folder = testing::TempDir() + "heed-writes/";
  std::filesystem::create_directories(folder);
  PackageMaker maker = addConstantTwice();
  maker.plan().steps.clear();
  EXPECT_FALSE(rt::writePackageFile(maker.package, folder + "bad.heed").ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_THAT(std::string(rt::writePackageFile(addConstantTwice().package, folder + "none/a.heed").message()),
              HasSubstr("cannot create"));
  // An older file survives a failed write and is replaced by a good one.
  std::ofstream(folder + "a.heed") << "old";
  EXPECT_FALSE(rt::writePackageFile(maker.package, folder + "a.heed").ok());
  EXPECT_EQ(std::filesystem::file_size(folder + "a.heed"), 3u);
  EXPECT_TRUE(rt::writePackageFile(addConstantTwice().package, folder + "a.heed").ok());
  EXPECT_GT(std::filesystem::file_size(folder + "a.heed"), 3u);
  // What is no regular file is written to, not replaced.
  EXPECT_TRUE(rt::writePackageFile(addConstantTwice().package, "/dev/null").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  std::filesystem::remove_all(folder);
}

TEST(Package, DuplicateLoadsOfDifferentCodeStayApart) {
  // The system's loader knows objects by path; two packages must never share code by accident.
  PackageMaker first = twice(), second = twice();
  second.package.code[0].data = otherKernelObject();
  for (int i = 0; i < 3; ++i) {
    Loaded a = load(first), b = load(second);
    float x[2] = {5, 6};
    for (auto &[module, expected] : {std::pair<Module *, float>{&a.module, 10}, {&b.module, 15}}) {
      Call call = module->createCall().value();
      EXPECT_OK(call.bindInput("x", view(x, {1, 1})));
      EXPECT_OK(call.run());
      EXPECT_EQ(*static_cast<float *>(call.output("y")->data), expected);
    }
  }
}

TEST(Package, CodeThatIsNoSharedObjectIsRefused) {
  std::vector<std::byte> garbage(5000, std::byte{0x5a});
  PackageMaker maker = twice();
  maker.package.code[0].data = garbage;
  EXPECT_THAT(loadFailure(maker.write()), AllOf(HasSubstr("kernel 'twice'"), HasSubstr("ELF")));
  std::vector<std::byte> cut(kernelObject().begin(), kernelObject().begin() + 700);
  maker.package.code[0].data = cut;
  EXPECT_NE(loadFailure(maker.write()), "");
  maker = twice();
  maker.plan().kernels[0].variants[0].symbol = "test_missing";
  EXPECT_THAT(loadFailure(maker.write()), HasSubstr("has no symbol 'test_missing'"));
}

} // namespace
