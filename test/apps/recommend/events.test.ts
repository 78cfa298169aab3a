// Lines of events: what is read, and a clear error with the number of the line for what is not.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEvents } from '../../../src/apps/recommend/index.ts';

const test = suite('events');
const name = 'history.jsonl';

test('parseEvents() reads times with zones, milliseconds, shoppers and classes, in order of time', () => {
  const events = parseEvents(
    [
      '\uFEFF{"time":"2026-03-02T01:00:00+02:00","event":"purchase","item":"b","shopper":"ada"}',
      '',
      '{"time":1000,"event":"view","item":"a"}\r',
      '{"time":"2026-03-01","event":"prefer","class":"Bag"}',
    ].join('\n'),
    { name },
  );
  assert.equal(events, [
    { timeMs: 1000, kind: 'view', item: 'a', shopper: '' },
    { timeMs: Date.UTC(2026, 2, 1), kind: 'prefer', class: 'Bag', shopper: '' },
    { timeMs: Date.UTC(2026, 2, 1, 23), kind: 'purchase', item: 'b', shopper: 'ada' },
  ]);
  assert.equal(parseEvents('', { name }), []);
});

test('parseEvents() names the line that it does not understand', () => {
  const cases: [line: string, code: string][] = [
    ['{"time":1,', 'events/not-json'],
    ['[1]', 'events/not-json'],
    ['null', 'events/not-json'],
    ['{"event":"view","item":"a"}', 'events/no-time'],
    ['{"time":null,"event":"view","item":"a"}', 'events/no-time'],
    ['{"time":"yesterday","event":"view","item":"a"}', 'events/bad-time'],
    ['{"time":"2026-03-01T10:00:00","event":"view","item":"a"}', 'events/bad-time'],
    ['{"time":"2026-13-41","event":"view","item":"a"}', 'events/bad-time'],
    ['{"time":1e300,"event":"view","item":"a"}', 'events/bad-time'],
    ['{"time":1,"event":"steal","item":"a"}', 'events/bad-event'],
    ['{"time":1,"item":"a"}', 'events/bad-event'],
    ['{"time":1,"event":"view","item":"a","shopper":7}', 'events/bad-event'],
    ['{"time":1,"event":"view"}', 'events/bad-item'],
    ['{"time":1,"event":"view","item":""}', 'events/bad-item'],
    ['{"time":1,"event":"view","class":"Bag"}', 'events/bad-item'],
  ];
  for (const [line, code] of cases) {
    assert.throws(
      () => parseEvents(`{"time":1,"event":"view","item":"a"}\n${line}`, { name }),
      (error: { code: string; message: string }) =>
        error.code === code && error.message.startsWith('Cannot read line 2 of "history.jsonl": expected '),
      line,
    );
  }
});

test.run();
