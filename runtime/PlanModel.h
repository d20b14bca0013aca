// What a package holds, as plain structs: a compiler fills them and hands them to PackageWriter.h; the runtime reads
// them back with PackageReader.h and checks them with PlanVerifier.h. Indices refer to the vectors of the enclosing
// struct.
#ifndef HEED_RUNTIME_PLANMODEL_H
#define HEED_RUNTIME_PLANMODEL_H

#include "runtime/ElementType.h"
#include "runtime/Expr.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace heed::rt {

/// Most dimensions a tensor or copy may have.
inline constexpr size_t maxRank = 8;

/// Stands for "none" where an index is optional.
inline constexpr uint32_t noIndex = UINT32_MAX;

/// Values are part of the package format: append only.
enum class Relation : uint8_t { equal = 0, notEqual = 1, less = 2, lessEqual = 3, greater = 4, greaterEqual = 5 };
inline constexpr uint8_t lastRelation = 5;

/// `left relation right` must hold. The message says in the user's words what is wrong when it does not.
struct Constraint {
  ExprId left = noExpr;
  Relation relation = Relation::equal;
  ExprId right = noExpr;
  std::string message;
};

/// An input of the model. A dim that is a plain symbol binds the symbol where it first occurs in input order; every
/// other dim is checked when a call is bound.
struct Input {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<ExprId> dims;
  /// Kernels address it through inputStride expressions, so the caller may pass any strides. Otherwise it must be
  /// dense.
  bool strided = false;
  /// Symbol bound to the value of this input, which then is an integer with one element; noIndex for none.
  uint32_t hostScalar = noIndex;
};

/// An output of the model.
struct Output {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<ExprId> dims;
  /// Kernels address it through outputStride expressions (inputStride of the aliased input, if there is one).
  bool strided = false;
  /// State in place: the output lives in the memory of this input (same type and rank), whose old value is gone once
  /// the output is written. noIndex for none.
  uint32_t alias = noIndex;
  /// With an alias: the sizes that the shared memory must be able to hold under the input's strides, at least `dims`.
  /// Empty means `dims`.
  std::vector<ExprId> capacity;
};

/// Values are part of the package format: append only.
enum class BufferKind : uint8_t {
  input = 0,      // index: input
  output = 1,     // index: output
  constant = 2,   // index: constant of the package
  arena = 3,      // bytes, firstStep .. lastStep: alive from the start of one to the end of the other
  persistent = 4, // bytes (no symbols, no strides): written by prepare steps, lives as long as the module
  zeroed = 5,     // bytes: of the call alone; zero when a step starts that uses it, which leaves it zero
};
inline constexpr uint8_t lastBufferKind = 5;

struct Buffer {
  BufferKind kind = BufferKind::arena;
  uint32_t index = noIndex;
  ExprId bytes = noExpr;
  uint32_t firstStep = 0;
  uint32_t lastStep = 0;

  static Buffer input(uint32_t index) { return {BufferKind::input, index, noExpr, 0, 0}; }
  static Buffer output(uint32_t index) { return {BufferKind::output, index, noExpr, 0, 0}; }
  static Buffer constant(uint32_t index) { return {BufferKind::constant, index, noExpr, 0, 0}; }
  static Buffer persistent(ExprId bytes) { return {BufferKind::persistent, noIndex, bytes, 0, 0}; }
  static Buffer zeroed(ExprId bytes) { return {BufferKind::zeroed, noIndex, bytes, 0, 0}; }
  static Buffer arena(ExprId bytes, uint32_t firstStep, uint32_t lastStep) {
    return {BufferKind::arena, noIndex, bytes, firstStep, lastStep};
  }
};

/// What a kernel does with an operand. Values are part of the package format: append only.
enum class Access : uint8_t { read = 0, write = 1, readWrite = 2 };
inline constexpr uint8_t lastAccess = 2;

/// A slice of a buffer handed to a kernel as a base pointer.
struct Operand {
  uint32_t buffer = 0;
  /// Byte offset of the base pointer; noExpr is 0.
  ExprId offset = noExpr;
  /// Bytes from the base pointer that the kernel may touch; noExpr is all up to the end of the buffer.
  ExprId bytes = noExpr;
};

struct LaunchStep {
  uint32_t kernel = 0;
  std::vector<Operand> operands; // as many as the kernel's signature
  std::vector<ExprId> params;    // packed into the parameter block, i64 each
};

/// One side of a copy: a strided view of a buffer. Offset in bytes (noExpr is 0), strides in elements.
struct CopyView {
  uint32_t buffer = 0;
  ExprId offset = noExpr;
  std::vector<ExprId> strides;
};

struct CopyStep {
  CopyView source;
  CopyView destination;
  std::vector<ExprId> sizes;
  uint32_t elementBytes = 4; // 1, 2, 4 or 8
};

using Step = std::variant<LaunchStep, CopyStep>;

/// Part of a variant's predicate: minimum <= property of the device <= maximum.
struct Requirement {
  DeviceProperty property = DeviceProperty::workers;
  int64_t minimum = 0;
  int64_t maximum = INT64_MAX;
};

/// Most dimensions a tensor map may have.
inline constexpr size_t maxTensorMapRank = 5;
/// Most elements of one copy along a dimension.
inline constexpr uint32_t maxTensorMapBox = 256;
/// The largest size of a tensor, in elements, and what its strides stay below, in bytes.
inline constexpr int64_t maxTensorMapSize = int64_t(1) << 32, tensorMapStrideLimit = int64_t(1) << 40;
/// What the address of a tensor and its strides are multiples of, in bytes.
inline constexpr uint32_t tensorMapAlignment = 16;

