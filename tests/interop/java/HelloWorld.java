import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import java.util.List;

/** One producer, one queue, one consumer. */
final class HelloWorld {
  public static void main(String[] arguments) throws Exception {
    try (Connection producer = Tutorial.connect()) {
      final Channel channel = producer.createChannel();
      channel.queueDeclare("hello", false, false, false, null);
      channel.basicPublish("", "hello", null, Tutorial.bytes("Hello World!"));
    }
    try (Connection consumer = Tutorial.connect()) {
      final Channel channel = consumer.createChannel();
      channel.queueDeclare("hello", false, false, false, null);
      final var deliveries = Tutorial.receive(Tutorial.consume(channel, "hello", true), 1);
      Tutorial.expect("bodies", Tutorial.texts(deliveries), List.of("Hello World!"));
      Tutorial.expect("left over", channel.queueDelete("hello").getMessageCount(), 0);
    }
  }
}
