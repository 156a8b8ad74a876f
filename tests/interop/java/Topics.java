import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;

/** `*` is one word, `#` any number, and two matching bindings deliver once. */
final class Topics {
  private static final List<String> KEYS =
      List.of("quick.orange.rabbit", "lazy.orange.elephant", "quick.orange.fox", "lazy.brown.fox", "lazy.pink.rabbit",
          "quick.brown.fox", "orange", "quick.orange.new.rabbit", "lazy.orange.new.rabbit", "lazy");
  private static final Map<List<String>, List<String>> EXPECTED =
      Map.of(
          List.of("*.orange.*"), KEYS.subList(0, 3),
          List.of("*.*.rabbit", "lazy.#"),
          List.of("quick.orange.rabbit", "lazy.orange.elephant", "lazy.brown.fox", "lazy.pink.rabbit",
              "lazy.orange.new.rabbit", "lazy"),
          List.of("#"), KEYS);

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = Tutorial.connect()) {
      final Channel channel = connection.createChannel();
      channel.exchangeDeclare("topic_logs", "topic");
      final Map<List<String>, BlockingQueue<Delivery>> subscribers = new LinkedHashMap<>();
      for (List<String> patterns : EXPECTED.keySet()) {
        final String queue = channel.queueDeclare().getQueue();
        for (String pattern : patterns) {
          channel.queueBind(queue, "topic_logs", pattern);
        }
        subscribers.put(patterns, Tutorial.consume(channel, queue, true));
      }
      for (String key : KEYS) {
        channel.basicPublish("topic_logs", key, null, Tutorial.bytes("x"));
      }
      for (var subscriber : subscribers.entrySet()) {
        final List<String> expected = EXPECTED.get(subscriber.getKey());
        final List<Delivery> heard = Tutorial.receive(subscriber.getValue(), expected.size());
        Tutorial.expect(subscriber.getKey().toString(), Tutorial.keys(heard), expected);
      }
      channel.exchangeDelete("topic_logs");
    }
  }
}
