/**
 * A number of PostgreSQL's type `numeric` in binary format as the text that the server writes: count of digits, weight of the first, sign,
 * digits behind the point, then digits of base 10,000.
 */
export function numericText(bytes: Buffer, begin: number): string {
  const count = bytes.readInt16BE(begin);
  const weight = bytes.readInt16BE(begin + 2);
  const sign = bytes.readUInt16BE(begin + 4);
  const scale = bytes.readInt16BE(begin + 6);
  if (sign === NAN) return "NaN";
  if (sign === INFINITE) return "Infinity";
  if (sign === MINUS_INFINITE) return "-Infinity";
  const digit = (place: number): number => (place >= 0 && place < count ? bytes.readInt16BE(begin + 8 + place * 2) : 0);
  let whole = weight < 0 ? "0" : String(digit(0));
  for (let place = 1; place <= weight; place++) whole += four(digit(place));
  let text = sign === NEGATIVE ? `-${whole}` : whole;
  if (scale > 0) {
    let fraction = "";
    for (let place = weight + 1; fraction.length < scale; place++) fraction += four(digit(place));
    text += `.${fraction.slice(0, scale)}`;
  }
  return text;
}

const NEGATIVE = 0x4000;
const NAN = 0xc000;
const INFINITE = 0xd000;
const MINUS_INFINITE = 0xf000;

function four(digit: number): string {
  return String(digit).padStart(4, "0");
}
