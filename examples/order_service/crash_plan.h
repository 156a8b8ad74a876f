// Which orders the service dies over, and where: what no example would do outside of a demo.
#pragma once

#include <cstdint>

#include "examples/order_service/order.h"

namespace order_service {

enum class Crash : std::uint8_t {
  kNever,
  /// The database has the order in an open transaction, the message is prepared.
  kBeforeDatabaseCommit,
  /// The database has committed, the message is prepared.
  kBetweenTheCommits,
  /// Both have committed, and nobody was told.
  kAfterMessageCommit,
};

/// Two in a hundred orders for each place, always the same ones. Refused orders are left alone.
Crash planned_crash(const Order& order);

/// Kills this process, as kill -9 does, when `order` is meant to crash here.
void maybe_crash(const Order& order, Crash here);

}  // namespace order_service
