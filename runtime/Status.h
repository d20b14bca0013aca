// The result of an operation that can fail: a code and one line for the user.
#ifndef HEED_RUNTIME_STATUS_H
#define HEED_RUNTIME_STATUS_H

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace heed::rt {

/// Values equal heed_code of heed.h.
enum class Code {
  ok = 0,
  invalidArgument = 1, // the caller passed something the function or the model does not accept
  notFound = 2,        // a file, name, plan or variant does not exist
  badPackage = 3,      // the package is damaged, truncated or breaks a rule of the format
  version = 4,         // the package was written for another version of the format
  unsupported = 5,     // the package or request needs something that this build or device lacks
  outOfMemory = 6,
  arithmetic = 7,         // a shape expression overflowed or divided by zero
  io = 8,                 // the operating system refused a file operation
  internal = 9,           // a defect of Heed
  noDriver = 10,          // a kind of device whose driver library is missing or unusable, or that this build leaves out
  noDevice = 11,          // the kind's driver works, but there is no such device
  wrongArchitecture = 12, // the package holds no code for this device
  deviceLost = 13,        // a kernel faulted or hung, or the device vanished: it cannot be used any more
  timeout = 14,           // a kernel did not end; the device is lost from then on
};

namespace detail {
inline void append(std::string &text, std::string_view piece) { text += piece; }
template <typename Number>
  requires std::is_arithmetic_v<Number>
void append(std::string &text, Number value) {
  text += std::to_string(value);
}
} // namespace detail

/// Joins strings and numbers.
template <typename... Pieces> std::string concat(const Pieces &...pieces) {
  std::string text;
  (detail::append(text, pieces), ...);
  return text;
}

/// Empty when all is well, so that success costs one null pointer.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : failure(new Failure{code, std::move(message)}) {}

  bool ok() const { return !failure; }
  Code code() const { return failure ? failure->code : Code::ok; }
  std::string_view message() const { return failure ? std::string_view(failure->message) : std::string_view(); }

  /// The same failure seen from further out: "<where>: <message>". Success costs nothing.
  template <typename... Pieces> Status within(const Pieces &...where) && {
    if (failure)
      failure->message.insert(0, concat(where..., ": "));
    return std::move(*this);
  }

private:
  struct Failure {
    Code code;
    std::string message;
  };
  std::unique_ptr<Failure> failure;
};

template <typename... Pieces> Status error(Code code, const Pieces &...pieces) {
  return Status(code, concat(pieces...));
}

} // namespace heed::rt

/// Leaves the current function with the failure, if there is one.
#define HEED_TRY(expression)                                                                                           \
  do {                                                                                                                 \
    if (::heed::rt::Status status_ = (expression); !status_.ok())                                                      \
      return status_;                                                                                                  \
  } while (false)

#endif // HEED_RUNTIME_STATUS_H
