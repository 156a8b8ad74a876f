#include "tests/sim/vocabulary.h"

#include <utility>

#include "base/invariant.h"
#include "model/message.h"
#include "model/properties.h"

namespace escrow::sim {
namespace {

FieldTable table(std::vector<std::pair<std::string, FieldValue>> fields) {
  FieldTable out;
  for (auto& [name, value] : fields) out.set(std::move(name), std::move(value));
  return out;
}

FieldValue number(std::int32_t value) { return {value}; }
FieldValue text(std::string value) { return {std::move(value)}; }

FieldTable with(FieldTable fields, std::string name, FieldValue value) {
  fields.set(std::move(name), std::move(value));
  return fields;
}

KnownProperties with_headers(FieldTable headers, std::optional<std::int64_t> expiration_ms = {},
                             bool persistent = true) {
  Properties properties;
  if (!headers.empty()) properties.headers = headers;
  if (persistent) properties.delivery_mode = 2;
  if (expiration_ms) properties.expiration = std::to_string(*expiration_ms);
  Result<std::string> encoded = encode_properties(properties);
  ESCROW_INVARIANT(encoded.ok(), "the vocabulary's properties are valid");
  KnownProperties known{std::move(*encoded), std::move(headers), {}, {}};
  if (expiration_ms) known.expiration = std::chrono::milliseconds(*expiration_ms);
  return known;
}

KnownProperties with_delay(FieldValue header, std::optional<std::int64_t> ms,
                           std::optional<std::int64_t> expiration_ms = {}) {
  KnownProperties known = with_headers(table({{"x-delay", std::move(header)}, {"m", text("x")}}), expiration_ms);
  if (ms) known.delay = std::chrono::milliseconds(*ms);
  return known;
}

}  // namespace

const std::vector<KnownProperties>& known_properties() {
  static const std::vector<KnownProperties> known = {
      {std::string(kNoProperties), {}, {}, {}},
      with_headers(table({{"k", number(1)}})),
      with_headers(table({{"k", number(1)}, {"m", text("x")}})),
      with_headers(table({{"m", text("y")}, {"n", number(7)}})),
      with_headers(table({{"x-k", number(1)}, {"m", text("x")}})),
      with_headers(table({}), 0),
      with_headers(table({}), 7),
      with_headers(table({{"k", number(1)}}), 150),
      with_headers(table({{"m", text("x")}}), 3000),
      with_headers(table({}), 60, false),
      with_delay({std::int64_t{1}}, 1),
      with_delay({std::int64_t{30}}, 30),
      with_delay(text("250"), 250, 40),
      with_delay({double{900.5}}, 900),
      with_delay(number(4000), 4000),
      with_delay(number(0), {}),
  };
  ESCROW_INVARIANT(known.size() == kLastingProperties + kExpiringProperties + kDelayedProperties,
                   "the kinds of properties are counted");
  return known;
}

const std::vector<FieldTable>& mortal_queues() {
  static const std::vector<FieldTable> known = [] {
    const auto dead_letters = [](std::string exchange) {
      return table({{"x-dead-letter-exchange", text(std::move(exchange))}});
    };
    const FieldTable to_topic = dead_letters("events");
    const FieldTable back_to = with(dead_letters(""), "x-dead-letter-routing-key", text("q1"));
    const FieldTable nowhere = dead_letters("nowhere");
    return std::vector<FieldTable>{
        table({{"x-message-ttl", number(40)}}),
        table({{"x-max-length", number(5)}}),
        table({{"x-max-length", number(20)}, {"x-overflow", text("reject-publish")}}),
        table({{"x-delivery-limit", number(1)}}),
        to_topic,
        nowhere,
        dead_letters("everybody"),
        dead_letters("attributes"),
        with(dead_letters("later"), "x-message-ttl", number(20)),
        with(back_to, "x-message-ttl", number(500)),
        with(to_topic, "x-message-ttl", number(5)),
        with(with(dead_letters(""), "x-dead-letter-routing-key", text("q2")), "x-message-ttl", number(0)),
        with(back_to, "x-max-length", number(3)),
        with(to_topic, "x-max-length", number(0)),
        with(with(back_to, "x-max-length", number(10)), "x-overflow", text("reject-publish-dlx")),
        with(to_topic, "x-delivery-limit", number(2)),
        with(with(nowhere, "x-delivery-limit", number(0)), "x-message-ttl", number(2000)),
        with(with(dead_letters("amq.topic"), "x-dead-letter-routing-key", text("a.b")), "x-max-length", number(8)),
    };
  }();
  return known;
}

const std::vector<FieldTable>& headers_bindings() {
  static const std::vector<FieldTable> known = {
      table({}),
      table({{"k", number(1)}}),
      table({{"x-match", text("all")}, {"k", number(1)}, {"m", text("x")}}),
      table({{"x-match", text("any")}, {"k", number(2)}, {"m", text("x")}}),
      table({{"x-match", text("any")}, {"n", FieldValue{FieldVoid{}}}}),
      table({{"x-match", text("all-with-x")}, {"x-k", number(1)}}),
      table({{"x-match", text("any-with-x")}, {"x-k", number(1)}, {"n", number(7)}}),
      table({{"x-match", text("any")}}),
      table({{"x-match", text("most")}, {"k", number(1)}}),
  };
  return known;
}

}  // namespace escrow::sim
