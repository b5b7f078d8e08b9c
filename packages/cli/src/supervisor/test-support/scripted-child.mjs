// A child for supervised-child.test.ts. Its first argument says how it behaves, its second is the port it is given.
const [behaviour, port] = process.argv.slice(2);
const ready = () => process.send({ type: 'ready', port: Number(port) || 4321 });

switch (behaviour) {
  case 'serve':
    process.on('message', (message) => {
      console.log(`told to ${message.type} within ${message.deadlineMs}`);
      process.exit(0);
    });
    console.log('{"level":30,"msg":"hello"}');
    process.send({ type: 'progress', progress: { phase: 'compiling', done: 1, total: 2 } });
    process.send({ type: 'nonsense' });
    ready();
    break;
  case 'say what it was given':
    console.log(`${process.env.SLUICE_TEST_GIVEN} ${process.env.PATH === process.env.SLUICE_TEST_PATH}`);
    ready();
    break;
  case 'serve deafly':
    process.on('message', () => {});
    ready();
    break;
  case 'die at start':
    console.error('sluice: no luck');
    process.exit(7);
    break;
  case 'refuse':
    process.send({ type: 'failed', message: 'no such model' }, () => process.exit(1));
    break;
}
