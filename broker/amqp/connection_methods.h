// Class connection of AMQP 0-9-1 (section 1.3 of the reference, class 10), with RabbitMQ's blocked, unblocked and
// update-secret.
#pragma once

#include "broker/amqp/method_field.h"

namespace escrow::broker::amqp {

struct ConnectionStart {
  static constexpr MethodId kId{10, 10};
  static constexpr std::string_view kName = "connection.start";

  std::uint8_t version_major = 0;
  std::uint8_t version_minor = 9;
  FieldTable server_properties = {};
  LongString mechanisms = {};
  LongString locales = {};

  static constexpr auto fields() {
    return std::tuple(Field{"version-major", &ConnectionStart::version_major},
                      Field{"version-minor", &ConnectionStart::version_minor},
                      Field{"server-properties", &ConnectionStart::server_properties},
                      Field{"mechanisms", &ConnectionStart::mechanisms}, Field{"locales", &ConnectionStart::locales});
  }
  bool operator==(const ConnectionStart&) const = default;
};

struct ConnectionStartOk {
  static constexpr MethodId kId{10, 11};
  static constexpr std::string_view kName = "connection.start-ok";

  FieldTable client_properties = {};
  ShortString mechanism = {};
  Secret response = {};
  ShortString locale = {};

  static constexpr auto fields() {
    return std::tuple(Field{"client-properties", &ConnectionStartOk::client_properties},
                      Field{"mechanism", &ConnectionStartOk::mechanism},
                      Field{"response", &ConnectionStartOk::response}, Field{"locale", &ConnectionStartOk::locale});
  }
  bool operator==(const ConnectionStartOk&) const = default;
};

struct ConnectionSecure {
  static constexpr MethodId kId{10, 20};
  static constexpr std::string_view kName = "connection.secure";

  Secret challenge = {};

  static constexpr auto fields() { return std::tuple(Field{"challenge", &ConnectionSecure::challenge}); }
  bool operator==(const ConnectionSecure&) const = default;
};

struct ConnectionSecureOk {
  static constexpr MethodId kId{10, 21};
  static constexpr std::string_view kName = "connection.secure-ok";

  Secret response = {};

  static constexpr auto fields() { return std::tuple(Field{"response", &ConnectionSecureOk::response}); }
  bool operator==(const ConnectionSecureOk&) const = default;
};

struct ConnectionTune {
  static constexpr MethodId kId{10, 30};
  static constexpr std::string_view kName = "connection.tune";

  std::uint16_t channel_max = 0;
  std::uint32_t frame_max = 0;
  std::uint16_t heartbeat = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"channel-max", &ConnectionTune::channel_max},
                      Field{"frame-max", &ConnectionTune::frame_max}, Field{"heartbeat", &ConnectionTune::heartbeat});
  }
  bool operator==(const ConnectionTune&) const = default;
};

struct ConnectionTuneOk {
  static constexpr MethodId kId{10, 31};
  static constexpr std::string_view kName = "connection.tune-ok";

  std::uint16_t channel_max = 0;
  std::uint32_t frame_max = 0;
  std::uint16_t heartbeat = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"channel-max", &ConnectionTuneOk::channel_max},
                      Field{"frame-max", &ConnectionTuneOk::frame_max},
                      Field{"heartbeat", &ConnectionTuneOk::heartbeat});
  }
  bool operator==(const ConnectionTuneOk&) const = default;
};

struct ConnectionOpen {
  static constexpr MethodId kId{10, 40};
  static constexpr std::string_view kName = "connection.open";

  ShortString virtual_host = {};
  ShortString reserved_1 = {};
  bool reserved_2 = false;

  static constexpr auto fields() {
    return std::tuple(Field{"virtual-host", &ConnectionOpen::virtual_host},
                      Field{"reserved-1", &ConnectionOpen::reserved_1},
                      Field{"reserved-2", &ConnectionOpen::reserved_2});
  }
  bool operator==(const ConnectionOpen&) const = default;
};

struct ConnectionOpenOk {
  static constexpr MethodId kId{10, 41};
  static constexpr std::string_view kName = "connection.open-ok";

  ShortString reserved_1 = {};

  static constexpr auto fields() { return std::tuple(Field{"reserved-1", &ConnectionOpenOk::reserved_1}); }
  bool operator==(const ConnectionOpenOk&) const = default;
};

struct ConnectionClose {
  static constexpr MethodId kId{10, 50};
  static constexpr std::string_view kName = "connection.close";

  std::uint16_t reply_code = 0;
  ShortString reply_text = {};
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;

  static constexpr auto fields() {
    return std::tuple(Field{"reply-code", &ConnectionClose::reply_code},
                      Field{"reply-text", &ConnectionClose::reply_text}, Field{"class-id", &ConnectionClose::class_id},
                      Field{"method-id", &ConnectionClose::method_id});
  }
  bool operator==(const ConnectionClose&) const = default;
};

struct ConnectionCloseOk {
  static constexpr MethodId kId{10, 51};
  static constexpr std::string_view kName = "connection.close-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ConnectionCloseOk&) const = default;
};

struct ConnectionBlocked {
  static constexpr MethodId kId{10, 60};
  static constexpr std::string_view kName = "connection.blocked";

  ShortString reason = {};

  static constexpr auto fields() { return std::tuple(Field{"reason", &ConnectionBlocked::reason}); }
  bool operator==(const ConnectionBlocked&) const = default;
};

struct ConnectionUnblocked {
  static constexpr MethodId kId{10, 61};
  static constexpr std::string_view kName = "connection.unblocked";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ConnectionUnblocked&) const = default;
};

struct ConnectionUpdateSecret {
  static constexpr MethodId kId{10, 70};
  static constexpr std::string_view kName = "connection.update-secret";

  Secret new_secret = {};
  ShortString reason = {};

  static constexpr auto fields() {
    return std::tuple(Field{"new-secret", &ConnectionUpdateSecret::new_secret},
                      Field{"reason", &ConnectionUpdateSecret::reason});
  }
  bool operator==(const ConnectionUpdateSecret&) const = default;
};

struct ConnectionUpdateSecretOk {
  static constexpr MethodId kId{10, 71};
  static constexpr std::string_view kName = "connection.update-secret-ok";

  static constexpr auto fields() { return std::tuple(); }
  bool operator==(const ConnectionUpdateSecretOk&) const = default;
};

}  // namespace escrow::broker::amqp
