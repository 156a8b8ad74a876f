#include "rpc/authenticator.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <future>
#include <string>
#include <vector>

namespace escrow::rpc {
namespace {

/// As cheap as Argon2id can be: what is tested is not its strength.
std::string quick_hash(const std::string& password) {
  EXPECT_GE(sodium_init(), 0);
  std::string hash(crypto_pwhash_STRBYTES, '\0');
  EXPECT_EQ(crypto_pwhash_argon2id_str(hash.data(), password.data(), password.size(),
                                       crypto_pwhash_argon2id_OPSLIMIT_MIN, crypto_pwhash_argon2id_MEMLIMIT_MIN),
            0);
  hash.resize(hash.find('\0'));
  return hash;
}

std::string basic(const std::string& user, const std::string& password) { return format_basic({user, password}); }

std::string text(const Authenticator::Verdict& verdict) { return verdict ? *verdict : verdict.error().reason; }

std::string verify(Authenticator& authenticator, const std::string& authorization) {
  std::promise<std::string> said;
  authenticator.verify(authorization, [&](const Authenticator::Verdict& verdict) { said.set_value(text(verdict)); });
  return said.get_future().get();
}

std::string known(Authenticator& authenticator, const std::string& authorization) {
  const auto verdict = authenticator.known(authorization);
  return verdict ? text(*verdict) : "unknown";
}

TEST(Authenticator, tells_who_is_refused_and_nothing_else) {
  std::vector<std::string> refused;
  const Authenticator authenticator({{"admin", "s3cret"}}, {}, [&](std::string_view user, std::string_view peer) {
    refused.push_back(std::string(user) + " at " + std::string(peer));
  });
  const Error wrong{ErrorCode::kUnauthenticated, "CREDENTIALS_WRONG", "", {}};
  authenticator.report_refused(basic("admin", "guess"), "127.0.0.1:1", wrong);
  authenticator.report_refused("Bearer abc", "[::1]:2", wrong);
  authenticator.report_refused(basic("admin", "s3cret"), "127.0.0.1:3", {ErrorCode::kUnavailable, "BUSY", "", {}});
  EXPECT_EQ(refused, (std::vector<std::string>{"admin at 127.0.0.1:1", " at [::1]:2"}));
}

TEST(Credentials, basic_authentication_is_taken_apart) {
  const auto credentials = parse_basic("Basic dXNlcjpwYXNzOndvcmQ=");
  ASSERT_TRUE(credentials.has_value());
  EXPECT_EQ(credentials->user, "user");
  EXPECT_EQ(credentials->password, "pass:word") << "only the first colon divides";
  EXPECT_TRUE(parse_basic("basic dXNlcjpwYXNzOndvcmQ=").has_value());
  EXPECT_EQ(format_basic(*credentials), "Basic dXNlcjpwYXNzOndvcmQ=");
}

TEST(Credentials, everything_else_is_none) {
  for (const char* wrong : {"", "Basic", "Basic ", "Bearer abc", "Basic !!!!", "Basic dXNlcg==", "dXNlcjpw"}) {
    EXPECT_FALSE(parse_basic(wrong).has_value()) << wrong;
  }
}

TEST(Credentials, limits_hold_at_the_limit_and_one_past_it) {
  const auto parsed = [](std::size_t user, std::size_t password) {
    return parse_basic(basic(std::string(user, 'u'), std::string(password, 'p'))).has_value();
  };
  EXPECT_TRUE(parsed(kMaxUserBytes, kMaxPasswordBytes));
  EXPECT_FALSE(parsed(kMaxUserBytes + 1, 1));
  EXPECT_FALSE(parsed(1, kMaxPasswordBytes + 1));
}

TEST(Credentials, only_sensible_hashes_are_taken) {
  EXPECT_TRUE(check_password_hash(quick_hash("x")).ok());
  EXPECT_FALSE(check_password_hash("secret").ok());
  EXPECT_FALSE(check_password_hash("$argon2i$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA").ok());
  EXPECT_TRUE(check_password_hash("$argon2id$v=19$m=262144,t=16,p=1$c2FsdA$aGFzaA").ok());
  EXPECT_EQ(check_password_hash("$argon2id$v=19$m=262145,t=1,p=1$c2FsdA$aGFzaA").error().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(check_password_hash("$argon2id$v=19$m=8,t=17,p=1$c2FsdA$aGFzaA").error().reason, "LIMIT_EXCEEDED");
}

TEST(Credentials, user_names_are_text_without_colon) {
  EXPECT_TRUE(check_user_name("alice").ok());
  EXPECT_TRUE(check_user_name(std::string(255, 'a')).ok());
  EXPECT_FALSE(check_user_name(std::string(256, 'a')).ok());
  for (const char* wrong : {"", "a:b", "a\nb", "caf\xe9"}) EXPECT_FALSE(check_user_name(wrong).ok());
}

TEST(Authenticator, answers_at_once_for_secrets_of_its_own) {
  Authenticator authenticator({{"admin", "s3cret"}}, {});
  EXPECT_EQ(known(authenticator, basic("admin", "s3cret")), "admin");
  EXPECT_EQ(known(authenticator, basic("admin", "guess")), "CREDENTIALS_WRONG");
  EXPECT_EQ(known(authenticator, basic("nobody", "s3cret")), "CREDENTIALS_WRONG");
  EXPECT_EQ(known(authenticator, ""), "CREDENTIALS_WRONG");
}

TEST(Authenticator, verifies_a_hash_once_and_then_knows) {
  Authenticator authenticator({}, {{"alice", quick_hash("wonder")}});
  EXPECT_EQ(known(authenticator, basic("alice", "wonder")), "unknown");
  EXPECT_EQ(verify(authenticator, basic("alice", "wonder")), "alice");
  EXPECT_EQ(known(authenticator, basic("alice", "wonder")), "alice");
}

TEST(Authenticator, remembers_what_is_wrong_too) {
  Authenticator authenticator({}, {{"alice", quick_hash("wonder")}});
  EXPECT_EQ(verify(authenticator, basic("alice", "guess")), "CREDENTIALS_WRONG");
  EXPECT_EQ(known(authenticator, basic("alice", "guess")), "CREDENTIALS_WRONG");
  EXPECT_EQ(verify(authenticator, basic("mallory", "guess")), "CREDENTIALS_WRONG");
  EXPECT_EQ(verify(authenticator, basic("alice", "wonder")), "alice");
}

TEST(Authenticator, the_dividing_colon_belongs_to_nobody) {
  Authenticator authenticator({{"a", "b:c"}}, {});
  EXPECT_EQ(known(authenticator, basic("a", "b:c")), "a");
  EXPECT_EQ(known(authenticator, basic("a:b", "c")), "a") << "the same header";
  EXPECT_EQ(known(authenticator, basic("a", "bc")), "CREDENTIALS_WRONG");
}

TEST(Authenticator, answers_everybody_who_asked_for_the_same) {
  Authenticator authenticator({}, {{"alice", quick_hash("wonder")}});
  std::vector<std::promise<std::string>> said(200);
  for (auto& promise : said) {
    authenticator.verify(basic("alice", "wonder"),
                         [&](const Authenticator::Verdict& verdict) { promise.set_value(text(verdict)); });
  }
  for (auto& promise : said) EXPECT_EQ(promise.get_future().get(), "alice");
}

TEST(Authenticator, too_many_unknown_ones_are_turned_away_and_nobody_is_forgotten) {
  constexpr int kGuesses = 1000;
  std::atomic<int> wrong = 0;
  std::atomic<int> busy = 0;
  {
    Authenticator authenticator({{"admin", "s3cret"}}, {{"alice", quick_hash("wonder")}});
    for (int i = 0; i < kGuesses; ++i) {
      authenticator.verify(basic("alice", std::to_string(i)), [&](const Authenticator::Verdict& verdict) {
        ++(text(verdict) == "AUTHENTICATION_BUSY" ? busy : wrong);
      });
    }
    EXPECT_EQ(known(authenticator, basic("admin", "s3cret")), "admin") << "who is known is not held up";
  }
  EXPECT_EQ(wrong + busy, kGuesses);
  EXPECT_GT(busy, 0);
}

}  // namespace
}  // namespace escrow::rpc
