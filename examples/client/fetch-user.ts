import { createClient } from "hotpath/client";

const client = createClient();

export interface User {
  readonly id: number;
  readonly username: string;
}

/** The user as the server has it now. What did not change since the last call comes as a 304 and is not sent again. */
export async function fetchUser(api: string, userId: number): Promise<User> {
  const response = await client.fetch(`${api}/users/${userId}`);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  return response.json() as Promise<User>;
}
