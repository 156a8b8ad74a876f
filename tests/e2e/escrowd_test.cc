// The program escrowd: how it starts, refuses to start, and stops; what it tells an operator.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "storage/data_directory.h"
#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using grpc::StatusCode;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& content) { std::ofstream(path) << content; }

/// Escrowd without --dev and without the flags that tests like.
class Program : public testing::Test {
 protected:
  Process::Options options(const std::vector<std::string>& arguments, std::vector<std::string> environment = {}) const {
    Process::Options out{.command = {built_program("escrowd")}, .environment = std::move(environment)};
    out.command.insert(out.command.end(), arguments.begin(), arguments.end());
    for (const char* variable : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "ESCROW_CONFIG"}) {
      out.environment.emplace_back(variable);
    }
    out.environment.push_back("HOME=" + directory_.path());
    return out;
  }
  Finished escrowd(const std::vector<std::string>& arguments, std::vector<std::string> environment = {}) const {
    return run(options(arguments, std::move(environment)));
  }
  /// Those of a server at this address, and of nothing else.
  std::vector<std::string> serving(const Loopback& at, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> out{"--data-dir",  data(), "--grpc-bind", at.host, "--grpc-port",    at.port,
                                 "--amqp-port", "0",    "--http-port", "0",     "--metrics-port", "0"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  std::string file(const std::string& content) const {
    const std::string path = directory_.path() + "/escrow.toml";
    write_file(path, content);
    return path;
  }
  std::string data() const { return directory_.path() + "/data"; }

 private:
  const ScratchDirectory directory_;
};

/// The status of a call without much consequence.
grpc::Status list_queues(const std::string& target, const std::string& user, const std::string& password) {
  const auto stub = v1::Broker::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  v1::ListQueuesResponse response;
  return stub->ListQueues(make_context(user, password).get(), {}, &response);
}

TEST_F(Program, the_first_start_makes_an_administrators_secret_and_says_where) {
  const Loopback at = Loopback::free();
  const std::string path = data() + "/admin-secret";
  std::string secret;
  for (const bool first : {true, false}) {
    Process process(options(serving(at)));
    ASSERT_TRUE(process.wait_for(" ready: ", kPatience)) << process.errors();
    EXPECT_EQ(process.errors().find(path) != std::string::npos, first) << process.errors();
    struct stat found {};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600U);
    std::string written = read_file(path);
    ASSERT_EQ(written.back(), '\n');
    written.pop_back();
    EXPECT_GE(written.size(), 32U);
    if (first) secret = written;
    EXPECT_EQ(written, secret);
    EXPECT_EQ(process.errors().find(secret), std::string::npos);
    EXPECT_TRUE(list_queues(at.target(), "admin", secret).ok());
    expect(list_queues(at.target(), "admin", secret + "x"), StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
    // Guest is there with --dev only.
    expect(list_queues(at.target(), "guest", "guest"), StatusCode::UNAUTHENTICATED, "CREDENTIALS_WRONG");
    process.signal(SIGTERM);
    EXPECT_EQ(process.join(), 0) << process.errors();
  }
}

TEST_F(Program, a_directory_has_one_server) {
  const Loopback at = Loopback::free();
  Process first(options(serving(at)));
  ASSERT_TRUE(first.wait_for(" ready: ", kPatience)) << first.errors();
  const Finished second = escrowd(serving(Loopback::free()));
  EXPECT_EQ(second.code, 3);
  EXPECT_THAT(second.errors,
              AllOf(HasSubstr(data() + " is in use by another process"), HasSubstr("DATA_DIRECTORY_IN_USE")));
  first.signal(SIGTERM);
  EXPECT_EQ(first.join(), 0);
}

TEST_F(Program, a_port_has_one_server) {
  const Loopback at = Loopback::free();
  Process first(options(serving(at)));
  ASSERT_TRUE(first.wait_for(" ready: ", kPatience)) << first.errors();
  std::vector<std::string> arguments = serving(at);
  arguments[1] += "-of-another";
  const Finished second = escrowd(arguments);
  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.errors, AllOf(HasSubstr(at.target()), HasSubstr("set grpc.port"), HasSubstr("ADDRESS_IN_USE")));
}

TEST_F(Program, data_of_a_newer_version_is_left_alone) {
  std::filesystem::create_directory(data());
  const std::string newer = std::to_string(DataDirectory::kFormatVersion + 1);
  write_file(data() + "/VERSION", newer + "\n");
  const Finished refused = escrowd(serving(Loopback::free()));
  EXPECT_EQ(refused.code, 3);
  EXPECT_THAT(refused.errors, AllOf(HasSubstr("format version " + newer), HasSubstr("start the newer one"),
                                    HasSubstr("DATA_FORMAT_TOO_NEW")));
  EXPECT_EQ(read_file(data() + "/VERSION"), newer + "\n");
}

TEST_F(Program, the_development_server_is_for_this_machine_only) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"--dev", "--grpc-bind", "0.0.0.0"}, {"--dev", "--amqp-bind", "192.0.2.1"}}) {
    const Finished refused = escrowd(flags);
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.errors,
                AllOf(HasSubstr("loopback"), HasSubstr(flags[1].substr(2, 4) + ".bind is " + flags[2])));
  }
}

