// Every ```sh block of a page is run as it stands, one after the other in one shell, against a new server
// with the undecided transactions 4711 and 4712 of the group orders. And the pages know everything there is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/fixtures.h"
#include "tests/support/repository.h"

namespace escrow::e2e {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> matches(const std::string& text, const char* expression) {
  std::set<std::string> out;
  const std::regex pattern(expression);
  for (auto it = std::sregex_iterator(text.begin(), text.end(), pattern); it != std::sregex_iterator(); ++it) {
    out.insert(it->str(1));
  }
  return out;
}

bool is_there(const std::string& program) {
  return run({.command = {"/bin/sh", "-c", "command -v " + program}}).code == 0;
}

/// The blocks as one script. One below `<!-- needs X -->` is left out where there is no program X.
std::string script_of(const std::string& page) {
  std::istringstream lines(page);
  std::string script;
  std::string needed;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("<!-- needs ")) needed = line.substr(11, line.find(' ', 11) - 11);
    if (inside && line == "```") {
      inside = false;
      needed.clear();
    } else if (inside && (needed.empty() || is_there(needed))) {
      script += line + "\n";
    } else if (line == "```sh") {
      inside = true;
    }
  }
  return script;
}

/// Quieter than HasSubstr about what it is not in.
void expect_on(const std::string& page, const std::string& text) {
  EXPECT_TRUE(page.find(text) != std::string::npos) << "nothing about " << text;
}

class Pages : public ManyRuns, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Examples, Pages,
                         testing::Values("cli", "grpc-api", "schedules", "retry", "deduplication", "policies",
                                         "dead-letters"),
                         [](const auto& page) {
                           std::string name = page.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(Pages, work_as_they_stand) {
  start();
  api().set_up_topology();
  const std::string name = GetParam();
  // The other page prepares one itself.
  const std::vector<std::string> undecided =
      name == "cli" ? std::vector<std::string>{"4711", "4712"} : std::vector<std::string>{};
  for (const std::string& id : undecided) ASSERT_TRUE(api().prepare(Api::prepare_request(id)).ok());
  const std::string script = script_of(read(repository() / "docs" / (name + ".md")));
  ASSERT_NE(script, "");
  const std::string programs = std::filesystem::path(built_program("escrow")).parent_path();
  const Finished finished = run({.command = {"/bin/bash", "-xeuo", "pipefail", "-c", script},
                                 .environment = {"PATH=" + programs + ":" + std::getenv("PATH"),
                                                 "ESCROW_SERVER=" + server().target(), "DATA_DIR=" + data()}});
  EXPECT_EQ(finished.code, 0) << finished.output << finished.errors;
  stop();
}

TEST(Documentation, knows_every_call_and_every_reason_of_an_error) {
  const std::string page = read(repository() / "docs" / "grpc-api.md");
  for (const char* proto : {"coordinator", "scheduler", "broker", "delayed_messages", "policies", "dead_letters"}) {
    const std::string text = read(repository() / "proto/escrow/v1" / (std::string(proto) + ".proto"));
    for (const std::string& call : matches(text, R"(\n  rpc (\w+))")) expect_on(page, "`" + call + "`");
  }
  const std::set<std::string> no_reasons = {"ROLLED_BACK", "IN_DOUBT",
                                            // Only clients of AMQP can bring these about.
                                            "CHANNEL_UNKNOWN", "DELIVERY_TAG_UNKNOWN", "EXCHANGE_TYPE_UNKNOWN"};
  for (const char* layer : {"coordinator", "broker/core", "broker/api", "rpc", "engine"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository() / layer)) {
      if (entry.path().extension() != ".cc") continue;
      for (const std::string& reason : matches(read(entry.path()), R"re("([A-Z]+(?:_[A-Z]+)+)")re")) {
        // What is damaged stops the server, and nobody is told by gRPC.
        if (no_reasons.contains(reason) || reason.ends_with("_DAMAGED")) continue;
        expect_on(page, "`" + reason + "`");
      }
    }
  }
}

TEST(Documentation, knows_every_command_and_every_flag) {
  const std::string page = read(repository() / "docs" / "cli.md");
  const std::string completion = run({.command = {built_program("escrow"), "completion", "bash"}}).output;
  for (const std::string& command : matches(completion, R"('(escrow [a-z -]+)'\) path=)")) {
    // Groups of commands have no line of their own, and neither have shells.
    const bool is_group = completion.find("'" + command + " ") != std::string::npos;
    if (!is_group && !command.starts_with("escrow completion ")) expect_on(page, "`" + command);
  }
  for (const std::string& flag : matches(completion, "(--[a-z-]+)")) expect_on(page, flag);
}

}  // namespace
}  // namespace escrow::e2e
