/** What all clients ask in tests. */
export const capital = [{ role: 'user' as const, content: 'What is the capital of France?' }];

export const citySchema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const, enum: ['Paris', 'Rome'] } },
  required: ['city'],
  additionalProperties: false,
};

export const personSchema = {
  type: 'object' as const,
  properties: {
    name: { type: 'string' as const, maxLength: 20 },
    age: { type: 'integer' as const, minimum: 0, maximum: 99 },
  },
  required: ['name', 'age'],
  additionalProperties: false,
};

export const weather = [{ role: 'user' as const, content: 'What is the weather in Rome?' }];
export const person = [{ role: 'user' as const, content: 'Invent a person.' }];

/** A text is what {@link citySchema} asks for. */
export function isCity(json: string): boolean {
  const { city, ...rest } = JSON.parse(json);
  return ['Paris', 'Rome'].includes(city) && Object.keys(rest).length === 0;
}

export function isPerson(json: string): boolean {
  const { name, age, ...rest } = JSON.parse(json);
  return typeof name === 'string' && Number.isInteger(age) && age >= 0 && age <= 99 && Object.keys(rest).length === 0;
}
