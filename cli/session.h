// What all commands share: how the server is reached, how results are printed, and how a command ends.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/cpp/client.h"

namespace escrow::cli {

using Json = nlohmann::ordered_json;

/// A table for people, the same as JSON for programs.
struct Listing {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  Json json = Json::array();
};

class Session {
 public:
  /// The flags that every command takes.
  void add_flags(CLI::App& app);

  /// Reads the password; fails the command when it cannot. The environment: ESCROW_SERVER, ESCROW_USER, ESCROW_PASSWORD.
  client::ClientOptions client_options();
  client::Client connect() { return client::Client(client_options()); }

  /// Who is asked, and as whom.
  const std::string& server() const { return server_; }
  const std::string& user() const { return user_; }

  /// JSON is asked for, or nobody is looking.
  bool json() const;

  void print(const Listing& listing) const;
  /// `line` for people, `json` for programs.
  void print(const std::string& line, const Json& json) const;

  /// Ends the command: the process exits with exit_code(error), which main does by catching it.
  struct Failed {
    Error error;
  };
  template <class T>
  T require(Result<T> result) const {
    if (!result) throw Failed{std::move(result).error()};
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

 private:
  std::string server_ = "127.0.0.1:5680";
  std::string user_ = "admin";
  std::string password_file_;
  std::string ca_file_;
  bool tls_ = false;
  bool json_ = false;
  int timeout_s_ = 10;
};

/// An object: for people, a line for each field.
void print_fields(const Session& session, const Json& fields);

/// Wrong use that the parser cannot see.
Error usage(std::string message);
/// Content of a file, or of standard input for "-".
Result<std::string> read_all(const std::string& path);

}  // namespace escrow::cli