/// An operand as a tensor of which a kernel copies boxes at once. The driver makes what the device needs of it for
/// every launch (CUDA: a CUtensorMap), which the kernel gets behind its words. Dimensions are outermost first, strides
/// count elements, the last is the constant 1. The variant's conditions keep the numbers within what devices take:
/// offsets and strides aligned, strides not negative and below their limit, sizes of 1 to the largest.
struct TensorMap {
  uint32_t operand = 0;      // of the kernel
  uint32_t elementBytes = 2; // 1, 2, 4 or 8
  ExprId offset = noExpr;    // of the first element from the operand's base pointer, in bytes; noExpr is 0
  std::vector<ExprId> sizes;
  std::vector<ExprId> strides;
  std::vector<uint32_t> box; // elements of one copy, at least 1 a dimension
  uint32_t swizzleBytes = 0; // 0; or 32, 64 or 128, which then are the bytes of a row of the box
};

/// One piece of code for a kernel and when it may be used. Features and requirements are decided once per module and
/// device, conditions and alignment when a call is bound. The first variant that fits is taken.
struct Variant {
  /// All must be among the device's features, e.g. "x86-64-v3" or "avx512bf16".
  std::vector<std::string> features;
  std::vector<Requirement> requirements;
  /// Must hold for the call's shapes and strides; messages may stay empty.
  std::vector<Constraint> conditions;
  /// Every operand's base pointer must be a multiple of this many bytes (a power of two).
  uint32_t operandAlignment = 1;
  uint32_t code = 0; // code section
  std::string symbol;
  std::array<ExprId, 3> grid = {noExpr, noExpr, noExpr}; // programs in x, y, z; noExpr is 1
  uint64_t workerScratchBytes = 0;                       // CPU: private memory of each worker
  std::array<uint32_t, 3> workgroup = {1, 1, 1};         // GPU: threads of a workgroup
  uint64_t sharedBytes = 0;                              // GPU: dynamic shared memory of a workgroup
  std::vector<TensorMap> tensorMaps;                     // with operandAlignment of at least 16
  /// GPU: workgroups go through the programs, each as many on as there are workgroups, and a launch needs no more of
  /// them than so many for each worker of the device; 0: every program is a workgroup.
  uint32_t residentWorkgroups = 0;
  bool hasUnevenPrograms = false; // which take different times, in an order that evens them out
  /// GPU: touches no memory before it has waited for the launch before it to end, so it may start before that.
  bool awaitsPrevious = false;
  bool opensCalls =
      false; // and the launch before it may be of another call: nothing behind it starts until it has waited
};

/// What --explain says about a kernel. Free text, one idea a line.
struct Explain {
  std::string root;               // e.g. "attn.attend"
  std::vector<std::string> fused; // what went into the kernel with it
  std::string schedule;           // tile sizes and loop order
  std::vector<std::string> notes; // why something was not fused, which blocks are skipped ...
  std::vector<std::string> code;  // what each variant takes of the machine: warps, registers, shared memory ...
};

struct Kernel {
  std::string name; // unique in its plan; profiles and errors use it
  Explain explain;
  ExprId flops = noExpr; // of one launch; noExpr is unknown
  ExprId bytes = noExpr; // read from and written to memory by one launch; noExpr is unknown
  /// Not what was hoped for (for example, attention was materialised); the notes say why.
  bool fallback = false;
  std::vector<Access> operands; // signature: one entry an operand
  uint32_t paramCount = 0;      // signature: entries of the parameter block
  std::vector<Variant> variants;
};

/// A program for one kind of device.
struct Plan {
  std::string target;                // kind of driver: "cpu", "cuda", "rocm", "vulkan"
  std::vector<std::string> features; // the device must have them all; the first plan that fits is taken
  std::vector<std::string> symbols;
  ExprPool expressions;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Constraint> constraints;
  std::vector<Buffer> buffers;
  std::vector<Kernel> kernels;
  /// Run once when the module is loaded. They read constants and persistent buffers and write persistent ones; their
  /// expressions use neither symbols nor strides.
  std::vector<Step> prepare;
  /// Run in order by every call.
  std::vector<Step> steps;

  ExprNames names() const { return {symbols, {}, {}}; }
};

/// A tensor of the constant section, shared by all plans. The writer does not own the bytes: they live until it is
/// done.
struct ConstantTensor {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<int64_t> dims;
  std::span<const std::byte> data; // dense, row major
};

/// Values are part of the package format: append only.
enum class CodeFormat : uint8_t { cpuElf = 0, cubin = 1, ptx = 2, hsaco = 3, spirv = 4 };
inline constexpr uint8_t lastCodeFormat = 4;

/// One code section. `name` says for whom it was made, e.g. "x86-64-v3" or "sm_90a".
struct CodeSection {
  std::string name;
  CodeFormat format = CodeFormat::cpuElf;
  std::span<const std::byte> data;
};

struct Package {
  std::string model;    // name of the model
  std::string producer; // "heed 0.1.0"
  std::vector<ConstantTensor> constants;
  std::vector<CodeSection> code;
  std::vector<Plan> plans;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_PLANMODEL_H
