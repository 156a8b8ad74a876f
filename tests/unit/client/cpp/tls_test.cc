// Connections over TLS, with a certificate made for this test.
#include <gtest/gtest.h>

#include "client/cpp/client.h"
#include "tests/unit/client/cpp/fake_server.h"

namespace escrow::client {
namespace {

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=escrow.test
//   -addext subjectAltName=DNS:escrow.test -addext basicConstraints=critical,CA:TRUE
constexpr char kKey[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVwE+xO33qNyYHUn9\n"
    "jrrBlJ0V8ffnf5zNsIOqDsI4jwihRANCAARVGFai9h/+/aVHkQzEnpFWdy82B8MC\n"
    "BUCRY3JwqhbGGpbKoDAEF5VvzGfYQmBNqs2zzEsZDveSwWa+OBatl7I0\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kCertificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBmzCCAUGgAwIBAgIUB4U39rgrxHd+1OnrZjiIf1okKPIwCgYIKoZIzj0EAwIw\n"
    "FjEUMBIGA1UEAwwLZXNjcm93LnRlc3QwIBcNMjYxMTIxMDcwMTM4WhgPMjEyNjEw\n"
    "MjgwNzAxMzhaMBYxFDASBgNVBAMMC2VzY3Jvdy50ZXN0MFkwEwYHKoZIzj0CAQYI\n"
    "KoZIzj0DAQcDQgAEVRhWovYf/v2lR5EMxJ6RVncvNgfDAgVAkWNycKoWxhqWyqAw\n"
    "BBeVb8xn2EJgTarNs8xLGQ73ksFmvjgWrZeyNKNrMGkwHQYDVR0OBBYEFFhUwwEn\n"
    "eL4pEAmLBsLPnhg4krLsMB8GA1UdIwQYMBaAFFhUwwEneL4pEAmLBsLPnhg4krLs\n"
    "MBYGA1UdEQQPMA2CC2VzY3Jvdy50ZXN0MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI\n"
    "zj0EAwIDSAAwRQIhAPNOkvG4S2yBX09BZ3dxkkaXCDn7m9kN2RAXfN6dZ9AcAiBi\n"
    "a92lpii2zSCxOLzrNxKHuKh6pFqRF639y76429kLCA==\n"
    "-----END CERTIFICATE-----\n";

class Tls : public testing::Test {
 protected:
  Tls() {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back({kKey, kCertificate});
    server_.start(grpc::SslServerCredentials(tls));
  }
  Result<void> ping(const std::optional<TlsOptions>& tls, std::chrono::milliseconds timeout) {
    ClientOptions options = server_.client_options();
    options.tls = tls;
    options.call_timeout = timeout;
    return Client(options).ping();
  }

  static constexpr std::chrono::milliseconds kLongEnoughToFail{300};
  FakeServer server_;
};

TEST_F(Tls, a_trusted_server_is_spoken_to) {
  EXPECT_TRUE(ping(TlsOptions{.root_certificates = kCertificate, .server_name = "escrow.test"}, kPatience));
}

TEST_F(Tls, a_server_of_another_name_is_not) {
  EXPECT_FALSE(ping(TlsOptions{.root_certificates = kCertificate}, kLongEnoughToFail));
}

TEST_F(Tls, an_unknown_authority_is_not_trusted) {
  EXPECT_FALSE(ping(TlsOptions{.server_name = "escrow.test"}, kLongEnoughToFail));
}

TEST_F(Tls, plaintext_does_not_reach_a_tls_server) { EXPECT_FALSE(ping(std::nullopt, kLongEnoughToFail)); }

}  // namespace
}  // namespace escrow::client
