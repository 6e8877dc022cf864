// Reads one single-object encoded record with an Avro library that is not ours. Arguments: the schema file; the bytes as hex on stdin.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const avro = createRequire(import.meta.url)("avsc");
const longs = avro.types.LongType.__with({
  fromBuffer: (b) => b.readBigInt64LE(),
  toBuffer: (n) => { const b = Buffer.alloc(8); b.writeBigInt64LE(n); return b; },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (n) => typeof n === "bigint",
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
});
const schema = JSON.parse(readFileSync(process.argv[2], "utf8"));
const type = avro.Type.forSchema(schema, { registry: { long: longs } });
const bytes = Buffer.from(readFileSync(0, "utf8").trim(), "hex");
if (bytes[0] !== 0xc3 || bytes[1] !== 0x01) throw new Error("no single-object encoding");
const record = type.fromBuffer(bytes.subarray(10));
console.log(JSON.stringify(record, (_, v) => (typeof v === "bigint" ? v.toString() : typeof v === "number" && !Number.isFinite(v) ? String(v) : v)));
