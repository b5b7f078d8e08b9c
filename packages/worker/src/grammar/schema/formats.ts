const date =
  '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))';
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const label = '[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?';
const host = `${label}(?:\\.${label}){0,4}`;

/**
 * Values of `format` as regular expressions. Each holds a part of what the format allows, the usual spellings: what is
 * generated is always valid, but not all that is valid can be generated.
 */
export const formats: ReadonlyMap<string, string> = new Map([
  ['date', date],
  ['time', time],
  ['date-time', `${date}T${time}`],
  ['uuid', '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'],
  ['ipv4', `${octet}(?:\\.${octet}){3}`],
  ['email', `[a-z0-9_+-]{1,20}(?:\\.[a-z0-9_+-]{1,20}){0,3}@${host}\\.[a-z]{2,6}`],
  ['hostname', `${host}`],
  ['uri', `https?://${host}(?:/[A-Za-z0-9_.~-]{0,32}){0,8}`],
]);
