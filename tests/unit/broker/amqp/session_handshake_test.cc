#include <gtest/gtest.h>

#include "base/bytes.h"
#include "broker/amqp/method_text.h"
#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kTune = "connection.tune{channel-max=2047 frame-max=131072 heartbeat=60}";

std::shared_ptr<const UserPermissions> everything() {
  return std::make_shared<UserPermissions>(UserPermissions{{"/", permissions(".*", ".*", ".*")}});
}

/// Authenticated, and about to be tuned.
void authenticate(SessionTester& s) {
  s.start();
  s.said();
  s.session.authenticated(everything());
  EXPECT_EQ(s.said(), kTune);
}

TEST(SessionHandshake, goes_from_the_header_to_an_open_connection) {
  SessionTester s;
  s.feed(kProtocolHeader);
  EXPECT_TRUE(s.said().starts_with("connection.start{"));
  s.send(ConnectionStartOk{.mechanism = "PLAIN", .response = std::string("\0guest\0secret", 13)}, 0);
  ASSERT_EQ(s.logins.size(), 1u);
  EXPECT_EQ(s.logins[0].user, "guest");
  EXPECT_EQ(s.logins[0].password, "secret");
  EXPECT_TRUE(s.session.authenticating());
  s.session.authenticated(everything());
  EXPECT_FALSE(s.session.authenticating());
  EXPECT_EQ(s.said(), kTune);
  s.tune();
  s.send(ConnectionOpen{.virtual_host = "/"}, 0);
  EXPECT_EQ(s.said(), "connection.open-ok{}");
  EXPECT_EQ(s.session.user(), "guest");
  EXPECT_EQ(s.session.vhost(), "/");
}

TEST(SessionHandshake, takes_the_mechanism_of_old_clients) {
  FieldTable login;
  login.set("LOGIN", {std::string("guest")});
  login.set("PASSWORD", {std::string("secret")});
  std::string encoded;
  encode_table(login, encoded);
  SessionTester s;
  s.start({}, "AMQPLAIN", encoded.substr(4));
  ASSERT_EQ(s.logins.size(), 1u);
  EXPECT_EQ(s.logins[0].user, "guest");
  EXPECT_EQ(s.logins[0].password, "secret");
}

TEST(SessionHandshake, answers_another_protocol_with_its_header) {
  SessionTester s;
  s.feed("GET / HTTP/1.1\r\n");
  EXPECT_EQ(s.said(), "AMQP0091");
  EXPECT_TRUE(s.session.finished());
}

TEST(SessionHandshake, refuses_a_mechanism_that_it_did_not_offer) {
  for (const char* const mechanism : {"EXTERNAL", "", "PLAIN AMQPLAIN", "AMQ"}) {
    SessionTester s;
    s.feed(kProtocolHeader);
    s.said();
    s.send(ConnectionStartOk{.mechanism = mechanism}, 0);
    EXPECT_TRUE(s.logins.empty());
    EXPECT_EQ(s.said(),
              "connection.close{reply-code=503 reply-text=COMMAND_INVALID - unknown authentication mechanism '" +
                  std::string(mechanism) + "' class-id=10 method-id=11}");
  }
}

TEST(SessionHandshake, takes_whom_a_certificate_names_without_a_password) {
  SessionTester s;
  s.session.certified("shop");
  s.feed(kProtocolHeader);
  EXPECT_NE(s.said().find("mechanisms=PLAIN AMQPLAIN EXTERNAL "), std::string::npos);
  // The response of a client that would like to be somebody else.
  s.send(ConnectionStartOk{.mechanism = "EXTERNAL", .response = std::string("admin")}, 0);
  ASSERT_EQ(s.logins.size(), 1u);
  EXPECT_EQ(s.logins[0].user, "shop");
  EXPECT_TRUE(s.logins[0].certified);
  s.session.authenticated(everything());
  EXPECT_EQ(s.said(), kTune);
  EXPECT_EQ(s.session.user(), "shop");
}

TEST(SessionHandshake, takes_a_password_from_who_has_a_certificate) {
  SessionTester s;
  s.session.certified("shop");
  s.start();
  ASSERT_EQ(s.logins.size(), 1u);
  EXPECT_EQ(s.logins[0].user, "guest");
  EXPECT_FALSE(s.logins[0].certified);
}

