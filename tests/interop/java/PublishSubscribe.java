import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;

/** A fanout exchange gives each of two subscribers a copy, and nobody what came before. */
final class PublishSubscribe {
  public static void main(String[] arguments) throws Exception {
    final List<String> infos = List.of("info 0", "info 1", "info 2");
    try (Connection connection = Tutorial.connect()) {
      final Channel channel = connection.createChannel();
      channel.exchangeDeclare("logs", "fanout");
      channel.basicPublish("logs", "", null, Tutorial.bytes("nobody hears this"));

      final List<BlockingQueue<Delivery>> subscribers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        final String queue = channel.queueDeclare().getQueue();
        channel.queueBind(queue, "logs", "");
        subscribers.add(Tutorial.consume(channel, queue, true));
      }
      for (String info : infos) {
        channel.basicPublish("logs", "ignored", null, Tutorial.bytes(info));
      }
      for (var deliveries : subscribers) {
        Tutorial.expect("copies", Tutorial.texts(Tutorial.receive(deliveries, infos.size())), infos);
      }
      channel.exchangeDelete("logs");
    }
  }
}
