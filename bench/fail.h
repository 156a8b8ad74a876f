// How the programs here give up.
#pragma once

#include <string>

namespace escrow::bench {

/// Ends the process with a message.
[[noreturn]] void fail(const char* what, const std::string& why);

}  // namespace escrow::bench
