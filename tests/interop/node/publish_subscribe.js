// Publish/subscribe: a fanout exchange gives each of two subscribers a copy, and nobody what came before.
const assert = require('node:assert/strict');
const { connect, consume, run, texts } = require('./tutorial');

run(async () => {
  const connection = await connect();
  const channel = await connection.createChannel();
  await channel.assertExchange('logs', 'fanout', { durable: false });
  channel.publish('logs', '', Buffer.from('nobody hears this'));

  const subscribers = [];
  for (let i = 0; i < 2; i++) {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'logs', '');
    subscribers.push(await consume(channel, queue, 3));
  }
  for (let i = 0; i < 3; i++) channel.publish('logs', 'ignored', Buffer.from(`info ${i}`));
  for (const { all } of subscribers) assert.deepEqual(texts(await all), ['info 0', 'info 1', 'info 2']);
  await channel.deleteExchange('logs');
  await connection.close();
});
