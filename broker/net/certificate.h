// Whom a client's certificate names: RabbitMQ's ssl_cert_login_from
// (https://www.rabbitmq.com/docs/ssl#peer-verification, rabbitmq_auth_mechanism_ssl).
#pragma once

#include <cstdint>
#include <string>

struct x509_st;

namespace escrow::broker::net {

enum class LoginFrom : std::uint8_t {
  kCommonName,         ///< several are joined by commas
  kDistinguishedName,  ///< of the subject, as RFC 2253 writes it: "CN=shop,O=Example"
  kDnsName,            ///< this and the next two: the first subject alternative name of that type
  kEmail,
  kIpAddress,  ///< "10.0.0.1", "2001:db8::1"
};

/// Empty: the certificate has no such name, or one that is no text. Does not check who signed it.
std::string user_of(const x509_st& certificate, LoginFrom from);

}  // namespace escrow::broker::net
