#include "broker/net/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>
#include <memory>
#include <string_view>

namespace escrow::broker::net {
namespace {

/// In UTF-8. Empty as well when there is a zero in it: a shorter name is not what was signed.
std::string text_of(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out.find('\0') == std::string::npos ? out : std::string();
}

std::string common_name(const X509_NAME* subject) {
  std::string out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    const std::string name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (name.empty()) return {};
    out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

std::string distinguished_name(const X509_NAME* subject) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  if (out == nullptr || X509_NAME_print_ex(out.get(), subject, 0, XN_FLAG_RFC2253) < 0) return {};
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// The four or sixteen bytes of an address in words.
std::string address_of(const ASN1_OCTET_STRING* value) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const unsigned char* const bytes = ASN1_STRING_get0_data(value);
  const int size = ASN1_STRING_length(value);
  if (size != 4 && size != 16) return {};
  return inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, out.data(), out.size()) == nullptr ? "" : out.data();
}

std::string alternative_name(const X509& certificate, int type) {
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> owned(all, &GENERAL_NAMES_free);
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != type) continue;
    return type == GEN_IPADD ? address_of(name->d.iPAddress) : text_of(name->d.ia5);
  }
  return {};
}

}  // namespace

std::string user_of(const x509_st& certificate, LoginFrom from) {
  switch (from) {
    case LoginFrom::kCommonName:
      return common_name(X509_get_subject_name(&certificate));
    case LoginFrom::kDistinguishedName:
      return distinguished_name(X509_get_subject_name(&certificate));
    case LoginFrom::kDnsName:
      return alternative_name(certificate, GEN_DNS);
    case LoginFrom::kEmail:
      return alternative_name(certificate, GEN_EMAIL);
    case LoginFrom::kIpAddress:
      return alternative_name(certificate, GEN_IPADD);
  }
  return {};
}

}  // namespace escrow::broker::net
