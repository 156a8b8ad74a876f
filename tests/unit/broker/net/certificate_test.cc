#include "broker/net/certificate.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace escrow::broker::net {
namespace {

using Names = std::vector<std::pair<const char*, std::string_view>>;

/// Not signed by anybody.
std::unique_ptr<X509, decltype(&X509_free)> certificate(const Names& subject, const char* alternative_names = nullptr) {
  std::unique_ptr<X509, decltype(&X509_free)> out(X509_new(), &X509_free);
  for (const auto& [type, value] : subject) {
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), type, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()), static_cast<int>(value.size()), -1,
                               0);
  }
  if (alternative_names != nullptr) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names);
    X509_add_ext(out.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }
  return out;
}

TEST(Certificate, names_its_user_by_the_common_name) {
  EXPECT_EQ(user_of(*certificate({{"O", "Example"}, {"CN", "shop"}}), LoginFrom::kCommonName), "shop");
  EXPECT_EQ(user_of(*certificate({{"CN", "Müller"}}), LoginFrom::kCommonName), "Müller");
  EXPECT_EQ(user_of(*certificate({{"CN", "a"}, {"O", "Example"}, {"CN", "b"}}), LoginFrom::kCommonName), "a,b");
  EXPECT_EQ(user_of(*certificate({{"O", "Example"}}), LoginFrom::kCommonName), "");
}

TEST(Certificate, that_has_a_zero_in_a_name_names_nobody) {
  EXPECT_EQ(user_of(*certificate({{"CN", std::string_view("shop\0.evil", 10)}}), LoginFrom::kCommonName), "");
}

TEST(Certificate, names_its_user_by_the_whole_subject_as_rabbitmq_writes_it) {
  const auto shop = certificate({{"C", "DE"}, {"O", "Müller, Söhne"}, {"OU", "a+b"}, {"CN", "shop"}});
  EXPECT_EQ(user_of(*shop, LoginFrom::kDistinguishedName), R"(CN=shop,OU=a\+b,O=M\C3\BCller\, S\C3\B6hne,C=DE)");
  EXPECT_EQ(user_of(*certificate({}), LoginFrom::kDistinguishedName), "");
}

TEST(Certificate, names_its_user_by_the_first_alternative_name_of_a_type) {
  const auto shop = certificate({{"CN", "other"}}, "DNS:shop,DNS:more,email:shop@example.org,IP:10.0.0.1,IP:::1");
  EXPECT_EQ(user_of(*shop, LoginFrom::kDnsName), "shop");
  EXPECT_EQ(user_of(*shop, LoginFrom::kEmail), "shop@example.org");
  EXPECT_EQ(user_of(*shop, LoginFrom::kIpAddress), "10.0.0.1");
  EXPECT_EQ(user_of(*certificate({{"CN", "shop"}}), LoginFrom::kDnsName), "");
  EXPECT_EQ(user_of(*certificate({{"CN", "shop"}}, "IP:::1"), LoginFrom::kIpAddress), "::1");
}

}  // namespace
}  // namespace escrow::broker::net
