// Errors of commands that are refused for what they are.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"

namespace escrow::coordinator {

inline Error malformed(std::string message) {
  return {ErrorCode::kInvalidArgument, "MALFORMED", std::move(message), {}};
}

inline Error over_limit(const char* limit, std::size_t maximum) {
  return {ErrorCode::kInvalidArgument,
          "LIMIT_EXCEEDED",
          std::string(limit) + " is limited to " + std::to_string(maximum),
          {{"limit", limit}, {"maximum", std::to_string(maximum)}}};
}

}  // namespace escrow::coordinator
