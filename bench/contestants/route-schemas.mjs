import { z } from "zod";

export const params = z.object({ id: z.coerce.number().int().min(1) });
export const query = z.object({ verbose: z.stringbool().default(false) });
export const reply = z.object({
  id: z.int(),
  username: z.string(),
  email: z.string(),
  isActive: z.boolean(),
  score: z.number(),
  tags: z.array(z.string()),
  note: z.string().optional(),
});
