/**
 * A pure function of a text that remembers its last results: fields of replies have few values, and are read for every reply.
 *
 * @param most results; when there are as many, all are forgotten. Texts of more than 200 characters are worked out each time.
 */
export function rememberLast<Result>(work: (text: string) => Result, most: number): (text: string) => Result {
  const results = new Map<string, Result>();
  return (text) => {
    if (text.length > LONGEST) return work(text);
    let result = results.get(text);
    if (result === undefined && !results.has(text)) {
      result = work(text);
      if (results.size >= most) results.clear();
      results.set(text, result);
    }
    return result as Result;
  };
}

const LONGEST = 200;
