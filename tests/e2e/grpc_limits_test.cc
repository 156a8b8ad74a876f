// What the server takes of one client, one connection and all of them: the limits that gRPC keeps, on real
// connections.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;

class Limits : public OneServer {
 protected:
  static grpc::Status list_queues(Api& from, grpc::ClientContext& context) {
    v1::ListQueuesResponse response;
    return from.broker().ListQueues(&context, {}, &response);
  }
};

TEST_F(Limits, metadata_of_a_call_is_sixteen_kibibytes) {
  const auto small = make_context();
  small->AddMetadata("note", std::string(15 << 10, 'n'));
  EXPECT_TRUE(list_queues(api(), *small).ok());
  // gRPC may close the connection as well.
  Api careless(server().channel());
  const auto large = make_context();
  large->AddMetadata("note", std::string(17 << 10, 'n'));
  expect(list_queues(careless, *large), StatusCode::RESOURCE_EXHAUSTED, "");
  EXPECT_TRUE(list_queues(api(), *make_context()).ok());
}

TEST_F(Limits, a_request_is_one_mebibyte_more_than_two_transactions) {
  v1::PublishStreamRequest frame;
  const auto publish = [&](std::size_t last) {
    frame.Clear();
    for (const std::size_t size : {std::size_t{16 << 20}, std::size_t{16 << 20}, last}) {
      frame.add_messages()->set_routing_key("shipping");
      frame.mutable_messages(frame.messages_size() - 1)->set_body(std::string(size, 'x'));
    }
    const auto context = make_context();
    const auto stream = api().broker().PublishStream(context.get());
    stream->Write(frame);
    stream->WritesDone();
    v1::PublishStreamResponse response;
    while (stream->Read(&response)) continue;
    return stream->Finish();
  };
  EXPECT_TRUE(publish((2 << 20) - 200).ok());
  expect(publish(2 << 20), StatusCode::RESOURCE_EXHAUSTED, "");
}

TEST_F(Limits, a_connection_has_a_thousand_calls_and_the_server_ten_thousand_streams) {
  struct Line {
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::CheckbacksRequest, v1::CheckbacksResponse>> stream;
  };
  const auto open = [](Api& on) {
    Line line{make_context(), nullptr};
    line.stream = on.coordinator().Checkbacks(line.context.get());
    v1::CheckbacksRequest request;
    request.mutable_open()->set_group("limits");
    line.stream->Write(request);
    return line;
  };
  const auto finish = [](Line& line) {
    line.stream->WritesDone();
    v1::CheckbacksResponse response;
    while (line.stream->Read(&response)) continue;
    return line.stream->Finish();
  };
  std::vector<std::unique_ptr<Api>> connections;
  std::vector<Line> lines;
  for (int connection = 0; connection < 10; ++connection) {
    connections.push_back(std::make_unique<Api>(server().channel()));
    const std::size_t first = lines.size();
    for (int i = 0; i < 1000; ++i) lines.push_back(open(*connections.back()));
    for (std::size_t i = first; i < lines.size(); ++i) {
      v1::CheckbacksResponse response;
      ASSERT_TRUE(lines[i].stream->Read(&response) && response.has_opened());
    }
  }
  // Every stream of the server is taken, but not every call.
  Line too_many = open(api());
  const Failure refused = failure(finish(too_many));
  EXPECT_EQ(refused.code, StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(refused.metadata.at("limit"), "streams");
  EXPECT_EQ(refused.metadata.at("maximum"), "10000");
  EXPECT_TRUE(list_queues(api(), *make_context()).ok());

  // A connection that is full keeps its calls waiting.
  const auto impatient = make_context();
  impatient->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  expect(list_queues(*connections[0], *impatient), StatusCode::DEADLINE_EXCEEDED, "");
  EXPECT_TRUE(finish(lines[0]).ok());
  EXPECT_TRUE(list_queues(*connections[0], *make_context()).ok());
  Line another = open(api());
  v1::CheckbacksResponse response;
  EXPECT_TRUE(another.stream->Read(&response) && response.has_opened());
  EXPECT_TRUE(finish(another).ok());
  for (std::size_t i = 1; i < lines.size(); ++i) EXPECT_TRUE(finish(lines[i]).ok());
}

TEST_F(Limits, a_connection_that_pings_too_often_is_closed) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 100);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  Api restless(server().channel(arguments));
  const auto context = make_context();
  const auto stream = restless.coordinator().Checkbacks(context.get());
  v1::CheckbacksRequest request;
  request.mutable_open()->set_group("restless");
  stream->Write(request);
  v1::CheckbacksResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_NE(status.error_message().find("Too many pings"), std::string::npos) << status.error_message();
  EXPECT_TRUE(list_queues(api(), *make_context()).ok());
}

}  // namespace
}  // namespace escrow::e2e
