// What all TLS connections of the server share: its certificate, and what it demands of clients. OpenSSL, TLS 1.2 and later.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "broker/net/certificate.h"

struct ssl_ctx_st;
struct ssl_st;

namespace escrow::broker::net {

/// What OpenSSL says of this thread's last failure, which it then forgets: the first error, which is the cause of the rest.
std::string tls_failure();

/// The files are PEM.
struct TlsOptions {
  std::string certificate_file;  ///< the server's, with those between it and an authority behind it
  std::string key_file;
  std::string ca_file;  ///< authorities whose clients are believed; for verify_peer
  bool verify_peer = false;
  bool fail_if_no_peer_certificate = false;
  LoginFrom login_from = LoginFrom::kCommonName;
};

/// Immutable; may be shared by threads.
class TlsContext {
 public:
  /// CONFIGURATION_WRONG, with the file and what to do about it.
  static Result<std::unique_ptr<TlsContext>> load(const TlsOptions& options);

  /// nullptr when there is no memory for it.
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> connection(int descriptor) const;
  LoginFrom login_from() const { return login_from_; }

 private:
  using Owned = std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)>;
  TlsContext(Owned context, LoginFrom login_from) : context_(std::move(context)), login_from_(login_from) {}

  const Owned context_;
  const LoginFrom login_from_;
};

}  // namespace escrow::broker::net
