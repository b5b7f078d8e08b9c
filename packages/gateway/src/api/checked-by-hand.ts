import type { z } from 'zod';

const shapes = new WeakMap<z.core.$ZodType, z.ZodType>();

/**
 * `schema`, which lets pass what code checks by hand because a schema would be too slow or say too much, with the `shape`
 * that passes that code. The API's description shows the shape; nothing is checked against it.
 */
export function checkedByHand<Schema extends z.ZodType>(schema: Schema, shape: z.ZodType): Schema {
  shapes.set(schema, shape);
  return schema;
}

/** What {@link checkedByHand} said of a schema. */
export function shapeOf(schema: z.core.$ZodType): z.ZodType | undefined {
  return shapes.get(schema);
}
