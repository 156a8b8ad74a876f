// Routing: a direct exchange, one subscriber for errors and one for everything.
const assert = require('node:assert/strict');
const { connect, consume, run } = require('./tutorial');

const SEVERITIES = ['info', 'warning', 'error'];

run(async () => {
  const connection = await connect();
  const channel = await connection.createChannel();
  await channel.assertExchange('direct_logs', 'direct', { durable: false });

  const subscribe = async (...severities) => {
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const severity of severities) await channel.bindQueue(queue, 'direct_logs', severity);
    return consume(channel, queue, severities.length);
  };
  const errors = await subscribe('error');
  const everything = await subscribe(...SEVERITIES);
  for (const severity of [...SEVERITIES, 'debug']) {
    channel.publish('direct_logs', severity, Buffer.from(`${severity} happened`));
  }
  const heard = (messages) => messages.map(({ fields, content }) => [fields.routingKey, content.toString()]);
  const expected = SEVERITIES.map((severity) => [severity, `${severity} happened`]);
  assert.deepEqual(heard(await everything.all), expected);
  assert.deepEqual(heard(await errors.all), expected.slice(2));
  await channel.deleteExchange('direct_logs');
  await connection.close();
});
