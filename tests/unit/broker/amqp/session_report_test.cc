// What a session tells its host for the log.
#include <gtest/gtest.h>

#include "tests/unit/broker/amqp/session_tester.h"

namespace escrow::broker::amqp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Logged in, and about to say where to.
void enter(SessionTester& s, const std::string& vhost, const UserPermissions& permitted) {
  s.start();
  s.session.authenticated(std::make_shared<UserPermissions>(permitted));
  s.tune();
  s.send(ConnectionOpen{.virtual_host = vhost}, 0);
}

TEST(SessionReport, a_connection_is_open_when_its_virtual_host_was_entered) {
  SessionTester s;
  enter(s, "/", {{"/", permissions(".*", ".*", ".*")}});
  EXPECT_EQ(s.reported(), "opened guest /");
  s.send(ConnectionClose{}, 0);
  EXPECT_EQ(s.reported(), "") << "the host sees it end";
}

TEST(SessionReport, a_refused_login_whether_or_not_the_client_is_told) {
  FieldTable capabilities;
  capabilities.set("authentication_failure_close", {true});
  FieldTable told;
  told.set("capabilities", {std::move(capabilities)});
  for (const FieldTable& properties : {told, FieldTable()}) {
    SessionTester s;
    s.start(properties);
    s.session.authenticated(nullptr);
    EXPECT_EQ(s.reported(),
              "login refused guest: 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN");
  }
  SessionTester malformed;
  malformed.start({}, "PLAIN", "guest");
  EXPECT_EQ(malformed.reported(),
            "login refused: 403 ACCESS_REFUSED - the response of the authentication is malformed");
}

TEST(SessionReport, a_virtual_host_that_is_not_there_or_not_to_be_entered) {
  SessionTester unknown;
  enter(unknown, "nowhere", {});
  EXPECT_EQ(unknown.reported(), "connection error guest nowhere: 530 NOT_ALLOWED - vhost nowhere not found");
  SessionTester closed;
  enter(closed, "orders", {{"orders", nullptr}});
  EXPECT_EQ(closed.reported(),
            "connection error guest orders: 530 NOT_ALLOWED - access to vhost 'orders' refused for user 'guest'");
}

TEST(SessionReport, an_error_of_the_connection_once) {
  SessionTester s;
  s.open();
  s.reported();
  s.send(ChannelOpen{});
  EXPECT_EQ(s.reported(), "connection error guest /: 504 CHANNEL_ERROR - second 'channel.open' seen");
  s.send(ChannelOpen{});
  EXPECT_EQ(s.reported(), "");
}

TEST(SessionReport, an_error_of_a_channel_with_its_number) {
  SessionTester s;
  s.open();
  s.send(ChannelOpen{}, 7);
  s.reported();
  s.send(TxCommit{}, 7);
  EXPECT_EQ(s.reported(), "channel error guest / 7: 406 PRECONDITION_FAILED - channel is not transactional");
  s.asked();
  s.send(QueueDeclare{.queue = "q", .passive = true});
  while (std::optional<Request> request = s.take()) {
    if (std::holds_alternative<DeclareQueue>(request->command)) {
      s.refuse(*request, not_found());
    } else {
      s.answer(*std::move(request));
    }
  }
  EXPECT_EQ(s.reported(), "channel error guest / 1: 404 NOT_FOUND - no queue 'q' in vhost '/'");
}

TEST(SessionReport, a_handshake_that_fails) {
  SessionTester other;
  other.feed("GET / HTTP/1.1\r\n");
  EXPECT_EQ(other.reported(), "handshake failed: no header of AMQP 0-9-1: GET / HT");
  SessionTester slow;
  EXPECT_TRUE(slow.session.tick(seconds(10) - milliseconds(1), true, true));
  EXPECT_EQ(slow.reported(), "");
  EXPECT_FALSE(slow.session.tick(seconds(10), true, true));
  EXPECT_EQ(slow.reported(), "handshake failed: it took too long");
}

TEST(SessionReport, a_heartbeat_that_does_not_come) {
  SessionTester s;
  s.open();
  s.reported();
  EXPECT_TRUE(s.session.tick(seconds(1), true, true));
  EXPECT_FALSE(s.session.tick(seconds(122), false, true));
  EXPECT_EQ(s.reported(), "heartbeat missed guest /: nothing came for two intervals");
}

TEST(SessionReport, a_server_that_stops_is_no_mistake_of_its_clients) {
  SessionTester s;
  s.open();
  s.reported();
  s.session.shut_down("shutdown");
  EXPECT_EQ(s.reported(), "");
}

}  // namespace
}  // namespace escrow::broker::amqp
