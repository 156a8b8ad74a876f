// What publishers meet while resources are low, and that consumers do not meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/amqp_server.h"
#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using namespace broker::amqp;  // NOLINT(google-build-using-namespace): clients speak of little else
using testing::HasSubstr;

constexpr const char* kTooMuchMemory = "--alarms-memory-high-watermark-absolute=1";
constexpr const char* kTooLittleDisk = "--alarms-disk-free-limit=1000000GiB";

/// A disk of its own for this process and those that it starts. False: the kernel does not allow it.
bool mount_small_disk(const std::string& where, const std::string& size) {
  const std::string user = "0 " + std::to_string(geteuid()) + " 1";
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    std::ofstream("/proc/self/uid_map") << user;
  }
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", where.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
}

class AmqpAlarms : public AmqpServer {
 protected:
  /// What a publisher is told after its first message.
  std::string told_after_publishing() const {
    const auto publisher = client();
    publisher->declare("q");
    publisher->publish("", "q", "body");
    publisher->flush();
    return std::string(publisher->hear<ConnectionBlocked>().reason);
  }
};

TEST_F(AmqpAlarms, say_what_the_server_is_low_on) {
  start({kTooMuchMemory});
  EXPECT_EQ(told_after_publishing(), "low on memory");
  EXPECT_THAT(server_->errors(), HasSubstr("alarm: low on memory"));
  crash();
  start({kTooLittleDisk});
  EXPECT_EQ(told_after_publishing(), "low on disk");
  crash();
  start({kTooMuchMemory, kTooLittleDisk});
  EXPECT_EQ(told_after_publishing(), "low on memory & disk");
  crash();
  start({"--alarms-memory-high-watermark=0"});
  EXPECT_EQ(told_after_publishing(), "low on memory");
}

TEST_F(AmqpAlarms, hold_up_publishers_and_nobody_else) {
  start({kTooLittleDisk});
  const auto publisher = client();
  const auto consumer = client();
  consumer->declare("q");
  consumer->consume("q");
  publisher->ask<ConfirmSelectOk>(ConfirmSelect{});
  publisher->publish("", "q", "first");
  publisher->flush();
  publisher->hear<ConnectionBlocked>();
  EXPECT_EQ(publisher->hear<BasicAck>().delivery_tag, 1u) << "what had come is done";
  EXPECT_EQ(consumer->hear<BasicDeliver>().delivery_tag, 1u);
  publisher->publish("", "q", "second");
  publisher->flush();
  // The consumer is served several times over while the publisher waits.
  consumer->say(BasicAck{1});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(consumer->declare("q").message_count, 0u);
  // It is told that the server stops, and listened to when it answers.
  server_->signal(SIGTERM);
  publisher->hear<ConnectionClose>();
  publisher->say(ConnectionCloseOk{}, 0);
  consumer->hear<ConnectionClose>();
  consumer->say(ConnectionCloseOk{}, 0);
  EXPECT_TRUE(publisher->ended());
  EXPECT_TRUE(consumer->ended());
  EXPECT_EQ(server_->join(), 0);
}

TEST_F(AmqpAlarms, are_over_when_there_is_room_again) {
  const std::string data = directory_.path() + "/data";
  std::filesystem::create_directory(data);
  if (!mount_small_disk(data, "600m")) GTEST_SKIP() << "no disk can be mounted here";
  const std::string filler = data + "/filler";
  const auto fill = [&] { std::ofstream(filler) << std::string(400 << 20, 'x'); };
  fill();
  start({"--alarms-disk-free-limit=256MiB"});
  const auto publisher = client();
  publisher->ask<ConfirmSelectOk>(ConfirmSelect{});
  publisher->declare("q");
  publisher->publish("", "q", "body");
  publisher->flush();
  EXPECT_EQ(publisher->hear<ConnectionBlocked>().reason, "low on disk");
  publisher->hear<BasicAck>();
  std::filesystem::remove(filler);
  publisher->hear<ConnectionUnblocked>();
  publisher->publish("", "q", "body");
  publisher->flush();
  EXPECT_EQ(publisher->hear<BasicAck>().delivery_tag, 2u);
  // And up again while nobody does anything.
  fill();
  EXPECT_EQ(publisher->hear<ConnectionBlocked>().reason, "low on disk");
  crash();
  umount2(data.c_str(), MNT_DETACH);
}

using Alarms = ManyRuns;

TEST_F(Alarms, refuse_new_messages_over_grpc_and_let_old_ones_go) {
  start();
  api().set_up_topology();
  ASSERT_TRUE(api().prepare(Api::prepare_request("before")).ok());
  stop();
  start({kTooLittleDisk});
  const auto refused = [](const auto& status) {
    expect(status, grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCES_LOW");
  };
  v1::Message message;
  message.set_routing_key("shipping");
  refused(api().publish(message));
  refused(api().prepare(Api::prepare_request("during")));

  const auto publishing = make_context();
  const auto publishes = api().broker().PublishStream(publishing.get());
  v1::PublishStreamRequest frame;
  *frame.add_messages() = message;
  publishes->Write(frame);
  v1::PublishStreamResponse outcomes;
  ASSERT_TRUE(publishes->Read(&outcomes));
  refused(outcomes.outcomes(0).error());

  const auto transacting = make_context();
  const auto transactions = api().coordinator().Transact(transacting.get());
  v1::TransactRequest operations;
  *operations.add_operations()->mutable_prepare() = Api::prepare_request("during");
  transactions->Write(operations);
  v1::TransactResponse results;
  ASSERT_TRUE(transactions->Read(&results));
  refused(results.results(0).error());

  EXPECT_TRUE(api().commit("before").ok());
  EXPECT_EQ(bodies(take_all(api(), 1)), std::vector<std::string>{"body"});
}

}  // namespace
}  // namespace escrow::e2e
