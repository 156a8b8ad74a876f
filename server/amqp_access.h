// What the users of the configuration may do by AMQP (broker/amqp/access.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "broker/amqp/access.h"
#include "server/configuration.h"

namespace escrow::server {

/// Immutable; may be shared by threads.
class AmqpAccess {
 public:
  /// CONFIGURATION_WRONG, with everything that is, when a permission is of no user or no virtual host, or a pattern is none.
  static Result<AmqpAccess> compile(const Configuration& configuration);

  /// Users without permissions, and names that are no user's, may enter nothing. Never nullptr.
  std::shared_ptr<const broker::amqp::UserPermissions> of(std::string_view user) const;

 private:
  using Shared = std::shared_ptr<const broker::amqp::UserPermissions>;
  std::map<std::string, Shared, std::less<>> by_user_;
  Shared nothing_;
};

}  // namespace escrow::server
