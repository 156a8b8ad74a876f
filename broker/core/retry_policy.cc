#include "broker/core/retry_policy.h"

#include <algorithm>

#include "base/random.h"
#include "broker/core/field_text.h"
#include "broker/core/queue_arguments.h"

namespace escrow::broker {
namespace {

using Complaint = std::optional<ArgumentComplaint>;

// https://rocketmq.apache.org/docs/featureBehavior/10consumerretrypolicy
constexpr std::array<std::int64_t, 16> kRocketMqSeconds = {10,  30,  60,  120, 180,  240,  300,  360,
                                                           420, 480, 540, 600, 1200, 1800, 3600, 7200};
constexpr std::string_view kRocketMq = "rocketmq";
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kMaxDelayMs = QueueArguments::kMaxDurationMs;

Complaint complain(std::string_view argument, std::string text) {
  return ArgumentComplaint{std::string(argument), std::move(text)};
}

std::string out_of_range(std::string_view range, const FieldValue& value) {
  return "\"expected " + std::string(range) + ", got " + value_text(value) + "\"";
}

/// Reads the arguments one after the other and keeps the first complaint.
class RetryArguments {
 public:
  explicit RetryArguments(const FieldTable& all) : all_(all) {}

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t maximum, std::string_view range) {
    const FieldValue* const value = all_.find(name);
    if (value == nullptr) return std::nullopt;
    if (is_between(*value, maximum)) return value->as_integer();
    fails(name, out_of_range(range, *value));
    return std::nullopt;
  }

  std::optional<double> number(std::string_view name, double minimum, double maximum, std::string_view range) {
    const FieldValue* const value = all_.find(name);
    if (value == nullptr) return std::nullopt;
    std::optional<double> number;
    if (value->is_integer()) number = static_cast<double>(value->as_integer());
    if (const auto* f = std::get_if<float>(&value->kind)) number = *f;
    if (const auto* d = std::get_if<double>(&value->kind)) number = *d;
    if (number && *number >= minimum && *number <= maximum) return number;
    fails(name, out_of_range(range, *value));
    return std::nullopt;
  }

  std::vector<std::int64_t> delays() {
    constexpr std::string_view kName = "x-retry-delays";
    std::vector<std::int64_t> delays;
    const FieldValue* const value = all_.find(kName);
    if (value == nullptr) return delays;
    if (value->as_string() != nullptr && *value->as_string() == kRocketMq) {
      for (const std::int64_t seconds : kRocketMqSeconds) delays.push_back(seconds * kMsPerSecond);
      return delays;
    }
    const auto* const list = std::get_if<FieldArray>(&value->kind);
    if (list == nullptr || list->empty() || list->size() > RetryPolicy::kMaxAttempts) {
      fails(kName, out_of_range("a list of 1 to 1000 delays, or \"rocketmq\"", *value));
      return delays;
    }
    for (const FieldValue& delay : *list) {
      if (!is_between(delay, kMaxDelayMs)) {
        fails(kName, out_of_range("milliseconds from 1 to a hundred years", delay));
        return delays;
      }
      delays.push_back(delay.as_integer());
    }
    return delays;
  }

  void fails(std::string_view name, std::string text) {
    if (!complaint_) complaint_ = complain(name, std::move(text));
  }
  const Complaint& complaint() const { return complaint_; }

 private:
  /// [1, maximum]
  static bool is_between(const FieldValue& value, std::int64_t maximum) {
    return value.is_integer() && value.as_integer() >= 1 && value.as_integer() <= maximum;
  }

  const FieldTable& all_;
  Complaint complaint_;
};

std::vector<std::int64_t> growing(std::int64_t base_ms, double factor, std::int64_t max_ms, std::size_t attempts) {
  std::vector<std::int64_t> delays;
  auto next = static_cast<double>(base_ms);
  for (std::size_t i = 0; i < attempts; ++i) {
    delays.push_back(std::min(static_cast<std::int64_t>(next), max_ms));
    next = std::min(next * factor, static_cast<double>(max_ms));
  }
  return delays;
}

}  // namespace

Duration RetryPolicy::delay(std::size_t retry, std::uint64_t draw) const {
  const auto longest = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(delays_ms[retry - 1]));
  const double drawn = static_cast<double>(longest.count()) * jitter * Random(draw).fraction();
  return longest - Duration(static_cast<Duration::rep>(drawn));
}

std::optional<ArgumentComplaint> read_retry_policy(const FieldTable& arguments, std::optional<RetryPolicy>& out) {
  out.reset();
  constexpr std::string_view kMilliseconds = "milliseconds from 1 to a hundred years";
  RetryArguments read(arguments);
  RetryPolicy policy;
  policy.delays_ms = read.delays();
  const auto base = read.integer("x-retry-base-delay", kMaxDelayMs, kMilliseconds);
  const auto factor = read.number("x-retry-factor", 1, 1000, "a number from 1 to 1000");
  const auto max = read.integer("x-retry-max-delay", kMaxDelayMs, kMilliseconds);
  policy.jitter = read.number("x-retry-jitter", 0, 1, "a number from 0 to 1").value_or(0);
  const auto attempts = read.integer("x-retry-attempts", RetryPolicy::kMaxAttempts, "a number from 1 to 1000");
  if (read.complaint()) return read.complaint();

  const bool listed = !policy.delays_ms.empty();
  if (listed && base) return complain("x-retry-base-delay", "there_is_x-retry-delays");
  for (const std::string_view name : kRetryArguments) {
    const bool of_growth = name == "x-retry-factor" || name == "x-retry-max-delay";
    if (arguments.find(name) == nullptr || base || (listed && !of_growth)) continue;
    return complain(name, of_growth ? "no_x-retry-base-delay_defined" : "no_retry_delays_defined");
  }
  if (listed && attempts) policy.delays_ms.resize(static_cast<std::size_t>(*attempts), policy.delays_ms.back());
  if (base) {
    const auto count = static_cast<std::size_t>(attempts.value_or(RetryPolicy::kDefaultAttempts));
    policy.delays_ms = growing(*base, factor.value_or(RetryPolicy::kDefaultFactor), max.value_or(kMaxDelayMs), count);
  }
  if (listed || base) out = std::move(policy);
  return std::nullopt;
}

}  // namespace escrow::broker
