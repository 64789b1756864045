package dev.stowage.compiler.migrate;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Hugging Face accelerate's {@code device_map} in a JSON file, alone or beside {@code max_memory}:
 * {@code --model NAME FILE.json}.
 */
public record AccelerateImporter() implements Importer {
  private static final Pattern LAYER =
      Pattern.compile("(?:.*\\.)?layers\\.([0-9]{1,4})(?:\\.(.*))?");
  private static final Pattern MEMORY =
      Pattern.compile("([0-9]{1,6}(?:\\.[0-9]{1,3})?) ?(GiB|GB|MiB|MB)");

  /** Where a module lies. */
  private enum Place {
    GPU("gpu0"),
    CPU("ram"),
    DISK("nvme");

    private final String device;

    Place(String device) {
      this.device = device;
    }
  }

  @Override
  public Imported read(List<String> words, Hardware hardware, Path directory) {
    var notes = new ArrayList<Note>();
    var flags = new Flags(words, name -> name, notes);
    var given = flags.all("--model").orElse(List.of());
    var files = new ArrayList<>(flags.loose());
    if (given.isEmpty()) {
      throw new ImportException(
          "--model NAME is needed: a device_map does not say which it is for");
    }
    files.addAll(given.subList(1, given.size()));
    if (files.size() != 1) {
      throw new ImportException("one JSON file with a device_map is needed, not " + files.size());
    }
    var model = Models.of("--model", given.getFirst(), notes);
    var root = ConfigFile.json(files.getFirst(), directory);
    JsonNode map = root.has("device_map") ? root.get("device_map") : root;
    var memory = memory(root, notes);

    var layers = new TreeMap<Integer, Place>();
    var parts = new TreeMap<String, Place>();
    Optional<Place> everything =
        map.isObject() ? read(map, layers, parts, notes) : Optional.empty();
    if (!map.isObject()) {
      notes.add(new Note(Flags.printable("device_map " + map), "left open: the optimizer decides"));
    }
    var places = new EnumMap<Place, Boolean>(Place.class);
    everything.ifPresent(place -> places.put(place, true));
    layers.values().forEach(place -> places.put(place, true));
    parts.values().forEach(place -> places.put(place, true));
    boolean gpu = places.isEmpty() || places.containsKey(Place.GPU);

    var draft = new Draft("accelerate's device_map", model.plan(), notes);
    draft.platform(
        hardware,
        gpu,
        hardware.devices(gpu, places.containsKey(Place.DISK), memory),
        memory.isEmpty()
            ? "No map says what the machine is: this is assumed"
            : "max_memory; the rest is assumed");
    draft.from("--model").line(model.statement()).gap();
    if (!places.isEmpty()) {
      draft.from("device_map; accelerate keeps KV where it computes").line("place {");
      everything.ifPresent(place -> draft.line("weights on %s 100%%".formatted(place.device)));
      parts.forEach(
          (part, place) -> draft.line("weights of %s on %s 100%%".formatted(part, place.device)));
      runs(layers, draft);
      draft.line("kv on %s 100%%".formatted(gpu ? "gpu0" : "ram"));
      draft.line("}").gap();
    }
    draft.from("no map says what is best: this is assumed").line("maximize throughput");
    notes.add(
        new Note(
            "workload", "accelerate does not know it: Stowage's defaults stand, write your own"));
    flags.leaveRest();
    return draft.finish();
  }

  private static Optional<Place> read(
      JsonNode map, Map<Integer, Place> layers, Map<String, Place> parts, List<Note> notes) {
    Optional<Place> everything = Optional.empty();
    for (var entry : map.properties()) {
      String name = entry.getKey();
      var place = place(name, entry.getValue(), notes);
      if (place.isEmpty()) {
        continue;
      }
      var layer = LAYER.matcher(name);
      if (name.isEmpty()) {
        everything = place;
      } else if (layer.matches() && layer.group(2) == null) {
        layers.put(Integer.parseInt(layer.group(1)), place.get());
      } else if (layer.matches() && part(layer.group(2)).isPresent()) {
        parts.put(
            "layers[%d].%s".formatted(Integer.parseInt(layer.group(1)), part(layer.group(2)).get()),
            place.get());
      } else if (name.endsWith("embed_tokens")) {
        parts.put("embed", place.get());
      } else if (name.equals("lm_head")) {
        parts.put("head", place.get());
      } else {
        notes.add(
            new Note(Flags.printable(name), "no part of a plan: vectors lie where the compute is"));
      }
    }
    if (everything.isPresent() && !(layers.isEmpty() && parts.isEmpty())) {
      throw new ImportException("device_map: the empty name stands for all, but there are others");
    }
    return everything;
  }

  private static Optional<String> part(String name) {
    return switch (name) {
      case "self_attn" -> Optional.of("attn");
      case "mlp" -> Optional.of("mlp");
      default -> Optional.empty();
    };
  }

  private static Optional<Place> place(String name, JsonNode value, List<Note> notes) {
    String text = value.asText();
    return switch (text) {
      case "0", "cuda", "cuda:0" -> Optional.of(Place.GPU);
      case "cpu" -> Optional.of(Place.CPU);
      case "disk" -> Optional.of(Place.DISK);
      default -> {
        if (!text.matches("(?:cuda:)?[0-9]{1,3}")) {
          throw new ImportException("device_map: '%s' of '%s' is no device".formatted(text, name));
        }
        notes.add(
            new Note(
                Flags.printable(name + " on " + text),
                "a plan computes on one gpu: left open, the optimizer decides"));
        yield Optional.empty();
      }
    };
  }

  private static Map<String, String> memory(JsonNode root, List<Note> notes) {
    var memory = new LinkedHashMap<String, String>();
    for (var entry : root.path("max_memory").properties()) {
      var size = MEMORY.matcher(entry.getValue().asText());
      String device =
          switch (entry.getKey()) {
            case "0" -> "gpu0";
            case "cpu" -> "ram";
            default -> "";
          };
      if (device.isEmpty() || !size.matches()) {
        notes.add(
            new Note(
                Flags.printable("max_memory %s %s".formatted(entry.getKey(), entry.getValue())),
                "not carried: a plan has gpu 0 and cpu, in GiB, GB, MiB or MB"));
      } else {
        memory.put(device, "memory %s %s".formatted(size.group(1), size.group(2)));
      }
    }
    return memory;
  }

  /** Neighbouring layers at one place become one line. */
  private static void runs(TreeMap<Integer, Place> layers, Draft draft) {
    int from = -1;
    for (var entry : layers.entrySet()) {
      int layer = entry.getKey();
      if (from < 0) {
        from = layer;
      }
      if (layers.get(layer + 1) != entry.getValue()) {
        draft.line(
            "weights of layers[%s] on %s 100%%"
                .formatted(
                    from == layer ? "" + layer : from + ".." + layer, entry.getValue().device));
        from = -1;
      }
    }
  }
}
