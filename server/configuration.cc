#include "server/configuration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "broker/core/names.h"
#include "broker/core/topology.h"
#include "rpc/credentials.h"
#include "server/admin_secret.h"
#include "server/amqp_access.h"

namespace escrow::server {
namespace {

void check_tls(const Configuration& c, Faults& faults) {
  if (c.grpc_tls_certificate_file.empty() != c.grpc_tls_key_file.empty()) {
    faults.add("grpc.tls_certificate_file and grpc.tls_key_file go together");
  }
  if (!c.grpc_tls_client_ca_file.empty() && c.grpc_tls_certificate_file.empty()) {
    faults.add("grpc.tls_client_ca_file needs grpc.tls_certificate_file and grpc.tls_key_file");
  }
}

void check_amqps(const Configuration& c, Faults& faults) {
  if (c.amqps_certificate_file.empty() != c.amqps_key_file.empty()) {
    faults.add("amqps.certificate_file and amqps.key_file go together");
  }
  if (c.amqps_verify_peer == c.amqps_ca_file.empty()) {
    faults.add("amqps.verify_peer and amqps.ca_file go together: clients are verified by these authorities");
  }
  if (c.amqps_fail_if_no_peer_certificate && !c.amqps_verify_peer) {
    faults.add("amqps.fail_if_no_peer_certificate needs amqps.verify_peer");
  }
  if (c.amqps_verify_peer && c.amqps_certificate_file.empty()) {
    faults.add("amqps.verify_peer needs amqps.certificate_file and amqps.key_file");
  }
}

void check_dev(const Configuration& c, Faults& faults) {
  if (!c.dev) return;
  const std::initializer_list<std::pair<std::string_view, const std::string&>> binds = {
      {"grpc.bind", c.grpc_bind},
      {"amqp.bind", c.amqp_bind},
      {"amqps.bind", c.amqps_bind},
      {"http.bind", c.http_bind},
      {"metrics.bind", c.metrics_bind}};
  for (const auto& [name, address] : binds) {
    if (is_loopback(address)) continue;
    faults.add("dev allows loopback addresses only, because everybody knows the password of 'guest'; " +
               std::string(name) + " is " + address);
  }
}

void check_users(const Configuration& c, Faults& faults) {
  for (const auto& user : c.users) {
    if (auto valid = rpc::check_user_name(user.name); !valid) {
      faults.add("users: '" + user.name + "': " + valid.error().message);
    }
    if (auto valid = rpc::check_password_hash(user.hash); !valid && !user.hash.empty()) {
      faults.add("users: '" + user.name + "': " + valid.error().message);
    }
    if (user.name == kAdministrator || (c.dev && user.name == kDevelopmentUser)) {
      faults.add("users: the name '" + user.name + "' is taken by the server");
    }
  }
}

void check_vhosts(const Configuration& c, Faults& faults) {
  if (c.vhosts.size() > broker::Topology::kMaxVhosts) {
    faults.add("vhosts: there are more than " + std::to_string(broker::Topology::kMaxVhosts));
  }
  for (const std::string& name : c.vhosts) {
    if (auto valid = broker::check_name("vhost", name); !valid) {
      faults.add("vhosts: '" + name + "': " + valid.error().message);
    }
  }
}

void check_amqp(const Configuration& c, Faults& faults) {
  if (c.amqp_heartbeat % std::chrono::seconds(1) != Duration::zero()) {
    faults.add("amqp.heartbeat is not in whole seconds, as AMQP has it");
  }
  if (auto access = AmqpAccess::compile(c); !access) faults.add(access.error().message);
}

void check_times(const Configuration& c, Faults& faults) {
  if (c.checks_max_interval < c.checks_base_interval) {
    faults.add("checks.max_interval is shorter than checks.base_interval");
  }
  if (c.transactions_retention < c.check_horizon()) {
    faults.add(
        "transactions.retention is shorter than the time until a transaction that nobody answers for is in "
        "doubt (" +
        std::to_string(std::chrono::ceil<std::chrono::seconds>(c.check_horizon()).count()) +
        "s with these checks): a late decision could meet a newer transaction of the same id");
  }
}

}  // namespace

coordinator::CheckPolicy Configuration::check_policy() const {
  coordinator::CheckPolicy policy;
  policy.first_delay = checks_first_delay;
  policy.base_interval = checks_base_interval;
  policy.factor = checks_factor;
  policy.max_interval = checks_max_interval;
  policy.jitter = checks_jitter;
  policy.max_attempts = checks_max_attempts;
  return policy;
}

Duration Configuration::check_horizon() const {
  const auto limit = static_cast<double>(checks_max_interval.count());
  double interval = static_cast<double>(checks_base_interval.count());
  double total = 0;
  for (std::uint32_t attempt = 1; attempt < checks_max_attempts; ++attempt) {
    total += std::min(interval, limit);
    // From the limit on all are equal.
    if (interval >= limit || checks_factor == 1.0) {
      total += std::min(interval, limit) * (checks_max_attempts - attempt - 1);
      break;
    }
    interval *= checks_factor;
  }
  return checks_first_delay + Duration(static_cast<std::int64_t>(total * (1.0 + checks_jitter)));
}

Result<void> check(const Configuration& c) {
  Faults faults;
  check_tls(c, faults);
  check_amqps(c, faults);
  check_dev(c, faults);
  check_users(c, faults);
  check_vhosts(c, faults);
  check_amqp(c, faults);
  check_times(c, faults);
  return faults.result();
}

Result<void> Faults::result() const { return none() ? Result<void>() : configuration_wrong(text_); }

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address == "[::1]" || address.starts_with("127.");
}

Error configuration_wrong(std::string message) {
  return {ErrorCode::kInvalidArgument, "CONFIGURATION_WRONG", std::move(message), {}};
}

}  // namespace escrow::server
