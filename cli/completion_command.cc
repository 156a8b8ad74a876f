// escrow completion bash|zsh|fish: a script made from the commands themselves, so that it cannot be behind them.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace escrow::cli {
namespace {

/// A command and what can follow it.
struct Node {
  std::string path;  // "escrow tx"
  std::string help;
  std::vector<const CLI::App*> commands;
  std::vector<std::string> words;
};

void add_flags(const CLI::App& app, std::vector<std::string>& words) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
}

void collect(const CLI::App& root, const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
  Node node{path, app.get_description(), {}, {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    node.commands.push_back(command);
    node.words.push_back(command->get_name());
  }
  add_flags(app, node.words);
  if (&app != &root) add_flags(root, node.words);
  nodes.push_back(node);
  for (const CLI::App* command : node.commands) collect(root, *command, path + " " + command->get_name(), nodes);
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// The cases, of bash as of zsh, that lead from one command to the next.
std::string steps(const std::vector<Node>& nodes) {
  std::string out;
  for (const Node& node : nodes) {
    if (node.path != "escrow") out += "      '" + node.path + "') path='" + node.path + "' ;;\n";
  }
  return out;
}

std::string bash(const std::vector<Node>& nodes) {
  std::string out =
      "_escrow() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path=escrow words= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n";
  out += steps(nodes);
  out +=
      "    esac\n"
      "  done\n"
      "  case $path in\n";
  for (const Node& node : nodes) out += "    '" + node.path + "') words='" + join(node.words) + "' ;;\n";
  out +=
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "}\n"
      "complete -o default -F _escrow escrow\n";
  return out;
}

std::string zsh(const std::vector<Node>& nodes) {
  std::string out =
      "#compdef escrow\n"
      "_escrow() {\n"
      "  local path=escrow word\n"
      "  local -a candidates\n"
      "  for word in \"${words[@]:1:$((CURRENT - 2))}\"; do\n"
      "    case \"$path $word\" in\n";
  out += steps(nodes);
  out +=
      "    esac\n"
      "  done\n"
      "  case $path in\n";
  for (const Node& node : nodes) out += "    '" + node.path + "') candidates=(" + join(node.words) + ") ;;\n";
  out +=
      "  esac\n"
      "  compadd -- $candidates\n"
      "  _files\n"
      "}\n"
      "compdef _escrow escrow\n";
  return out;
}

std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return "'" + out + "'";
}

std::string fish(const std::vector<Node>& nodes) {
  std::string out =
      "function __escrow_at\n"
      "  set -l path escrow\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$path $word\"\n"
      "      case";
  for (const Node& node : nodes) {
    if (node.path != "escrow") out += " '" + node.path + "'";
  }
  out +=
      "\n"
      "        set path \"$path $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$path\" = \"$argv[1]\"\n"
      "end\n";
  for (const Node& node : nodes) {
    const std::string at = "complete -c escrow -n \"__escrow_at '" + node.path + "'\" ";
    for (const CLI::App* command : node.commands) {
      out += at + "-f -a " + command->get_name() + " -d " + quoted(command->get_description()) + "\n";
    }
    for (const std::string& word : node.words) {
      if (word.starts_with("--")) out += at + "-l " + word.substr(2) + "\n";
    }
  }
  return out;
}

}  // namespace

void add_completion_command(CLI::App& app) {
  CLI::App* const completion = app.add_subcommand("completion", "Print a script that completes commands in a shell");
  completion->require_subcommand(1);
  using Writer = std::string (*)(const std::vector<Node>&);
  for (const auto& [shell, write] : {std::pair<const char*, Writer>{"bash", bash}, {"zsh", zsh}, {"fish", fish}}) {
    completion->add_subcommand(shell, std::string("For ") + shell)->callback([&app, write = write] {
      std::vector<Node> nodes;
      collect(app, app, "escrow", nodes);
      std::fputs(write(nodes).c_str(), stdout);
    });
  }
}

}  // namespace escrow::cli