TEST(SessionHandshake, refuses_a_malformed_response) {
  for (const std::string response : {"", "guest", "\0guest"}) {
    SessionTester s;
    s.start({}, "PLAIN", response);
    EXPECT_TRUE(s.logins.empty());
    EXPECT_NE(s.said().find("connection.close{reply-code=403"), std::string::npos);
  }
}

TEST(SessionHandshake, tells_who_knows_it_that_the_login_was_refused) {
  FieldTable capabilities;
  capabilities.set("authentication_failure_close", {true});
  FieldTable properties;
  properties.set("capabilities", {std::move(capabilities)});
  SessionTester s;
  s.start(properties);
  s.said();
  s.session.authenticated(nullptr);
  EXPECT_EQ(
      s.said(),
      "connection.close{reply-code=403 reply-text=ACCESS_REFUSED - Login was refused using authentication mechanism "
      "PLAIN}");
  EXPECT_FALSE(s.session.finished()) << "before it was heard";
  EXPECT_TRUE(s.session.tick(seconds(1), true, true));
  EXPECT_TRUE(s.session.tick(seconds(11) - milliseconds(1), true, true));
  EXPECT_FALSE(s.session.tick(seconds(11), true, true));
  s.send(ConnectionOpen{.virtual_host = "/"}, 0);
  EXPECT_EQ(s.said(), "") << "nothing but close-ok is listened to";
  s.send(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(s.session.finished());
}

TEST(SessionHandshake, just_ends_for_others_whose_login_was_refused) {
  SessionTester s;
  s.start();
  s.said();
  s.session.authenticated(nullptr);
  EXPECT_EQ(s.said(), "");
  EXPECT_TRUE(s.session.finished());
}

TEST(SessionHandshake, accepts_limits_up_to_its_own_and_no_others) {
  struct Case {
    ConnectionTuneOk method;
    bool taken;
  };
  for (const Case& c : std::vector<Case>{{{2047, 131'072, 0}, true},
                                         {{1, 4096, 1}, true},
                                         {{2047, 4095, 0}, false},
                                         {{2047, 131'073, 0}, false},
                                         {{2047, 0, 0}, false},
                                         {{2048, 131'072, 0}, false},
                                         {{0, 131'072, 0}, false}}) {
    SessionTester s;
    authenticate(s);
    s.send(c.method, 0);
    s.send(ConnectionOpen{.virtual_host = "/"}, 0);
    const std::string said = s.said();
    EXPECT_EQ(said == "connection.open-ok{}", c.taken) << to_string(c.method) << said;
    if (!c.taken) {
      EXPECT_TRUE(said.starts_with("connection.close{reply-code=530 ")) << said;
      EXPECT_TRUE(said.ends_with(" class-id=10 method-id=31}")) << said;
    }
  }
}

TEST(SessionHandshake, refuses_a_virtual_host_that_does_not_exist_or_that_the_user_may_not_enter) {
  for (const bool exists : {false, true}) {
    SessionTester s;
    s.start();
    UserPermissions entered;
    if (exists) entered.emplace("other", nullptr);
    s.session.authenticated(std::make_shared<UserPermissions>(std::move(entered)));
    s.said();
    s.tune();
    s.send(ConnectionOpen{.virtual_host = "other"}, 0);
    EXPECT_EQ(s.said(), std::string("connection.close{reply-code=530 reply-text=NOT_ALLOWED - ") +
                            (exists ? "access to vhost 'other' refused for user 'guest'" : "vhost other not found") +
                            " class-id=10 method-id=40}");
  }
}

TEST(SessionHandshake, takes_no_large_frame_from_who_is_not_authenticated) {
  const auto header_of = [](std::uint32_t size) {
    std::string bytes;
    ByteWriter out(bytes);
    write_frame_header(FrameType::kMethod, 0, size, out);
    return bytes;
  };
  SessionTester s;
  s.feed(kProtocolHeader);
  s.said();
  s.feed(header_of(kMaxFrameBeforeAuthentication));
  EXPECT_EQ(s.said(), "");
  SessionTester more;
  more.feed(kProtocolHeader);
  more.said();
  more.feed(header_of(kMaxFrameBeforeAuthentication + 1));
  EXPECT_EQ(more.said(), "connection.close{reply-code=501 reply-text=FRAME_ERROR - a frame is larger than negotiated}");
}

TEST(SessionHandshake, looks_at_nothing_while_the_login_is_checked) {
  SessionTester s;
  s.feed(kProtocolHeader);
  s.feed(bytes_of_method(ConnectionStartOk{.mechanism = "PLAIN", .response = std::string("\0u\0p", 4)}, 0) + "garbage");
  EXPECT_TRUE(s.session.authenticating());
  EXPECT_EQ(s.rest(), 7u);
  s.feed("more");
  EXPECT_EQ(s.rest(), 11u);
}

TEST(SessionHandshake, refuses_methods_that_are_not_due) {
  SessionTester s;
  s.feed(kProtocolHeader);
  s.said();
  s.send(ConnectionOpen{.virtual_host = "/"}, 0);
  EXPECT_EQ(s.said(),
            "connection.close{reply-code=504 reply-text=CHANNEL_ERROR - unexpected method in connection state starting "
            "class-id=10 method-id=40}");
}

TEST(SessionHandshake, opens_no_channel_before_the_connection) {
  SessionTester s;
  authenticate(s);
  s.send(ChannelOpen{});
  EXPECT_EQ(
      s.said(),
      "connection.close{reply-code=504 reply-text=CHANNEL_ERROR - a channel is used before the connection is open "
      "class-id=20 method-id=10}");
}

TEST(SessionHandshake, has_a_deadline) {
  SessionTester s;
  EXPECT_TRUE(s.session.tick(seconds(10) - milliseconds(1), true, true));
  EXPECT_FALSE(s.session.tick(seconds(10), true, true));
}

TEST(SessionHandshake, waits_for_the_end_of_a_closed_connection_only_so_long) {
  SessionTester s;
  s.open();
  s.send(ChannelOpen{});  // twice
  EXPECT_TRUE(s.session.tick(seconds(20), true, true));
  // The client goes on sending, and never says close-ok.
  EXPECT_TRUE(s.session.tick(seconds(29), true, true));
  EXPECT_FALSE(s.session.tick(seconds(30), true, true));
}

TEST(SessionHandshake, waits_a_moment_for_the_client_to_hang_up_when_all_is_said) {
  SessionTester s;
  s.open();
  s.send(ConnectionClose{}, 0);
  EXPECT_TRUE(s.session.finished());
  // What it has not taken yet is waited for longer.
  EXPECT_TRUE(s.session.tick(seconds(100), true, true));
  EXPECT_TRUE(s.session.tick(seconds(102), true, true));
  EXPECT_EQ(s.said(), "connection.close-ok{}");
  EXPECT_TRUE(s.session.tick(seconds(103), true, true));
  EXPECT_TRUE(s.session.tick(seconds(104) - milliseconds(1), true, true));
  EXPECT_FALSE(s.session.tick(seconds(104), true, true));
}

TEST(SessionHeartbeat, is_sent_when_nothing_else_was_for_half_an_interval) {
  SessionTester s;
  s.open();
  EXPECT_TRUE(s.session.tick(seconds(1), true, true));
  EXPECT_TRUE(s.session.tick(seconds(30), true, false));
  EXPECT_EQ(s.said(), "");
  EXPECT_TRUE(s.session.tick(seconds(31), true, false));
  EXPECT_EQ(s.said(), "heartbeat");
  EXPECT_TRUE(s.session.tick(seconds(32), true, false));
  EXPECT_EQ(s.said(), "");
}

TEST(SessionHeartbeat, that_does_not_come_for_two_intervals_ends_the_connection) {
  SessionTester s;
  s.open();
  EXPECT_TRUE(s.session.tick(seconds(1), true, false));
  EXPECT_TRUE(s.session.tick(seconds(121), false, true));
  EXPECT_FALSE(s.session.tick(seconds(121) + milliseconds(1), false, true));
}

TEST(SessionHeartbeat, is_not_asked_of_who_wants_none) {
  SessionTester s({.heartbeat_s = 0});
  s.open();
  EXPECT_TRUE(s.session.tick(seconds(100'000), false, false));
  EXPECT_EQ(s.said(), "");
}

TEST(SessionShutDown, tells_the_client_why) {
  SessionTester s;
  s.open();
  s.session.shut_down("shutdown");
  EXPECT_EQ(
      s.said(),
      "connection.close{reply-code=320 reply-text=CONNECTION_FORCED - broker forced connection closure with reason "
      "'shutdown'}");
  s.send(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(s.session.finished());
}

}  // namespace
}  // namespace escrow::broker::amqp
