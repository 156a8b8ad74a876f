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

KnownProperties with_headers(FieldTable headers) {
  Properties properties;
  properties.headers = headers;
  properties.delivery_mode = 2;
  Result<std::string> encoded = encode_properties(properties);
  ESCROW_INVARIANT(encoded.ok(), "the vocabulary's properties are valid");
  return {std::move(*encoded), std::move(headers)};
}

}  // namespace

const std::vector<KnownProperties>& known_properties() {
  static const std::vector<KnownProperties> known = {
      {std::string(kNoProperties), {}},
      with_headers(table({{"k", number(1)}})),
      with_headers(table({{"k", number(1)}, {"m", text("x")}})),
      with_headers(table({{"m", text("y")}, {"n", number(7)}})),
      with_headers(table({{"x-k", number(1)}, {"m", text("x")}})),
  };
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
