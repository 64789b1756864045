package dev.stowage.compiler.migrate;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The flags of {@code vllm serve}, and those in the YAML file of its {@code --config}. */
public record VllmImporter() implements Importer {
  private static final int MOST = 1 << 20;
  private static final BigDecimal GIB = BigDecimal.valueOf(1L << 30);
  private static final Map<String, String> LEFT =
      Map.of(
          "--max-num-batched-tokens", "Stowage decides itself how long the chunks of a prompt are",
          "--tensor-parallel-size", "a plan computes on one gpu",
          "--pipeline-parallel-size", "a plan computes on one gpu",
          "--kv-cache-dtype", "write 'approximate within perplexity +1% { kv 8-bit group 64 }'",
          "--quantization", "write 'approximate within perplexity +1% { weights 4-bit group 64 }'",
          "--dtype", "weights are kept as the model's files store them",
          "--swap-space", "write 'kv on gpu0 auto, ram auto'");

  @Override
  public Imported read(List<String> words, Hardware hardware, Path directory) {
    var notes = new ArrayList<Note>();
    var flags = new Flags(withFile(words, directory), name -> name, notes);
    var loose = new ArrayList<>(flags.loose());
    loose.removeIf(word -> word.equals("vllm") || word.equals("serve"));
    var named = flags.one("--model");
    String given =
        named
            .or(
                () ->
                    loose.isEmpty()
                        ? java.util.Optional.empty()
                        : java.util.Optional.of(loose.removeFirst()))
            .orElseThrow(
                () -> new ImportException("--model NAME is needed: a plan is for a model"));
    loose.forEach(word -> notes.add(new Note(Flags.printable(word), "belongs to no flag")));
    var model = Models.of("--model", given, notes);

    var draft = new Draft("vLLM's flags", model.plan(), notes);
    var memory = new LinkedHashMap<String, String>();
    String origin = "No flag says what the machine is: this is assumed";
    var used = flags.one("--gpu-memory-utilization").orElse("0.9");
    var reserve =
        BigDecimal.ONE
            .subtract(Flags.number("--gpu-memory-utilization", used))
            .movePointRight(2)
            .stripTrailingZeros();
    if (reserve.signum() < 0 || reserve.compareTo(BigDecimal.valueOf(100)) >= 0) {
      throw new ImportException(
          "--gpu-memory-utilization: '%s' is not above 0 and at most 1".formatted(used));
    }
    memory.put("gpu0", "reserve %s%%".formatted(reserve.toPlainString()));
    draft.platform(
        hardware,
        true,
        hardware.devices(true, false, memory),
        origin + "; the gpu's reserve is what --gpu-memory-utilization (0.9 if not given) leaves");
    draft.from("--model").line(model.statement());
    var batch = flags.count(1, 4096, "--max-num-seqs");
    int length = flags.count(2, MOST, "--max-model-len").orElse(2048);
    draft
        .from("half of --max-model-len (2048 if not given) each; --max-num-seqs")
        .line(
            "workload w { prompt %d tok generate %d tok %s }"
                .formatted(
                    length - length / 2,
                    length / 2,
                    batch.isPresent() ? "batch auto in 1..%d".formatted(batch.getAsInt()) : ""))
        .gap();
    place(draft, flags, model, notes);
    draft.from("vLLM's purpose").line("maximize throughput");
    flags.leave(LEFT);
    flags.leaveRest();
    return draft.finish();
  }

  /** A file's flags stand before all others, so that those on the command line win, as in vLLM. */
  private static List<String> withFile(List<String> words, Path directory) {
    var all = new ArrayList<String>();
    var rest = new ArrayList<String>();
    for (var next = words.iterator(); next.hasNext(); ) {
      String word = next.next();
      if (word.startsWith("--config=")) {
        all.addAll(ConfigFile.flags(word.substring("--config=".length()), directory));
      } else if (!word.equals("--config")) {
        rest.add(word);
      } else if (next.hasNext()) {
        all.addAll(ConfigFile.flags(next.next(), directory));
      } else {
        throw new ImportException("--config needs a value");
      }
    }
    // Words before the first flag stay before it: they name the model.
    int loose = 0;
    while (loose < rest.size() && !Flags.isFlag(rest.get(loose))) {
      loose++;
    }
    all.addAll(0, rest.subList(0, loose));
    all.addAll(rest.subList(loose, rest.size()));
    return all;
  }

  private static void place(Draft draft, Flags flags, Models model, List<Note> notes) {
    var offload = flags.one("--cpu-offload-gb").map(word -> Flags.number("--cpu-offload-gb", word));
    offload
        .filter(gib -> gib.signum() < 0)
        .ifPresent(
            gib -> {
              throw new ImportException("--cpu-offload-gb: '%s' is negative".formatted(gib));
            });
    String weights = "weights on gpu0 100%";
    if (offload.isPresent() && offload.get().signum() > 0) {
      if (model.shape().isEmpty()) {
        notes.add(
            new Note(
                "--cpu-offload-gb " + offload.get(),
                "the model's size is not known here: the optimizer decides how much"));
        weights = "weights on gpu0 auto, ram auto";
      } else {
        var part =
            offload
                .get()
                .multiply(GIB)
                .movePointRight(2)
                .divide(
                    BigDecimal.valueOf(model.shape().get().matrixBytes()),
                    2,
                    RoundingMode.HALF_EVEN)
                .min(BigDecimal.valueOf(100));
        weights =
            part.compareTo(BigDecimal.valueOf(100)) == 0
                ? "weights on ram 100%"
                : "weights on gpu0 rest, ram %s%%"
                    .formatted(part.stripTrailingZeros().toPlainString());
      }
    }
    draft.from("--cpu-offload-gb (none if not given) of the weights; vLLM attends on the gpu");
    draft.line("place {").line(weights).line("kv on gpu0 100%").line("}").gap();
  }
}
