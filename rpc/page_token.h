// Where a list goes on: opaque to the client, and only good for the list it came from.
//
//   token     base64url without padding of:  u8 version = 1 │ 8 bytes checksum │ position
//   checksum  of what the list was asked for, and of the position
//
// The checksum catches mistakes, not malice: a position tells nothing that the list would not.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace escrow::rpc {

/// `list` names the method and everything that a next page must ask for again.
std::string encode_page_token(std::string_view list, std::string_view position);
/// The position; MALFORMED when the token is not one of this list.
Result<std::string> decode_page_token(std::string_view list, std::string_view token);

// Page sizes of all lists.
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;
/// 0 means kDefaultPageSize.
Result<std::size_t> check_page_size(int page_size);

}  // namespace escrow::rpc
