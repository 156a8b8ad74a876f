// Further routing keys that a publisher gives in the headers CC and BCC (https://www.rabbitmq.com/docs/sender-selected).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/field_table.h"

namespace escrow::broker {

/// Whether there are headers at all: a look at the flags.
inline bool has_headers(std::string_view properties) {
  constexpr char kHeaders = 0x20;  // bit 13 of the flags
  return !properties.empty() && (properties.front() & kHeaders) != 0;
}

struct CarbonCopies {
  std::vector<std::string> keys;
  bool blind = false;  ///< BCC is among them: nobody who gets the message may see it

  std::vector<std::string_view> views() const { return {keys.begin(), keys.end()}; }
};
/// ARGUMENT_INVALID when one is no array of strings. Nothing in malformed properties.
Result<CarbonCopies> carbon_copies(std::string_view properties);
std::string without_bcc(std::string_view properties);
/// The strings of such a header; what else is in the array is passed over. None if it is no array.
std::vector<std::string> copy_keys(const FieldValue& header);

}  // namespace escrow::broker
