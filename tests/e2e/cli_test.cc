// The command line against a real server: what people see, what scripts get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/fixtures.h"

namespace escrow::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

/// Environment and input that are not the usual ones.
struct Unusual {
  Words environment = {};
  std::string input = {};
};

class CommandLine : public OneServer {
 protected:
  static Finished escrow(const Words& words, const Unusual& unusual = {}) {
    Process::Options options{
        .command = {built_program("escrow")},
        .environment = {"ESCROW_SERVER=" + server().target(), "ESCROW_USER=guest", "ESCROW_PASSWORD=guest"},
        .input = unusual.input};
    options.command.insert(options.command.end(), words.begin(), words.end());
    for (const std::string& variable : unusual.environment) {
      std::erase_if(options.environment, [&](const std::string& usual) {
        return usual.substr(0, usual.find('=')) == variable.substr(0, variable.find('='));
      });
      options.environment.push_back(variable);
    }
    return run(options);
  }
  /// What a command that succeeds prints.
  static Json json(const Words& words, const Unusual& unusual = {}) {
    const Finished finished = escrow(words, unusual);
    EXPECT_EQ(finished.code, 0) << finished.errors;
    EXPECT_EQ(finished.errors, "");
    return Json::parse(finished.output, nullptr, false);
  }
  /// The error that a command ends with.
  static std::string refused(const Words& words, int code, const Unusual& unusual = {}) {
    const Finished finished = escrow(words, unusual);
    EXPECT_EQ(finished.code, code) << finished.errors;
    const Json error = Json::parse(finished.errors, nullptr, false);
    EXPECT_TRUE(error.is_object() && error.contains("message")) << finished.errors;
    return error.is_object() ? error.value("error", "") : "";
  }
  /// The same as somebody at a terminal sees it.
  static std::string at_a_terminal(const std::string& command, const std::string& input = "") {
    const Finished finished =
        run({.command = {"/usr/bin/script", "-qec", built_program("escrow") + " " + command, "/dev/null"},
             .environment = {"ESCROW_SERVER=" + server().target(), "ESCROW_USER=guest", "ESCROW_PASSWORD=guest"},
             .input = input});
    return finished.output;
  }
};

TEST_F(CommandLine, decides_transactions_and_shows_them) {
  for (const char* id : {"cli open", "cli committed", "cli rolled back"}) prepare(id, id);
  EXPECT_EQ(json({"tx", "commit", "orders", "cli committed", "--reason", "ticket 17"})["state"], "committed");
  EXPECT_EQ(json({"tx", "rollback", "orders", "cli rolled back", "--reason", "ticket 18"})["state"], "rolled-back");

  const Json shown = json({"tx", "show", "orders", "cli committed"});
  EXPECT_EQ(shown["state"], "committed");
  EXPECT_EQ(shown["decided_by"], "guest");
  EXPECT_EQ(shown["reason"], "ticket 17");
  EXPECT_EQ(shown["messages"], 1);
  EXPECT_THAT(at_a_terminal("tx show orders 'cli open'"), HasSubstr("state                 prepared"));

  const auto ids = [&](const Words& words) {
    std::vector<std::string> out;
    for (const Json& t : json(words)) out.push_back(t["transaction_id"]);
    return out;
  };
  using testing::ElementsAre;
  EXPECT_THAT(ids({"tx", "list", "--group", "orders", "--state", "prepared"}), ElementsAre("cli open"));
  EXPECT_THAT(ids({"tx", "list", "--state", "rolled-back"}), ElementsAre("cli rolled back"));
  EXPECT_THAT(ids({"tx", "list"}), ElementsAre("cli open", "cli committed", "cli rolled back"));
  EXPECT_THAT(ids({"tx", "list", "--limit", "1"}), ElementsAre("cli open"));
  EXPECT_THAT(ids({"tx", "list", "--min-age", "1h"}), ElementsAre());
  EXPECT_THAT(ids({"tx", "list", "--group", "nobody"}), ElementsAre());
  EXPECT_THAT(at_a_terminal("tx list"), AllOf(HasSubstr("GROUP   ID "), HasSubstr("by guest: ticket 17")));
  take_all(api(), 1);
}

