package dev.stowage.compiler.migrate;

import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFormatException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The flags of llama.cpp's {@code llama-cli} and {@code llama-server}. {@code -ngl N} puts the last
 * N layers on the gpu, and the head too where N is more than the model has; a layer's KV lies with
 * it; the embedding stays in host memory.
 */
public record LlamaCppImporter() implements Importer {
  private static final int MOST = 1 << 20;
  private static final int ALL_LAYERS = 99;
  private static final Map<String, String> LEFT = left();

  private static Map<String, String> left() {
    var left = new LinkedHashMap<String, String>();
    left.put("-b", "Stowage decides itself how long the chunks of a prompt are");
    left.put("--batch-size", "Stowage decides itself how long the chunks of a prompt are");
    left.put("-ub", "Stowage decides itself how long the chunks of a prompt are");
    left.put("--ubatch-size", "Stowage decides itself how long the chunks of a prompt are");
    left.put(
        "-ot", "a rule over tensor names; write 'weights of layers[A..B].mlp on DEVICE' for it");
    left.put(
        "--override-tensor",
        "a rule over tensor names; write 'weights of layers[A..B].mlp on DEVICE' for it");
    left.put("-fa", "attention is always computed in blocks");
    left.put("--flash-attn", "attention is always computed in blocks");
    left.put("-t", "write 'stowage run --threads'");
    left.put("--threads", "write 'stowage run --threads'");
    left.put("-p", "write 'stowage run -p'");
    left.put("--prompt", "write 'stowage run -p'");
    left.put("--mlock", "no statement locks pages");
    left.put("--no-mmap", "a plan says what lies in memory and what on disk");
    return left;
  }

  @Override
  public Imported read(List<String> words, Hardware hardware, Path directory) {
    var notes = new ArrayList<Note>();
    var flags = new Flags(words, name -> name, notes);
    flags.loose().forEach(word -> notes.add(new Note(Flags.printable(word), "belongs to no flag")));
    var file =
        flags
            .one("-m", "--model")
            .orElseThrow(
                () -> new ImportException("-m FILE.gguf is needed: a plan is for a model"));
    var model = Models.of("-m", file, notes);
    var layers = layers(model, file, directory);

    var asked = flags.one("-ngl", "--gpu-layers", "--n-gpu-layers");
    int given = asked.map(LlamaCppImporter::layerCount).orElse(0);
    boolean gpu = given > 0;
    boolean all = gpu && (given >= ALL_LAYERS || layers.isPresent() && given > layers.get());
    if (gpu && !all && layers.isEmpty()) {
      throw new ImportException(
          "-ngl %d: %s cannot be read, so that its last layers are not known"
              .formatted(given, file));
    }
    int generate = flags.count(-1, MOST, "-n", "--predict", "--n-predict").orElse(128);
    if (generate < 1) {
      notes.add(new Note("-n " + generate, "a plan has an end: 128 tokens"));
      generate = 128;
    }
    int context = flags.count(0, MOST, "-c", "--ctx-size").orElse(4096);
    int slots = flags.count(1, 512, "-np", "--parallel").orElse(1);
    int each = (context == 0 ? 4096 : context) / slots;
    if (context == 0) {
      notes.add(new Note("-c 0", "as much as the model knows; 4096 tokens are assumed"));
    }
    if (each <= generate) {
      throw new ImportException(
          "-c: %d slots of %d tokens have no room for a prompt before %d generated ones"
              .formatted(slots, each, generate));
    }

    var draft = new Draft("llama.cpp's flags", model.plan(), notes);
    draft.platform(
        hardware,
        gpu,
        hardware.devices(gpu, false, Map.of()),
        "No flag says what the machine is: this is assumed");
    draft.from("-m").line(model.statement());
    draft
        .from("-c over -np slots less -n, -n, -np")
        .line(
            "workload w { prompt %d tok generate %d tok batch %d }"
                .formatted(each - generate, generate, slots))
        .gap();
    boolean kvAtHost = flags.has("-nkvo", "--no-kv-offload");
    if (gpu) {
      place(draft, given, all, layers.orElse(1), kvAtHost);
      notes.add(
          new Note(
              "-ngl " + Flags.printable(asked.orElseThrow()),
              "llama.cpp computes a layer where it lies; Stowage computes matrices on the gpu and"
                  + " brings the others there"));
    } else if (kvAtHost) {
      notes.add(new Note("--no-kv-offload", "nothing is on a gpu"));
    }
    cache(draft, flags, notes);
    draft.from("no flag says what is best: this is assumed").line("maximize throughput");
    flags.leave(LEFT);
    flags.leaveRest();
    return draft.finish();
  }

  private static int layerCount(String word) {
    return switch (word) {
      case "all" -> MOST;
      case "auto" ->
          throw new ImportException(
              "-ngl auto leaves the placement open, as a plan without place does");
      default -> Flags.count("-ngl", word, 0, MOST);
    };
  }

  private static Optional<Integer> layers(Models model, String file, Path directory) {
    if (model.shape().isPresent()) {
      return model.shape().map(shape -> shape.layers());
    }
    try {
      var path = directory.resolve(file);
      return GgufModel.isGguf(path)
          ? Optional.of(GgufModel.open(path).shape().layers())
          : Optional.empty();
    } catch (ModelFormatException | java.nio.file.InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static void place(Draft draft, int given, boolean all, int layers, boolean kvAtHost) {
    draft.from("-ngl" + (kvAtHost ? ", --no-kv-offload" : "")).line("place {");
    draft.line("weights of embed on ram 100%");
    if (all) {
      draft.line("weights of layers[*] on gpu0 100%");
      draft.line("weights of head on gpu0 100%");
    } else {
      int first = layers - given;
      if (first > 0) {
        draft.line("weights of layers[0..%d] on ram 100%%".formatted(first - 1));
      }
      draft.line("weights of layers[%d..%d] on gpu0 100%%".formatted(first, layers - 1));
      draft.line("weights of head on ram 100%");
    }
    if (kvAtHost) {
      draft.line("kv on ram 100%");
    } else if (all || given == layers) {
      draft.line("kv on gpu0 100%");
    } else {
      draft.from("a layer's KV lies with it: %d of %d layers".formatted(given, layers));
      int first = layers - given;
      draft.line("kv of layers[0..%d] on ram 100%%".formatted(first - 1));
      draft.line("kv of layers[%d..%d] on gpu0 100%%".formatted(first, layers - 1));
    }
    draft.line("}").gap();
  }

  private static void cache(Draft draft, Flags flags, List<Note> notes) {
    var k = flags.one("-ctk", "--cache-type-k").orElse("f16");
    var v = flags.one("-ctv", "--cache-type-v").orElse("f16");
    String both = Flags.printable("-ctk %s -ctv %s".formatted(k, v));
    if (!k.equals(v)) {
      notes.add(new Note(both, "keys and values have one format in a plan: left as the model's"));
      return;
    }
    switch (k) {
      case "f16" -> {}
      case "q8_0", "q4_0" -> {
        draft
            .from(
                both + ": groups of 64 in place of 32; no flag gives a budget: this one is assumed")
            .line(
                "approximate within perplexity +1%% { kv %s-bit group 64 }"
                    .formatted(k.substring(1, 2)))
            .gap();
      }
      default -> notes.add(new Note(both, "no such KV format in a plan: left as the model's"));
    }
  }
}
