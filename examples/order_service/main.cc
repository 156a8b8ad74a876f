// The parts of the demo, one subcommand each; run.sh starts them.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "client/cpp/client.h"
#include "examples/order_service/desk.h"
#include "examples/order_service/order_database.h"
#include "examples/order_service/order_service.h"
#include "examples/order_service/warehouse.h"

namespace order_service {
namespace {

struct Arguments {
  escrow::client::ClientOptions server{.user = "guest", .password = "guest"};
  std::string orders_file;
  std::size_t max_orders = 1'000'000;
  ServiceOptions service;
  Books books;

  std::vector<Order> orders() const {
    auto all = read_orders(orders_file);
    if (all.size() > max_orders) all.resize(max_orders);
    return all;
  }
};

/// A port nobody listens on at this moment.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket, generic, length) != 0 || ::getsockname(socket, generic, &length) != 0) return 1;
  std::printf("%d\n", ntohs(address.sin_port));
  ::close(socket);
  return 0;
}

void add_server(CLI::App& command, Arguments& arguments) {
  command.add_option("--server", arguments.server.target, "host:port of escrowd")->required();
}
void add_database(CLI::App& command, Arguments& arguments) {
  command.add_option("--database", arguments.service.database, "connection string")->required();
}
void add_orders(CLI::App& command, Arguments& arguments) {
  command.add_option("--orders", arguments.orders_file, "orders.csv")->required();
  command.add_option("--max-orders", arguments.max_orders, "take the first ones only");
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Parts of the order service demo");
  app.require_subcommand(1);

  CLI::App* port = app.add_subcommand("free-port", "Print a free TCP port");
  CLI::App* tables = app.add_subcommand("create-tables", "Create the tables of the service");
  add_database(*tables, arguments);
  CLI::App* declare_topology = app.add_subcommand("declare", "Declare exchange and queue");
  add_server(*declare_topology, arguments);

  CLI::App* serve_orders = app.add_subcommand("serve", "Place orders and answer checks");
  add_server(*serve_orders, arguments);
  add_database(*serve_orders, arguments);
  add_orders(*serve_orders, arguments);
  serve_orders->add_option("--worker", arguments.service.worker, "number of this worker, from 0")->required();
  serve_orders->add_option("--workers", arguments.service.workers, "how many there are")->required();
  serve_orders->add_option("--position", arguments.service.position_file, "file with the progress")->required();
  serve_orders->add_option("--checks", arguments.service.check_log, "file to note checks in")->required();

  CLI::App* ship_orders = app.add_subcommand("ship", "Consume the queue of the warehouse");
  add_server(*ship_orders, arguments);
  ship_orders->add_option("--deliveries", arguments.books.delivery_log, "file to note deliveries in")->required();

  CLI::App* rest = app.add_subcommand("await-rest", "Wait until nothing is open or waiting");
  add_server(*rest, arguments);

  CLI::App* show = app.add_subcommand("report", "Compare database and deliveries");
  add_database(*show, arguments);
  add_orders(*show, arguments);
  show->add_option("--deliveries", arguments.books.delivery_log, "file with the deliveries")->required();
  show->add_option("--checks", arguments.books.check_log, "file with the checks")->required();

  CLI11_PARSE(app, argc, argv);
  if (port->parsed()) return free_port();
  if (tables->parsed()) return OrderDatabase(arguments.service.database).create_tables(), 0;
  arguments.books.database = arguments.service.database;
  if (show->parsed()) return report(arguments.orders(), arguments.books);

  if (serve_orders->parsed()) {
    Termination termination;  // before the client, which makes threads
    return serve(escrow::client::Client(arguments.server), arguments.orders(), arguments.service, termination);
  }
  if (ship_orders->parsed()) {
    Termination termination;
    return ship(escrow::client::Client(arguments.server), arguments.books.delivery_log, termination);
  }
  const escrow::client::Client client(arguments.server);
  return declare_topology->parsed() ? declare(client) : await_rest(client);
}

}  // namespace
}  // namespace order_service

int main(int argc, char** argv) {
  try {
    return order_service::run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "order_service: %s\n", exception.what());
    return 1;
  }
}
