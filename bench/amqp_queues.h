// The queues of the loads.
#pragma once

#include <string>
#include <vector>

#include "bench/amqp_connection.h"

namespace escrow::bench {

/// Names of one length.
std::vector<std::string> queue_names(const std::string& prefix, int count);

/// Deletes the queues, if they are there, and declares them again, durable.
void declare_anew(AmqpConnection& connection, const std::vector<std::string>& queues);

}  // namespace escrow::bench
