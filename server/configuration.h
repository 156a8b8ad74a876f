// Everything that can be configured. What each value means, its name in files, environment and flags, and its limits stand
// in the table of server/settings.cc; this is what the rest of the server reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "coordinator/core/check_policy.h"
#include "rpc/authenticator.h"

namespace escrow::server {

/// RabbitMQ's permissions of one user in one virtual host: regular expressions.
struct Permission {
  std::string user;
  std::string vhost;
  std::string configure;
  std::string write;
  std::string read;
};

struct Configuration {
  bool dev = false;
  std::vector<std::string> vhosts;
  std::string data_dir;
  std::string log_level;

  std::string grpc_bind;
  std::uint16_t grpc_port = 0;
  std::string grpc_tls_certificate_file;
  std::string grpc_tls_key_file;
  std::string grpc_tls_client_ca_file;
  std::string amqp_bind;
  std::uint16_t amqp_port = 0;
  std::size_t amqp_frame_max = 0;
  std::uint32_t amqp_channel_max = 0;
  Duration amqp_heartbeat{};
  Duration amqp_handshake_timeout{};
  std::uint32_t amqp_max_connections = 0;
  std::uint32_t amqp_channel_consumers = 0;
  std::size_t amqp_tx_bytes = 0;
  std::size_t amqp_unwritten_bytes = 0;
  std::string amqps_bind;
  std::uint16_t amqps_port = 0;
  std::string amqps_certificate_file;
  std::string amqps_key_file;
  std::string amqps_ca_file;
  bool amqps_verify_peer = false;
  bool amqps_fail_if_no_peer_certificate = false;
  std::string amqps_login_from;
  std::string amqps_login_san_type;
  std::string http_bind;
  std::uint16_t http_port = 0;
  std::string metrics_bind;
  std::uint16_t metrics_port = 0;

  Duration checks_first_delay{};
  Duration checks_base_interval{};
  double checks_factor = 0;
  Duration checks_max_interval{};
  double checks_jitter = 0;
  std::uint32_t checks_max_attempts = 0;
  Duration checks_receipt_timeout{};
  Duration checks_answer_timeout{};
  Duration transactions_retention{};

  std::size_t limits_message_bytes = 0;
  std::uint32_t limits_inbox_commands = 0;
  std::size_t limits_inbox_bytes = 0;
  std::size_t limits_page_memory = 0;
  std::size_t limits_transaction_memory = 0;
  double alarms_memory_high_watermark = 0;
  std::size_t alarms_memory_high_watermark_absolute = 0;
  std::size_t alarms_disk_free_limit = 0;
  std::size_t store_memtables = 0;
  std::size_t store_block_cache = 0;
  bool store_accept_data_loss = false;
  Duration shutdown_deadline{};

  /// Of the section [users], which has names of its own for keys. Who has an empty hash has no password.
  std::vector<rpc::Authenticator::HashedUser> users;
  /// Of the section [permissions], in order of user and vhost.
  std::vector<Permission> permissions;

  /// With certificate and key, and a port.
  bool serves_amqps() const { return amqps_port != 0 && !amqps_certificate_file.empty(); }
  bool serves_amqp() const { return amqp_port != 0 || serves_amqps(); }
  coordinator::CheckPolicy check_policy() const;
  /// From Prepare until a transaction that nobody ever answers for is in doubt, at most.
  Duration check_horizon() const;
};

/// What is wrong, a line for each: gathered, so that a person is told everything at once.
class Faults {
 public:
  void add(const std::string& fault) { text_ += (text_.empty() ? "" : "\n") + fault; }
  bool none() const { return text_.empty(); }
  /// CONFIGURATION_WRONG unless there are none.
  Result<void> result() const;

 private:
  std::string text_;
};

/// What no key can check by itself. INVALID_ARGUMENT, CONFIGURATION_WRONG with everything that is wrong.
Result<void> check(const Configuration& configuration);

/// `[::1]` and `localhost` count as well as 127.0.0.0/8.
bool is_loopback(const std::string& address);

Error configuration_wrong(std::string message);

}  // namespace escrow::server
