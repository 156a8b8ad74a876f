// The flags of commands that send a message.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "client/cpp/message.h"

namespace escrow::cli {

class MessageOptions {
 public:
  void add_flags(CLI::App& command);
  /// The message that they describe; fails the command when they cannot be read.
  client::Message take(Session& session);

 private:
  client::Message message_;
  std::optional<std::string> body_;
  std::string file_ = "-";
  std::vector<std::string> headers_;
};

}  // namespace escrow::cli
