#include "examples/order_service/crash_plan.h"

#include <unistd.h>

#include <csignal>

namespace order_service {

Crash planned_crash(const Order& order) {
  if (payment_refused(order)) return Crash::kNever;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : order.id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;  // ids differ little, and FNV alone would show it
  switch ((hash >> 33) % 50) {
    case 0:
      return Crash::kBeforeDatabaseCommit;
    case 1:
      return Crash::kBetweenTheCommits;
    case 2:
      return Crash::kAfterMessageCommit;
    default:
      return Crash::kNever;
  }
}

void maybe_crash(const Order& order, Crash here) {
  if (planned_crash(order) == here) ::kill(::getpid(), SIGKILL);
}

}  // namespace order_service
