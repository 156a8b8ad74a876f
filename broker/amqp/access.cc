#include "broker/amqp/access.h"

#include <re2/re2.h>

#include <array>

namespace escrow::broker::amqp {

std::string_view name(Right right) {
  constexpr std::array<std::string_view, 3> kNames{"configure", "write", "read"};
  return kNames[static_cast<std::size_t>(right)];
}

struct Permissions::Patterns {
  std::array<std::unique_ptr<RE2>, 3> expressions;  // nullptr: matches nothing
};

Permissions::Permissions(std::unique_ptr<Patterns> patterns) : patterns_(std::move(patterns)) {}
Permissions::~Permissions() = default;

Result<std::shared_ptr<const Permissions>> Permissions::compile(std::string_view configure, std::string_view write,
                                                                std::string_view read) {
  auto patterns = std::make_unique<Patterns>();
  std::string wrong;
  std::size_t i = 0;
  for (const std::string_view pattern : {configure, write, read}) {
    std::unique_ptr<RE2>& expression = patterns->expressions[i++];
    // RabbitMQ, too, takes the empty pattern for ^$.
    if (pattern.empty()) continue;
    RE2::Options options;
    options.set_log_errors(false);
    expression = std::make_unique<RE2>(pattern, options);
    if (expression->ok()) continue;
    wrong +=
        (wrong.empty() ? "'" : "; '") + std::string(pattern) + "' is no regular expression: " + expression->error();
  }
  if (!wrong.empty()) return Error{ErrorCode::kInvalidArgument, "CONFIGURATION_WRONG", wrong, {}};
  return std::shared_ptr<const Permissions>(new Permissions(std::move(patterns)));
}

bool Permissions::permits(Right right, std::string_view name) const {
  const std::unique_ptr<RE2>& expression = patterns_->expressions[static_cast<std::size_t>(right)];
  return expression != nullptr && RE2::PartialMatch(name, *expression);
}

}  // namespace escrow::broker::amqp
