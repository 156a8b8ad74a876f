// What a queue's arguments mean for the messages in it: read a second time, plainly, of what the vocabulary has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "model/field_table.h"

namespace escrow::sim::model {

struct QueueRules {
  enum class Overflow : std::uint8_t { kDropHead, kRefuse, kRefuseAndBury };

  std::optional<Duration> ttl;
  std::optional<std::uint64_t> max_length;
  Overflow overflow = Overflow::kDropHead;
  std::optional<std::uint32_t> delivery_limit;
  std::optional<std::string> dead_letter_exchange;
  std::optional<std::string> dead_letter_key;

  bool drops_head() const { return max_length && overflow == Overflow::kDropHead; }
  bool refuses() const { return max_length && overflow != Overflow::kDropHead; }
  /// A message may go though nobody took it.
  bool mortal() const { return ttl || max_length || delivery_limit; }
};

QueueRules rules_of(const FieldTable& arguments);

}  // namespace escrow::sim::model
