#include "broker/net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

namespace escrow::broker::net {
namespace {

Error unusable(const std::string& setting, const std::string& file, const std::string& what) {
  return {ErrorCode::kInvalidArgument,
          "CONFIGURATION_WRONG",
          "amqps." + setting + ": " + file + " " + what,
          {{"path", file}}};
}

/// Nobody sits at the terminal that OpenSSL would ask.
int no_passphrase(char*, int, int, void*) { return 0; }

Result<void> load_certificate(SSL_CTX* context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return unusable(
        "certificate_file", options.certificate_file,
        "cannot be used (" + tls_failure() + "): name a readable PEM file that begins with the server's certificate");
  }
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
      ERR_clear_error();
      return unusable(
          "key_file", options.key_file,
          "is not the key of the certificate in " + options.certificate_file + ": name the two that belong together");
    }
    return unusable(
        "key_file", options.key_file,
        "cannot be used (" + tls_failure() + "): name a readable PEM file with a private key that has no passphrase");
  }
  return {};
}

Result<void> load_authorities(SSL_CTX* context, const TlsOptions& options) {
  if (!options.verify_peer) return {};
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(options.ca_file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return unusable(
        "ca_file", options.ca_file,
        "cannot be used (" + tls_failure() + "): name a readable PEM file with the authorities that sign clients");
  }
  SSL_CTX_set_client_CA_list(context, names);  // so that clients know which certificate to show
  const int demand = options.fail_if_no_peer_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | demand, nullptr);
  return {};
}

}  // namespace

std::string tls_failure() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const text = ERR_reason_error_string(code);
  return text == nullptr ? "no reason given" : text;
}

Result<std::unique_ptr<TlsContext>> TlsContext::load(const TlsOptions& options) {
  ERR_clear_error();
  Owned context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (context == nullptr) {
    return Error{ErrorCode::kInternal, "TLS_UNUSABLE", "OpenSSL does not start: " + tls_failure(), {}};
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A connection of AMQP lives long: resuming would save little, and would have to remember what was verified.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Output may move in memory and grow between two attempts to write it; connections at rest keep no buffers.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  if (auto loaded = load_certificate(context.get(), options); !loaded) return std::move(loaded).error();
  if (auto loaded = load_authorities(context.get(), options); !loaded) return std::move(loaded).error();
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(context), options.login_from));
}

std::unique_ptr<ssl_st, void (*)(ssl_st*)> TlsContext::connection(int descriptor) const {
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> out(SSL_new(context_.get()), &SSL_free);
  if (out != nullptr && SSL_set_fd(out.get(), descriptor) != 1) out.reset();
  return out;
}

}  // namespace escrow::broker::net