TEST_F(CommandLine, sets_policies_and_shows_where_they_apply) {
  json({"queue", "declare", "cli.policy", "--argument", "x-max-length=50"});
  const Words in_json{"cli-bound", "^cli\\.policy$", R"({"max-length": 10, "overflow": "reject-publish"})"};
  const auto set = [&](Words more) {
    Words words{"policy", "set"};
    words.insert(words.end(), in_json.begin(), in_json.end());
    words.insert(words.end(), more.begin(), more.end());
    return json(words);
  };
  EXPECT_EQ(set({"--priority", "3", "--apply-to", "queues"})["policy"], "cli-bound");
  set({"--operator"});
  const Json listed = json({"policy", "list"});
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0], Json({{"policy", "cli-bound"},
                             {"pattern", "^cli\\.policy$"},
                             {"priority", 3},
                             {"apply_to", "queues"},
                             {"definition", {{"max-length", 10}, {"overflow", "reject-publish"}}}}));
  EXPECT_EQ(json({"policy", "list", "--operator"})[0]["priority"], 0);
  EXPECT_THAT(at_a_terminal("policy list"), AllOf(HasSubstr("POLICY "), HasSubstr("{\"max-length\":10")));

  const auto queue = [] {
    for (const Json& q : json({"queue", "list"})) {
      if (q["queue"] == "cli.policy") return q;
    }
    return Json();
  };
  EXPECT_EQ(queue()["policy"], "cli-bound");
  EXPECT_EQ(queue()["operator_policy"], "cli-bound");
  EXPECT_EQ(queue()["effective_policy_definition"]["max-length"], 10);
  EXPECT_EQ(queue()["arguments"]["x-max-length"], 50);
  EXPECT_THAT(at_a_terminal("queue list"), HasSubstr("cli-bound (operator: cli-bound)"));

  json({"policy", "delete", "cli-bound"});
  json({"policy", "delete", "cli-bound", "--operator"});
  EXPECT_EQ(json({"policy", "list"}).size(), 0u);
  EXPECT_EQ(queue()["policy"], "");
  json({"queue", "delete", "cli.policy"});
}

TEST_F(CommandLine, says_what_is_wrong_with_a_policy) {
  EXPECT_EQ(refused({"policy", "set", "p", "(", R"({"expires": 1})"}, 2), "PATTERN_INVALID");
  EXPECT_EQ(refused({"policy", "set", "p", "x", R"({"ha-mode": "all"})"}, 2), "DEFINITION_INVALID");
  EXPECT_EQ(refused({"policy", "set", "p", "x", "expires=1"}, 2), "USAGE");
  EXPECT_EQ(refused({"policy", "set", "p", "x", R"({"expires": null})"}, 2), "USAGE");
  EXPECT_EQ(refused({"policy", "set", "p", "x", "{}", "--apply-to", "streams"}, 2), "USAGE");
  EXPECT_EQ(refused({"policy", "list", "--vhost", "nowhere"}, 3), "VHOST_UNKNOWN");
}

