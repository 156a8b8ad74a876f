// How a stream to the server fares that is opened again whenever it breaks.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace escrow::client {

struct StreamHealth {
  /// The stream is open, as far as this side can tell.
  bool connected = false;
  /// How often it was opened, and how often it broke or could not be opened.
  std::uint64_t opened = 0;
  std::uint64_t failed = 0;
  /// Why it broke the last time; stays when it is open again.
  std::optional<Error> last_error;
};

}  // namespace escrow::client
