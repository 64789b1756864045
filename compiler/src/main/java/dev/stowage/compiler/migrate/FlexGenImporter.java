package dev.stowage.compiler.migrate;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** The flags of FlexGen's {@code flex_opt}, which may be shortened as argparse allows. */
public record FlexGenImporter() implements Importer {
  private static final int MOST = 1 << 20;

  /** What a plan has no statement for. */
  private static final Map<String, String> LEFT = left();

  private static final List<String> CARRIED =
      List.of(
          "--model",
          "--path",
          "--offload-dir",
          "--prompt-len",
          "--gen-len",
          "--gpu-batch-size",
          "--num-gpu-batches",
          "--percent",
          "--pin-weight",
          "--cpu-cache-compute",
          "--attn-sparsity",
          "--compress-weight",
          "--compress-cache",
          "--overlap");

  private static Map<String, String> left() {
    var left = new LinkedHashMap<String, String>();
    left.put("--cut-gen-len", "a way to measure, no part of a plan; see 'stowage simulate'");
    left.put("--debug-mode", "a way to measure, no part of a plan; see 'stowage explain'");
    left.put("--sep-layer", "attention and feed-forward are always placed apart");
    left.put("--log-file", "write 'stowage run --format json > FILE'");
    left.put("--no-log", "nothing is logged unless asked for");
    left.put("--verbose", "no part of a plan");
    for (String distributed :
        List.of(
            "--head-ip",
            "--port",
            "--rank",
            "--local-rank",
            "--world-size",
            "--use-mpi",
            "--comm-device",
            "--num-inner-iterations",
            "--async-comm")) {
      left.put(distributed, "a plan is for one machine");
    }
    return left;
  }

  private static String full(String written) {
    var candidates = new ArrayList<String>(CARRIED);
    candidates.addAll(LEFT.keySet());
    var found = candidates.stream().filter(name -> name.startsWith(written)).toList();
    if (candidates.contains(written) || !written.startsWith("--")) {
      return written;
    }
    if (found.size() > 1) {
      throw new ImportException("%s may be any of %s".formatted(written, String.join(", ", found)));
    }
    return found.isEmpty() ? written : found.getFirst();
  }

  @Override
  public Imported read(List<String> words, Hardware hardware, Path directory) {
    var notes = new ArrayList<Note>();
    var flags = new Flags(words, FlexGenImporter::full, notes);
    flags.loose().forEach(word -> notes.add(new Note(Flags.printable(word), "belongs to no flag")));

    var model = Models.of("--model", flags.one("--model").orElse("facebook/opt-6.7b"), notes);
    var percent = percent(flags);
    int prompt = flags.count(1, MOST, "--prompt-len").orElse(512);
    int generate = flags.count(1, MOST, "--gen-len").orElse(32);
    int size = flags.count(1, MOST, "--gpu-batch-size").orElse(4);
    int batches = flags.count(1, MOST, "--num-gpu-batches").orElse(1);
    if ((long) size * batches > MOST) {
      throw new ImportException(
          "%d batches of %d prompts are more than %d prompts".formatted(batches, size, MOST));
    }
    boolean usesDisk =
        percent.weights().disk() > 0 || percent.cache().disk() > 0 || percent.hidden().disk() > 0;
    var folder = flags.one("--offload-dir");
    if (folder.isPresent() && !usesDisk) {
      notes.add(
          new Note(
              Flags.printable("--offload-dir " + folder.get()),
              "nothing of the policy is on disk"));
    }
    flags
        .one("--path")
        .filter(path -> !path.equals("_DUMMY_"))
        .ifPresent(
            path ->
                notes.add(
                    new Note(
                        Flags.printable("--path " + path),
                        "a folder of .npy files, which Stowage does not read")));

    var draft = new Draft("FlexGen's flags", model.plan(), notes);
    SequencedMap<String, String> properties = new LinkedHashMap<>();
    folder.ifPresent(path -> properties.put("nvme", Flags.quoted(path)));
    draft.platform(
        hardware,
        true,
        hardware.devices(true, usesDisk, properties),
        "No flag says what the machine is: this is assumed%s"
            .formatted(
                usesDisk && folder.isPresent() ? ", but for the folder of --offload-dir" : ""));
    draft.from("--model").line(model.statement());
    draft
        .from(
            "--prompt-len, --gen-len, --gpu-batch-size times --num-gpu-batches, --num-gpu-batches")
        .line(
            "workload w { prompt %d tok generate %d tok batch %d micro-batches %d }"
                .formatted(prompt, generate, Math.multiplyExact(size, batches), batches))
        .gap();
    draft.from("--percent " + percent.flag() + " (disk has the rest of each pair)").line("place {");
    draft.line("weights on " + percent.weights().shares());
    draft.line("kv on " + percent.cache().shares());
    draft.line("activations on " + percent.hidden().shares());
    draft.line("}").gap();

    schedule(draft, flags, percent.cache(), notes);
    approximate(draft, flags, percent.cache(), notes);
    draft.from("FlexGen's purpose").line("maximize throughput");
    notes.add(
        new Note(
            "--percent " + percent.flag(),
            "FlexGen rounds weights to whole tensors, so that few shares are as asked (20 becomes"
                + " 8.3); Stowage places rows and keeps what is written"));
    flags.leave(LEFT);
    flags.leaveRest();
    return draft.finish();
  }

