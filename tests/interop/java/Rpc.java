import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.util.List;
import java.util.concurrent.BlockingQueue;

/**
 * A server of Fibonacci numbers, and a client that tells its answers apart by correlation id. The client waits on a
 * queue of its own, as the tutorial does, and then on amq.rabbitmq.reply-to.
 */
final class Rpc {
  private static final String QUEUE = "rpc_queue";
  private static final String DIRECT_REPLY = "amq.rabbitmq.reply-to";

  public static void main(String[] arguments) throws Exception {
    try (Connection serving = Tutorial.connect(); Connection calling = Tutorial.connect()) {
      final Channel server = serving.createChannel();
      serve(server);
      final Channel channel = calling.createChannel();
      final String own = channel.queueDeclare().getQueue();
      final var answers = Tutorial.consume(channel, own, true);
      Tutorial.expect("answers", call(channel, own, answers, List.of(0, 1, 30)), List.of("0", "1", "832040"));
      final var direct = Tutorial.consume(channel, DIRECT_REPLY, true);
      Tutorial.expect("direct answers", call(channel, DIRECT_REPLY, direct, List.of(10, 20)), List.of("55", "6765"));
      channel.queueDelete(QUEUE);
    }
  }

  private static void serve(Channel channel) throws Exception {
    channel.queueDeclare(QUEUE, false, false, false, null);
    channel.basicQos(1);
    channel.basicConsume(QUEUE, false, (tag, request) -> {
      final BasicProperties asked = request.getProperties();
      final var properties = new BasicProperties.Builder().correlationId(asked.getCorrelationId()).build();
      final String answer = Long.toString(fibonacci(Integer.parseInt(Tutorial.text(request))));
      channel.basicPublish("", asked.getReplyTo(), properties, Tutorial.bytes(answer));
      channel.basicAck(request.getEnvelope().getDeliveryTag(), false);
    }, tag -> {});
  }

  /** Sends all requests before it waits, and sorts what comes by correlation id. */
  private static List<String> call(
      Channel channel, String replyTo, BlockingQueue<Delivery> answers, List<Integer> numbers) throws Exception {
    for (int i = 0; i < numbers.size(); i++) {
      final var properties = new BasicProperties.Builder().replyTo(replyTo).correlationId(String.valueOf(i)).build();
      channel.basicPublish("", QUEUE, properties, Tutorial.bytes(numbers.get(i).toString()));
    }
    final String[] out = new String[numbers.size()];
    for (Delivery answer : Tutorial.receive(answers, numbers.size())) {
      out[Integer.parseInt(answer.getProperties().getCorrelationId())] = Tutorial.text(answer);
    }
    return List.of(out);
  }

  private static long fibonacci(int n) {
    long a = 0;
    long b = 1;
    for (int i = 0; i < n; i++) {
      final long next = a + b;
      a = b;
      b = next;
    }
    return a;
  }
}
