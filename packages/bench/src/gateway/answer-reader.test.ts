import { describe, expect, it } from 'vitest';
import { AnswerReader } from './answer-reader.js';

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const token = (number: number): string => `data: {"delta":{"content":" word${number}"}}\n\n`;
const whole = `${head}${chunk(token(1))}${chunk(token(2) + token(3))}${chunk('data: [DONE]\n\n')}0\r\n\r\n`;

function readIn(text: string, cutBytes: number): AnswerReader {
  const reader = new AnswerReader(true);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += cutBytes) reader.read(bytes.subarray(at, at + cutBytes));
  return reader;
}

describe('AnswerReader.read', () => {
  it('counts every token once, wherever the answer is cut', () => {
    for (let cutBytes = 1; cutBytes <= whole.length; cutBytes++) {
      const { status, tokens, isDone, isOver, hasError } = readIn(whole, cutBytes);
      expect({ cutBytes, status, tokens, isDone, isOver, hasError }).toEqual({
        cutBytes,
        status: 200,
        tokens: 3,
        isDone: true,
        isOver: true,
        hasError: false,
      });
    }
  });

  it('says how many tokens each part brought', () => {
    const reader = new AnswerReader();
    expect(reader.read(Buffer.from(head))).toBe(0);
    expect(reader.read(Buffer.from(chunk(token(1) + token(2))))).toBe(2);
    expect(reader.isOver).toBe(false);
  });

  it('does not take an answer for whole that ends in the middle', () => {
    const reader = readIn(whole.slice(0, whole.indexOf('data: [DONE]')), 7);
    expect([reader.isDone, reader.isOver]).toEqual([false, false]);
  });

  it('ends an answer of known length with its last byte', () => {
    const body = '{"content":" word"}';
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    for (let cutBytes = 1; cutBytes <= answer.length; cutBytes++) {
      expect([readIn(answer, cutBytes).tokens, readIn(answer, cutBytes).isOver]).toEqual([1, true]);
    }
    expect(readIn(answer.slice(0, -1), 1_000).isOver).toBe(false);
  });

  it('sees an error in the stream', () => {
    const text = `${head}${chunk(token(1))}${chunk('data: {"error":{"message":"gone"}}\n\n')}0\r\n\r\n`;
    for (let cutBytes = 1; cutBytes < 40; cutBytes++) expect(readIn(text, cutBytes).hasError).toBe(true);
  });
});

describe('AnswerReader.countsUp', () => {
  const answer = (...numbers: number[]): AnswerReader =>
    readIn(`${head}${numbers.map((number) => chunk(token(number))).join('')}0\r\n\r\n`, 11);

  it('is true of a text without gap', () => {
    expect(answer(1, 2, 3).countsUp()).toBe(true);
    expect(readIn(whole, 5).countsUp()).toBe(true);
  });

  it('notices a token that is lost, repeated or out of turn', () => {
    expect(answer(1, 3).countsUp()).toBe(false);
    expect(answer(1, 2, 2, 3).countsUp()).toBe(false);
    expect(answer(2, 1).countsUp()).toBe(false);
  });

  it('sees through a chunk that ends in the middle of a number', () => {
    const event = token(12);
    const cut = event.indexOf('2');
    const first = Array.from({ length: 11 }, (_, index) => chunk(token(index + 1))).join('');
    expect(readIn(`${head}${first}${chunk(event.slice(0, cut))}${chunk(event.slice(cut))}`, 9).countsUp()).toBe(true);
  });
});
