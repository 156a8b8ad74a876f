// The log: one line for each event, to standard error, by spdlog's default logger. What gRPC has to say goes there too.
#pragma once

#include <string>

namespace escrow::server {

/// `level` as in the setting log.level. Once per process, before other threads.
void start_logging(const std::string& level);

}  // namespace escrow::server
