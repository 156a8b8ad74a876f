// Who may do what: RabbitMQ's permissions (https://www.rabbitmq.com/docs/access-control). A user has three patterns for each
// virtual host that it may enter: for what it may configure, write to and read from.
//
// A pattern is a regular expression in RE2's syntax that has to be found in the name; none of RE2's limits shows in
// patterns as RabbitMQ's users write them. The empty one matches nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace escrow::broker::amqp {

enum class Right : std::uint8_t { kConfigure, kWrite, kRead };
std::string_view name(Right right);

/// Immutable; may be shared by threads.
class Permissions {
 public:
  /// CONFIGURATION_WRONG with those that are no regular expressions.
  static Result<std::shared_ptr<const Permissions>> compile(std::string_view configure, std::string_view write,
                                                            std::string_view read);
  ~Permissions();

  bool permits(Right right, std::string_view name) const;

 private:
  struct Patterns;
  explicit Permissions(std::unique_ptr<Patterns> patterns);
  std::unique_ptr<Patterns> patterns_;
};

/// All virtual hosts there are, with what a user may do in them; nullptr: may not enter. Immutable.
using UserPermissions = std::map<std::string, std::shared_ptr<const Permissions>, std::less<>>;

}  // namespace escrow::broker::amqp
