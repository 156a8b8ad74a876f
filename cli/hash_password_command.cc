// escrow hash-password: what goes into the section [users] of the server's configuration.
#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>

#include "cli/commands.h"

namespace escrow::cli {
namespace {

/// The server takes no more.
constexpr std::size_t kMaxPasswordBytes = 1024;

/// Nothing that is typed shows.
class SilentTerminal {
 public:
  SilentTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string read_line(const char* prompt) {
  std::string line;
  if (::isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, line);
    return line;
  }
  std::fputs(prompt, stderr);
  {
    const SilentTerminal silent;
    std::getline(std::cin, line);
  }
  std::fputs("\n", stderr);
  return line;
}

void hash_password() {
  const std::string password = read_line("Password: ");
  if (password.empty()) throw Session::Failed{usage("the password is empty")};
  if (password.size() > kMaxPasswordBytes) throw Session::Failed{usage("a password has at most 1,024 bytes")};
  if (::isatty(STDIN_FILENO) != 0 && read_line("Once more: ") != password) {
    throw Session::Failed{usage("the two are not the same")};
  }
  std::array<char, crypto_pwhash_STRBYTES> hash;
  if (sodium_init() < 0 ||
      crypto_pwhash_argon2id_str(hash.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                 crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    throw Session::Failed{{ErrorCode::kInternal, "OUT_OF_MEMORY", "not enough memory to hash a password", {}}};
  }
  std::puts(hash.data());
}

}  // namespace

void add_hash_password_command(CLI::App& app) {
  app.add_subcommand("hash-password", "Read a password from standard input and print its hash for the configuration")
      ->callback(hash_password);
}

}  // namespace escrow::cli
