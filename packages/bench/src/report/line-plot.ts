export interface Series {
  readonly name: string;
  /** By rising x; y above 0. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A limit, drawn across. */
  readonly limit?: { readonly label: string; readonly y: number };
  /** Points alone, not joined. Absent: false. */
  readonly isScatter?: boolean;
  /** Where x begins; absent: 0. */
  readonly xMin?: number;
  /** Values that have to have a place on the axes, so that plots side by side are alike. */
  readonly reach?: { readonly x: number; readonly y: readonly [number, number] };
}

const WIDTH = 720;
const HEIGHT = 400;
const MARGIN = { left: 70, right: 170, top: 40, bottom: 50 };
/** The first seven are Okabe and Ito's, which most eyes tell apart. */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#e69f00',
  '#000000',
  '#999933',
  '#882255',
  '#44aa99',
];

/** A plot as SVG: y logarithmic. */
export function renderLinePlot(plot: LinePlot): string {
  const all = plot.series.flatMap(({ points }) => points);
  const { xMin = 0, reach } = plot;
  const farthest = all.reduce((max, { x }) => Math.max(max, x), Math.max(xMin + 1e-9, reach?.x ?? xMin));
  const step = roundStep((farthest - xMin) / 6);
  const xMax = Math.ceil(farthest / step) * step;
  const ys = [...all.map(({ y }) => y), plot.limit?.y ?? 0, ...(reach?.y ?? [])].filter((y) => y > 0);
  const low = Math.floor(Math.log10(ys.reduce((min, y) => Math.min(min, y), 1000)));
  const high = Math.ceil(Math.log10(ys.reduce((max, y) => Math.max(max, y), 10)));
  const toX = (x: number): number => MARGIN.left + ((x - xMin) / (xMax - xMin)) * (WIDTH - MARGIN.left - MARGIN.right);
  const toY = (y: number): number => {
    const share = (Math.log10(Math.max(y, 10 ** low)) - low) / Math.max(1, high - low);
    return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  };
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const grid = Array.from({ length: high - low + 1 }, (_, index) => {
    const y = toY(10 ** (low + index));
    return (
      `<line x1="${MARGIN.left}" x2="${right}" y1="${round(y)}" y2="${round(y)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${round(y + 4)}" text-anchor="end">${10 ** (low + index)}</text>`
    );
  });
  const firstTick = Math.ceil(xMin / step);
  const ticks = Array.from({ length: Math.round(xMax / step) - firstTick + 1 }, (_, index) => {
    const x = (firstTick + index) * step;
    return `<text x="${round(toX(x))}" y="${bottom + 18}" text-anchor="middle">${Number(x.toPrecision(3))}</text>`;
  });
  const lines = plot.series.map(({ points }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(({ x, y }) => `${round(toX(x))},${round(toY(y))}`);
    const radius = plot.isScatter === true ? 1.5 : 2.5;
    const dots = path.map(
      (at) => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="${radius}" fill="${colour}"/>`,
    );
    if (plot.isScatter === true) return dots.join('');
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
  });
  const legend = plot.series.map(
    ({ name }, index) =>
      `<rect x="${right + 14}" y="${MARGIN.top + 20 * index}" width="12" height="12" fill="${COLOURS[index % COLOURS.length]}"/>` +
      `<text x="${right + 32}" y="${MARGIN.top + 20 * index + 11}">${escapeXml(name)}</text>`,
  );
  const limit =
    plot.limit === undefined
      ? ''
      : `<line x1="${MARGIN.left}" x2="${right}" y1="${round(toY(plot.limit.y))}" y2="${round(toY(plot.limit.y))}" ` +
        `stroke="#555" stroke-dasharray="6 4"/><text x="${right - 4}" y="${round(toY(plot.limit.y) - 5)}" ` +
        `text-anchor="end">${escapeXml(plot.limit.label)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
      `font-family="sans-serif" font-size="12" role="img" ` +
      `aria-label="${escapeXml(`${plot.title}: ${plot.yLabel} by ${plot.xLabel}`)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="15" font-weight="bold">${escapeXml(plot.title)}</text>`,
    ...grid,
    ...ticks,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escapeXml(plot.xLabel)}</text>`,
    `<text transform="translate(18 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeXml(plot.yLabel)}</text>`,
    limit,
    ...lines,
    ...legend,
    '</svg>',
  ].join('\n');
}

/** The next above of 1, 2 and 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
