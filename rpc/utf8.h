// Text for protobuf, whose strings must be UTF-8. AMQP's short strings are bytes: what came in over AMQP may be anything.
#pragma once

#include <string>
#include <string_view>

namespace escrow::rpc {

/// Well-formed by Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// The text, with U+FFFD for every byte that is not part of a well-formed character.
std::string to_utf8(std::string_view text);

}  // namespace escrow::rpc
