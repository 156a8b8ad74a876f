#include "server/settings.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "server/setting_value.h"

namespace escrow::server {
namespace {

using C = Configuration;
constexpr double kMiB = 1 << 20;
constexpr double kSecond = 1e6;
constexpr double kDay = 86'400 * kSecond;
constexpr Range kPort{0, 65'535};

// clang-format off
const Setting kSettings[] = {
    {"dev", &C::dev, "false",
     "For development: adds user guest with password guest; every address must then be a loopback address."},
    {"vhosts", &C::vhosts, "/",
     "Virtual hosts of the broker; / is there in any case. A virtual host taken off this list keeps its queues and "
     "messages, but AMQP clients cannot enter it."},
    {"data.dir", &C::data_dir, "",
     "Directory of everything that is stored. Empty: /var/lib/escrow for root, $XDG_DATA_HOME/escrow or "
     "~/.local/share/escrow for others."},
    {"log.level", &C::log_level, "info", "How much is logged, to standard error.", {}, "trace debug info warn error"},
    {"shutdown.deadline", &C::shutdown_deadline, "10s",
     "What calls under way get to finish after SIGTERM, before they are cancelled.", {0, 3600 * kSecond}},

    {"grpc.bind", &C::grpc_bind, "127.0.0.1", "Address of the gRPC services."},
    {"grpc.port", &C::grpc_port, "5680", "Port of the gRPC services; 0: none.", kPort},
    {"grpc.tls_certificate_file", &C::grpc_tls_certificate_file, "",
     "PEM file with the server's certificate chain. Empty: no TLS."},
    {"grpc.tls_key_file", &C::grpc_tls_key_file, "", "PEM file with the private key of the certificate."},
    {"grpc.tls_client_ca_file", &C::grpc_tls_client_ca_file, "",
     "PEM file with the authorities that clients' certificates are verified by. With it, and nothing else, every client must "
     "have one. Empty: none is asked for."},
    {"amqp.bind", &C::amqp_bind, "127.0.0.1", "Address for AMQP 0-9-1."},
    {"amqp.port", &C::amqp_port, "5672", "Port for AMQP 0-9-1; 0: none.", kPort},
    {"amqp.frame_max", &C::amqp_frame_max, "128KiB",
     "Largest frame of AMQP; a client may ask for less. Messages may be larger.", {4096, 131'072}},
    {"amqp.channel_max", &C::amqp_channel_max, "2047", "Channels that a connection may open.", {1, 65'535}},
    {"amqp.heartbeat", &C::amqp_heartbeat, "1m",
     "Heartbeat interval that is offered to clients; a client may ask for another. 0s: none. Whole seconds.",
     {0, 65'535 * kSecond}},
    {"amqp.handshake_timeout", &C::amqp_handshake_timeout, "10s",
     "Time a client has to authenticate and open a virtual host; then its connection is closed.",
     {kSecond, 600 * kSecond}},
    {"amqp.max_connections", &C::amqp_max_connections, "10000",
     "Clients of AMQP at a time, those with TLS among them; one more is cut off at once.", {1, 1'000'000}},
    {"amqp.channel_consumers", &C::amqp_channel_consumers, "10000", "Consumers that a channel may have.", {1, 1'000'000}},
    {"amqp.tx_bytes", &C::amqp_tx_bytes, "32MiB",
     "Messages and acknowledgements that one channel may hold until tx.commit.", {4096, 1024 * kMiB}},
    {"amqp.unwritten_bytes", &C::amqp_unwritten_bytes, "1MiB",
     "Output that a client has not taken yet, beyond which its consumers get nothing more and its input waits.",
     {4096, 1024 * kMiB}},
    {"amqps.bind", &C::amqps_bind, "127.0.0.1", "Address for AMQP with TLS."},
    {"amqps.port", &C::amqps_port, "5671",
     "Port for AMQP with TLS; 0: none. Nothing listens without certificate and key.", kPort},
    {"amqps.certificate_file", &C::amqps_certificate_file, "",
     "PEM file with the server's certificate chain. Empty: no AMQP with TLS."},
    {"amqps.key_file", &C::amqps_key_file, "", "PEM file with the private key of the certificate, without passphrase."},
    {"amqps.ca_file", &C::amqps_ca_file, "", "PEM file with the authorities that clients' certificates are verified by."},
    {"amqps.verify_peer", &C::amqps_verify_peer, "false",
     "Ask clients for a certificate, refuse one that is not signed by an authority, and offer EXTERNAL to clients "
     "that have one."},
    {"amqps.fail_if_no_peer_certificate", &C::amqps_fail_if_no_peer_certificate, "false",
     "Refuse clients that have no certificate."},
    {"amqps.login_from", &C::amqps_login_from, "common_name",
     "What of the certificate is the user name of EXTERNAL.", {},
     "common_name distinguished_name subject_alternative_name"},
    {"amqps.login_san_type", &C::amqps_login_san_type, "dns",
     "Which subject alternative name it is: the first of this type.", {}, "dns email ip"},
    {"http.bind", &C::http_bind, "127.0.0.1", "Not served yet: address of the management API."},
    {"http.port", &C::http_port, "15672", "Not served yet: port of the management API; 0: none.", kPort},
    {"metrics.bind", &C::metrics_bind, "127.0.0.1", "Not served yet: address of the metrics."},
    {"metrics.port", &C::metrics_port, "15692", "Not served yet: port of the metrics; 0: none.", kPort},

    {"checks.first_delay", &C::checks_first_delay, "10s",
     "From Prepare to the first check, unless the request says otherwise.", {0, 7 * kDay}},
    {"checks.base_interval", &C::checks_base_interval, "10s", "From the first check to the second.",
     {kSecond / 1000, kDay}},
    {"checks.factor", &C::checks_factor, "2", "Each interval is this much longer than the one before.", {1, 100}},
    {"checks.max_interval", &C::checks_max_interval, "10m", "No interval is longer.", {kSecond / 1000, kDay}},
    {"checks.jitter", &C::checks_jitter, "0.1", "Each interval is moved by up to this share, in both directions.",
     {0, 0.9}},
    {"checks.max_attempts", &C::checks_max_attempts, "15",
     "Checks that the producer side acknowledged, after which a transaction is in doubt.", {1, 1000}},
    {"checks.receipt_timeout", &C::checks_receipt_timeout, "5s",
     "A check without receipt by then is given to another producer, and does not count.", {kSecond / 100, kDay}},
    {"checks.answer_timeout", &C::checks_answer_timeout, "30s",
     "A check without answer by then counts as answered UNKNOWN.", {kSecond / 100, kDay}},
    {"transactions.retention", &C::transactions_retention, "7d",
     "How long the ids of decided transactions are kept. Not less than the checks take to end in doubt.",
     {kSecond, 3650 * kDay}},

    {"limits.message_bytes", &C::limits_message_bytes, "16MiB", "Largest body of a message.", {1024, 64 * kMiB}},
    {"limits.inbox_commands", &C::limits_inbox_commands, "65536",
     "Commands that wait for the engine; beyond it callers get ENGINE_FULL.", {64, 10'000'000}},
    {"limits.inbox_bytes", &C::limits_inbox_bytes, "64MiB", "The same in bytes.", {kMiB, 65'536 * kMiB}},
    {"limits.page_memory", &C::limits_page_memory, "64MiB",
     "Memory for the pages of queues; the rest is on disk.", {kMiB, 1'048'576 * kMiB}},
    {"limits.transaction_memory", &C::limits_transaction_memory, "32MiB",
     "Memory for transactions that are open or were decided lately.", {kMiB, 1'048'576 * kMiB}},
    {"alarms.memory_high_watermark", &C::alarms_memory_high_watermark, "0.6",
     "Share of the memory there is that the server may take before publishers are held up; 0: publishers are always held "
     "up.", {0, 1}},
    {"alarms.memory_high_watermark_absolute", &C::alarms_memory_high_watermark_absolute, "0",
     "The same in bytes, instead of the share. 0: the share counts."},
    {"alarms.disk_free_limit", &C::alarms_disk_free_limit, "256MiB",
     "Room that the disk of data.dir must have; with less, publishers are held up. 0: never."},
    {"store.memtables", &C::store_memtables, "64MiB", "Memory of the database for what it has not sorted yet.",
     {8 * kMiB, 65'536 * kMiB}},
    {"store.block_cache", &C::store_block_cache, "24MiB", "Memory of the database for what it has read.",
     {kMiB, 65'536 * kMiB}},
    {"store.accept_data_loss", &C::store_accept_data_loss, "false",
     "Start although acknowledged data is missing: the last resort when there is no copy to restore."},
};
// clang-format on

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const std::size_t space = std::min(choices.find(' '), choices.size());
    if (choices.substr(0, space) == text) return true;
    choices.remove_prefix(std::min(space + 1, choices.size()));
  }
  return false;
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  const auto* const found = std::ranges::find(kSettings, name, &Setting::name);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string nearest_setting(std::string_view name) {
  const auto distance = [&](const Setting& setting) {
    // A right key in the wrong section, or in none, is likely what was meant.
    const std::string_view key = name.substr(name.rfind('.') + 1);
    return std::min(edit_distance(name, setting.name), edit_distance(key, setting.key()) + 1);
  };
  return std::string(std::ranges::min_element(kSettings, {}, distance)->name);
}

std::string Setting::environment() const {
  std::string out = "ESCROW_";
  for (const char c : name) {
    out.push_back(c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return out;
}

std::string Setting::flag() const {
  std::string out = "--" + std::string(name);
  std::ranges::replace_if(
      out, [](char c) { return c == '.' || c == '_'; }, '-');
  return out;
}

std::string_view Setting::section() const {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string_view Setting::key() const { return name.substr(name.find('.') + 1); }

std::string_view Setting::type() const {
  return std::visit([](auto member) { return value_type_name(Configuration().*member); }, target);
}

Result<void> Setting::set(Configuration& configuration, std::string_view text) const {
  const std::string where = std::string(name) + ": ";
  if (!choices.empty() && !is_choice(choices, text)) {
    return configuration_wrong(where + "'" + std::string(text) + "' is none of: " + std::string(choices));
  }
  return std::visit(
      [&](auto member) -> Result<void> {
        auto& value = configuration.*member;
        if (auto parsed = parse_value(text, value); !parsed) return configuration_wrong(where + parsed.error().message);
        if (within(value, range.minimum, range.maximum)) return {};
        auto limit = value;
        std::string message = where + format_value(value) + " is out of range: ";
        set_number(limit, range.minimum);
        message += format_value(limit) + " to ";
        set_number(limit, range.maximum);
        return configuration_wrong(message + format_value(limit));
      },
      target);
}

std::string Setting::get(const Configuration& configuration) const {
  return std::visit([&](auto member) { return format_value(configuration.*member); }, target);
}

std::string Setting::get_toml(const Configuration& configuration) const {
  return std::visit([&](auto member) { return format_toml(configuration.*member); }, target);
}

}  // namespace escrow::server
