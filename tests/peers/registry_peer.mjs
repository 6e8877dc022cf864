// Clients that are not ours on a topic of ours: kafkajs with Confluent's schema registry.
//   registry_peer.mjs read BROKER REGISTRY TOPIC COUNT    prints the first COUNT records, one line of JSON each
//   registry_peer.mjs write BROKER REGISTRY TOPIC         takes {"schema", "key", "record"} from stdin, registers, encodes, sends
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const avro = require("avsc");
const kafkajs = require("kafkajs");
const { SchemaRegistry, SchemaType } = require("@kafkajs/confluent-schema-registry");
const { decompress } = require("fzstd");

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({ decompress: async (b) => Buffer.from(decompress(b)) });
const longs = avro.types.LongType.__with({
  fromBuffer: (b) => b.readBigInt64LE(),
  toBuffer: (n) => { const b = Buffer.alloc(8); b.writeBigInt64LE(n); return b; },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (n) => typeof n === "bigint",
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
});
const shown = (_, v) => (typeof v === "bigint" ? v.toString() : typeof v === "number" && !Number.isFinite(v) ? String(v) : v);

const [what, broker, host, topic, count] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: [broker], clientId: "peer", logLevel: kafkajs.logLevel.ERROR });

async function read() {
  const registry = new SchemaRegistry({ host }, { [SchemaType.AVRO]: { registry: { long: longs } } });
  const consumer = kafka.consumer({ groupId: `peer-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const got = [];
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error)); // others it mends itself
    consumer.run({
      eachMessage: async ({ message }) => {
        got.push(await registry.decode(message.value));
        if (got.length === Number(count)) resolve();
      },
    });
  });
  await consumer.disconnect();
  for (const record of got) console.log(JSON.stringify(record, shown));
}

async function write() {
  const { schema, key, record } = JSON.parse(readFileSync(0, "utf8"));
  const registry = new SchemaRegistry({ host });
  const { id } = await registry.register({ type: SchemaType.AVRO, schema: JSON.stringify(schema) }, { subject: `${topic}-value` });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic, messages: [{ key, value: await registry.encode(id, record) }] });
  await producer.disconnect();
}

await { read, write }[what]();
