// Transactions to test with.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "coordinator/core/rules.h"

namespace escrow::coordinator {

inline TransactionMessage message(std::string body, std::string routing_key = "rk") {
  TransactionMessage m;
  m.message.exchange = "orders";
  m.message.routing_key = std::move(routing_key);
  m.message.body = std::move(body);
  return m;
}

inline Timestamp at(std::int64_t seconds) { return from_micros(seconds * 1'000'000); }

inline Prepare prepare_of(std::string body) {
  Prepare command;
  command.key = {"shop", "tx-1"};
  command.messages = {message(std::move(body))};
  command.actor = "shop-user";
  return command;
}

inline Decide decide(bool commit, Epoch epoch = 0, std::string reason = "", std::string actor = "decider") {
  return {{"shop", "tx-1"}, commit, epoch, std::move(reason), std::move(actor)};
}

}  // namespace escrow::coordinator
