// What an operator reads: lines about clients, and only those that are worth it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <regex>
#include <string>
#include <vector>

#include "tests/e2e/amqp_server.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): clients speak of little else
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Log : public AmqpServer {
 protected:
  /// What was logged since the server is ready, at this level, up to and with a line that has `last` in it. PEER stands for
  /// the addresses of clients.
  std::vector<std::string> lines(const std::string& level, const std::string& last) {
    EXPECT_TRUE(server_->wait_for(last, kPatience)) << last;
    const std::string all = server_->errors();
    static const std::regex kPeer(R"(127\.\d+\.\d+\.\d+:\d+)");
    std::vector<std::string> out;
    std::size_t end = 0;
    for (std::size_t at = all.find('\n', all.find(" ready: ")) + 1; at < all.size(); at = end + 1) {
      end = std::min(all.find('\n', at), all.size() - 1);
      const std::string line = all.substr(at, end - at);
      const std::size_t text = line.find(" " + level + " ");
      if (text == std::string::npos || line.find("grpc: ") != std::string::npos) continue;
      out.push_back(std::regex_replace(line.substr(text + level.size() + 2), kPeer, "PEER"));
      if (line.find(last) != std::string::npos) break;
    }
    return out;
  }
};

TEST_F(Log, says_what_clients_do_wrong) {
  start();
  EXPECT_THROW(connect()->log_in("guest", "guess"), std::runtime_error);
  const auto nowhere = connect();
  nowhere->enter(nowhere->log_in(), "nowhere");
  nowhere->hear<ConnectionClose>();
  const auto fine = client();
  fine->ask<ChannelClose>(TxCommit{});  // 406, which is between the client and its channel
  const auto twice = client();
  twice->ask<ConnectionClose>(ChannelOpen{});
  const auto http = connect();
  http->write("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(server_->wait_for("handshake failed", kPatience));
  const auto stub = v1::Broker::NewStub(grpc::CreateChannel(server_->target(), grpc::InsecureChannelCredentials()));
  v1::ListQueuesResponse queues;
  EXPECT_FALSE(stub->ListQueues(make_context("mallory\x1B[2J", "x").get(), {}, &queues).ok());
  EXPECT_THAT(
      lines("warning", "mallory"),
      ElementsAre("login refused: PEER, user 'guest': 403 ACCESS_REFUSED - Login was refused using authentication "
                  "mechanism PLAIN",
                  "connection error: PEER, user 'guest', vhost 'nowhere': 530 NOT_ALLOWED - vhost nowhere not found",
                  "connection error: PEER, user 'guest', vhost '/': 504 CHANNEL_ERROR - second 'channel.open' seen",
                  "handshake failed: PEER: no header of AMQP 0-9-1: GET / HT",
                  "login refused: PEER, user 'mallory\\x1b[2J': UNAUTHENTICATED, by gRPC"));
  EXPECT_EQ(server_->errors().find("connection opened"), std::string::npos);
}

TEST_F(Log, says_whom_the_server_cuts_off) {
  start({"--amqp-max-connections=2", "--amqp-handshake-timeout=3s"});
  const auto dead = connect();
  const ConnectionTune tune = dead->log_in();
  dead->say(ConnectionTuneOk{tune.channel_max, tune.frame_max, 3}, 0);
  dead->say(ConnectionOpen{"/"}, 0);
  dead->hear<ConnectionOpenOk>();
  const auto silent = connect();
  EXPECT_TRUE(connect()->ended());
  EXPECT_THAT(lines("warning", "heartbeat missed"),
              ElementsAre("connection refused: PEER: there are as many as amqp.max_connections allows, 2",
                          "handshake failed: PEER: it took too long",
                          "heartbeat missed: PEER, user 'guest', vhost '/': nothing came for two intervals"));
}

TEST_F(Log, shows_all_that_clients_do_for_debugging) {
  start({"--log-level=debug"});
  {
    const auto fine = client();
    fine->ask<ChannelClose>(TxCommit{});
    fine->ask<ConnectionCloseOk>(ConnectionClose{}, 0);
  }
  EXPECT_THAT(lines("debug", "connection closed"),
              ElementsAre("connection opened: PEER, user 'guest', vhost '/'",
                          "channel error: PEER, user 'guest', vhost '/', channel 1: 406 PRECONDITION_FAILED - channel "
                          "is not transactional",
                          "connection closed: PEER, user 'guest', vhost '/'"));
  EXPECT_THAT(lines("warning", "connection closed"), IsEmpty());
}

TEST_F(Log, that_nobody_reads_holds_up_nobody) {
  const std::string pipe = directory_.path() + "/log";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::vector<std::string> command{"/bin/bash", "-c", "exec \"$@\" 2>\"$0\"", pipe, built_program("escrowd")};
  command.insert(command.end(), {"--dev", "--log-level", "debug", "--data-dir", directory_.path() + "/data"});
  command.insert(command.end(), {"--grpc-port", "0", "--http-port", "0", "--metrics-port", "0"});
  command.insert(command.end(), {"--amqp-bind", at_.host, "--amqp-port", at_.port});
  Process server({.command = command});
  const int log = open(pipe.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(log, 0);
  std::array<char, 4096> room;
  std::string text;
  while (text.find(" ready: ") == std::string::npos) {
    const ssize_t size = read(log, room.data(), room.size());
    ASSERT_GT(size, 0) << text;
    text.append(room.data(), static_cast<std::size_t>(size));
  }
  // From here on nobody reads.
  const auto talkative = client();
  // A pipe holds 64 KiB; each is a line of more than 100 bytes.
  for (int i = 0; i < 2000; ++i) ASSERT_FALSE(talkative->has_queue("q"));
  server.signal(SIGKILL);
  server.join();
  close(log);
}

TEST_F(Log, has_priorities_in_the_journal) {
  const Finished started =
      run({.command = {"/bin/bash", "-c", "export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2); exec \"$0\" \"$@\"",
                       built_program("escrowd"), "--dev", "--data-dir", "/dev/null/data"}});
  EXPECT_NE(started.code, 0);
  EXPECT_THAT(started.errors, HasSubstr("<6>info  starting, "));
  EXPECT_THAT(started.errors, HasSubstr("\n<4>warning development server: "));
  EXPECT_THAT(started.errors, HasSubstr("\n<3>error "));
}

}  // namespace
}  // namespace escrow::e2e