TEST_F(CommandLine, shows_dead_letters_sends_them_on_again_and_drops_them) {
  json({"queue", "declare", "dying.dead"});
  json({"queue", "declare", "dying", "--argument", "x-dead-letter-exchange=\"\"", "--argument",
        "x-dead-letter-routing-key=dying.dead", "--argument", "x-delivery-limit=0"});
  for (const char* body : {"a", "b", "c", "d", "e"}) json({"publish", "--routing-key", "dying", "--body", body});
  EXPECT_EQ(escrow({"consume", "dying", "--count", "5", "--requeue"}).code, 0);

  const Json listed = json({"dlq", "list", "--queue", "dying.dead"});
  ASSERT_EQ(listed.size(), 5u);
  EXPECT_EQ(listed[0]["routing_key"], "dying.dead");
  EXPECT_EQ(listed[0]["last_death"]["reason"], "delivery_limit");
  EXPECT_EQ(listed[0]["last_death"]["queue"], "dying");
  EXPECT_EQ(listed[0]["last_death"]["count"], 1);
  EXPECT_EQ(listed[0]["held"], false);
  EXPECT_EQ(json({"dlq", "list", "--queue", "dying.dead", "--died", "expired"}).size(), 0u);
  EXPECT_EQ(json({"dlq", "list", "--queue", "dying.dead", "--died-in", "dying", "--limit", "3"}).size(), 3u);
  EXPECT_EQ(json({"dlq", "list", "--queue", "dying.dead", "--min-age", "1h"}).size(), 0u);
  EXPECT_THAT(at_a_terminal("dlq list --queue dying.dead"),
              AllOf(HasSubstr("ID "), HasSubstr("delivery_limit in dying")));
  const std::string first = listed[0]["id"];
  EXPECT_EQ(json({"dlq", "show", first, "--queue", "dying.dead"})["body"], "a");
  EXPECT_EQ(refused({"dlq", "show", first}, 3), "DEAD_LETTER_UNKNOWN") << "it is in another queue";
  EXPECT_EQ(json({"dlq", "list"}).size(), 0u);

  const Json redriven = json({"dlq", "redrive", "--queue", "dying.dead", "--id", first, "--id", "1-99999"});
  EXPECT_EQ(redriven["redriven"], 1);
  EXPECT_EQ(redriven["unavailable"], 1);
  EXPECT_EQ(json({"consume", "dying", "--count", "1"})["body"], "a");
  EXPECT_EQ(refused({"dlq", "show", first, "--queue", "dying.dead"}, 3), "DEAD_LETTER_UNKNOWN");
  EXPECT_EQ(json({"dlq", "redrive", "--queue", "dying.dead", "--died-in", "dying", "--limit", "1", "--to-exchange",
                  "orders", "--to-routing-key", "order.again", "--reason", "mended"})["redriven"],
            1);
  EXPECT_EQ(bodies(take_all(api(), 1)), std::vector<std::string>{"b"});
  EXPECT_EQ(json({"dlq", "discard", "--queue", "dying.dead", "--all", "--limit", "1", "--reason", "test data",
                  "--yes"})["discarded"],
            1);
  const std::string command = "dlq discard --queue dying.dead --all --reason done";
  EXPECT_THAT(at_a_terminal(command, "n\n"),
              AllOf(HasSubstr("Discard 2 messages of dying.dead?"), HasSubstr("discarded 0 messages")));
  EXPECT_THAT(at_a_terminal(command, "y\n"), HasSubstr("discarded 2 messages"));
}

TEST_F(CommandLine, schedules_messages_and_cancels_them) {
  const auto add = [](const std::string& key, const Words& when) {
    Words words{"schedule", "add", key, "--routing-key", "shipping", "--body", key};
    words.insert(words.end(), when.begin(), when.end());
    return json(words);
  };
  EXPECT_EQ(add("soon", {"--in", "50ms"})["state"], "scheduled");
  EXPECT_EQ(add("new year", {"--at", "2099-12-31T23:59:59Z"})["due"], "2099-12-31T23:59:59.000Z");
  add("paid", {"--in", "30m"});
  EXPECT_EQ(json({"schedule", "cancel", "paid", "--reason", "paid in time"})["state"], "cancelled");
  EXPECT_EQ(json({"schedule", "move", "new year", "--at", "2098-12-31T23:59:59Z"})["due"], "2098-12-31T23:59:59.000Z");
  take_all(api(), 1);

  const Json shown = json({"schedule", "show", "soon"});
  EXPECT_EQ(shown["state"], "delivered");
  EXPECT_TRUE(shown.contains("delivered"));
  EXPECT_EQ(json({"schedule", "show", "new year"})["body_bytes"], 8);
  EXPECT_THAT(at_a_terminal("schedule show paid"), HasSubstr("reason                paid in time"));
  const auto keys = [](const Words& words) {
    std::vector<std::string> out;
    for (const Json& s : json(words)) out.push_back(s["key"]);
    return out;
  };
  using testing::ElementsAre;
  using testing::UnorderedElementsAre;
  EXPECT_THAT(keys({"schedule", "list"}), UnorderedElementsAre("new year", "paid", "soon"));
  EXPECT_THAT(keys({"schedule", "list", "--state", "scheduled"}), ElementsAre("new year"));
  EXPECT_THAT(at_a_terminal("schedule list"), AllOf(HasSubstr("KEY "), HasSubstr("by guest: paid in time")));

  EXPECT_EQ(refused({"schedule", "cancel", "soon"}, 4), "ALREADY_DELIVERED");
  EXPECT_EQ(refused({"schedule", "move", "paid", "--in", "1m"}, 4), "ALREADY_CANCELLED");
  EXPECT_EQ(refused({"schedule", "show", "nothing"}, 3), "SCHEDULE_UNKNOWN");
}

