// The program `escrow`.
#pragma once

namespace escrow::cli {

/// Returns the exit code (cli/exit_code.h).
int run(int argc, const char* const* argv);

}  // namespace escrow::cli
