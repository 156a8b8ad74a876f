// escrow tx list|show|commit|rollback
#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/text.h"
#include "client/cpp/producer.h"
#include "client/cpp/transactions.h"

namespace escrow::cli {
namespace {

using client::TransactionState;

constexpr std::pair<const char*, TransactionState> kStates[] = {{"prepared", TransactionState::kPrepared},
                                                                {"committed", TransactionState::kCommitted},
                                                                {"rolled-back", TransactionState::kRolledBack},
                                                                {"in-doubt", TransactionState::kInDoubt}};

std::string name(TransactionState state) {
  for (const auto& [text, value] : kStates) {
    if (value == state) return text;
  }
  return "unknown";
}

Json to_json(const client::Transaction& t) {
  Json out{{"group", t.group},
           {"transaction_id", t.transaction_id},
           {"epoch", t.epoch},
           {"state", name(t.state)},
           {"messages", t.message_count},
           {"prepared", to_text(t.prepare_time)},
           {"prepared_by", t.prepared_by},
           {"check_attempts", t.check_attempts}};
  if (t.next_check_time) out["next_check"] = to_text(*t.next_check_time);
  if (t.waiting_for_producer) out["waiting_for_producer"] = true;
  if (t.decide_time) {
    out["decided"] = to_text(*t.decide_time);
    out["decided_by"] = t.decided_by;
    out["reason"] = t.reason;
  }
  return out;
}

std::vector<std::string> to_row(const client::Transaction& t, Timestamp now) {
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - t.prepare_time);
  std::string what = t.decide_time ? "by " + t.decided_by + (t.reason.empty() ? "" : ": " + t.reason) : "";
  if (t.next_check_time) what = "next check " + to_text(*t.next_check_time);
  if (t.waiting_for_producer) what = "waits for a producer";
  return {t.group,
          t.transaction_id,
          name(t.state),
          to_text(std::max(age, std::chrono::milliseconds(0))),
          std::to_string(t.message_count),
          std::to_string(t.check_attempts),
          std::move(what)};
}

const std::vector<std::string> kColumns = {"GROUP", "ID", "STATE", "AGE", "MESSAGES", "CHECKS", ""};

void list(Session& session, const client::TransactionFilter& filter, std::size_t limit) {
  const client::Client client = session.connect();
  const client::Transactions transactions(client);
  Listing listing;
  listing.columns = kColumns;
  const Timestamp now = SystemClock().wall();
  std::string token;
  do {
    const std::size_t wanted = std::min<std::size_t>(limit - listing.rows.size(), 1000);
    const client::TransactionPage page =
        session.require(transactions.list(filter, static_cast<std::uint32_t>(wanted), token));
    for (const client::Transaction& t : page.transactions) {
      listing.rows.push_back(to_row(t, now));
      listing.json.push_back(to_json(t));
    }
    token = page.next_page_token;
  } while (!token.empty() && listing.rows.size() < limit);
  session.print(listing);
}

void show(Session& session, const std::string& group, const std::string& id) {
  const client::Client client = session.connect();
  const client::Transaction t = session.require(client::Transactions(client).get(group, id));
  print_fields(session, to_json(t));
}

struct Decision {
  std::string group;
  client::DecisionRequest request;
};

void decide(Session& session, const Decision& decision, bool commit) {
  const client::Client client = session.connect();
  client::Producer producer(client, decision.group);
  const Timestamp decided =
      session.require(commit ? producer.commit(decision.request) : producer.rollback(decision.request));
  const char* const done = commit ? "committed" : "rolled-back";
  session.print(std::string(done) + " at " + to_text(decided), {{"state", done}, {"decided", to_text(decided)}});
}

void add_list(CLI::App& tx, Session& session) {
  struct Options {
    client::TransactionFilter filter;
    std::string state;
    std::string min_age;
    std::size_t limit = 1000;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* const command = tx.add_subcommand("list", "List transactions: open ones, then decided ones");
  command->add_option("--group", options->filter.group, "Only of this producer group");
  CLI::Option* const state = command->add_option("--state", options->state, "Only in this state");
  std::vector<std::string> names;
  for (const auto& known : kStates) names.emplace_back(known.first);
  state->check(CLI::IsMember(names));
  command->add_option("--min-age", options->min_age, "Only prepared at least this long ago: 30s, 5m, 2h, 1d");
  command->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->callback([options, &session] {
    for (const auto& [text, value] : kStates) {
      if (options->state == text) options->filter.state = value;
    }
    if (!options->min_age.empty()) options->filter.min_age = session.require(parse_duration(options->min_age));
    list(session, options->filter, options->limit);
  });
}

void add_show(CLI::App& tx, Session& session) {
  const auto decision = std::make_shared<Decision>();
  CLI::App* const command = tx.add_subcommand("show", "Show one transaction");
  command->add_option("group", decision->group, "Producer group")->required();
  command->add_option("id", decision->request.transaction_id, "Transaction id")->required();
  command->callback([decision, &session] { show(session, decision->group, decision->request.transaction_id); });
}

void add_decision(CLI::App& tx, Session& session, bool commit) {
  const auto decision = std::make_shared<Decision>();
  CLI::App* const command = commit
                                ? tx.add_subcommand("commit", "Make the messages of an undecided transaction visible")
                                : tx.add_subcommand("rollback", "Drop the messages of an undecided transaction");
  command->add_option("group", decision->group, "Producer group")->required();
  command->add_option("id", decision->request.transaction_id, "Transaction id")->required();
  command->add_option("--reason", decision->request.reason, "Why; kept in the audit ledger")
      ->required()
      ->check([](const std::string& reason) { return reason.empty() ? "the reason is empty" : std::string(); });
  command->add_option("--epoch", decision->request.epoch, "Only if the transaction has this epoch");
  command->callback([decision, commit, &session] { decide(session, *decision, commit); });
}

}  // namespace

void add_tx_commands(CLI::App& app, Session& session) {
  CLI::App* const tx = app.add_subcommand("tx", "Transactions: look at them, decide them by hand");
  tx->require_subcommand(1);
  add_list(*tx, session);
  add_show(*tx, session);
  add_decision(*tx, session, true);
  add_decision(*tx, session, false);
}

}  // namespace escrow::cli
