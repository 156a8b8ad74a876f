#include "broker/core/death_history.h"

#include <algorithm>
#include <utility>

#include "model/properties.h"

namespace escrow::broker {
namespace {

constexpr std::string_view kDeaths = "x-death";

std::string text_of(const FieldValue* value) {
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

std::uint64_t number_of(const FieldValue* value) {
  return value == nullptr ? 0 : static_cast<std::uint64_t>(std::max<std::int64_t>(value->as_integer(), 0));
}

std::optional<PastDeath::Entry> find_entry(const FieldArray& deaths, const PastDeath& death) {
  for (const FieldValue& value : deaths) {
    const auto* const table = std::get_if<FieldTable>(&value.kind);
    if (table == nullptr || text_of(table->find("queue")) != death.queue) continue;
    if (text_of(table->find("reason")) != death.reason) continue;
    PastDeath::Entry entry{number_of(table->find("count")), 0, text_of(table->find("exchange")), {}};
    const FieldValue* const time = table->find("time");
    if (const auto* at = time == nullptr ? nullptr : std::get_if<FieldTimestamp>(&time->kind)) {
      entry.time_s = at->seconds;
    }
    const FieldValue* const keys = table->find("routing-keys");
    const auto* const array = keys == nullptr ? nullptr : std::get_if<FieldArray>(&keys->kind);
    if (array == nullptr || array->empty() || array->front().as_string() == nullptr) return std::nullopt;
    entry.routing_key = *array->front().as_string();
    return entry;
  }
  return std::nullopt;
}

std::optional<PastDeath> past_death(std::string_view headers, std::string_view which, const FieldArray& deaths) {
  const std::string prefix = "x-" + std::string(which) + "-death-";
  const auto header = [&](const char* name) {
    const std::optional<FieldValue> value = find_in_table(headers, prefix + name);
    return text_of(value ? &*value : nullptr);
  };
  PastDeath death{header("reason"), header("queue"), header("exchange"), std::nullopt};
  if (death.reason.empty() || death.queue.empty()) return std::nullopt;
  death.entry = find_entry(deaths, death);
  return death;
}

}  // namespace

DeathHistory death_history(std::string_view properties) {
  PropertiesView view;
  if (!scan_properties(properties, view) || !view.headers) return {};
  const std::string_view headers = view.headers->bytes;
  const std::optional<FieldValue> found = find_in_table(headers, kDeaths);
  const auto* const array = found ? std::get_if<FieldArray>(&found->kind) : nullptr;
  const FieldArray none;
  const FieldArray& deaths = array == nullptr ? none : *array;
  return {past_death(headers, "first", deaths), past_death(headers, "last", deaths)};
}

bool is_redriven(const FieldTable& death) {
  const FieldValue* const mark = death.find(kRedriven);
  const bool* const is = mark == nullptr ? nullptr : std::get_if<bool>(&mark->kind);
  return is != nullptr && *is;
}

std::string after_redrive(std::string_view properties) {
  Result<Properties> decoded = decode_properties(properties);
  if (!decoded || !decoded->headers) return std::string(properties);
  const FieldValue* const found = decoded->headers->find(kDeaths);
  const auto* const array = found == nullptr ? nullptr : std::get_if<FieldArray>(&found->kind);
  if (array == nullptr) return std::string(properties);
  FieldArray deaths = *array;
  for (FieldValue& death : deaths) {
    if (auto* const table = std::get_if<FieldTable>(&death.kind)) table->set(std::string(kRedriven), {true});
  }
  decoded->headers->set(std::string(kDeaths), {std::move(deaths)});
  Result<std::string> encoded = encode_properties(*decoded);
  return encoded && scan_properties(*encoded) ? *std::move(encoded) : std::string(properties);
}

}  // namespace escrow::broker
