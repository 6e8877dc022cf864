// A consumer that is not ours: Kafka's Java client with Apicurio's deserializer, which takes Confluent's wire format.
// ReadTopic BROKER REGISTRY TOPIC COUNT prints the first COUNT records, one line of JSON each. REGISTRY: Apicurio's own interface.

import java.nio.charset.StandardCharsets;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class ReadTopic {
    public static void main(String[] words) {
        int count = Integer.parseInt(words[3]);
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", words[0],
            "group.id", "java-" + words[2],
            "auto.offset.reset", "earliest",
            "key.deserializer", StringDeserializer.class.getName(),
            "value.deserializer", "io.apicurio.registry.serde.avro.AvroKafkaDeserializer",
            "apicurio.registry.url", words[1],
            "apicurio.registry.id-handler", "io.apicurio.registry.serde.Legacy4ByteIdHandler",
            "apicurio.registry.use-id", "contentId",
            "apicurio.registry.headers.enabled", "false");
        List<GenericRecord> got = new ArrayList<>();
        try (KafkaConsumer<String, GenericRecord> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(words[2]));
            while (got.size() < count) {
                consumer.poll(Duration.ofSeconds(1)).forEach(message -> got.add(message.value()));
            }
        }
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        got.forEach(out::println);
    }
}
