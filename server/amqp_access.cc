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

/// Empty: nothing is wrong with it.
std::string fault_of_user(const Configuration& c, const std::string& user) {
  if (user == kAdministrator || (c.dev && user == kDevelopmentUser)) {
    return "'" + user + "' may do everything, which cannot be changed";
  }
  const bool known = std::ranges::find(c.users, user, &rpc::Authenticator::HashedUser::name) != c.users.end();
  return known ? "" : "there is no such user in [users]";
}

}  // namespace

Result<AmqpAccess> AmqpAccess::compile(const Configuration& c) {
  const UserPermissions none = everywhere(c, nullptr);
  std::map<std::string, UserPermissions> by_user;
  Faults faults;
  for (const Permission& permission : c.permissions) {
    const auto wrong = [&](const std::string& what) {
      faults.add("permissions of '" + permission.user + "' in '" + permission.vhost + "': " + what);
    };
    if (const std::string fault = fault_of_user(c, permission.user); !fault.empty()) wrong(fault);
    if (!none.contains(permission.vhost)) wrong("there is no such virtual host in vhosts");
    auto compiled = Permissions::compile(permission.configure, permission.write, permission.read);
    if (!compiled) {
      wrong(compiled.error().message);
      continue;
    }
    by_user.try_emplace(permission.user, none).first->second[permission.vhost] = *std::move(compiled);
  }
  if (auto valid = faults.result(); !valid) return std::move(valid).error();
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
