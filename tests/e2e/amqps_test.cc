// AMQP with TLS: who gets in, as whom, and who is cut off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/e2e/amqp_server.h"
#include "tests/e2e/certificates.h"
#include "tests/support/repository.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): clients speak of little else
using testing::AllOf;
using testing::HasSubstr;

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

class Amqps : public AmqpServer {
 protected:
  std::vector<std::string> flags(const Certificate& server, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out = {
        "--amqps-bind",     with_tls_.host,     "--amqps-port", with_tls_.port, "--amqps-certificate-file",
        server.certificate, "--amqps-key-file", server.key};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  void start_with_tls(const std::vector<std::string>& more = {}) { start(flags(server_certificate_, more)); }
  /// Clients are asked for certificates; alice, "CN=bob,O=Example" and carol may do everything, and have no password.
  void start_verifying(std::vector<std::string> more = {}) {
    const std::string path = directory_.path() + "/escrow.toml";
    std::ofstream out(path);
    for (const char* const user : {"alice", "CN=bob,O=Example", "carol"}) {
      out << "users.\"" << user << "\" = \"\"\n"
          << "permissions.\"" << user << "\".\"/\" = { configure = \".*\", write = \".*\", read = \".*\" }\n";
    }
    out.close();
    more.insert(more.end(), {"--config", path, "--amqps-verify-peer", "--amqps-ca-file", authority_.file()});
    start_with_tls(more);
  }
  ClientTls showing(const Certificate& certificate) const {
    return {.authorities = authority_.file(), .certificate = certificate.certificate, .key = certificate.key};
  }
  std::unique_ptr<AmqpClient> connect_with_tls(const ClientTls& tls) const {
    return std::make_unique<AmqpClient>(with_tls_, tls);
  }
  std::unique_ptr<AmqpClient> connect_with_tls() const { return connect_with_tls(ClientTls{authority_.file()}); }
  /// What a message that such a client publishes must have as its user.
  static void expect_user(AmqpClient& client, const ConnectionTune& tune, const std::string& user) {
    client.enter(tune);
    client.hear<ConnectionOpenOk>();
    client.open_channel();
    client.declare("of " + user);
    Properties properties;
    properties.user_id = user;
    std::string bytes;
    encode_method(1, BasicPublish{0, "", "of " + user}, bytes);
    encode_content(1, *encode_properties(properties), "body", tune.frame_max, bytes);
    client.write(bytes);
    client.ask<BasicGetOk>(BasicGet{0, "of " + user, true});
  }
  std::string failure_of_start(const std::vector<std::string>& flags) {
    ServerProcess failing({.program = built_program("escrowd"),
                           .data_directory = directory_.path() + "/failing",
                           .flags = flags,
                           .amqp = at_});
    EXPECT_EQ(failing.join(), 2);
    return failing.errors();
  }

  const Loopback with_tls_ = Loopback::free();
  const CertificateAuthority authority_{directory_.path(), "authority"};
  const Certificate server_certificate_ = authority_.issue("server", "/CN=server", "IP:" + with_tls_.host);
};

TEST_F(Amqps, a_client_with_tls_is_served_like_any_other) {
  start_with_tls();
  EXPECT_THAT(server_->errors(),
              AllOf(HasSubstr("AMQP on " + at_.target()), HasSubstr("AMQPS on " + with_tls_.target())));
  const auto secret = connect_with_tls();
  secret->open();
  EXPECT_EQ(secret->mechanisms(), "PLAIN AMQPLAIN");
  const auto plain = client();
  secret->declare("q");
  secret->ask<ConfirmSelectOk>(ConfirmSelect{});
  // More than sockets and buffers of TLS hold, both ways.
  const std::string body(8 << 20, 'x');
  secret->publish("", "q", body);
  secret->publish("", "q", "small");
  secret->flush();
  while (secret->hear<BasicAck>().delivery_tag < 2) {
  }
  for (const std::string& expected : {body, std::string("small")}) {
    plain->ask<BasicGetOk>(BasicGet{0, "q"});
    EXPECT_EQ(plain->body(), expected);
  }
  plain->say(BasicNack{0, true, true});
  secret->consume("q");
  for (const std::string& expected : {body, std::string("small")}) {
    secret->hear<BasicDeliver>();
    EXPECT_EQ(secret->body(), expected);
  }
}

TEST_F(Amqps, what_a_client_with_tls_does_not_read_waits_for_it) {
  start_with_tls();
  constexpr int kMessages = 20'000;
  const auto slow = connect_with_tls();
  slow->open();
  slow->declare("q");
  slow->consume("q", true);
  const auto publisher = connect_with_tls();
  publisher->open();
  publisher->ask<ConfirmSelectOk>(ConfirmSelect{});
  const std::string body(1000, 'x');
  for (int i = 0; i < kMessages; ++i) publisher->publish("", "q", body);
  publisher->flush();
  while (publisher->hear<BasicAck>().delivery_tag < kMessages) {
  }
  for (std::uint64_t i = 1; i <= kMessages; ++i) ASSERT_EQ(slow->hear<BasicDeliver>().delivery_tag, i);
}

TEST_F(Amqps, who_has_a_certificate_needs_no_password) {
  start_verifying();
  const auto alice = connect_with_tls(showing(authority_.issue("alice", "/CN=alice")));
  const ConnectionTune tune = alice->log_in_external();
  EXPECT_EQ(alice->mechanisms(), "PLAIN AMQPLAIN EXTERNAL");
  expect_user(*alice, tune, "alice");

  const auto nobody = connect_with_tls();
  nobody->open();
  EXPECT_EQ(nobody->mechanisms(), "PLAIN AMQPLAIN") << "without a certificate";
  EXPECT_THROW(connect()->log_in("alice", ""), std::runtime_error) << "and an empty password is none";
}

TEST_F(Amqps, the_user_is_the_part_of_the_certificate_that_is_configured) {
  start_verifying({"--amqps-login-from=distinguished_name"});
  const auto bob = connect_with_tls(showing(authority_.issue("bob", "/O=Example/CN=bob")));
  expect_user(*bob, bob->log_in_external(), "CN=bob,O=Example");
  crash();
  start_verifying({"--amqps-login-from=subject_alternative_name", "--amqps-login-san-type=email"});
  const auto carol = connect_with_tls(showing(authority_.issue("carol", "/CN=c", "DNS:other,email:carol,email:alice")));
  expect_user(*carol, carol->log_in_external(), "carol");
}

TEST_F(Amqps, a_certificate_of_nobody_who_is_configured_is_refused) {
  start_verifying();
  // Whoever can sign certificates is no administrator by that.
  for (const char* const name : {"mallory", "admin", "guest"}) {
    const auto client = connect_with_tls(showing(authority_.issue(name, std::string("/CN=") + name)));
    EXPECT_THROW(client->log_in_external(), std::runtime_error) << name;
    EXPECT_THAT(client->last(), HasSubstr("403 reply-text=ACCESS_REFUSED - Login was refused using authentication "
                                          "mechanism EXTERNAL"));
  }
}

TEST_F(Amqps, a_certificate_of_another_authority_ends_the_handshake) {
  start_verifying();
  const CertificateAuthority other(directory_.path(), "other");
  const auto log_in = [&] { connect_with_tls(showing(other.issue("alice", "/CN=alice")))->log_in_external(); };
  EXPECT_THROW(log_in(), std::runtime_error);
  connect_with_tls()->open();
}

TEST_F(Amqps, a_certificate_can_be_demanded) {
  start_verifying({"--amqps-fail-if-no-peer-certificate"});
  EXPECT_THROW(connect_with_tls()->log_in(), std::runtime_error);
  connect_with_tls(showing(authority_.issue("alice", "/CN=alice")))->log_in();
}

TEST_F(Amqps, who_does_not_speak_tls_is_cut_off_alone) {
  start_with_tls({"--amqp-handshake-timeout=1s"});
  const auto patient = connect_with_tls();
  patient->open();
  { const AmqpClient gone(with_tls_); }
  AmqpClient silent(with_tls_);
  AmqpClient plain(with_tls_);
  plain.write(kProtocolHeader);
  AmqpClient nonsense(with_tls_);
  nonsense.write(std::string(100'000, 'x'));
  // Of a handshake that does not go on: a record that is longer than what came.
  AmqpClient slow(with_tls_);
  slow.write(std::string_view("\x16\x03\x01\x02\x00\x01\x00", 7));
  for (AmqpClient* const cut_off : {&silent, &slow}) EXPECT_TRUE(cut_off->ended());
  for (AmqpClient* const refused : {&plain, &nonsense}) {
    while (!refused->ended()) refused->skip();  // what TLS says of it
  }
  EXPECT_THROW(connect()->log_in("guest", "guess"), std::runtime_error);
  EXPECT_TRUE(server_->wait_for("login refused", kPatience)) << "after all the others";
  const std::string log = server_->errors();
  EXPECT_EQ(count(log, ": it took too long\n"), 2);
  EXPECT_EQ(count(log, ": no TLS: "), 2);
  EXPECT_EQ(count(log, "handshake failed"), 4) << "who leaves without a word did nothing wrong";
  EXPECT_FALSE(patient->has_queue("q"));
  connect_with_tls()->open();
}

TEST_F(Amqps, a_server_that_stops_tells_clients_with_tls) {
  start_with_tls();
  auto idle = connect_with_tls();
  idle->open();
  server_->signal(SIGTERM);
  EXPECT_EQ(idle->hear<ConnectionClose>().reply_code, 320);
  idle->say(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(idle->ended());
  idle.reset();
  EXPECT_EQ(server_->join(), 0);
}

TEST_F(Amqps, files_that_cannot_be_used_stop_the_start) {
  const std::string missing = directory_.path() + "/missing.pem";
  const Certificate other = authority_.issue("other", "/CN=other");
  EXPECT_THAT(failure_of_start(flags({missing, server_certificate_.key})),
              HasSubstr("amqps.certificate_file: " + missing + " cannot be used (No such file or directory): name a"));
  EXPECT_THAT(failure_of_start(flags({server_certificate_.certificate, missing})),
              HasSubstr("amqps.key_file: " + missing + " cannot be used (No such file or directory): name a"));
  EXPECT_THAT(failure_of_start(flags({server_certificate_.certificate, other.key})),
              HasSubstr("amqps.key_file: " + other.key + " is not the key of the certificate in " +
                        server_certificate_.certificate));
  EXPECT_THAT(failure_of_start(flags(server_certificate_, {"--amqps-verify-peer", "--amqps-ca-file", missing})),
              HasSubstr("amqps.ca_file: " + missing + " cannot be used (No such file or directory): name a"));
  const std::string secret = directory_.path() + "/secret.key";
  ASSERT_EQ(run({.command = {"/usr/bin/env", "openssl", "ec", "-in", other.key, "-aes128", "-passout", "pass:secret",
                             "-out", secret}})
                .code,
            0);
  EXPECT_THAT(failure_of_start(flags({other.certificate, secret})), HasSubstr("a private key that has no passphrase"));
}

/// The first block of that language in the section of docs/amqp.md.
std::string example(const std::string& language) {
  std::ifstream in(repository() / "docs/amqp.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = page.find("\n```" + language + "\n", page.find("\n## TLS\n")) + language.size() + 5;
  return page.substr(begin, page.find("\n```\n", begin) + 1 - begin);
}

TEST_F(Amqps, the_example_of_the_documentation_works) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  const Finished made = run({.command = {"/bin/sh", "-ec", example("sh")}});
  ASSERT_EQ(made.code, 0) << made.errors;
  std::ofstream("escrow.toml") << example("toml");
  // All of it but where it listens.
  start({"--config", "escrow.toml", "--amqps-bind", with_tls_.host, "--amqps-port", with_tls_.port});
  AmqpClient shop(with_tls_, ClientTls{"ca.pem", "localhost", "shop.pem", "shop.key"});
  expect_user(shop, shop.log_in_external(), "shop");
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace escrow::e2e
