#include "server/logging.h"

#include <grpc/support/log.h>
#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace escrow::server {
namespace {

void log_grpc(gpr_log_func_args* args) {
  const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::warn
                     : args->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::debug
                                                               : spdlog::level::trace;
  spdlog::log(level, "grpc: {}", args->message);
}

/// Standard error is the journal: systemd.exec(5), JOURNAL_STREAM.
bool writes_to_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe)
  struct stat file {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &file) != 0) return false;
  return std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino) == stream;
}

/// "<4>" for a warning: sd-daemon(3).
class JournalPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view priority = message.level >= spdlog::level::err    ? "<3>"
                                      : message.level == spdlog::level::warn ? "<4>"
                                      : message.level == spdlog::level::info ? "<6>"
                                                                             : "<7>";
    out.append(priority.data(), priority.data() + priority.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JournalPriority>(); }
};

std::unique_ptr<spdlog::formatter> make_formatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<JournalPriority>('*');
  formatter->set_pattern(writes_to_journal() ? "%*%-5l %v" : "%Y-%m-%dT%H:%M:%S.%e%z %-5l %v");
  return formatter;
}

}  // namespace

Logging::Logging(const std::string& level)
    : writer_(std::make_shared<spdlog::details::thread_pool>(kMaxWaitingLines, 1)) {
  auto logger = std::make_shared<spdlog::async_logger>("escrowd", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                                       writer_, spdlog::async_overflow_policy::overrun_oldest);
  logger->set_formatter(make_formatter());
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});  // there is nowhere to say it
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(log_grpc);
}

Logging::~Logging() = default;

}  // namespace escrow::server