TEST_F(CommandLine, refusals_have_exit_codes_for_scripts) {
  prepare("cli code");
  EXPECT_EQ(refused({"tx", "show", "orders", "nowhere"}, 3), "TRANSACTION_UNKNOWN");
  EXPECT_EQ(refused({"tx", "commit", "orders", "nowhere", "--reason", "x"}, 3), "TRANSACTION_UNKNOWN");
  EXPECT_EQ(refused({"tx", "commit", "orders", "cli code", "--reason", "x", "--epoch", "999999"}, 4), "EPOCH_STALE");
  json({"tx", "rollback", "orders", "cli code", "--reason", "x"});
  const Finished opposed = escrow({"tx", "commit", "orders", "cli code", "--reason", "x"});
  EXPECT_EQ(opposed.code, 4);
  EXPECT_EQ(Json::parse(opposed.errors)["metadata"]["state"], "ROLLED_BACK");
  EXPECT_EQ(refused({"exchange", "declare", "orders", "--type", "fanout"}, 4), "DECLARATION_DIFFERS");
  EXPECT_EQ(refused({"exchange", "declare", "amq.mine"}, 6), "NAME_RESERVED");
  EXPECT_EQ(refused({"queue", "purge", "nowhere"}, 3), "QUEUE_UNKNOWN");
  EXPECT_EQ(refused({"consume", "nowhere", "--count", "1"}, 3), "QUEUE_UNKNOWN");
  EXPECT_EQ(refused({"publish", "--exchange", "nowhere", "--body", ""}, 3), "EXCHANGE_UNKNOWN");
  EXPECT_EQ(refused({"queue", "declare", ""}, 2), "MALFORMED");
  EXPECT_EQ(refused({"publish", "--routing-key", "nowhere", "--body", "", "--routed"}, 3), "UNROUTED");
  EXPECT_EQ(json({"publish", "--routing-key", "nowhere", "--body", ""})["queues"], 0);
  EXPECT_THAT(at_a_terminal("queue purge nowhere"),
              HasSubstr("escrow: no queue 'nowhere' in vhost '/' (QUEUE_UNKNOWN)"));
}

TEST_F(CommandLine, wrong_use_explains_itself) {
  const auto explains = [](const Words& words, const std::string& text, const Unusual& unusual = {}) {
    const Finished finished = escrow(words, unusual);
    EXPECT_EQ(finished.code, 2) << text;
    EXPECT_EQ(finished.output, "");
    EXPECT_THAT(finished.errors, HasSubstr(text));
  };
  explains({}, "subcommand");
  explains({"bogus"}, "there is no command 'bogus'");
  explains({"tx", "shwo"}, "there is no command 'shwo'");
  explains({"tx", "commit", "orders", "x"}, "--reason");
  explains({"tx", "commit", "orders", "x", "--reason", ""}, "the reason is empty");
  explains({"tx", "list", "--state", "lost"}, "--state");
  explains({"tx", "list", "--min-age", "5"}, "'5' is not a duration");
  explains({"schedule", "add", "k", "--at", "tomorrow"}, "'tomorrow' is not a time");
  explains({"schedule", "add", "k"}, "--in");
  explains({"dlq", "redrive"}, "which messages? Give --id, a filter such as --died-in, or --all");
  explains({"dlq", "redrive", "--all", "--id", "1-1"}, "which messages?");
  explains({"dlq", "redrive", "--all", "--to-routing-key", "k"}, "--to-exchange");
  explains({"dlq", "redrive", "--all", "--to-queue", "q", "--to-exchange", "x"}, "--to-queue");
  explains({"dlq", "discard", "--all"}, "--reason");
  explains({"dlq", "discard", "--all", "--reason", "x"}, "--yes");
  explains({"dlq", "list", "--died", "of old age"}, "--died");
  explains({"queue", "declare", "q", "--argument", "x"}, "'x' is not name=value");
  explains({"consume", "q", "--requeue"}, "--requeue needs --count");
  explains({"queue", "list", "--password-file", "/nowhere"}, "/nowhere: cannot be read");
  explains({"queue", "list"}, "there is no password", {.environment = {"ESCROW_PASSWORD"}});
  EXPECT_EQ(escrow({"--help"}).code, 0);
  EXPECT_THAT(escrow({"--version"}).output, HasSubstr("escrow "));
  EXPECT_THAT(escrow({"tx", "commit", "--help"}).output, HasSubstr("--reason"));
}

