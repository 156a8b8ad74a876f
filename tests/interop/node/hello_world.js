// Hello world: one producer, one queue, one consumer.
const assert = require('node:assert/strict');
const { connect, consume, run, texts } = require('./tutorial');

run(async () => {
  const producer = await connect();
  const sending = await producer.createChannel();
  await sending.assertQueue('hello', { durable: false });
  sending.sendToQueue('hello', Buffer.from('Hello World!'));
  await sending.close();
  await producer.close();

  const consumer = await connect();
  const channel = await consumer.createChannel();
  await channel.assertQueue('hello', { durable: false });
  const { all } = await consume(channel, 'hello', 1);
  assert.deepEqual(texts(await all), ['Hello World!']);
  assert.equal((await channel.deleteQueue('hello')).messageCount, 0);
  await consumer.close();
});
