// A regular expression over the names of queues and exchanges.
//
// RE2's syntax (github.com/google/re2/wiki/Syntax): what RabbitMQ's expressions have but for lookaround and back references,
// which no engine matches in bounded time. As there, a match anywhere in the name counts, and names are bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace escrow::broker {

class NamePattern {
 public:
  static constexpr std::size_t kMaxBytes = 1024;
  /// Of the compiled expression and of what matching keeps. One that needs more is refused.
  static constexpr std::size_t kMemoryBytes = 256 << 10;

  /// kInvalidArgument: PATTERN_INVALID says why, LIMIT_EXCEEDED.
  static Result<NamePattern> compile(std::string_view pattern);
  NamePattern(NamePattern&&) noexcept;
  NamePattern& operator=(NamePattern&&) noexcept;
  ~NamePattern();

  bool matches(std::string_view name) const;

 private:
  explicit NamePattern(std::unique_ptr<re2::RE2> expression);
  std::unique_ptr<re2::RE2> expression_;
};

}  // namespace escrow::broker
