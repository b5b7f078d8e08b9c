/** Something to go on with: a text, and how much of what follows is looked at. */
export interface Task {
  readonly prompt: string;
  readonly outputTokens: number;
}

const orders = `Order 4471, placed on 3 March 2025 by Hannelore Brinkmann, Gartenstrasse 18, 24103 Kiel: two oak shelves, one walnut
desk with brass handles, and a box of felt pads. Paid by transfer. Deliver before noon; the bell is broken, please knock.
Order 4472, placed on 3 March 2025 by Tomasz Wieczorek, Lindenallee 7, 18055 Rostock: four beech chairs with grey cushions
and a folding table. Paid by card. Leave with the neighbour, Mrs Petersen, if nobody is at home.
Order 4473, placed on 4 March 2025 by Amara Okonkwo-Lund, Hafenweg 112, 20457 Hamburg: one standing lamp of blackened
steel, three spare bulbs, and a wool carpet of two by three metres. Paid on account. Call an hour ahead.`;

const minutes = `Minutes of the harbour committee, 12 November. Present: Ingrid Sollund (chair), Peter Aske, Dr. Mwangi, Lena Fjeld.
The crane on the northern quay will be inspected in the first week of December. The ferry company asked for a second berth
from April on; Peter Aske is to answer by Friday. Dr. Mwangi reported that the water in the inner basin was clean in nine
of ten samples; the tenth, taken beside the fuel pump, showed traces of diesel. The fuel pump will be closed until its seals
are replaced. Lena Fjeld presented the budget: 412,000 for dredging, 95,500 for lights and buoys, 38,000 for the office.`;

const program = `def read_prices(path):
    prices = {}
    with open(path) as file:
        for line in file:
            name, value = line.strip().split(";")
            prices[name] = float(value)
    return prices


def total_price(basket, prices):
    total = 0.0
    for name, count in basket.items():
        if name not in prices:
            raise KeyError("no price for " + name)
        total = total + count * prices[name]
    return total


def print_receipt(basket, prices):
    for name, count in sorted(basket.items()):
        print(name, count, prices[name] * count)
    print("total", total_price(basket, prices))
`;

const settings = `{
  "server": { "host": "0.0.0.0", "port": 8080, "timeout_seconds": 30, "keep_alive": true },
  "database": { "url": "postgres://db.internal:5432/shop", "pool_size": 12, "retry_seconds": 5 },
  "cache": { "enabled": true, "entries_max": 50000, "expire_seconds": 600 },
  "log": { "level": "info", "file": "/var/log/shop/server.log", "rotate_megabytes": 64 }
}
`;

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\`\`\`\n`;

/** What is asked for stands in the text. */
export const extraction: readonly Task[] = [
  {
    prompt: `${orders}\n\nThe same orders again, word for word, one in each paragraph:\n\nOrder 4471, placed on`,
    outputTokens: 160,
  },
  {
    prompt: `${minutes}\n\nQuestion: Which sentences of the minutes speak of the water and of the fuel pump? Answer, quoted:\n"`,
    outputTokens: 72,
  },
  {
    prompt: `${orders}\n\nTable of the orders.\n\n| order | date | name | address | goods |\n| --- | --- | --- | --- | --- |\n| 4471 |`,
    outputTokens: 128,
  },
];

/** A text given back with a small change. */
export const editing: readonly Task[] = [
  {
    prompt: `A program:\n${fenced('python', program)}\nThe same program, in which the variable total is called amount:\n\`\`\`python\ndef read_prices(path):\n`,
    outputTokens: 180,
  },
  {
    prompt: `Settings of a server:\n${fenced('json', settings)}\nThe same settings with port 9090 and the log level "debug":\n\`\`\`json\n{\n`,
    outputTokens: 150,
  },
];

/** Nothing to copy from. */
export const chat: readonly Task[] = [
  { prompt: 'Question: Why is the sky blue, and why is it red in the evening?\nAnswer: The', outputTokens: 96 },
  { prompt: 'Once upon a time, in a village between two rivers, there lived a clockmaker who', outputTokens: 96 },
  { prompt: 'Dear Margaret,\n\nthank you for your letter. This summer we', outputTokens: 96 },
  { prompt: 'How to bake a simple bread at home. First,', outputTokens: 96 },
];
