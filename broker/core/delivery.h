// Messages on their way to a client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/core/client.h"
#include "broker/core/fragment.h"

namespace escrow::broker {

/// Deliveries in a row to one consumer: messages [first_index, first_index + count) of one fragment.
struct Delivery {
  ConsumerId consumer = 0;
  DeliveryTag first_tag = 0;
  std::shared_ptr<const Fragment> fragment;
  std::uint32_t first_index = 0;
  std::uint32_t count = 0;
  bool redelivered = false;
  std::uint32_t delivery_count = 0;
  BatchNumber after = 0;                    ///< must be durable first
  std::shared_ptr<const std::string> body;  ///< set when it is apart; then count is 1

  /// What a message takes of a connection's bytes. `i` < count.
  std::size_t bytes(std::uint32_t i) const {
    return fragment->record_bytes(first_index + i) + (body ? body->size() : 0);
  }

  /// By its queue's retry policy. `i` < count.
  bool retried(std::uint32_t i) const { return fragment->retried(first_index + i); }
  /// `i` < count. Points into this delivery. Without vhost.
  MessageView message(std::uint32_t i) const {
    MessageView view = fragment->record(first_index + i).message;
    if (body) view.body = *body;
    return view;
  }
};

/// The answer to a fetch.
struct Fetched {
  std::uint64_t request = 0;
  Delivery delivery;       ///< count 0: the queue was empty
  std::uint64_t left = 0;  ///< ready messages
};

}  // namespace escrow::broker
