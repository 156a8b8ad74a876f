// Field tables and properties as clients send them: refused, or decoded to what encodes to the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/invariant.h"
#include "model/field_table.h"
#include "model/properties.h"

using namespace escrow;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string_view in = input;
  if (const auto table = decode_table(in)) {
    std::string encoded;
    encode_table(*table, encoded);
    std::string_view again = encoded;
    const auto back = decode_table(again);
    std::string twice;
    if (back) encode_table(*back, twice);
    // Bytes are compared, not tables: a NaN is not equal to itself.
    ESCROW_INVARIANT(back && again.empty() && twice == encoded, "what was decoded encodes and decodes to the same");
  }
  if (const auto properties = decode_properties(input)) {
    const auto encoded = encode_properties(*properties);
    ESCROW_INVARIANT(encoded && decode_properties(*encoded), "what was decoded encodes to what can be decoded");
  }
  return 0;
}
