// Topics: `*` is one word, `#` any number, and two matching bindings deliver once.
const assert = require('node:assert/strict');
const { connect, consume, run } = require('./tutorial');

const KEYS = ['quick.orange.rabbit', 'lazy.orange.elephant', 'quick.orange.fox', 'lazy.brown.fox', 'lazy.pink.rabbit',
  'quick.brown.fox', 'orange', 'quick.orange.new.rabbit', 'lazy.orange.new.rabbit', 'lazy'];
const EXPECTED = [
  [['*.orange.*'], ['quick.orange.rabbit', 'lazy.orange.elephant', 'quick.orange.fox']],
  [['*.*.rabbit', 'lazy.#'], ['quick.orange.rabbit', 'lazy.orange.elephant', 'lazy.brown.fox', 'lazy.pink.rabbit',
    'lazy.orange.new.rabbit', 'lazy']],
  [['#'], KEYS],
];

run(async () => {
  const connection = await connect();
  const channel = await connection.createChannel();
  await channel.assertExchange('topic_logs', 'topic', { durable: false });
  const subscribers = [];
  for (const [patterns, keys] of EXPECTED) {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const pattern of patterns) await channel.bindQueue(queue, 'topic_logs', pattern);
    subscribers.push({ keys, heard: await consume(channel, queue, keys.length) });
  }
  for (const key of KEYS) channel.publish('topic_logs', key, Buffer.from('x'));
  for (const { heard } of subscribers) await heard.all;
  for (const { keys, heard } of subscribers) {
    assert.deepEqual(heard.messages.map(({ fields }) => fields.routingKey), keys);
  }
  await channel.deleteExchange('topic_logs');
  await connection.close();
});
