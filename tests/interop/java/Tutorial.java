import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What the six programs share: a connection from AMQP_URL, and receiving with an end. */
final class Tutorial {
  private static final long PATIENCE_S = 20;

  private Tutorial() {}

  static Connection connect() throws Exception {
    final ConnectionFactory factory = new ConnectionFactory();
    // The URL ends in '/', which this client takes for a vhost without a name.
    factory.setUri(System.getenv("AMQP_URL").replaceAll("/$", ""));
    factory.setAutomaticRecoveryEnabled(false);
    return factory.newConnection();
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(Delivery delivery) {
    return new String(delivery.getBody(), StandardCharsets.UTF_8);
  }

  /** Deliveries of a queue, to be taken with receive(). */
  static BlockingQueue<Delivery> consume(Channel channel, String queue, boolean autoAck) throws Exception {
    final BlockingQueue<Delivery> deliveries = new LinkedBlockingQueue<>();
    channel.basicConsume(queue, autoAck, (tag, delivery) -> deliveries.add(delivery), tag -> {});
    return deliveries;
  }

  static Delivery receive(BlockingQueue<Delivery> deliveries) throws Exception {
    return Objects.requireNonNull(deliveries.poll(PATIENCE_S, TimeUnit.SECONDS), "what was expected did not come");
  }

  static List<Delivery> receive(BlockingQueue<Delivery> deliveries, int count) throws Exception {
    final List<Delivery> out = new ArrayList<>();
    while (out.size() < count) {
      out.add(receive(deliveries));
    }
    return out;
  }

  static List<String> texts(List<Delivery> deliveries) {
    return deliveries.stream().map(Tutorial::text).toList();
  }

  static List<String> keys(List<Delivery> deliveries) {
    return deliveries.stream().map(delivery -> delivery.getEnvelope().getRoutingKey()).toList();
  }

  static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }
}
