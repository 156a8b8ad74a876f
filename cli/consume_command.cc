// escrow consume: one stream with as much credit as messages are wanted, so that no other message is touched.
#include <grpcpp/grpcpp.h>
#include <sodium.h>

#include <cstdio>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/internal/message_codec.h"
#include "client/cpp/internal/status.h"
#include "escrow/v1/broker.grpc.pb.h"

namespace escrow::cli {
namespace {

constexpr std::uint32_t kPrefetch = 100;

struct Options {
  std::string vhost;
  std::string queue;
  std::uint32_t count = 0;
  int wait_s = 0;
  v1::ConsumeRequest::Outcome outcome = v1::ConsumeRequest::OUTCOME_ACK;
};

std::shared_ptr<grpc::Channel> make_channel(const client::ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(options.max_receive_bytes));
  if (!options.tls) return grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = options.tls->root_certificates;
  return grpc::CreateCustomChannel(options.target, grpc::SslCredentials(ssl), arguments);
}

std::string authorization(const client::ClientOptions& options) {
  const std::string plain = options.user + ":" + options.password;
  std::string out(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // the terminating zero
  return "Basic " + out;
}

void print(const Session& session, v1::ConsumeResponse::Delivery&& delivery) {
  const client::Message message = client::internal::from_proto(std::move(*delivery.mutable_message()));
  Json json{{"exchange", message.exchange},
            {"routing_key", message.routing_key},
            {"redelivered", delivery.redelivered()},
            {"delivery_count", delivery.delivery_count()}};
  const auto add = [&](const char* name, const std::optional<std::string>& value) {
    if (value) json[name] = *value;
  };
  add("content_type", message.properties.content_type);
  add("message_id", message.properties.message_id);
  add("correlation_id", message.properties.correlation_id);
  add("type", message.properties.type);
  if (!message.properties.headers.empty()) json["headers"] = to_json(message.properties.headers);
  const std::string line = (message.exchange.empty() ? "" : message.exchange + " ") + message.routing_key +
                           (delivery.redelivered() ? " (redelivered)" : "") + ": " + message.body;
  add_body(message.body, json);
  session.print(line, json);
}

void consume(Session& session, const Options& options) {
  const client::ClientOptions connection = session.client_options();
  const auto stub = v1::Broker::NewStub(make_channel(connection));
  grpc::ClientContext context;
  context.AddMetadata("authorization", authorization(connection));
  if (options.wait_s > 0) context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(options.wait_s));
  const auto stream = stub->Consume(&context);
  v1::ConsumeRequest request;
  request.mutable_open()->set_vhost(options.vhost);
  request.mutable_open()->set_queue(options.queue);
  request.mutable_open()->set_credit(options.count == 0 ? kPrefetch : options.count);
  request.mutable_open()->set_auto_credit(options.count == 0);
  stream->Write(request);

  std::uint32_t received = 0;
  v1::ConsumeResponse response;
  while ((options.count == 0 || received < options.count) && stream->Read(&response)) {
    const std::uint64_t first = response.deliveries(0).tag();
    const std::uint64_t last = response.deliveries(response.deliveries_size() - 1).tag();
    for (auto& delivery : *response.mutable_deliveries()) {
      print(session, std::move(delivery));
      ++received;
    }
    request.mutable_settle()->set_outcome(options.outcome);
    request.mutable_settle()->set_first_tag(first);
    request.mutable_settle()->set_last_tag(last);
    stream->Write(request);
  }
  stream->WritesDone();
  while (stream->Read(&response)) {
  }
  const grpc::Status status = stream->Finish();
  const bool waited = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED && options.wait_s > 0;
  if (!status.ok() && !waited) throw Session::Failed{client::internal::to_error(status)};
}

}  // namespace

void add_consume_command(CLI::App& app, Session& session) {
  const auto options = std::make_shared<Options>();
  const auto requeue = std::make_shared<bool>(false);
  CLI::App* const command = app.add_subcommand("consume", "Take messages from a queue and print them");
  command->add_option("queue", options->queue, "Name")->required();
  command->add_option("--vhost", options->vhost, "Virtual host; empty is /");
  command->add_option("--count", options->count, "Stop after so many; without it, go on until interrupted")
      ->check(CLI::Range(1, 65'535));
  command->add_option("--wait", options->wait_s, "Stop after so many seconds")->check(CLI::Range(1, 86'400));
  command->add_flag("--requeue", *requeue,
                    "Put them back; each counts as a failed delivery, which x-delivery-limit limits");
  command->callback([options, requeue, &session] {
    if (*requeue) options->outcome = v1::ConsumeRequest::OUTCOME_REQUEUE;
    if (*requeue && options->count == 0) throw Session::Failed{usage("--requeue needs --count, or it would never end")};
    consume(session, *options);
  });
}

}  // namespace escrow::cli
