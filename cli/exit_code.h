// What the command line tells scripts.
#pragma once

#include "base/result.h"

namespace escrow::cli {

/// Frozen: documented in docs/cli.md.
enum ExitCode : int {
  kSuccess = 0,
  kFailed = 1,        ///< anything else
  kUsage = 2,         ///< the command line is wrong, or the server found an argument wrong
  kNotFound = 3,      ///< no such transaction, queue, exchange
  kRefused = 4,       ///< it exists, but in a state that does not allow this
  kUnreachable = 5,   ///< no server, or it is too busy: trying again may help
  kUnauthorized = 6,  ///< wrong user or password, or not allowed
};

ExitCode exit_code(const Error& error);

}  // namespace escrow::cli
