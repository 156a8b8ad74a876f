// How a client reaches the server and how patient it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace escrow::client {

struct TlsOptions {
  /// PEM of the authorities to trust. Empty: those of the system.
  std::string root_certificates = {};
  /// PEM of the client's own certificate chain and key, where the server asks for one.
  std::string certificate_chain = {};
  std::string private_key = {};
  /// The name in the server's certificate, when it is not the one in the target.
  std::string server_name = {};
};

/// Pauses between attempts: the first is `initial`, each next one twice as long up to `maximum`. Each is
/// shortened by a random part of up to a half, so that many clients do not return at the same moment.
struct BackoffOptions {
  std::chrono::milliseconds initial{50};
  std::chrono::milliseconds maximum{2000};
};

struct ClientOptions {
  /// host:port, or any other gRPC target.
  std::string target = "127.0.0.1:5680";
  std::string user = {};
  std::string password = {};
  /// Without it everything, the password too, travels in the clear: for loopback and trusted networks.
  std::optional<TlsOptions> tls = std::nullopt;
  /// How long one attempt of a call waits for its answer.
  std::chrono::milliseconds attempt_timeout{5000};
  /// How long a call takes at most, all attempts and pauses together. Then it fails with the last error that
  /// says more than that the time was over.
  std::chrono::milliseconds call_timeout{30000};
  BackoffOptions backoff = {};
  /// A silent connection is probed this often while calls are open on it, so that a dead one is noticed.
  std::chrono::milliseconds keepalive_interval{30000};
  /// The largest frame accepted from the server.
  std::size_t max_receive_bytes = 64u << 20;
};

}  // namespace escrow::client
