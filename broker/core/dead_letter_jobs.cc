#include "broker/core/dead_letter_jobs.h"

#include <charconv>

namespace escrow::broker {
namespace {

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number != 0;
}

}  // namespace

std::string text_of(const MessagePlace& place) { return std::to_string(place.log) + "-" + std::to_string(place.seq); }

std::optional<MessagePlace> parse_place(std::string_view text) {
  const std::size_t dash = text.find('-');
  MessagePlace place;
  if (dash == std::string_view::npos || !parse_number(text.substr(0, dash), place.log) ||
      !parse_number(text.substr(dash + 1), place.seq)) {
    return std::nullopt;
  }
  return place;
}

bool DeadLetterFilter::matches(const Fragment& fragment, std::uint32_t index) const {
  if (before && fragment.time() >= *before) return false;
  const MessageView message = fragment.record(index).message;
  if (exchange && message.exchange != *exchange) return false;
  if (routing_key && message.routing_key != *routing_key) return false;
  if (!reason && !died_in) return true;
  const DeathHistory deaths = death_history(message.properties);
  if (!deaths.last) return false;
  return (!reason || deaths.last->reason == name_of(*reason)) && (!died_in || deaths.last->queue == *died_in);
}

}  // namespace escrow::broker
