#include "broker/core/dead_letter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "broker/core/carbon_copies.h"
#include "broker/core/death_history.h"
#include "broker/core/queue_arguments.h"
#include "model/properties.h"

namespace escrow::broker {
namespace {

constexpr std::string_view kDeaths = "x-death";
/// All of a message's deaths: its properties are sent in one frame, which must not grow with every death.
constexpr std::size_t kMaxDeathBytes = 16 << 10;

FieldValue text(std::string_view value) { return {std::string(value)}; }

bool has(const FieldTable& death, std::string_view field, std::string_view value) {
  const FieldValue* const found = death.find(field);
  return found != nullptr && found->as_string() != nullptr && *found->as_string() == value;
}

FieldTable first_of_its_kind(const MessageView& message, const Death& death, const Properties& properties,
                             const std::vector<std::string>& copies) {
  FieldArray keys{text(message.routing_key)};
  for (const std::string& key : copies) keys.push_back(text(key));
  FieldTable entry;
  entry.set("count", {std::int64_t{1}});
  entry.set("reason", text(name_of(death.reason)));
  entry.set("queue", text(death.queue));
  entry.set("time", {FieldTimestamp{static_cast<std::uint64_t>(to_micros(death.time) / 1'000'000)}});
  entry.set("exchange", text(message.exchange));
  entry.set("routing-keys", {std::move(keys)});
  if (properties.expiration) entry.set("original-expiration", text(*properties.expiration));
  return entry;
}

/// Takes the entry of this queue and reason out, one count higher.
std::optional<FieldTable> take_again(FieldArray& deaths, const Death& death) {
  for (auto it = deaths.begin(); it != deaths.end(); ++it) {
    auto* const entry = std::get_if<FieldTable>(&it->kind);
    if (entry == nullptr || !has(*entry, "queue", death.queue) || !has(*entry, "reason", name_of(death.reason))) {
      continue;
    }
    FieldTable again = std::move(*entry);
    deaths.erase(it);
    again.erase(kRedriven);
    const FieldValue* const count = again.find("count");
    const std::int64_t before = count == nullptr ? 0 : std::max<std::int64_t>(count->as_integer(), 0);
    again.set("count", {before == std::numeric_limits<std::int64_t>::max() ? before : before + 1});
    return again;
  }
  return std::nullopt;
}

void describe(FieldTable& headers, std::string_view which, const Death& death, std::string_view exchange) {
  const std::string prefix = "x-" + std::string(which) + "-death-";
  headers.set(prefix + "exchange", text(exchange));
  headers.set(prefix + "queue", text(death.queue));
  headers.set(prefix + "reason", text(name_of(death.reason)));
}

std::vector<std::string> automatic_deaths(const FieldArray& deaths) {
  std::vector<std::string> queues;
  for (const FieldValue& value : deaths) {
    const auto* const entry = std::get_if<FieldTable>(&value.kind);
    // What is no table was put there by a client: nothing automatic.
    if (entry == nullptr || has(*entry, "reason", name_of(DeathReason::kRejected)) || is_redriven(*entry)) break;
    const FieldValue* const queue = entry->find("queue");
    if (queue != nullptr && queue->as_string() != nullptr) queues.push_back(*queue->as_string());
  }
  return queues;
}

std::size_t encoded_size(const FieldArray& deaths) {
  FieldTable table;
  table.set(std::string(kDeaths), {deaths});
  std::string encoded;
  encode_table(table, encoded);
  return encoded.size();
}

/// The oldest go when there is no room, and so do the keys of copies.
void limit(FieldArray& deaths) {
  while (encoded_size(deaths) > kMaxDeathBytes) {
    if (deaths.size() > 1) {
      deaths.pop_back();
      continue;
    }
    auto& last = std::get<FieldTable>(deaths.front().kind);
    FieldArray keys = std::get<FieldArray>(last.find("routing-keys")->kind);
    keys.resize(1);
    last.set("routing-keys", {std::move(keys)});
    return;
  }
}

/// Tables have a limit of entries: without the deaths if it is reached with them.
std::string encode(Properties& properties, std::string_view before) {
  if (Result<std::string> encoded = encode_properties(properties); encoded && scan_properties(*encoded)) {
    return *std::move(encoded);
  }
  properties.headers->erase(kDeaths);
  const Result<std::string> encoded = encode_properties(properties);
  return encoded && scan_properties(*encoded) ? *encoded : std::string(before);
}

}  // namespace

std::string_view name_of(DeathReason reason) {
  constexpr std::array<std::string_view, 4> kNames = {"rejected", "expired", "maxlen", "delivery_limit"};
  return kNames[static_cast<std::size_t>(reason)];
}

DeadLetter make_dead_letter(const MessageView& message, const Death& death, bool rerouted) {
  DeadLetter letter;
  Properties properties;
  if (Result<Properties> decoded = decode_properties(message.properties)) properties = *std::move(decoded);
  FieldTable headers = std::move(properties.headers).value_or(FieldTable());
  headers.erase("BCC");
  if (const FieldValue* copies = headers.find("CC")) letter.more_keys = copy_keys(*copies);
  FieldArray deaths;
  if (const FieldValue* old = headers.find(kDeaths)) {
    if (const auto* const array = std::get_if<FieldArray>(&old->kind)) deaths = *array;
  }
  std::optional<FieldTable> entry = take_again(deaths, death);
  if (!entry) entry = first_of_its_kind(message, death, properties, letter.more_keys);
  deaths.insert(deaths.begin(), FieldValue{*std::move(entry)});
  letter.automatic = automatic_deaths(deaths);

  if (headers.find("x-first-death-reason") == nullptr) describe(headers, "first", death, message.exchange);
  describe(headers, "last", death, message.exchange);
  if (death.failed) tell_failure({death.time, death.failure}, death.retries, headers);
  if (rerouted) {
    headers.erase("CC");
    letter.more_keys.clear();
  }
  properties.headers = std::move(headers);
  properties.expiration.reset();
  limit(deaths);
  properties.headers->set(std::string(kDeaths), {std::move(deaths)});
  letter.properties = encode(properties, message.properties);
  return letter;
}

std::optional<Timestamp> expiration_of(std::string_view properties, Timestamp now) {
  constexpr char kExpiration = 0x01;  // bit 8 of the flags
  if (properties.empty() || (properties.front() & kExpiration) == 0) return std::nullopt;
  PropertiesView view;
  if (!scan_properties(properties, view) || !view.expiration) return std::nullopt;
  const std::string_view digits = *view.expiration;
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ms);
  if (end != digits.data() + digits.size() || digits.empty() || ms < 0) return std::nullopt;
  if (error == std::errc::result_out_of_range) ms = QueueArguments::kMaxDurationMs;
  return now + std::chrono::milliseconds(std::min(ms, QueueArguments::kMaxDurationMs));
}

}  // namespace escrow::broker
