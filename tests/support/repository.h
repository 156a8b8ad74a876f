// Where the sources are, for tests of files that are no code.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace escrow {

/// $ESCROW_SOURCE_DIR, which ctest sets.
inline std::filesystem::path repository() {
  const char* const directory = std::getenv("ESCROW_SOURCE_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (directory != nullptr) return directory;
  std::fputs("ESCROW_SOURCE_DIR is not set: run this by ctest, or set it to the directory of the sources\n", stderr);
  std::abort();
}

}  // namespace escrow
