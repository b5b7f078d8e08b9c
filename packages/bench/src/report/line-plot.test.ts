import { describe, expect, it } from 'vitest';
import { renderLinePlot } from './line-plot.js';

const plot = {
  title: 'gaps < limit',
  xLabel: 'rate',
  yLabel: 'ms',
  series: [
    { name: 'a & b', points: [1, 2, 3].map((x) => ({ x, y: 10 ** x })) },
    { name: 'nothing', points: [] },
  ],
  limit: { label: 'strict', y: 100 },
};

describe('renderLinePlot', () => {
  it('draws every point inside the frame, a larger value higher up', () => {
    const circles = [...renderLinePlot(plot).matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(circles).toHaveLength(3);
    for (const [x, y] of circles) {
      expect(x).toBeLessThanOrEqual(550);
      expect(y).toBeGreaterThanOrEqual(40);
      expect(y).toBeLessThanOrEqual(350);
    }
    expect(circles[0]![1]).toBeGreaterThan(circles[1]![1]!);
    expect(circles[1]![1]).toBeGreaterThan(circles[2]![1]!);
  });

  it('has round numbers at the x axis, from its beginning to behind the last point', () => {
    const points = [{ x: 3.33, y: 10 }];
    const ticksOf = (text: string) => [...text.matchAll(/text-anchor="middle">([-\d.]+)</g)].map(([, tick]) => tick);
    expect(ticksOf(renderLinePlot({ ...plot, series: [{ name: 'a', points }] }))).toEqual(['0', '1', '2', '3', '4']);
    const wide = { ...plot, xMin: -3, series: [{ name: 'a', points: [{ x: 16.5, y: 10 }] }] };
    expect(ticksOf(renderLinePlot(wide))).toEqual(['0', '5', '10', '15', '20']);
  });

  it('is valid where names hold what XML does not take, and where there is nothing to draw', () => {
    expect(renderLinePlot(plot)).toContain('a &amp; b');
    expect(renderLinePlot(plot)).toContain('gaps &lt; limit');
    expect(renderLinePlot({ ...plot, series: [] })).not.toContain('NaN');
  });
});
