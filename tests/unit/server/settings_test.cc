#include "server/settings.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/setting_value.h"

namespace escrow::server {
namespace {

Result<void> set(std::string_view name, std::string_view text) {
  Configuration configuration;
  return find_setting(name)->set(configuration, text);
}

std::string normal(std::string_view name, std::string_view text) {
  Configuration configuration;
  const Setting& setting = *find_setting(name);
  const Result<void> done = setting.set(configuration, text);
  return done ? setting.get(configuration) : "error";
}

TEST(Settings, every_standard_value_is_valid_and_in_its_shortest_form) {
  for (const Setting& setting : settings()) {
    Configuration configuration;
    const Result<void> done = setting.set(configuration, setting.standard);
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(setting.get(configuration), setting.standard) << setting.name;
  }
}

TEST(Settings, names_are_unique_in_every_source) {
  std::set<std::string> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.environment()).second) << setting.name;
    EXPECT_TRUE(names.insert(setting.flag()).second) << setting.name;
    EXPECT_NE(setting.section(), kUsersSection);
    EXPECT_NE(setting.section(), kPermissionsSection);
    EXPECT_FALSE(setting.help.empty());
  }
}

TEST(Settings, names_follow_one_rule) {
  const Setting& setting = *find_setting("grpc.tls_key_file");
  EXPECT_EQ(setting.environment(), "ESCROW_GRPC_TLS_KEY_FILE");
  EXPECT_EQ(setting.flag(), "--grpc-tls-key-file");
  EXPECT_EQ(setting.section(), "grpc");
  EXPECT_EQ(setting.key(), "tls_key_file");
  EXPECT_EQ(find_setting("dev")->section(), "");
  EXPECT_EQ(find_setting("dev")->flag(), "--dev");
  EXPECT_EQ(find_setting("grpc.prot"), nullptr);
}

TEST(Settings, settings_of_a_section_stand_together) {
  std::set<std::string_view> seen;
  std::string_view last;
  for (const Setting& setting : settings()) {
    if (setting.section() == last) continue;
    last = setting.section();
    EXPECT_TRUE(seen.insert(last).second) << "the section [" << last << "] begins twice";
  }
}

TEST(Settings, durations_have_units) {
  EXPECT_EQ(normal("checks.base_interval", "1500ms"), "1500ms");
  EXPECT_EQ(normal("checks.base_interval", "60 s"), "1m");
  EXPECT_EQ(normal("checks.base_interval", "24h"), "1d");
  EXPECT_EQ(normal("checks.first_delay", "0s"), "0s");
  for (const char* wrong : {"", "10", "s", "10x", "-1s", "1.5s", "99999999999999999d"}) {
    EXPECT_EQ(normal("checks.base_interval", wrong), "error") << wrong;
  }
}

TEST(Settings, sizes_have_units_or_are_bytes) {
  EXPECT_EQ(normal("limits.message_bytes", "4096"), "4KiB");
  EXPECT_EQ(normal("limits.message_bytes", "1025"), "1025");
  EXPECT_EQ(normal("limits.message_bytes", "16 MiB"), "16MiB");
  for (const char* wrong : {"", "16MB", "1.5MiB", "-1", "99999999999999999GiB"}) {
    EXPECT_EQ(normal("limits.message_bytes", wrong), "error") << wrong;
  }
}

TEST(Settings, switches_are_true_or_false) {
  EXPECT_EQ(normal("dev", "true"), "true");
  for (const char* wrong : {"", "1", "yes", "TRUE"}) EXPECT_EQ(normal("dev", wrong), "error") << wrong;
}

TEST(Settings, ranges_hold_at_their_ends_and_one_past_them) {
  EXPECT_TRUE(set("grpc.port", "65535").ok());
  EXPECT_FALSE(set("grpc.port", "65536").ok());
  EXPECT_FALSE(set("grpc.port", "-1").ok());
  EXPECT_TRUE(set("limits.message_bytes", "64MiB").ok());
  const Result<void> beyond = set("limits.message_bytes", "67108865");
  ASSERT_FALSE(beyond.ok());
  EXPECT_EQ(beyond.error().message, "limits.message_bytes: 67108865 is out of range: 1KiB to 64MiB");
  EXPECT_TRUE(set("amqp.channel_consumers", "1").ok());
  EXPECT_FALSE(set("amqp.channel_consumers", "0").ok());
  for (const char* const bytes : {"amqp.tx_bytes", "amqp.unwritten_bytes"}) {
    EXPECT_TRUE(set(bytes, "4KiB").ok());
    EXPECT_FALSE(set(bytes, "4095").ok());
    EXPECT_TRUE(set(bytes, "1GiB").ok());
    EXPECT_FALSE(set(bytes, "1073741825").ok());
  }
  EXPECT_TRUE(set("checks.factor", "1").ok());
  EXPECT_FALSE(set("checks.factor", "0.99").ok());
  EXPECT_FALSE(set("checks.factor", "nan").ok());
}

TEST(Settings, choices_are_what_is_listed) {
  EXPECT_TRUE(set("log.level", "debug").ok());
  const Result<void> wrong = set("log.level", "loud");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("trace debug info warn error"), std::string::npos);
}

TEST(Settings, the_nearest_name_is_guessed) {
  EXPECT_EQ(nearest_setting("grpc.prot"), "grpc.port");
  EXPECT_EQ(nearest_setting("gprc.port"), "grpc.port");
  EXPECT_EQ(nearest_setting("data_dir"), "data.dir");
  EXPECT_EQ(nearest_setting("check.max_attempts"), "checks.max_attempts");
  EXPECT_EQ(nearest_setting("max_attempts"), "checks.max_attempts");
}

TEST(Settings, text_is_quoted_for_toml) {
  EXPECT_EQ(quote_toml("plain"), "\"plain\"");
  EXPECT_EQ(quote_toml("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
}

}  // namespace
}  // namespace escrow::server
