// What node's test runner reports, as lines of JSON that outcomes.py reads.
export default async function* lines(source) {
  for await (const { type, data } of source) {
    const kind = { 'test:start': 'start', 'test:pass': 'pass', 'test:fail': 'fail' }[type];
    if (!kind) continue;
    const error = data.details?.error;
    yield JSON.stringify({
      type: kind,
      name: data.name,
      nesting: data.nesting,
      file: data.file,
      suite: data.details?.type === 'suite',
      // Not one that only says that something below it failed.
      own_failure: kind === 'fail' && error?.failureType !== 'subtestsFailed',
      ms: data.details?.duration_ms,
      skip: data.skip !== undefined && data.skip !== false,
      todo: data.todo !== undefined && data.todo !== false,
      error: error && String(error.cause?.stack ?? error.cause ?? error),
    }) + '\n';
  }
}
