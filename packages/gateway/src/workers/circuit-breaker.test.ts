import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test-support/manual-clock.js';
import { CircuitBreaker } from './circuit-breaker.js';

const options = { failuresMax: 3, windowMs: 1000, openMs: 100, openMsMax: 250 };

function opened() {
  const clock = new ManualClock();
  const circuit = new CircuitBreaker(options, clock);
  for (let i = 0; i < 3; i++) circuit.fail();
  return { clock, circuit };
}

describe('CircuitBreaker', () => {
  it('opens after so many failures within the window', () => {
    const { circuit } = opened();
    expect(circuit.state).toBe('open');
    expect(circuit.isPassable).toBe(false);
  });

  it('forgets failures that are older than the window', () => {
    const clock = new ManualClock();
    const circuit = new CircuitBreaker(options, clock);
    for (let i = 0; i < 20; i++) {
      circuit.fail();
      clock.advance(500);
    }
    expect(circuit.state).toBe('closed');
  });

  it('lets one probe through, and closes when it succeeds', () => {
    const { clock, circuit } = opened();
    clock.advance(100);
    expect(circuit.state).toBe('half-open');
    expect(circuit.pass()).toBe(true);
    expect(circuit.isPassable).toBe(false);
    circuit.succeed();
    expect(circuit.state).toBe('closed');
    circuit.fail();
    circuit.fail();
    expect(circuit.state).toBe('closed');
    expect(circuit.pass()).toBe(false);
  });

  it('opens for twice as long, up to the bound, when a probe fails', () => {
    const { clock, circuit } = opened();
    for (const openMs of [100, 200, 250, 250]) {
      clock.advance(openMs - 1);
      expect(circuit.state).toBe('open');
      clock.advance(1);
      circuit.pass();
      circuit.fail();
    }
  });

  it('is not closed by requests from before it opened, until its time is over', () => {
    const { circuit } = opened();
    circuit.succeed();
    expect(circuit.state).toBe('open');
  });

  it('takes another probe when one ended without a verdict', () => {
    const { clock, circuit } = opened();
    clock.advance(100);
    circuit.pass();
    circuit.release();
    expect(circuit.isPassable).toBe(true);
  });
});
