import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.MessageProperties;
import java.util.List;
import java.util.stream.IntStream;

/** Durable tasks, fair dispatch, and a worker that dies with a task in its hands. */
final class WorkQueues {
  private static final String QUEUE = "task_queue";
  private static final long CONFIRM_TIMEOUT_MS = 20_000;

  public static void main(String[] arguments) throws Exception {
    final List<String> tasks = IntStream.range(0, 6).mapToObj(number -> "task " + number).toList();
    try (Connection producer = Tutorial.connect()) {
      final Channel channel = producer.createChannel();
      channel.queueDeclare(QUEUE, true, false, false, null);
      channel.confirmSelect();
      for (String task : tasks) {
        channel.basicPublish("", QUEUE, MessageProperties.PERSISTENT_TEXT_PLAIN, Tutorial.bytes(task));
      }
      channel.waitForConfirmsOrDie(CONFIRM_TIMEOUT_MS);
    }

    // Takes one task, and with a prefetch of one no other, and goes without a word.
    final Connection dying = Tutorial.connect();
    final Channel unsettled = dying.createChannel();
    unsettled.basicQos(1);
    final Delivery taken = Tutorial.receive(Tutorial.consume(unsettled, QUEUE, false));
    Tutorial.expect("first task", Tutorial.text(taken), tasks.get(0));

    try (Connection living = Tutorial.connect()) {
      final Channel channel = living.createChannel();
      channel.basicQos(1);
      final var deliveries = Tutorial.consume(channel, QUEUE, false);
      for (String task : tasks.subList(1, tasks.size())) {
        final Delivery delivery = Tutorial.receive(deliveries);
        Tutorial.expect("task of the one that lives", Tutorial.text(delivery), task);
        channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
      }
      dying.close();
      final Delivery last = Tutorial.receive(deliveries);
      Tutorial.expect("task of the one that died", Tutorial.text(last), tasks.get(0));
      Tutorial.expect("redelivered", last.getEnvelope().isRedeliver(), true);
      channel.basicAck(last.getEnvelope().getDeliveryTag(), false);
      channel.queueDelete(QUEUE);
    }
  }
}
