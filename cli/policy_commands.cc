// escrow policy set|list|delete
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/policies.h"

namespace escrow::cli {
namespace {

using client::Policies;
using client::PolicyTarget;

constexpr std::pair<const char*, PolicyTarget> kTargets[] = {{"all", PolicyTarget::kAll},
                                                             {"queues", PolicyTarget::kQueues},
                                                             {"classic_queues", PolicyTarget::kClassicQueues},
                                                             {"quorum_queues", PolicyTarget::kQuorumQueues},
                                                             {"exchanges", PolicyTarget::kExchanges}};

std::string name(PolicyTarget target) {
  for (const auto& [text, value] : kTargets) {
    if (value == target) return text;
  }
  return "unknown";
}

/// Where the policies are that a command is about.
struct Where {
  std::string vhost;
  bool of_operators = false;

  void add_flags(CLI::App& command) {
    command.add_option("--vhost", vhost, "Virtual host; empty is /");
    command.add_flag("--operator", of_operators, "Operator policies, which bound what policies and clients ask for");
  }
  Policies policies(Session& session) const {
    return Policies(session.connect(), vhost, of_operators ? Policies::Kind::kOperators : Policies::Kind::kUsers);
  }
};

void add_set(CLI::App& policy, Session& session) {
  struct Options {
    Where where;
    client::Policy policy;
    std::string definition;
    std::string apply_to = "all";
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = policy.add_subcommand("set", "Make a policy, or replace the one of the same name");
  command->add_option("name", options->policy.name, "Its name")->required();
  command->add_option("pattern", options->policy.pattern, "Regular expression over the names it is for")->required();
  command->add_option("definition", options->definition, "What it says, as JSON: '{\"max-length\": 1000}'")->required();
  command->add_option("--priority", options->policy.priority, "Of several that match, the highest applies")
      ->capture_default_str();
  std::vector<std::string> names;
  for (const auto& known : kTargets) names.emplace_back(known.first);
  command->add_option("--apply-to", options->apply_to, "What it is for")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  options->where.add_flags(*command);
  command->callback([options, &session] {
    client::Policy& wanted = options->policy;
    wanted.definition = session.require(parse_table(options->definition));
    for (const auto& [text, value] : kTargets) {
      if (options->apply_to == text) wanted.apply_to = value;
    }
    session.require(options->where.policies(session).set(wanted));
    session.print("set", {{"policy", wanted.name}});
  });
}

void add_list(CLI::App& policy, Session& session) {
  const auto where = std::make_shared<Where>();
  CLI::App* const command = policy.add_subcommand("list", "List policies");
  where->add_flags(*command);
  command->callback([where, &session] {
    const Policies policies = where->policies(session);
    Listing listing;
    listing.columns = {"POLICY", "PATTERN", "PRIORITY", "APPLY TO", "DEFINITION"};
    std::string token;
    do {
      const client::PolicyPage page = session.require(policies.list(1000, token));
      for (const client::Policy& p : page.policies) {
        const Json definition = to_json(p.definition);
        listing.rows.push_back({p.name, p.pattern, std::to_string(p.priority), name(p.apply_to),
                                definition.dump(-1, ' ', false, Json::error_handler_t::replace)});
        listing.json.push_back({{"policy", p.name},
                                {"pattern", p.pattern},
                                {"priority", p.priority},
                                {"apply_to", name(p.apply_to)},
                                {"definition", definition}});
      }
      token = page.next_page_token;
    } while (!token.empty());
    session.print(listing);
  });
}

void add_delete(CLI::App& policy, Session& session) {
  struct Options {
    Where where;
    std::string name;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = policy.add_subcommand("delete", "Delete a policy: what it said does not apply any more");
  command->add_option("name", options->name, "Its name")->required();
  options->where.add_flags(*command);
  command->callback([options, &session] {
    session.require(options->where.policies(session).erase(options->name));
    session.print("deleted", {{"policy", options->name}});
  });
}

}  // namespace

void add_policy_commands(CLI::App& app, Session& session) {
  CLI::App* const policy =
      app.add_subcommand("policy", "Arguments for all queues and exchanges whose names match a pattern");
  policy->require_subcommand(1);
  add_set(*policy, session);
  add_list(*policy, session);
  add_delete(*policy, session);
}

}  // namespace escrow::cli
