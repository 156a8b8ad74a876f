#include "bench/fail.h"

#include <cstdio>
#include <cstdlib>

namespace escrow::bench {

void fail(const char* what, const std::string& why) {
  std::fprintf(stderr, "%s: %s\n", what, why.c_str());
  std::exit(1);
}

}  // namespace escrow::bench
