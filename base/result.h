// Result: a value, or an Error that says what went wrong, for whom, and what to do.
//
// One error type crosses every layer. Its codes are the canonical ones of google.rpc.Code (numbers included), its
// `reason` is the stable UPPER_SNAKE_CASE name that google.rpc.ErrorInfo carries; foreign errors and exceptions
// are translated into it once, at the edge where they appear. A codec whose peer speaks other codes, and which refuses bytes
// too often to build an Error each time, names its own small type as `E`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/invariant.h"

namespace escrow {

/// Numbers of google.rpc.Code.
enum class ErrorCode : std::uint8_t {
  kCancelled = 1,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string reason;                                         ///< stable, UPPER_SNAKE_CASE; programs branch on it
  std::string message;                                        ///< for a person: what happened and what to do
  std::vector<std::pair<std::string, std::string>> metadata;  ///< machine-readable details (ErrorInfo.metadata)

  Error& with(std::string key, std::string value) & {
    metadata.emplace_back(std::move(key), std::move(value));
    return *this;
  }
  Error&& with(std::string key, std::string value) && {
    metadata.emplace_back(std::move(key), std::move(value));
    return std::move(*this);
  }
  bool operator==(const Error&) const = default;
};

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  /// A value made in place, for one that is large.
  explicit Result(std::in_place_t) : state_(std::in_place_index<0>) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return checked(), std::get<0>(state_); }
  const T& value() const& { return checked(), std::get<0>(state_); }
  T&& value() && { return checked(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const& { return std::get<1>(state_); }
  E&& error() && { return std::get<1>(std::move(state_)); }

 private:
  void checked() const { ESCROW_INVARIANT(ok(), "the value of a failed Result is read"); }
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const E& error() const& { return error_; }
  E&& error() && { return std::move(error_); }

 private:
  E error_;
  bool ok_ = true;
};

}  // namespace escrow
