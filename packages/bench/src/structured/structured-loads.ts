/** What has to be written, and after which prompt. */
export interface StructuredLoad {
  readonly subject: string;
  readonly prompt: string;
  readonly constraint:
    | { readonly form: 'jsonSchema'; readonly jsonSchema: string }
    | { readonly form: 'regex'; readonly regex: string };
}

const text = { type: 'string', pattern: '^[A-Za-z ]{1,12}$' };
const order = {
  type: 'object',
  properties: {
    order_number: { type: 'integer', minimum: 1, maximum: 99_999 },
    customer_information: {
      type: 'object',
      properties: { full_name: text, street_address: text, postal_code: { type: 'string', pattern: '^[0-9]{5}$' } },
      required: ['full_name', 'street_address', 'postal_code'],
      additionalProperties: false,
    },
    payment_method: { enum: ['transfer', 'card', 'account'] },
    is_express_delivery: { type: 'boolean' },
    delivery_instructions: { enum: ['before noon', 'in the evening', 'leave with the neighbour'] },
  },
  required: ['order_number', 'customer_information', 'payment_method', 'is_express_delivery', 'delivery_instructions'],
  additionalProperties: false,
};

const person = {
  type: 'object',
  properties: { name: text, age: { type: 'integer', minimum: 0, maximum: 120 }, city: text },
  required: ['name', 'age', 'city'],
  additionalProperties: false,
};

export const structuredLoads: readonly StructuredLoad[] = [
  {
    subject: 'order, long names',
    prompt:
      'Order 4471 by Hannelore Brinkmann, Gartenstrasse 18, 24103 Kiel, paid by transfer, before noon. As JSON:\n',
    constraint: { form: 'jsonSchema', jsonSchema: JSON.stringify(order) },
  },
  {
    subject: 'three people',
    prompt: 'Three people, each with name, age and city, as a JSON list:\n',
    constraint: {
      form: 'jsonSchema',
      jsonSchema: JSON.stringify({ type: 'array', items: person, minItems: 3, maxItems: 3 }),
    },
  },
  {
    subject: 'words of a list',
    prompt: 'Ten short words in small letters, each on a line of its own:\n',
    constraint: { form: 'regex', regex: '([a-z]{2,8}\\n){10}' },
  },
];
