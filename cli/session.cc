#include "cli/session.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

namespace escrow::cli {
namespace {

/// Columns as a terminal shows them: bytes that continue a character take no place.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void print_row(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line.append(widths[i] - width(row[i]) + 2, ' ');
  }
  std::puts(line.c_str());
}

}  // namespace

void Session::add_flags(CLI::App& app) {
  app.add_option("--server", server_, "host:port of the server")->envname("ESCROW_SERVER")->capture_default_str();
  app.add_option("--user", user_, "User name")->envname("ESCROW_USER")->capture_default_str();
  app.add_option("--password-file", password_file_,
                 "File with the password, - for standard input; without it $ESCROW_PASSWORD");
  app.add_flag("--tls", tls_, "Encrypt, and trust the authorities of the system");
  app.add_option("--ca-file", ca_file_, "Encrypt, and trust the authorities in this PEM file");
  app.add_option("--timeout", timeout_s_, "Seconds to try for")->check(CLI::Range(1, 3600))->capture_default_str();
  app.add_flag("--json", json_, "Print JSON also on a terminal");
}

client::ClientOptions Session::client_options() {
  client::ClientOptions options;
  options.target = server_;
  options.user = user_;
  options.call_timeout = std::chrono::seconds(timeout_s_);
  options.attempt_timeout = std::min(options.attempt_timeout, options.call_timeout);
  if (!password_file_.empty()) {
    options.password = require(read_all(password_file_));
    while (!options.password.empty() && (options.password.back() == '\n' || options.password.back() == '\r')) {
      options.password.pop_back();
    }
  } else if (const char* const password = std::getenv("ESCROW_PASSWORD")) {
    options.password = password;
  } else {
    throw Failed{usage("there is no password: use --password-file, or set ESCROW_PASSWORD")};
  }
  if (tls_ || !ca_file_.empty()) {
    options.tls.emplace();
    if (!ca_file_.empty()) options.tls->root_certificates = require(read_all(ca_file_));
  }
  return options;
}

bool Session::json() const { return json_ || ::isatty(STDOUT_FILENO) == 0; }

void Session::print(const Listing& listing) const {
  if (json()) {
    std::puts(listing.json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  std::vector<std::size_t> widths;
  for (const std::string& column : listing.columns) widths.push_back(width(column));
  for (const auto& row : listing.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  print_row(listing.columns, widths);
  for (const auto& row : listing.rows) print_row(row, widths);
}

void Session::print(const std::string& line, const Json& json) const {
  std::puts(this->json() ? json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str() : line.c_str());
  std::fflush(stdout);
}

void print_fields(const Session& session, const Json& fields) {
  constexpr std::size_t kNameWidth = 22;
  std::string lines;
  for (const auto& [name, value] : fields.items()) {
    lines += (lines.empty() ? "" : "\n") + name + std::string(kNameWidth - name.size(), ' ') +
             (value.is_string() ? value.get<std::string>() : value.dump());
  }
  session.print(lines, fields);
}

Error usage(std::string message) { return {ErrorCode::kInvalidArgument, "USAGE", std::move(message), {}}; }

Result<std::string> read_all(const std::string& path) {
  std::ostringstream content;
  if (path == "-") {
    content << std::cin.rdbuf();
    return std::move(content).str();
  }
  std::ifstream in(path, std::ios::binary);
  content << in.rdbuf();
  if (!in) return usage(path + ": cannot be read");
  return std::move(content).str();
}

}  // namespace escrow::cli
