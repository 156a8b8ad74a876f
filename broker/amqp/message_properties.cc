#include "broker/amqp/message_properties.h"

#include <utility>

#include "model/properties.h"

namespace escrow::broker::amqp {
namespace {

template <class Change>
std::string changed(std::string_view properties, Change&& change) {
  Result<Properties> decoded = decode_properties(properties);
  if (!decoded) return std::string(properties);
  change(*decoded);
  Result<std::string> encoded = encode_properties(*decoded);
  return encoded ? *std::move(encoded) : std::string(properties);
}

}  // namespace

std::string with_delivery_count(std::string_view properties, std::uint32_t count) {
  return changed(properties, [&](Properties& p) {
    if (!p.headers) p.headers.emplace();
    p.headers->set("x-delivery-count", {static_cast<std::int64_t>(count)});
  });
}

std::string with_reply_to(std::string_view properties, std::string_view reply_to) {
  return changed(properties, [&](Properties& p) { p.reply_to = reply_to; });
}

}  // namespace escrow::broker::amqp
