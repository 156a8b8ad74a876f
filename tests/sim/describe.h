// Commands in words, for the trace of a run that failed.
#pragma once

#include <ostream>

#include "engine/command.h"

namespace escrow::sim {

/// For the trace: costs nothing until it is written.
struct Described {
  const engine::CommandBody& body;
};
std::ostream& operator<<(std::ostream& out, const Described& command);

}  // namespace escrow::sim
