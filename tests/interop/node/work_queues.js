// Work queues: durable tasks, fair dispatch, and a worker that dies with a task in its hands.
const assert = require('node:assert/strict');
const { connect, consume, run, texts } = require('./tutorial');

const QUEUE = 'task_queue';
const TASKS = [0, 1, 2, 3, 4, 5].map((number) => `task ${number}`);

run(async () => {
  const producer = await connect();
  const sending = await producer.createConfirmChannel();
  await sending.assertQueue(QUEUE, { durable: true });
  for (const task of TASKS) sending.sendToQueue(QUEUE, Buffer.from(task), { persistent: true });
  await sending.waitForConfirms();
  await producer.close();

  // Takes one task, and with a prefetch of one no other, and goes without a word.
  const dying = await connect();
  const unsettled = await dying.createChannel();
  await unsettled.prefetch(1);
  const taken = await consume(unsettled, QUEUE, 1, {});
  assert.deepEqual(texts(await taken.all), TASKS.slice(0, 1));

  const living = await connect();
  const channel = await living.createChannel();
  await channel.prefetch(1);
  let firstHalf;
  const withoutDead = new Promise((done) => (firstHalf = done));
  const done = await consume(channel, QUEUE, TASKS.length, {}, (message) => {
    channel.ack(message);
    if (message.content.toString() === TASKS.at(-1)) firstHalf();
  });
  await withoutDead;
  assert.deepEqual(texts(done.messages), TASKS.slice(1));
  await dying.close();
  const all = await done.all;
  assert.equal(all.at(-1).content.toString(), TASKS[0]);
  assert.deepEqual(all.map((message) => message.fields.redelivered), [false, false, false, false, false, true]);
  await channel.deleteQueue(QUEUE);
  await living.close();
});
