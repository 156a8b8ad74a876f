#include "server/client_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <sstream>

namespace escrow::server {
namespace {

using Event = ClientLog::Event;
using Kind = Event::Kind;
using std::chrono::seconds;

class StoppedClock final : public Clock {
 public:
  Timestamp wall() const override { return {}; }
  Monotonic monotonic() const override { return now; }
  Monotonic now = seconds(1000);
};

class ClientLogTest : public testing::Test {
 protected:
  ClientLogTest() {
    logger_->set_pattern("%l %v");
    logger_->set_level(spdlog::level::trace);
  }
  /// Since it was asked the last time.
  std::string logged() {
    std::string out = out_.str();
    out_.str("");
    return out;
  }
  void refuse_login(std::uint64_t times = 1) {
    for (std::uint64_t i = 0; i < times; ++i)
      log_->report({.kind = Kind::kLoginRefused, .peer = "127.0.0.1:5", .user = "shop"});
  }

  std::ostringstream out_;
  StoppedClock clock_;
  boost::asio::io_context loop_;
  const std::shared_ptr<spdlog::logger> logger_ =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out_));
  std::unique_ptr<ClientLog> log_ = std::make_unique<ClientLog>(loop_, clock_, logger_);
};

TEST_F(ClientLogTest, a_line_says_who_and_where_and_why) {
  log_->report({.kind = Kind::kConnectionError,
                .peer = "[::1]:40522",
                .user = "shop",
                .vhost = "orders",
                .reply_code = 504,
                .text = "CHANNEL_ERROR - why"});
  EXPECT_EQ(logged(), "warning connection error: [::1]:40522, user 'shop', vhost 'orders': 504 CHANNEL_ERROR - why\n");
  log_->report({.kind = Kind::kChannelError,
                .peer = "127.0.0.1:5",
                .user = "shop",
                .vhost = "/",
                .channel = 3,
                .reply_code = 406,
                .text = "PRECONDITION_FAILED - why"});
  EXPECT_EQ(logged(),
            "debug channel error: 127.0.0.1:5, user 'shop', vhost '/', channel 3: 406 PRECONDITION_FAILED - why\n");
  log_->report({.kind = Kind::kHandshakeFailed, .text = "why"});
  EXPECT_EQ(logged(), "warning handshake failed: address unknown: why\n");
}

TEST_F(ClientLogTest, what_clients_say_is_text_on_one_line) {
  EXPECT_EQ(printable("plain 'text' \xC3\xBC", 100), "plain 'text' \xC3\xBC");
  EXPECT_EQ(printable(std::string_view("a\r\n\0\x1B[31m\x7F", 10), 100), "a\\x0d\\x0a\\x00\\x1b[31m\\x7f");
  EXPECT_EQ(printable("\xC2\x9B\xC2\xA0", 100), "\\x9b\xC2\xA0") << "eight-bit controls";
  EXPECT_EQ(printable("a\xFF\xC3", 100), "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(printable(std::string(10, 'x'), 10), std::string(10, 'x'));
  EXPECT_EQ(printable(std::string(11, 'x'), 10), std::string(10, 'x') + "...");
  EXPECT_EQ(printable("\xC3\xBC", 1), "\xEF\xBF\xBD...");
  log_->report({.kind = Kind::kLoginRefused, .peer = "127.0.0.1:5", .user = "a\nwarning all is well"});
  EXPECT_EQ(logged(), "warning login refused: 127.0.0.1:5, user 'a\\x0awarning all is well'\n");
}

TEST_F(ClientLogTest, what_clients_do_rightly_is_for_debugging) {
  logger_->set_level(spdlog::level::info);
  for (const Kind kind : {Kind::kOpened, Kind::kClosed, Kind::kChannelError}) log_->report({.kind = kind});
  EXPECT_EQ(logged(), "");
}

TEST_F(ClientLogTest, of_one_kind_of_warning_so_many_are_written_and_then_the_number_of_the_others) {
  refuse_login(ClientLog::kMaxWarnings);
  EXPECT_EQ(std::ranges::count(logged(), '\n'), 30);
  refuse_login();
  log_->say_left_out();
  EXPECT_EQ(logged(), "") << "one past the limit";
  log_->report({.kind = Kind::kHeartbeatMissed, .peer = "127.0.0.1:6"});
  EXPECT_EQ(logged(), "warning heartbeat missed: 127.0.0.1:6\n") << "another kind";
  clock_.now += ClientLog::kWindow - Monotonic(1);
  refuse_login();
  EXPECT_EQ(logged(), "");
  clock_.now += Monotonic(1);
  log_->say_left_out();
  EXPECT_EQ(logged(), "warning login refused: 2 more, left out: at most 30 a minute are written\n");
  refuse_login(ClientLog::kMaxWarnings + 1);
  logged();
  clock_.now += ClientLog::kWindow;
  refuse_login();
  EXPECT_EQ(logged(),
            "warning login refused: 1 more, left out: at most 30 a minute are written\n"
            "warning login refused: 127.0.0.1:5, user 'shop'\n")
      << "before what comes later";
}

TEST_F(ClientLogTest, what_was_left_out_is_told_at_the_end) {
  refuse_login(ClientLog::kMaxWarnings + 1);
  logged();
  log_.reset();
  EXPECT_EQ(logged(), "warning login refused: 1 more, left out: at most 30 a minute are written\n");
}

TEST_F(ClientLogTest, debugging_shows_everything) {
  for (int i = 0; i < 1000; ++i) log_->report({.kind = Kind::kOpened, .peer = "127.0.0.1:5"});
  EXPECT_EQ(std::ranges::count(logged(), '\n'), 1000);
}

}  // namespace
}  // namespace escrow::server
