#include "broker/core/names.h"

#include <algorithm>
#include <string>

namespace escrow::broker {

Result<void> check_name(std::string_view what, std::string_view name) {
  if (name.empty()) {
    return Error{ErrorCode::kInvalidArgument, "MALFORMED", std::string(what) + " name is empty", {}};
  }
  if (name.size() > kMaxNameBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 "LIMIT_EXCEEDED",
                 std::string(what) + " name is longer than 255 bytes",
                 {{"limit", "name_bytes"}, {"maximum", std::to_string(kMaxNameBytes)}}};
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, control)) {
    return Error{
        ErrorCode::kInvalidArgument, "MALFORMED", std::string(what) + " name contains a control character", {}};
  }
  return {};
}

Result<void> check_not_reserved(std::string_view what, std::string_view name) {
  if (!name.empty() && !name.starts_with("amq.") && !name.starts_with("escrow.")) return {};
  return Error{ErrorCode::kPermissionDenied,
               "NAME_RESERVED",
               std::string(what) + " '" + std::string(name) + "' belongs to the server",
               {}};
}

}  // namespace escrow::broker