TEST_F(Program, wrong_flags_are_refused_with_what_is_wrong) {
  const auto refuses = [&](const std::vector<std::string>& flags, const std::string& text) {
    const Finished refused = escrowd(flags);
    EXPECT_EQ(refused.code, 2) << text;
    EXPECT_THAT(refused.errors, HasSubstr(text));
    EXPECT_EQ(refused.output, "");
  };
  refuses({"--grpc-prot", "1"}, "--grpc-prot");
  refuses({"--grpc-port"}, "--grpc-port");
  refuses({"--grpc-port", "70000"}, "grpc.port: ");
  refuses({"--checks-first-delay", "10"}, "(flag --checks-first-delay)");
  refuses({"config"}, "subcommand");
  refuses({"--config", "/nowhere/escrow.toml"}, "/nowhere/escrow.toml");
  EXPECT_EQ(escrowd({"--help"}).code, 0);
}

TEST_F(Program, checking_a_configuration_says_everything_that_is_wrong_and_where) {
  const Finished fine = escrowd({"config", "check", "--config", file("[grpc]\nport = 5681\n")});
  EXPECT_EQ(fine.code, 0);
  EXPECT_THAT(fine.output, HasSubstr("the configuration is fine"));
  const std::string path = file("[grpc]\nprot = 5681\n[checks]\nfactor = \"two\"\n");
  const Finished wrong = escrowd({"config", "check", "--config", path}, {"ESCROW_GRPC_PORT=many"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.errors, AllOf(HasSubstr(path + ":2: there is no setting 'grpc.prot'; did you mean 'grpc.port'?"),
                                  HasSubstr(path + ":4: checks.factor: this is no number"),
                                  HasSubstr("(environment ESCROW_GRPC_PORT)")));
  EXPECT_FALSE(std::filesystem::exists(data()));
  const Finished apart = escrowd(
      {"config", "check", "--config", file("[permissions.bob.\"/\"]\n[permissions.carol.orders]\nread = \"(\"\n")});
  EXPECT_EQ(apart.code, 2);
  EXPECT_EQ(apart.errors,
            "escrowd: the configuration is wrong:\n"
            "permissions of 'bob' in '/': there is no such user in [users]\n"
            "permissions of 'carol' in 'orders': there is no such user in [users]\n"
            "permissions of 'carol' in 'orders': there is no such virtual host in vhosts\n"
            "permissions of 'carol' in 'orders': '(' is no regular expression: missing ): (\n");
}

TEST_F(Program, what_is_in_effect_comes_with_its_source) {
  const std::string path = file("[grpc]\nport = 1\nbind = \"127.0.0.2\"\n[amqp]\nport = 2\n");
  const Finished effective = escrowd({"config", "effective", "--config", path, "--grpc-port", "4"},
                                     {"ESCROW_GRPC_PORT=3", "ESCROW_AMQP_PORT=5"});
  EXPECT_EQ(effective.code, 0) << effective.errors;
  const auto line = [&](const std::string& section, const std::string& key) {
    const std::size_t at = effective.output.find("\n" + key + " = ", effective.output.find("[" + section + "]"));
    return effective.output.substr(at + 1, effective.output.find('\n', at + 1) - at - 1);
  };
  EXPECT_THAT(line("grpc", "port"), AllOf(HasSubstr("port = 4 "), HasSubstr("# flag --grpc-port")));
  EXPECT_THAT(line("grpc", "bind"), AllOf(HasSubstr("bind = \"127.0.0.2\""), HasSubstr("# " + path + ":3")));
  EXPECT_THAT(line("amqp", "port"), AllOf(HasSubstr("port = 5 "), HasSubstr("# environment ESCROW_AMQP_PORT")));
  EXPECT_THAT(line("http", "port"), AllOf(HasSubstr("port = 15672 "), HasSubstr("# default")));
}

// --- stopping, health and reflection ---

grpc::ByteBuffer to_bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::string to_text(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (bytes.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

class Stopping : public ManyRuns {};

TEST_F(Stopping, health_is_serving_and_then_not_and_needs_no_password) {
  using grpc::health::v1::HealthCheckResponse;
  // Whoever watches does not hold up the end.
  start({"--shutdown-deadline=1h"});
  const auto health = grpc::health::v1::Health::NewStub(server().channel());
  grpc::health::v1::HealthCheckRequest request;
  HealthCheckResponse response;
  for (const char* service :
       {"", "escrow.v1.Coordinator", "escrow.v1.Scheduler", "escrow.v1.Broker", "escrow.v1.DeadLetters"}) {
    request.set_service(service);
    grpc::ClientContext context;
    ASSERT_TRUE(health->Check(&context, request, &response).ok());
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  }
  grpc::ClientContext watching;
  watching.set_deadline(std::chrono::system_clock::now() + kPatience);
  const auto reader = health->Watch(&watching, request);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  server().signal(SIGTERM);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_EQ(server().join(), 0);
}

/// A stream that the server does not end by itself.
class Reflection {
 public:
  explicit Reflection(const std::shared_ptr<grpc::Channel>& channel)
      : method_("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                grpc::internal::RpcMethod::BIDI_STREAMING),
        stream_(grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
            channel.get(), method_, context_.get())) {}

  /// The answer to an encoded request; empty: the stream has ended.
  std::string ask(const std::string& request) {
    grpc::ByteBuffer response;
    stream_->Write(to_bytes(request));
    return stream_->Read(&response) ? to_text(response) : "";
  }
  grpc::Status finish() {
    stream_->WritesDone();
    return stream_->Finish();
  }

 private:
  const grpc::internal::RpcMethod method_;
  const std::unique_ptr<grpc::ClientContext> context_ = make_context();
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream_;
};

/// list_services, and the file that has one of them.
constexpr const char* kListServices = "\x3a\x01*";
constexpr const char* kFileOfCoordinator =
    "\x22\x15"
    "escrow.v1.Coordinator";

TEST_F(Stopping, reflection_tells_what_is_served) {
  start();
  Reflection reflection(server().channel());
  EXPECT_THAT(reflection.ask(kListServices), AllOf(HasSubstr("escrow.v1.Broker"), HasSubstr("escrow.v1.Coordinator")));
  EXPECT_THAT(reflection.ask(kFileOfCoordinator), HasSubstr("ListTransactions"));
  EXPECT_TRUE(reflection.finish().ok());
}

TEST_F(Stopping, what_does_not_end_is_cancelled_at_the_deadline) {
  start({"--shutdown-deadline=50ms"});
  Reflection reflection(server().channel());
  EXPECT_NE(reflection.ask(kListServices), "");
  EXPECT_EQ(server().stop(), 0);
  EXPECT_FALSE(reflection.finish().ok());
}

TEST_F(Stopping, a_second_signal_stops_at_once) {
  start({"--shutdown-deadline=1h"});
  Reflection reflection(server().channel());
  EXPECT_NE(reflection.ask(kListServices), "");
  server().signal(SIGTERM);
  ASSERT_TRUE(server().wait_for("once more stops at once", kPatience));
  server().signal(SIGINT);
  EXPECT_EQ(server().join(), 1);
  EXPECT_THAT(server().errors(), HasSubstr("signal 2 again: stopping at once"));
  EXPECT_FALSE(reflection.finish().ok());
}

TEST_F(Stopping, idle_streams_are_told_why) {
  start();
  ASSERT_TRUE(api().declare_queue("idle").ok());
  Consuming consuming(api(), "idle", 10);
  const auto context = make_context();
  const auto line = api().coordinator().Checkbacks(context.get());
  v1::CheckbacksRequest open;
  open.mutable_open()->set_group("orders");
  line->Write(open);
  v1::CheckbacksResponse check;
  ASSERT_TRUE(line->Read(&check));
  server().signal(SIGTERM);
  EXPECT_FALSE(line->Read(&check));
  expect(line->Finish(), StatusCode::UNAVAILABLE, "SHUTTING_DOWN");
  EXPECT_TRUE(consuming.take(1).empty());
  expect(consuming.finish(), StatusCode::UNAVAILABLE, "SHUTTING_DOWN");
  EXPECT_EQ(server().join(), 0);
}

TEST_F(Stopping, what_was_taken_is_done_and_what_was_answered_is_there) {
  start();
  api().set_up_topology();
  const auto context = make_context();
  const auto stream = api().coordinator().Transact(context.get());
  std::thread writer([&] {
    for (std::uint64_t tag = 1;; ++tag) {
      v1::TransactRequest request;
      request.add_operations()->set_tag(tag);
      *request.mutable_operations(0)->mutable_prepare() = Api::prepare_request(std::to_string(tag));
      if (!stream->Write(request)) return;
    }
  });
  v1::TransactResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server().signal(SIGTERM);
  std::set<std::string> answered;
  do {
    for (const auto& result : response.results()) {
      if (result.has_prepare()) answered.insert(std::to_string(result.tag()));
    }
  } while (stream->Read(&response));
  writer.join();
  // Whoever still sends may find the connection gone before it has read why.
  const Failure end = failure(stream->Finish());
  EXPECT_EQ(end.code, StatusCode::UNAVAILABLE);
  EXPECT_THAT(end.reason, testing::AnyOf("SHUTTING_DOWN", ""));
  EXPECT_EQ(server().join(), 0);

  start();
  v1::ListTransactionsRequest request;
  v1::ListTransactionsResponse page;
  std::set<std::string> stored;
  do {
    request.set_page_token(page.next_page_token());
    ASSERT_TRUE(api().coordinator().ListTransactions(make_context().get(), request, &page).ok());
    for (const v1::Transaction& t : page.transactions()) stored.insert(t.transaction_id());
  } while (!page.next_page_token().empty());
  EXPECT_TRUE(std::includes(stored.begin(), stored.end(), answered.begin(), answered.end()));
  // Who could read to the end was told everything.
  EXPECT_TRUE(end.reason.empty() || stored == answered);
}

}  // namespace
}  // namespace escrow::e2e