TEST_F(CommandLine, an_unreachable_server_and_a_wrong_password_say_what_to_look_at) {
  const std::string nobody = Loopback::free().target();
  const Finished unreachable =
      escrow({"--timeout", "1", "queue", "list"}, {.environment = {"ESCROW_SERVER=" + nobody}});
  EXPECT_EQ(unreachable.code, 5);
  EXPECT_THAT(unreachable.errors, AllOf(HasSubstr("no answer from " + nobody), HasSubstr("--server")));
  EXPECT_EQ(refused({"consume", "shipping", "--server", nobody}, 5), "UNAVAILABLE");
  const Finished wrong = escrow({"queue", "list"}, {.environment = {"ESCROW_PASSWORD=guess"}});
  EXPECT_EQ(wrong.code, 6);
  EXPECT_THAT(wrong.errors,
              AllOf(HasSubstr("user 'guest'"), HasSubstr("--password-file"), HasSubstr("CREDENTIALS_WRONG")));
  EXPECT_EQ(refused({"consume", "shipping"}, 6, {.environment = {"ESCROW_USER=nobody"}}), "CREDENTIALS_WRONG");
}

TEST_F(CommandLine, the_password_can_come_from_a_file_or_standard_input) {
  const Unusual piped{.environment = {"ESCROW_PASSWORD"}, .input = "guest\n"};
  EXPECT_TRUE(json({"queue", "list", "--password-file", "-"}, piped).is_array());
  const ScratchDirectory directory;
  const std::string file = directory.path() + "/password";
  std::ofstream(file) << "guest\n";
  EXPECT_TRUE(json({"queue", "list", "--password-file", file}, {.environment = {"ESCROW_PASSWORD=wrong"}}).is_array());
}

