#include "tests/sim/model/form.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/sim/vocabulary.h"

namespace escrow::sim::model {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

bool is_text(const FieldTable& table, std::string_view name, std::string_view expected) {
  const FieldValue* found = table.find(name);
  return found != nullptr && found->as_string() != nullptr && *found->as_string() == expected;
}

bool shows(const std::optional<Form::Mark>& mark, const FieldTable& headers, const std::string& which) {
  const std::string prefix = "x-" + which + "-death-";
  if (!mark) return headers.find(prefix + "reason") == nullptr;
  return is_text(headers, prefix + "exchange", mark->exchange) && is_text(headers, prefix + "queue", mark->queue) &&
         is_text(headers, prefix + "reason", name_of(mark->reason));
}

bool shows(Death& death, const FieldValue& value) {
  const auto* entry = std::get_if<FieldTable>(&value.kind);
  if (entry == nullptr) return false;
  const FieldValue* count = entry->find("count");
  const FieldValue* time = entry->find("time");
  const FieldValue* keys = entry->find("routing-keys");
  const bool whole = is_text(*entry, "queue", death.queue) && is_text(*entry, "reason", name_of(death.reason)) &&
                     is_text(*entry, "exchange", death.exchange) && count != nullptr && time != nullptr &&
                     count->as_integer() == death.count && keys != nullptr &&
                     keys->kind == FieldValue::Kind(FieldArray{FieldValue{death.routing_key}});
  const auto* seconds = whole ? std::get_if<FieldTimestamp>(&time->kind) : nullptr;
  if (seconds == nullptr) return false;
  const auto at = static_cast<std::int64_t>(seconds->seconds);
  if (at < to_micros(death.time.from) / kMicrosPerSecond || at > to_micros(death.time.until) / kMicrosPerSecond) {
    return false;
  }
  death.time = {from_micros(at * kMicrosPerSecond), from_micros(at * kMicrosPerSecond)};
  const bool had_none = !death.original_expiration && entry->find("original-expiration") == nullptr;
  return had_none || (death.original_expiration && is_text(*entry, "original-expiration", *death.original_expiration));
}

bool shows(std::vector<Death>& deaths, const FieldTable& headers) {
  const FieldValue* found = headers.find("x-death");
  if (found == nullptr) return deaths.empty();
  const auto* array = std::get_if<FieldArray>(&found->kind);
  if (array == nullptr || array->size() != deaths.size()) return false;
  for (std::size_t i = 0; i < deaths.size(); ++i) {
    if (!shows(deaths[i], (*array)[i])) return false;
  }
  return true;
}

bool is_of_deaths(std::string_view header) {
  return header == "x-death" || header.starts_with("x-first-death-") || header.starts_with("x-last-death-");
}

/// The order of headers says nothing.
bool same_headers(const FieldTable& expected, const FieldTable& headers) {
  std::size_t others = 0;
  for (const auto& [name, value] : headers) {
    if (is_of_deaths(name)) continue;
    ++others;
    const FieldValue* found = expected.find(name);
    if (found == nullptr || *found != value) return false;
  }
  return others == expected.size();
}

}  // namespace

std::string_view name_of(DeathReason reason) {
  constexpr std::array<std::string_view, 4> kNames = {"rejected", "expired", "maxlen", "delivery_limit"};
  return kNames[static_cast<std::size_t>(reason)];
}

Form sent_form(const MessageView& message) {
  Form form;
  form.exchange = message.exchange;
  form.routing_key = message.routing_key;
  if (auto properties = decode_properties(message.properties)) form.properties = *std::move(properties);
  return form;
}

Duration delay_of(std::string_view properties) {
  for (const KnownProperties& known : known_properties()) {
    if (known.encoded == properties) return known.delay.value_or(Duration::zero());
  }
  // Of what was changed on its way.
  const Result<Properties> decoded = decode_properties(properties);
  const FieldValue* delay = decoded && decoded->headers ? decoded->headers->find("x-delay") : nullptr;
  if (delay == nullptr) return Duration::zero();
  std::int64_t ms = delay->as_integer();
  if (const auto* whole = delay->as_string()) ms = std::stoll(*whole);
  if (const auto* fraction = std::get_if<double>(&delay->kind)) ms = static_cast<std::int64_t>(*fraction);
  return std::chrono::milliseconds(std::max<std::int64_t>(ms, 0));
}

Form after_delay(Form form) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(delay_of(*encode_properties(form.properties)));
  form.properties.headers->set("x-delay", {static_cast<std::int64_t>(-ms.count())});
  return form;
}

Form after_death(Form form, const std::string& queue, const QueueRules& rules, DeathReason reason, Window when) {
  const auto before = std::ranges::find_if(
      form.deaths, [&](const Death& death) { return death.queue == queue && death.reason == reason; });
  if (before != form.deaths.end()) {
    ++before->count;
    std::rotate(form.deaths.begin(), before, before + 1);
  } else {
    form.deaths.insert(form.deaths.begin(),
                       {queue, reason, 1, when, form.exchange, form.routing_key, form.properties.expiration});
  }
  const Form::Mark mark{form.exchange, queue, reason};
  if (!form.first) form.first = mark;
  form.last = mark;
  form.properties.expiration.reset();
  form.exchange = *rules.dead_letter_exchange;
  if (rules.dead_letter_key) form.routing_key = *rules.dead_letter_key;
  return form;
}

bool goes_round(const Form& form, const std::string& queue) {
  for (const Death& death : form.deaths) {
    if (death.reason == DeathReason::kRejected) return false;
    if (death.queue == queue) return true;
  }
  return false;
}

std::string deaths_in_words(const MessageView& message) {
  const Result<Properties> decoded = decode_properties(message.properties);
  const FieldValue* found = decoded && decoded->headers ? decoded->headers->find("x-death") : nullptr;
  const auto* deaths = found == nullptr ? nullptr : std::get_if<FieldArray>(&found->kind);
  if (deaths == nullptr) return "it never died";
  std::string words = "it died";
  for (const FieldValue& value : *deaths) {
    const auto* death = std::get_if<FieldTable>(&value.kind);
    if (death == nullptr) continue;
    for (const char* field : {"queue", "reason"}) {
      const FieldValue* said = death->find(field);
      words += ' ' + (said && said->as_string() ? *said->as_string() : "?");
    }
    const FieldValue* count = death->find("count");
    words += " x" + std::to_string(count == nullptr ? 0 : count->as_integer()) + ',';
  }
  return words;
}

bool shows(Form& form, const MessageView& message) {
  if (message.exchange != form.exchange || message.routing_key != form.routing_key) return false;
  Result<Properties> decoded = decode_properties(message.properties);
  if (!decoded) return false;
  const FieldTable headers = std::exchange(decoded->headers, std::nullopt).value_or(FieldTable());
  Properties others = form.properties;
  const FieldTable expected = std::exchange(others.headers, std::nullopt).value_or(FieldTable());
  return others == *decoded && same_headers(expected, headers) && shows(form.deaths, headers) &&
         shows(form.first, headers, "first") && shows(form.last, headers, "last");
}

}  // namespace escrow::sim::model
