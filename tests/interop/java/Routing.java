import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.util.List;
import java.util.concurrent.BlockingQueue;

/** A direct exchange, one subscriber for errors and one for everything. */
final class Routing {
  private static final List<String> SEVERITIES = List.of("info", "warning", "error");

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = Tutorial.connect()) {
      final Channel channel = connection.createChannel();
      channel.exchangeDeclare("direct_logs", "direct");
      final var errors = subscribe(channel, List.of("error"));
      final var everything = subscribe(channel, SEVERITIES);
      // "debug" comes before the error: had it a way to a subscriber, it would be there first.
      for (String severity : List.of("debug", "info", "warning", "error")) {
        channel.basicPublish("direct_logs", severity, null, Tutorial.bytes(severity + " happened"));
      }
      final List<Delivery> all = Tutorial.receive(everything, SEVERITIES.size());
      Tutorial.expect("keys", Tutorial.keys(all), SEVERITIES);
      Tutorial.expect("texts", Tutorial.texts(all), SEVERITIES.stream().map(s -> s + " happened").toList());
      Tutorial.expect("errors", Tutorial.texts(Tutorial.receive(errors, 1)), List.of("error happened"));
      channel.exchangeDelete("direct_logs");
    }
  }

  private static BlockingQueue<Delivery> subscribe(Channel channel, List<String> severities) throws Exception {
    final String queue = channel.queueDeclare().getQueue();
    for (String severity : severities) {
      channel.queueBind(queue, "direct_logs", severity);
    }
    return Tutorial.consume(channel, queue, true);
  }
}