TEST_F(CommandLine, declares_binds_publishes_and_consumes) {
  json({"exchange", "declare", "cli", "--type", "topic"});
  json({"queue", "declare", "cli", "--argument", "x-max-length=10"});
  json({"bind", "cli", "cli", "--routing-key", "a.#"});
  const Words publish = {"publish", "--exchange", "cli", "--routing-key", "a.b"};
  const auto with = [&](Words words) {
    words.insert(words.begin(), publish.begin(), publish.end());
    return words;
  };
  EXPECT_EQ(json(with({"--body", "text", "--header", "number=5", "--header", "text=\"5\"", "--message-id", "m",
                       "--content-type", "text/plain"}))["queues"],
            1);
  EXPECT_EQ(json(with({}), {.input = "from a pipe"})["queues"], 1);
  EXPECT_EQ(json(with({"--file", "-"}), {.input = std::string("\xff\x00", 2)})["queues"], 1);
  for (const Json& queue : json({"queue", "list"})) {
    if (queue["queue"] == "cli") {
      EXPECT_EQ(queue["messages_ready"], 3);
      EXPECT_EQ(queue["arguments"]["x-max-length"], 10);
    }
  }
  // Looked at, put back, then taken.
  EXPECT_EQ(json({"consume", "cli", "--count", "1", "--requeue"})["redelivered"], false);
  const Finished taken = escrow({"consume", "cli", "--count", "3"});
  EXPECT_EQ(taken.code, 0) << taken.errors;
  std::vector<Json> lines;
  for (std::size_t at = 0; at < taken.output.size();) {
    const std::size_t end = taken.output.find('\n', at);
    lines.push_back(Json::parse(taken.output.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], Json::parse(R"({"exchange": "cli", "routing_key": "a.b", "redelivered": true, "delivery_count": 1,
    "content_type": "text/plain", "message_id": "m", "headers": {"number": 5, "text": "5"}, "body": "text"})"));
  EXPECT_EQ(lines[1]["body"], "from a pipe");
  EXPECT_EQ(lines[2]["body_base64"], "/wA=");
  EXPECT_EQ(escrow({"consume", "cli", "--count", "1", "--wait", "1"}).output, "");

  json(with({"--body", "dropped"}));
  EXPECT_EQ(json({"queue", "purge", "cli"})["messages"], 1);
  json({"unbind", "cli", "cli", "--routing-key", "a.#"});
  EXPECT_EQ(json(with({"--body", "x"}))["queues"], 0);
  json(with({"--body", "x"}));
  EXPECT_EQ(json({"queue", "delete", "cli", "--if-empty", "--if-unused"})["messages"], 0);
  json({"exchange", "delete", "cli", "--if-unused"});
  EXPECT_THAT(at_a_terminal("queue list"), HasSubstr("QUEUE "));
  EXPECT_EQ(Json::parse(at_a_terminal("queue list --json"), nullptr, false).is_array(), true);
}

TEST_F(CommandLine, binds_exchanges_to_exchanges_and_gives_queues_their_weights) {
  json({"exchange", "declare", "cli entry", "--type", "topic"});
  json({"exchange", "declare", "cli hash", "--type", "x-consistent-hash", "--argument", "hash-property=message_id"});
  json({"queue", "declare", "cli share"});
  EXPECT_EQ(json({"bind", "cli entry", "--to-exchange", "cli hash", "--routing-key", "a.*"}),
            (Json{{"source", "cli entry"}, {"destination_exchange", "cli hash"}}));
  EXPECT_EQ(json({"bind", "cli hash", "cli share", "--routing-key", "2"}),
            (Json{{"source", "cli hash"}, {"queue", "cli share"}}));
  const Words publish = {"publish", "--exchange", "cli entry", "--routing-key", "a.b", "--message-id",
                         "m",       "--body",     "x"};
  EXPECT_EQ(json(publish)["queues"], 1);
  EXPECT_EQ(refused({"bind", "cli hash", "cli share", "--routing-key", "heavy"}, 2), "ARGUMENT_INVALID");
  EXPECT_EQ(refused({"bind", "cli entry"}, 2), "USAGE");
  EXPECT_EQ(refused({"bind", "cli entry", "cli share", "--to-exchange", "cli hash"}, 2), "USAGE");

  json({"unbind", "cli entry", "--to-exchange", "cli hash", "--routing-key", "a.*"});
  EXPECT_EQ(json(publish)["queues"], 0);
  json({"queue", "delete", "cli share"});
  for (const char* exchange : {"cli entry", "cli hash"}) json({"exchange", "delete", exchange, "--if-unused"});
}

TEST_F(CommandLine, a_hashed_password_lets_its_user_in) {
  const Finished hashed = escrow({"hash-password"}, {.input = "correct horse\n"});
  EXPECT_EQ(hashed.code, 0);
  ASSERT_THAT(hashed.output, testing::StartsWith("$argon2id$"));
  EXPECT_EQ(refused({"hash-password"}, 2, {.input = "\n"}), "USAGE");

  const ScratchDirectory directory;
  const std::string config = directory.path() + "/escrow.toml";
  std::ofstream(config) << "[users]\norders = \"" << hashed.output.substr(0, hashed.output.size() - 1) << "\"\n";
  Escrowd other(directory.path() + "/data", {"--config", config});
  other.require_ready();
  const Words as_orders = {"ESCROW_SERVER=" + other.target(), "ESCROW_USER=orders"};
  const auto with_password = [&](const char* password) {
    Words out = as_orders;
    out.push_back(std::string("ESCROW_PASSWORD=") + password);
    return out;
  };
  EXPECT_TRUE(json({"queue", "list"}, {.environment = with_password("correct horse")}).is_array());
  EXPECT_EQ(refused({"queue", "list"}, 6, {.environment = with_password("battery staple")}), "CREDENTIALS_WRONG");
  EXPECT_EQ(other.stop(), 0);
}

TEST_F(CommandLine, completes_its_commands_in_every_shell) {
  const std::string program = built_program("escrow");
  const auto complete = [&](const std::string& words, int current) {
    const std::string script = "source <(" + program + " completion bash); COMP_WORDS=(" + words +
                               "); COMP_CWORD=" + std::to_string(current) + "; _escrow; echo ${COMPREPLY[@]}";
    return run({.command = {"/bin/bash", "-c", script}}).output;
  };
  EXPECT_EQ(complete("escrow t", 1), "tx\n");
  EXPECT_EQ(complete("escrow tx sh", 2), "show\n");
  EXPECT_EQ(complete("escrow --json queue d", 3), "declare delete\n");
  EXPECT_THAT(complete("escrow tx commit --re", 3), HasSubstr("--reason"));
  EXPECT_THAT(escrow({"completion", "zsh"}).output, AllOf(HasSubstr("#compdef escrow"), HasSubstr("'escrow tx list'")));
  EXPECT_THAT(escrow({"completion", "fish"}).output, HasSubstr("complete -c escrow"));
  EXPECT_EQ(escrow({"completion", "csh"}).code, 2);
}

}  // namespace
}  // namespace escrow::e2e
