#include "server/configuration_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/repository.h"
#include "tests/unit/storage/scratch_directory.h"

namespace escrow::server {
namespace {

class ConfigurationFile : public testing::Test {
 protected:
  void SetUp() override { sources_.environment["HOME"] = directory_.path(); }

  void write(const std::string& text) {
    sources_.file = directory_.path() + "/escrow.toml";
    std::ofstream(*sources_.file) << text;
  }
  Configuration load() {
    const Result<LoadedConfiguration> loaded = load_configuration(sources_);
    EXPECT_TRUE(loaded.ok()) << (loaded ? "" : loaded.error().message);
    return loaded ? loaded->configuration : Configuration();
  }
  std::string wrong() {
    const Result<LoadedConfiguration> loaded = load_configuration(sources_);
    if (loaded) return "fine";
    EXPECT_EQ(loaded.error().reason, "CONFIGURATION_WRONG");
    return loaded.error().message;
  }
  void flag(const char* name, const char* value) { sources_.flags.emplace_back(find_setting(name), value); }

  ScratchDirectory directory_;
  ConfigurationSources sources_;
};

TEST_F(ConfigurationFile, without_anything_the_standard_values_count) {
  const Configuration c = load();
  EXPECT_EQ(c.grpc_port, 5680);
  EXPECT_EQ(c.amqp_port, 5672);
  EXPECT_EQ(c.http_port, 15672);
  EXPECT_EQ(c.metrics_port, 15692);
  EXPECT_EQ(c.grpc_bind, "127.0.0.1");
  EXPECT_FALSE(c.dev);
  EXPECT_EQ(c.transactions_retention, std::chrono::hours(24 * 7));
  EXPECT_EQ(c.check_policy().max_attempts, coordinator::CheckPolicy().max_attempts);
}

TEST_F(ConfigurationFile, flags_win_over_environment_over_file) {
  write("[grpc]\nport = 1\n[amqp]\nport = 1\n[http]\nport = 1\n");
  sources_.environment["ESCROW_AMQP_PORT"] = "2";
  sources_.environment["ESCROW_HTTP_PORT"] = "2";
  flag("http.port", "3");
  const Configuration c = load();
  EXPECT_EQ(c.grpc_port, 1);
  EXPECT_EQ(c.amqp_port, 2);
  EXPECT_EQ(c.http_port, 3);
}

TEST_F(ConfigurationFile, every_type_can_be_written) {
  write(
      "dev = true\n[log]\nlevel = \"debug\"\n[checks]\nfactor = 1.5\nmax_attempts = 3\nfirst_delay = \"250ms\"\n"
      "[limits]\nmessage_bytes = 4096\ninbox_bytes = \"2MiB\"\n");
  const Configuration c = load();
  EXPECT_TRUE(c.dev);
  EXPECT_EQ(c.log_level, "debug");
  EXPECT_EQ(c.checks_factor, 1.5);
  EXPECT_EQ(c.checks_max_attempts, 3u);
  EXPECT_EQ(c.checks_first_delay, std::chrono::milliseconds(250));
  EXPECT_EQ(c.limits_message_bytes, 4096u);
  EXPECT_EQ(c.limits_inbox_bytes, 2u << 20);
}

TEST_F(ConfigurationFile, an_unknown_key_is_an_error_that_names_line_and_neighbour) {
  write("[grpc]\nprot = 1\n");
  EXPECT_EQ(wrong(), *sources_.file + ":2: there is no setting 'grpc.prot'; did you mean 'grpc.port'?");
  write("[gprc]\nport = 1\n");
  EXPECT_NE(wrong().find("'gprc'"), std::string::npos);
}

TEST_F(ConfigurationFile, everything_that_is_wrong_is_said_at_once) {
  write("[grpc]\nport = \"5680\"\n[checks]\nfirst_delay = 10\n");
  sources_.environment["ESCROW_LOG_LEVEL"] = "loud";
  const std::string message = wrong();
  EXPECT_NE(message.find("grpc.port: this is no port"), std::string::npos) << message;
  EXPECT_NE(message.find("checks.first_delay: this is no duration"), std::string::npos) << message;
  EXPECT_NE(message.find("environment ESCROW_LOG_LEVEL"), std::string::npos) << message;
}

TEST_F(ConfigurationFile, what_is_no_toml_is_an_error_with_its_line) {
  write("[grpc]\nport = \n");
  EXPECT_NE(wrong().find("escrow.toml:2: "), std::string::npos);
}

TEST_F(ConfigurationFile, a_named_file_must_exist_another_need_not) {
  sources_.file = directory_.path() + "/missing.toml";
  EXPECT_NE(wrong().find("cannot be read"), std::string::npos);
  sources_.file.reset();
  sources_.environment["ESCROW_CONFIG"] = directory_.path() + "/missing.toml";
  EXPECT_NE(wrong().find("cannot be read"), std::string::npos);
}

TEST_F(ConfigurationFile, the_users_own_file_is_found) {
  std::filesystem::create_directories(directory_.path() + "/.config/escrow");
  std::ofstream(directory_.path() + "/.config/escrow/escrow.toml") << "[grpc]\nport = 77\n";
  EXPECT_EQ(load().grpc_port, 77);
}

TEST_F(ConfigurationFile, data_goes_where_the_user_may_write) {
  EXPECT_EQ(load().data_dir, directory_.path() + "/.local/share/escrow");
  sources_.environment["XDG_DATA_HOME"] = "/data";
  EXPECT_EQ(load().data_dir, "/data/escrow");
  sources_.root = true;
  EXPECT_EQ(load().data_dir, "/var/lib/escrow");
  flag("data.dir", "/elsewhere");
  EXPECT_EQ(load().data_dir, "/elsewhere");
}

TEST_F(ConfigurationFile, foreign_variables_are_only_mentioned) {
  sources_.environment["ESCROW_PORT_5680_TCP"] = "tcp://10.0.0.1:5680";
  sources_.environment["ESCROW_PASSWORD"] = "of the command line";
  const Result<LoadedConfiguration> loaded = load_configuration(sources_);
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->warnings.size(), 1u);
  EXPECT_NE(loaded->warnings[0].find("ESCROW_PORT_5680_TCP"), std::string::npos);
}

TEST_F(ConfigurationFile, development_is_for_loopback_only) {
  flag("dev", "true");
  EXPECT_EQ(wrong(), "fine");
  flag("amqp.bind", "0.0.0.0");
  EXPECT_NE(wrong().find("amqp.bind is 0.0.0.0"), std::string::npos);
}

TEST_F(ConfigurationFile, certificate_and_key_go_together) {
  flag("grpc.tls_certificate_file", "/c.pem");
  EXPECT_NE(wrong().find("go together"), std::string::npos);
  flag("grpc.tls_key_file", "/k.pem");
  EXPECT_EQ(wrong(), "fine");
}

TEST_F(ConfigurationFile, amqp_with_tls_has_what_it_needs_or_is_off) {
  EXPECT_EQ(load().amqps_port, 5671);
  EXPECT_FALSE(load().serves_amqps());
  flag("amqps.certificate_file", "/c.pem");
  EXPECT_EQ(wrong(), "amqps.certificate_file and amqps.key_file go together");
  flag("amqps.key_file", "/k.pem");
  EXPECT_TRUE(load().serves_amqps());
  flag("amqps.fail_if_no_peer_certificate", "true");
  EXPECT_EQ(wrong(), "amqps.fail_if_no_peer_certificate needs amqps.verify_peer");
  flag("amqps.verify_peer", "true");
  EXPECT_NE(wrong().find("amqps.verify_peer and amqps.ca_file go together"), std::string::npos);
  flag("amqps.ca_file", "/ca.pem");
  EXPECT_TRUE(load().serves_amqps());
  flag("amqp.port", "0");
  EXPECT_TRUE(load().serves_amqp());
  flag("amqps.port", "0");
  EXPECT_FALSE(load().serves_amqp());
  flag("amqps.certificate_file", "");
  flag("amqps.key_file", "");
  EXPECT_EQ(wrong(), "amqps.verify_peer needs amqps.certificate_file and amqps.key_file");
}

TEST_F(ConfigurationFile, retention_is_not_shorter_than_the_checks_take) {
  write(
      "[checks]\nfirst_delay=\"10s\"\nbase_interval=\"10s\"\nfactor=2\nmax_interval=\"40s\"\njitter=0\nmax_attempts="
      "5\n");
  // 10 s, then 10 + 20 + 40 + 40 s.
  EXPECT_EQ(load().check_horizon(), std::chrono::seconds(120));
  flag("transactions.retention", "120s");
  EXPECT_EQ(wrong(), "fine");
  flag("transactions.retention", "119s");
  EXPECT_NE(wrong().find("transactions.retention"), std::string::npos);
}

TEST_F(ConfigurationFile, users_have_names_and_argon2_hashes) {
  const std::string hash = "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo";
  write("[users]\nalice = \"" + hash + "\"\n\"bob smith\" = \"" + hash + "\"\n");
  const Configuration c = load();
  ASSERT_EQ(c.users.size(), 2u);
  EXPECT_EQ(c.users[0].name, "alice");
  EXPECT_EQ(c.users[0].hash, hash);
  write("[users]\nalice = \"\"\n");
  EXPECT_EQ(load().users[0].hash, "") << "who has no password";
  write("[users]\nalice = \"secret\"\n");
  EXPECT_NE(wrong().find("escrow hash-password"), std::string::npos);
  write("[users]\nadmin = \"" + hash + "\"\n");
  EXPECT_NE(wrong().find("taken by the server"), std::string::npos);
  write("[users]\n\"a:b\" = \"" + hash + "\"\n");
  EXPECT_NE(wrong().find("colon"), std::string::npos);
}

constexpr const char* kAlice =
    "[users]\nalice = \"$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo\"\n";

TEST_F(ConfigurationFile, lists_are_arrays_there_and_have_commas_elsewhere) {
  EXPECT_EQ(load().vhosts, std::vector<std::string>{"/"});
  write("vhosts = [\"/\", \"orders\"]\n");
  EXPECT_EQ(load().vhosts, (std::vector<std::string>{"/", "orders"}));
  write("vhosts = []\n");
  EXPECT_EQ(load().vhosts, std::vector<std::string>());
  for (const char* no_list : {"\"orders\"", "[1]", "[\"\"]", "[\"a,b\"]"}) {
    write(std::string("vhosts = ") + no_list + "\n");
    EXPECT_NE(wrong().find(":1: vhosts: this is no list"), std::string::npos) << wrong();
  }
  sources_.file.reset();
  sources_.environment["ESCROW_VHOSTS"] = "a,b";
  EXPECT_EQ(load().vhosts, (std::vector<std::string>{"a", "b"}));
  sources_.environment["ESCROW_VHOSTS"] = "a,,b";
  EXPECT_NE(wrong().find("empty name"), std::string::npos);
  sources_.environment["ESCROW_VHOSTS"] = std::string(256, 'v');
  EXPECT_NE(wrong().find("longer than 255 bytes"), std::string::npos);
}

TEST_F(ConfigurationFile, users_have_permissions_in_virtual_hosts) {
  write("vhosts = [\"orders\"]\n" + std::string(kAlice) +
        "[permissions.alice.\"/\"]\nconfigure = \"^a\"\nwrite = \".*\"\n[permissions.alice.orders]\nread = \"b\"\n");
  const Configuration c = load();
  ASSERT_EQ(c.permissions.size(), 2u);
  EXPECT_EQ(c.permissions[0].vhost, "/");
  EXPECT_EQ(c.permissions[0].configure, "^a");
  EXPECT_EQ(c.permissions[0].write, ".*");
  EXPECT_EQ(c.permissions[0].read, "");
  EXPECT_EQ(c.permissions[1].user, "alice");
  EXPECT_EQ(c.permissions[1].vhost, "orders");
  EXPECT_EQ(c.permissions[1].read, "b");
  const std::string effective = to_toml(*load_configuration(sources_));
  EXPECT_NE(effective.find("\nvhosts = [\"orders\"] "), std::string::npos) << effective;
  EXPECT_NE(effective.find("[permissions.\"alice\".\"/\"]"), std::string::npos) << effective;
  EXPECT_NE(effective.find("\nconfigure = \"^a\"\nwrite = \".*\"\nread = \"\"\n"), std::string::npos) << effective;
}

TEST_F(ConfigurationFile, wrong_permissions_are_errors_that_say_whose) {
  const auto refuses = [&](const std::string& permissions, const std::string& text) {
    write(kAlice + permissions);
    EXPECT_NE(wrong().find(text), std::string::npos) << wrong();
  };
  refuses("[permissions.bob.\"/\"]\n", "permissions of 'bob' in '/': there is no such user in [users]");
  refuses("[permissions.admin.\"/\"]\n", "'admin' may do everything");
  refuses("[permissions.alice.orders]\n",
          "permissions of 'alice' in 'orders': there is no such virtual host in vhosts");
  refuses("[permissions.alice.\"/\"]\nread = \"(\"\n", "'(' is no regular expression");
  refuses("[permissions.alice.\"/\"]\nraed = \"\"\n", ":4: permissions: there is no 'raed'");
  refuses("[permissions.alice.\"/\"]\nread = 1\n", ":4: permissions: read is a regular expression in quotes");
  refuses("[permissions.alice]\nread = \"\"\n", ":4: permissions: sections are written [permissions.USER.\"VHOST\"]");
  refuses("[permissions]\nalice = \"\"\n", ":4: permissions: sections are written [permissions.USER.\"VHOST\"]");
}

TEST_F(ConfigurationFile, everything_that_does_not_go_together_is_said_at_once) {
  flag("grpc.tls_client_ca_file", "/ca.pem");
  flag("amqp.heartbeat", "1500ms");
  write(
      "[users]\nalice = \"secret\"\n\"a:b\" = \"\"\n"
      "[permissions.bob.orders]\nread = \"(\"\nwrite = \"[\"\n[permissions.alice.billing]\n");
  const std::string message = wrong();
  for (const char* const fault :
       {"grpc.tls_client_ca_file needs", "users: 'alice'", "users: 'a:b'", "amqp.heartbeat is not in whole seconds",
        "'bob' in 'orders': there is no such user", "'bob' in 'orders': there is no such virtual host",
        "'bob' in 'orders': '[' is no regular expression: missing ]: [; '(' is no regular expression: missing ): (",
        "'alice' in 'billing': there is no such virtual host"}) {
    EXPECT_NE(message.find(fault), std::string::npos) << fault << " is not in:\n" << message;
  }
  EXPECT_EQ(std::ranges::count(message, '\n'), 7) << message;
}

TEST_F(ConfigurationFile, heartbeats_are_whole_seconds) {
  flag("amqp.heartbeat", "1500ms");
  EXPECT_NE(wrong().find("amqp.heartbeat"), std::string::npos);
  flag("amqp.heartbeat", "2s");
  EXPECT_EQ(wrong(), "fine");
}

TEST_F(ConfigurationFile, the_effective_configuration_is_a_file_of_the_same_meaning) {
  write("[grpc]\nport = 1\n[checks]\nfirst_delay = \"250ms\"\n[users]\n");
  flag("limits.message_bytes", "1MiB");
  sources_.environment["ESCROW_LOG_LEVEL"] = "debug";
  const Result<LoadedConfiguration> first = load_configuration(sources_);
  ASSERT_TRUE(first.ok());
  const std::string text = to_toml(*first);
  EXPECT_NE(text.find("# flag --limits-message-bytes"), std::string::npos) << text;
  EXPECT_NE(text.find("# environment ESCROW_LOG_LEVEL"), std::string::npos);
  EXPECT_NE(text.find("escrow.toml:2"), std::string::npos);
  EXPECT_NE(text.find("# default"), std::string::npos);

  write(text);
  sources_.flags.clear();
  sources_.environment.erase("ESCROW_LOG_LEVEL");
  const Result<LoadedConfiguration> second = load_configuration(sources_);
  ASSERT_TRUE(second.ok()) << second.error().message;
  for (const Setting& setting : settings()) {
    EXPECT_EQ(setting.get(first->configuration), setting.get(second->configuration)) << setting.name;
  }
}

TEST_F(ConfigurationFile, the_example_is_fine) {
  sources_.file = repository() / "server/escrow.toml";
  EXPECT_EQ(load().data_dir, "/var/lib/escrow");
}

TEST(ConfigurationDocumentation, has_the_table_of_the_program) {
  std::ifstream in(repository() / "docs/configuration.md");
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find(to_markdown()), std::string::npos)
      << "docs/configuration.md is behind; its table is what `escrowd config reference` prints:\n"
      << to_markdown();
}

TEST(Loopback, is_what_only_this_machine_reaches) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"}) EXPECT_TRUE(is_loopback(address));
  for (const char* address : {"0.0.0.0", "::", "192.168.1.1", "example.org"}) EXPECT_FALSE(is_loopback(address));
}

}  // namespace
}  // namespace escrow::server
