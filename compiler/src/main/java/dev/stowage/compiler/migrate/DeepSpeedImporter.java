package dev.stowage.compiler.migrate;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** DeepSpeed's ZeRO-Inference configuration: {@code --model NAME FILE.json}. */
public record DeepSpeedImporter() implements Importer {
  private static final int MOST = 1 << 20;
  private static final String BATCH = "train_micro_batch_size_per_gpu";
  private static final String PARAMS = "zero_optimization.offload_param";

  @Override
  public Imported read(List<String> words, Hardware hardware, Path directory) {
    var notes = new ArrayList<Note>();
    var flags = new Flags(words, name -> name, notes);
    var given = flags.all("--model").orElse(List.of());
    if (given.isEmpty()) {
      throw new ImportException("--model NAME is needed: a configuration does not say it");
    }
    var files = new ArrayList<>(flags.loose());
    files.addAll(given.subList(1, given.size()));
    if (files.size() != 1) {
      throw new ImportException("one JSON file is needed, not " + files.size());
    }
    var model = Models.of("--model", given.getFirst(), notes);
    var values = new LinkedHashMap<String, String>();
    flatten("", ConfigFile.json(files.getFirst(), directory), values);
    var carried = new HashSet<>(Set.of(PARAMS + ".device", PARAMS + ".nvme_path", BATCH));

    String device = values.getOrDefault(PARAMS + ".device", "none");
    String home =
        switch (device) {
          case "none" -> "gpu0";
          case "cpu" -> "ram";
          case "nvme" -> "nvme";
          default ->
              throw new ImportException("%s.device: '%s' is no device".formatted(PARAMS, device));
        };
    Map<String, String> properties = new LinkedHashMap<>();
    if (home.equals("nvme") && values.containsKey(PARAMS + ".nvme_path")) {
      properties.put("nvme", Flags.quoted(values.get(PARAMS + ".nvme_path")));
    } else {
      carried.remove(PARAMS + ".nvme_path");
    }
    var draft = new Draft("DeepSpeed's configuration", model.plan(), notes);
    draft.platform(
        hardware,
        true,
        hardware.devices(true, home.equals("nvme"), properties),
        "No key says what the machine is: this is assumed, but for nvme_path");
    draft.from("--model").line(model.statement());
    String batch = values.getOrDefault(BATCH, "auto");
    if (!batch.equals("auto")) {
      draft
          .from(BATCH)
          .line("workload w { batch %d }".formatted(Flags.count(BATCH, batch, 1, MOST)));
    }
    draft.gap().from(PARAMS + ".device; DeepSpeed keeps KV on the gpu").line("place {");
    draft.line("weights on %s 100%%".formatted(home)).line("kv on gpu0 100%").line("}").gap();
    draft.from("no key says what is best: this is assumed").line("maximize throughput");
    values.forEach(
        (key, value) -> {
          if (!carried.contains(key)) {
            notes.add(
                new Note(
                    Flags.printable(key + " " + value),
                    "has no statement; the plan does not carry it"));
          }
        });
    flags.leaveRest();
    return draft.finish();
  }

  /** Keys joined by dots; the file's reader has bounded the depth. */
  private static void flatten(String prefix, JsonNode node, Map<String, String> values) {
    for (var entry : node.properties()) {
      String key = prefix.isEmpty() ? entry.getKey() : prefix + "." + entry.getKey();
      if (entry.getValue().isObject()) {
        flatten(key, entry.getValue(), values);
      } else {
        values.put(
            key,
            entry.getValue().isTextual()
                ? entry.getValue().textValue()
                : entry.getValue().toString());
      }
    }
  }
}
