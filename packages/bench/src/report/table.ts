export interface Column<Row> {
  readonly title: string;
  /** Numbers are set flush right. */
  readonly align: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/** A Markdown table whose columns are also straight in a terminal. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)));
  const pad = (text: string, column: number): string =>
    columns[column]!.align === 'left' ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  const [head, ...body] = lines.map((line) => `| ${line.map(pad).join(' | ')} |`);
  const rule = columns.map(({ align }, column) => {
    const dashes = '-'.repeat(widths[column]! - 1);
    return align === 'left' ? `:${dashes}` : `${dashes}:`;
  });
  return [head, `| ${rule.join(' | ')} |`, ...body].join('\n');
}

/** `1,234` from 100 up, `12.3` from 10, `1.23` below; a dash for what was not measured. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