  private static void schedule(Draft draft, Flags flags, Pair cache, List<Note> notes) {
    var items = new ArrayList<String>();
    var origins = new ArrayList<String>();
    if (flags.has("--cpu-cache-compute")) {
      if (cache.gpu() < 100) {
        items.add(
            "attention decode on ram when kv on "
                + (cache.cpu() > 0 && cache.disk() > 0
                    ? "ram, nvme"
                    : cache.cpu() > 0 ? "ram" : "nvme"));
        origins.add("--cpu-cache-compute");
      } else {
        notes.add(new Note("--cpu-cache-compute", "the whole cache is on the gpu"));
      }
    } else {
      items.add("attention decode on gpu0");
      origins.add("no --cpu-cache-compute: attention on the gpu");
    }
    if (!flags.truth("--overlap").orElse(true)) {
      items.add("overlap none");
      origins.add("--overlap false");
    }
    flags
        .truth("--pin-weight")
        .ifPresent(
            pin -> {
              items.add(pin ? "pin weights" : "pin none"); // FlexGen never pins the cache
              origins.add("--pin-weight " + pin);
            });
    if (!items.isEmpty()) {
      draft.from(String.join("; ", origins)).line("schedule {");
      items.forEach(draft::line);
      draft.line("}").gap();
    }
  }

  private static void approximate(Draft draft, Flags flags, Pair cache, List<Note> notes) {
    boolean weights = flags.has("--compress-weight");
    boolean kv = flags.has("--compress-cache");
    flags
        .one("--attn-sparsity")
        .ifPresent(
            word -> {
              var part = Flags.number("--attn-sparsity", word).doubleValue();
              if (!(part > 0 && part <= 1)) {
                throw new ImportException(
                    "--attn-sparsity: '%s' is not above 0 and at most 1".formatted(word));
              }
              if (part < 1) {
                notes.add(
                    new Note(
                        "--attn-sparsity " + word,
                        "FlexGen reads all keys and the values of the best; Stowage's sparse"
                            + " attention reads a part of both, so the plan stays dense. Write"
                            + " 'attention decode on DEVICE sparse top-k "
                            + word
                            + "' in an approximate block to take that"));
              }
            });
    if (!weights && !kv) {
      return;
    }
    draft
        .from(
            (weights ? "--compress-weight " : "")
                + (kv ? "--compress-cache " : "")
                + "(4 bits, groups of 64); FlexGen asks for no budget: this one is assumed")
        .line("approximate within perplexity +%d%% {".formatted(weights && kv ? 2 : 1));
    if (weights) {
      draft.line("weights 4-bit group 64");
    }
    if (kv) {
      draft.line("kv 4-bit group 64");
    }
    draft.line("}").gap();
  }

  /** Parts of a hundred; the disk has what the two leave. */
  private record Pair(int gpu, int cpu) {
    int disk() {
      return 100 - gpu - cpu;
    }

    String shares() {
      var shares = new ArrayList<String>();
      add("gpu0", gpu, shares);
      add("ram", cpu, shares);
      add("nvme", disk(), shares);
      return String.join(", ", shares);
    }
  }

  private static void add(String device, int percent, List<String> shares) {
    if (percent > 0) {
      shares.add("%s %d%%".formatted(device, percent));
    }
  }

  private record Percent(Pair weights, Pair cache, Pair hidden) {
    String flag() {
      return "%d %d %d %d %d %d"
          .formatted(
              weights.gpu(), weights.cpu(), cache.gpu(), cache.cpu(), hidden.gpu(), hidden.cpu());
    }
  }

  private static Percent percent(Flags flags) {
    var words = flags.all("--percent").orElse(List.of("100", "0", "100", "0", "100", "0"));
    if (words.size() != 6) {
      throw new ImportException(
          "--percent takes six whole numbers, not %d".formatted(words.size()));
    }
    var numbers = words.stream().mapToInt(word -> Flags.count("--percent", word, 0, 100)).toArray();
    for (int i = 0; i < 6; i += 2) {
      if (numbers[i] + numbers[i + 1] > 100) {
        throw new ImportException(
            "--percent: %d and %d are more than 100 together"
                .formatted(numbers[i], numbers[i + 1]));
      }
    }
    return new Percent(
        new Pair(numbers[0], numbers[1]),
        new Pair(numbers[2], numbers[3]),
        new Pair(numbers[4], numbers[5]));
  }
}
