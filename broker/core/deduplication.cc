#include "broker/core/deduplication.h"

#include <cstring>
#include <string>

#include "broker/core/field_text.h"
#include "broker/core/queue_arguments.h"
#include "model/digest.h"
#include "model/properties.h"

namespace escrow::broker {
namespace {

constexpr std::string_view kKeyHeader = "x-deduplication-header";

std::optional<ArgumentComplaint> complain(std::string_view argument, std::string_view expected,
                                          const FieldValue& value) {
  return ArgumentComplaint{std::string(argument),
                           "\"expected " + std::string(expected) + ", got " + value_text(value) + "\""};
}

/// 1 to `maximum`.
bool is_up_to(const FieldValue& value, std::int64_t maximum) {
  return value.is_integer() && value.as_integer() >= 1 && value.as_integer() <= maximum;
}

SeenKey key_of(std::string_view text) {
  const Digest digest = blake2b(text);
  SeenKey key;
  static_assert(sizeof key <= sizeof digest);
  std::memcpy(key.data(), digest.data(), sizeof key);
  return key;
}

}  // namespace

std::optional<ArgumentComplaint> read_deduplication(const FieldTable& arguments,
                                                    std::optional<DeduplicationWindow>& out) {
  out.reset();
  const FieldValue* const by = arguments.find("x-message-deduplication");
  const FieldValue* const size = arguments.find("x-cache-size");
  const FieldValue* const ttl = arguments.find("x-cache-ttl");
  DeduplicationWindow window;
  bool wanted = false;
  if (by != nullptr) {
    const bool* const flag = std::get_if<bool>(&by->kind);
    const std::string* const text = by->as_string();
    window.by_message_id = text != nullptr && *text == "message-id";
    wanted = window.by_message_id || (flag != nullptr && *flag) || (text != nullptr && *text == "header");
    if (!wanted && flag == nullptr) {
      return complain("x-message-deduplication", "true, \"header\" or \"message-id\"", *by);
    }
  }
  constexpr auto kMaxKeys = static_cast<std::int64_t>(DeduplicationWindow::kMaxKeys);
  if (size != nullptr) {
    if (!is_up_to(*size, kMaxKeys)) return complain("x-cache-size", "a number from 1 to 10000000", *size);
    window.keys = static_cast<std::uint64_t>(size->as_integer());
  }
  if (ttl != nullptr) {
    if (!is_up_to(*ttl, QueueArguments::kMaxDurationMs)) {
      return complain("x-cache-ttl", "milliseconds from 1 to a hundred years", *ttl);
    }
    window.ttl_ms = ttl->as_integer();
  } else if (size == nullptr) {
    window.ttl_ms = DeduplicationWindow::kDefaultTtlMs;
  }
  if (wanted) out = window;
  return std::nullopt;
}

std::optional<SeenKey> idempotency_key(const DeduplicationWindow& window, std::string_view properties) {
  PropertiesView view;
  if (!scan_properties(properties, view)) return std::nullopt;
  if (view.headers) {
    const std::optional<FieldValue> header = find_in_table(view.headers->bytes, kKeyHeader);
    if (header && (header->is_integer() || header->as_string() != nullptr)) return key_of(value_text(*header));
  }
  if (window.by_message_id && view.message_id) return key_of(*view.message_id);
  return std::nullopt;
}

}  // namespace escrow::broker
