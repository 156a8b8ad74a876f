#include "broker/core/queue_arguments.h"

#include <algorithm>
#include <array>
#include <limits>

#include "broker/core/field_text.h"
#include "broker/core/names.h"

namespace escrow::broker {
namespace {

/// What is wrong with a value, as RabbitMQ prints it; nullopt: nothing.
using Complaint = std::optional<std::string>;

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

Complaint tagged(std::string_view tag, std::string_view value) {
  return "{" + std::string(tag) + "," + std::string(value) + "}";
}

Complaint wrong_type(const FieldValue& value) { return tagged("unacceptable_type", type_name(value)); }

Complaint check_integer(const FieldValue& value) {
  if (value.is_integer()) return std::nullopt;
  return quoted("expected integer, got " + std::string(type_name(value)));
}

/// [minimum, maximum]; `minimum` is 0 or 1.
Complaint check_range(const FieldValue& value, std::int64_t minimum, std::int64_t maximum, std::string_view too_large) {
  if (auto complaint = check_integer(value)) return complaint;
  const std::int64_t number = value.as_integer();
  if (number < 0) return tagged("value_negative", std::to_string(number));
  if (number < minimum) return tagged("value_zero", std::to_string(number));
  if (number > maximum) return tagged(too_large, std::to_string(number));
  return std::nullopt;
}

template <class Number>
Complaint read_number(const FieldValue& value, std::int64_t minimum, std::int64_t maximum, std::string_view too_large,
                      Number& out) {
  if (auto complaint = check_range(value, minimum, maximum, too_large)) return complaint;
  out = value.as_integer();
  return std::nullopt;
}

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();

template <class Value>
using Names = std::initializer_list<std::pair<std::string_view, Value>>;

/// One of a few words; `complaint` says that it is none of them.
template <class Value>
Complaint read_word(const FieldValue& value, Names<Value> words, std::string_view complaint, Value& out) {
  const std::string* text = value.as_string();
  if (text == nullptr) return wrong_type(value);
  const auto it = std::ranges::find(words, *text, [](const auto& word) { return word.first; });
  if (it == words.end()) return std::string(complaint);
  out = it->second;
  return std::nullopt;
}

Complaint read_type(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  const std::string unsupported = quoted("unsupported queue type '" + value_text(value) + "'");
  return read_word<QueueType>(value, {{"classic", QueueType::kClassic}, {"quorum", QueueType::kQuorum}}, unsupported,
                              out.type);
}

Complaint read_expires(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_number(value, 1, QueueArguments::kMaxDurationMs, "value_too_big", out.expires_ms);
}

Complaint read_message_ttl(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_number(value, 0, QueueArguments::kMaxDurationMs, "value_too_big", out.message_ttl_ms);
}

/// Messages will carry it, as a short string.
Complaint read_short(const FieldValue& value, std::optional<std::string>& out) {
  if (value.as_string() == nullptr) return wrong_type(value);
  if (value.as_string()->size() > kMaxShortString) return "longer than 255 bytes";
  out = *value.as_string();
  return std::nullopt;
}

Complaint read_dead_letter_exchange(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_short(value, out.dead_letter_exchange);
}

Complaint read_dead_letter_routing_key(const FieldValue& value, const FieldTable& all, QueueArguments& out) {
  if (value.as_string() != nullptr && all.find("x-dead-letter-exchange") == nullptr) {
    return "routing_key_but_no_dlx_defined";
  }
  return read_short(value, out.dead_letter_routing_key);
}

Complaint check_dead_letter_strategy(const FieldValue& value, const FieldTable&, QueueArguments&) {
  int ignored = 0;
  return read_word<int>(value, {{"at-most-once", 0}, {"at-least-once", 0}}, "invalid_dlx_strategy", ignored);
}

Complaint read_max_length(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_number(value, 0, kAny, "", out.max_length);
}

Complaint read_max_length_bytes(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_number(value, 0, kAny, "", out.max_length_bytes);
}

Complaint check_not_negative(const FieldValue& value, const FieldTable&, QueueArguments&) {
  return check_range(value, 0, kAny, "");
}

Complaint check_positive(const FieldValue& value, const FieldTable&, QueueArguments&) {
  return check_range(value, 1, kAny, "");
}

Complaint read_max_priority(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_number(value, 0, QueueArguments::kMaxPriority, "max_value_exceeded", out.max_priority);
}

Complaint read_overflow(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  return read_word<Overflow>(value,
                             {{"drop-head", Overflow::kDropHead},
                              {"reject-publish", Overflow::kRejectPublish},
                              {"reject-publish-dlx", Overflow::kRejectPublishDlx}},
                             "invalid_overflow", out.overflow);
}

Complaint check_mode(const FieldValue& value, const FieldTable&, QueueArguments&) {
  int ignored = 0;
  const std::string unsupported = quoted("unsupported queue mode '" + value_text(value) + "'");
  return read_word<int>(value, {{"default", 0}, {"lazy", 0}}, unsupported, ignored);
}

Complaint check_version(const FieldValue& value, const FieldTable&, QueueArguments&) {
  if (auto complaint = check_range(value, 0, kAny, "")) return complaint;
  const std::int64_t version = value.as_integer();
  if (version == 1 || version == 2) return std::nullopt;
  return quoted("unsupported queue version '" + std::to_string(version) + "'");
}

Complaint read_single_active_consumer(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  const bool* wanted = std::get_if<bool>(&value.kind);
  if (wanted == nullptr) return wrong_type(value);
  out.single_active_consumer = *wanted;
  return std::nullopt;
}

Complaint read_delivery_limit(const FieldValue& value, const FieldTable&, QueueArguments& out) {
  if (auto complaint = check_integer(value)) return complaint;
  // -1 asks for none, where the queue's type would have one by itself (rabbitmq.com/docs/quorum-queues).
  out.delivery_limit = value.as_integer() < 0 ? std::nullopt : std::optional(value.as_integer());
  return std::nullopt;
}

struct Argument {
  std::string_view name;
  Complaint (*read)(const FieldValue&, const FieldTable& all, QueueArguments& out);
};

/// In the order in which RabbitMQ looks at them, but for the type, which it looks at first in a new queue and behind
/// x-single-active-consumer in one that exists: which of two errors is told is the same.
constexpr std::array kArguments = {Argument{"x-queue-type", read_type},
                                   Argument{"x-expires", read_expires},
                                   Argument{"x-message-ttl", read_message_ttl},
                                   Argument{"x-dead-letter-exchange", read_dead_letter_exchange},
                                   Argument{"x-dead-letter-routing-key", read_dead_letter_routing_key},
                                   Argument{"x-dead-letter-strategy", check_dead_letter_strategy},
                                   Argument{"x-max-length", read_max_length},
                                   Argument{"x-max-length-bytes", read_max_length_bytes},
                                   Argument{"x-max-in-memory-length", check_not_negative},
                                   Argument{"x-max-in-memory-bytes", check_not_negative},
                                   Argument{"x-max-priority", read_max_priority},
                                   Argument{"x-overflow", read_overflow},
                                   Argument{"x-queue-mode", check_mode},
                                   Argument{"x-queue-version", check_version},
                                   Argument{"x-single-active-consumer", read_single_active_consumer},
                                   Argument{"x-quorum-initial-group-size", check_positive},
                                   Argument{"x-delivery-limit", read_delivery_limit}};

constexpr auto kNames = [] {
  std::array<std::string_view, kArguments.size() + kRetryArguments.size() + kDeduplicationArguments.size()> names;
  const auto own = std::ranges::transform(kArguments, names.begin(), &Argument::name).out;
  std::ranges::copy(kDeduplicationArguments, std::ranges::copy(kRetryArguments, own).out);
  const auto* const behind = std::ranges::find(names, std::string_view("x-single-active-consumer")) + 1;
  std::rotate(names.begin(), names.begin() + 1, names.begin() + (behind - names.begin()));
  return names;
}();

std::optional<ArgumentComplaint> read_all(const FieldTable& arguments, QueueArguments& out) {
  for (const Argument& argument : kArguments) {
    const FieldValue* value = arguments.find(argument.name);
    if (value == nullptr) continue;
    if (Complaint complaint = argument.read(*value, arguments, out)) {
      return ArgumentComplaint{std::string(argument.name), *std::move(complaint)};
    }
  }
  auto complaint = read_retry_policy(arguments, out.retry);
  return complaint ? complaint : read_deduplication(arguments, out.deduplication);
}

}  // namespace

Result<QueueArguments> parse_queue_arguments(std::string_view vhost, std::string_view queue,
                                             const FieldTable& arguments) {
  QueueArguments out;
  if (const auto complaint = read_all(arguments, out)) {
    const std::string& argument = complaint->argument;
    return Error{ErrorCode::kInvalidArgument,
                 "ARGUMENT_INVALID",
                 "invalid arg '" + argument + "' for " + describe("queue", queue, vhost) + ": " + complaint->text,
                 {{"argument", argument}}};
  }
  const bool limited = arguments.find("x-delivery-limit") != nullptr;
  if (out.type == QueueType::kQuorum && !limited) out.delivery_limit = QueueArguments::kQuorumDeliveryLimit;
  return out;
}

std::optional<ArgumentComplaint> check_queue_arguments(const FieldTable& arguments) {
  QueueArguments ignored;
  return read_all(arguments, ignored);
}

std::span<const std::string_view> compared_queue_arguments() { return kNames; }

}  // namespace escrow::broker
