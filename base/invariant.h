// A broken invariant stops the process: continuing could write a wrong state to disk and acknowledge it.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace escrow {

[[noreturn]] inline void invariant_broken(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "escrow: invariant broken at %s:%d: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace escrow

/// Always on, in release builds too. `why` says in words what must hold.
#define ESCROW_INVARIANT(condition, why) \
  (static_cast<bool>(condition) ? void(0) : ::escrow::invariant_broken(#condition, why, __FILE__, __LINE__))
