// What the six programs share: a connection from AMQP_URL, and receiving with an end.
const amqp = require('amqplib');

const PATIENCE_MS = 20000;

exports.connect = () => amqp.connect(process.env.AMQP_URL);

// Runs a program and gives its failure the exit code.
exports.run = (program) => {
  const giveUp = setTimeout(() => {
    console.error('what was expected did not come');
    process.exit(1);
  }, PATIENCE_MS);
  program().then(
    () => clearTimeout(giveUp),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
};

// The next `count` deliveries of a queue, as a promise; `handle` sees each when it comes.
exports.consume = async (channel, queue, count, options = { noAck: true }, handle = () => {}) => {
  const messages = [];
  let resolve;
  const all = new Promise((done) => (resolve = done));
  await channel.consume(queue, (message) => {
    if (message === null) return; // The queue was deleted.
    messages.push(message);
    handle(message);
    if (messages.length === count) resolve(messages);
  }, options);
  // An object: a promise that an async function returns would be waited for.
  return { all, messages };
};

exports.texts = (messages) => messages.map((message) => message.content.toString());
