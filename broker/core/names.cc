#include "broker/core/names.h"

#include <algorithm>

namespace escrow::broker {
namespace {

constexpr std::string_view kReservedPrefixes[] = {"amq.", "escrow."};

Error unknown(std::string_view what, std::string_view name, std::string_view vhost, const char* reason) {
  return {ErrorCode::kNotFound, reason, "no " + describe(what, name, vhost), {}};
}

}  // namespace

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
  if (name.empty()) return default_exchange_refused();
  for (const std::string_view prefix : kReservedPrefixes) {
    if (!name.starts_with(prefix)) continue;
    return Error{
        ErrorCode::kPermissionDenied,
        "NAME_RESERVED",
        std::string(what) + " name '" + std::string(name) + "' contains reserved prefix '" + std::string(prefix) + "*'",
        {}};
  }
  return {};
}

std::string describe(std::string_view what, std::string_view name, std::string_view vhost) {
  return std::string(what) + " '" + std::string(name) + "' in vhost '" + std::string(vhost) + "'";
}

Error unknown_vhost(std::string_view name) {
  return {ErrorCode::kNotFound, "VHOST_UNKNOWN", "no vhost '" + std::string(name) + "'", {}};
}

Error unknown_exchange(std::string_view name, std::string_view vhost) {
  return unknown("exchange", name, vhost, "EXCHANGE_UNKNOWN");
}

Error unknown_queue(std::string_view name, std::string_view vhost) {
  return unknown("queue", name, vhost, "QUEUE_UNKNOWN");
}

Error queue_locked(std::string_view name, std::string_view vhost) {
  return {ErrorCode::kFailedPrecondition,
          "QUEUE_LOCKED",
          "cannot obtain exclusive access to locked " + describe("queue", name, vhost) +
              ". It could be originally declared on another connection or the exclusive property value does not match "
              "that of the original declaration.",
          {}};
}

Error default_exchange_refused() {
  return {ErrorCode::kPermissionDenied, "NAME_RESERVED", "operation not permitted on the default exchange", {}};
}

}  // namespace escrow::broker
