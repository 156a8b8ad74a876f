// RPC: a server of Fibonacci numbers, and a client that tells its answers apart by correlation id.
// The client waits on a queue of its own, as the tutorial does, and then on amq.rabbitmq.reply-to.
const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { connect, run } = require('./tutorial');

const QUEUE = 'rpc_queue';
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';

function fibonacci(n) {
  let [a, b] = [0, 1];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a;
}

async function serve(connection) {
  const channel = await connection.createChannel();
  await channel.assertQueue(QUEUE, { durable: false });
  await channel.prefetch(1);
  await channel.consume(QUEUE, (request) => {
    if (request === null) return; // The queue was deleted.
    const { replyTo, correlationId } = request.properties;
    const answer = fibonacci(Number(request.content.toString()));
    channel.sendToQueue(replyTo, Buffer.from(String(answer)), { correlationId });
    channel.ack(request);
  });
  return channel;
}

run(async () => {
  const server = await connect();
  const serving = await serve(server);
  const client = await connect();
  const channel = await client.createChannel();
  const waiting = new Map();
  const remember = (answer) => waiting.get(answer.properties.correlationId)(Number(answer.content.toString()));
  const call = (replyTo, n) => new Promise((resolve) => {
    const correlationId = randomUUID();
    waiting.set(correlationId, resolve);
    channel.sendToQueue(QUEUE, Buffer.from(String(n)), { replyTo, correlationId });
  });

  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.consume(queue, remember, { noAck: true });
  assert.deepEqual(await Promise.all([0, 1, 30].map((n) => call(queue, n))), [0, 1, 832040]);

  await channel.consume(DIRECT_REPLY, remember, { noAck: true });
  assert.deepEqual(await Promise.all([10, 20].map((n) => call(DIRECT_REPLY, n))), [55, 6765]);
  await client.close();
  await serving.deleteQueue(QUEUE);
  await server.close();
});
