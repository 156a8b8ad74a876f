#include "broker/core/name_pattern.h"

#include <re2/re2.h>

#include <string>
#include <utility>

namespace escrow::broker {
namespace {

Error invalid(std::string why) {
  return {ErrorCode::kInvalidArgument, "PATTERN_INVALID", "invalid pattern: " + std::move(why), {}};
}

}  // namespace

Result<NamePattern> NamePattern::compile(std::string_view pattern) {
  // It would match everything, and is what a request without a pattern has.
  if (pattern.empty()) return invalid("it is empty; .* matches every name");
  if (pattern.size() > kMaxBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 "LIMIT_EXCEEDED",
                 "the pattern is longer than " + std::to_string(kMaxBytes) + " bytes",
                 {{"limit", "pattern_bytes"}, {"maximum", std::to_string(kMaxBytes)}}};
  }
  re2::RE2::Options options(re2::RE2::Latin1);
  options.set_log_errors(false);
  options.set_max_mem(kMemoryBytes);
  auto expression = std::make_unique<re2::RE2>(pattern, options);
  if (!expression->ok()) return invalid(expression->error());
  return NamePattern(std::move(expression));
}

NamePattern::NamePattern(std::unique_ptr<re2::RE2> expression) : expression_(std::move(expression)) {}
NamePattern::NamePattern(NamePattern&&) noexcept = default;
NamePattern& NamePattern::operator=(NamePattern&&) noexcept = default;
NamePattern::~NamePattern() = default;

bool NamePattern::matches(std::string_view name) const { return re2::RE2::PartialMatch(name, *expression_); }

}  // namespace escrow::broker
