#include "server/amqp_access.h"

#include <algorithm>
#include <utility>

#include "base/invariant.h"
#include "broker/core/names.h"
#include "server/admin_secret.h"

namespace escrow::server {
namespace {

using broker::amqp::Permissions;
using broker::amqp::UserPermissions;

/// Every virtual host, with the same permissions in each.
UserPermissions everywhere(const Configuration& c, const std::shared_ptr<const Permissions>& permissions) {
  UserPermissions out;
  out.emplace(broker::kDefaultVhost, permissions);
  for (const std::string& vhost : c.vhosts) out.emplace(vhost, permissions);
  return out;
}

Error wrong(const Permission& permission, const std::string& what) {
  return configuration_wrong("permissions of '" + permission.user + "' in '" + permission.vhost + "': " + what);
}

Result<void> check_user(const Configuration& c, const Permission& permission) {
  if (permission.user == kAdministrator || (c.dev && permission.user == kDevelopmentUser)) {
    return wrong(permission, "'" + permission.user + "' may do everything, which cannot be changed");
  }
  const auto is_user = [&](const auto& user) { return user.name == permission.user; };
  if (std::ranges::none_of(c.users, is_user)) {
    return wrong(permission, "there is no such user in [users]");
  }
  return {};
}

}  // namespace

Result<AmqpAccess> AmqpAccess::compile(const Configuration& c) {
  const UserPermissions none = everywhere(c, nullptr);
  std::map<std::string, UserPermissions> by_user;
  for (const Permission& permission : c.permissions) {
    if (auto valid = check_user(c, permission); !valid) return std::move(valid).error();
    if (!none.contains(permission.vhost)) return wrong(permission, "there is no such virtual host in vhosts");
    auto compiled = Permissions::compile(permission.configure, permission.write, permission.read);
    if (!compiled) return wrong(permission, compiled.error().message);
    by_user.try_emplace(permission.user, none).first->second[permission.vhost] = *std::move(compiled);
  }
  const auto all = Permissions::compile(".*", ".*", ".*");
  ESCROW_INVARIANT(all.ok(), "everything is a pattern");
  by_user.emplace(kAdministrator, everywhere(c, *all));
  if (c.dev) by_user.emplace(kDevelopmentUser, everywhere(c, *all));

  AmqpAccess access;
  access.nothing_ = std::make_shared<const UserPermissions>(none);
  for (auto& [user, permissions] : by_user) {
    access.by_user_.emplace(user, std::make_shared<const UserPermissions>(std::move(permissions)));
  }
  return access;
}

std::shared_ptr<const UserPermissions> AmqpAccess::of(std::string_view user) const {
  const auto it = by_user_.find(user);
  return it == by_user_.end() ? nothing_ : it->second;
}

}  // namespace escrow::server
