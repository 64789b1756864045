package dev.stowage.compiler.lock;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.explain.Explanation;
import dev.stowage.dsl.StowParser;
import dev.stowage.optimizer.ortools.GlopSolver;
import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.ModelSource;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What was decided for one source, variant and set of parameters.
 *
 * @param inputs digests of what it was decided from, by file as seen from the source; library
 *     entries belong to the compiler's version
 * @param madeBy compiler and solver, with their versions
 * @param decided each decision by name: a word, or a number of at most six digits
 */
public record Decisions(
    SortedMap<String, String> inputs,
    SortedMap<String, String> madeBy,
    SortedMap<String, String> decided) {
  private static final String COMPILER = "0.1.0";
  private static final MathContext DIGITS = new MathContext(6);

  public Decisions {
    inputs = Collections.unmodifiableSortedMap(new TreeMap<>(inputs));
    madeBy = Collections.unmodifiableSortedMap(new TreeMap<>(madeBy));
    decided = Collections.unmodifiableSortedMap(new TreeMap<>(decided));
  }

  /**
   * What compiling decided.
   *
   * @param source the file that was compiled
   */
  public static Decisions of(Path source, Compilation.Compiled compiled) throws IOException {
    var madeBy = new TreeMap<String, String>();
    madeBy.put("compiler", COMPILER);
    madeBy.put("solver", "GLOP of OR-Tools " + GlopSolver.version());
    return new Decisions(inputs(source, compiled.plan()), madeBy, decided(compiled));
  }

  private static SortedMap<String, String> inputs(Path source, ExecutablePlan plan)
      throws IOException {
    var inputs = new TreeMap<String, String>();
    var folder = source.toAbsolutePath().normalize().getParent();
    for (var file : StowParser.parse(source).files()) {
      var path = folder.relativize(file.toAbsolutePath().normalize());
      inputs.put(path.toString().replace('\\', '/'), sha256(Files.readAllBytes(file)));
    }
    switch (plan.source()) {
      case ModelSource.HuggingFace(var path, var fingerprint) ->
          inputs.put("model " + path, fingerprint);
      case ModelSource.Gguf(var path, var fingerprint) -> inputs.put("model " + path, fingerprint);
      case ModelSource.ShapeOnly _ -> {}
    }
    return inputs;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SortedMap<String, String> decided(Compilation.Compiled compiled) {
    var plan = compiled.plan();
    var explained = Explanation.of(compiled);
    var decided = new TreeMap<String, String>();
    decided.put("plan", plan.name());
    decided.put("model", explained.model().source());
    decided.put("model weights as", explained.model().weightType());
    decided.put("kv as", explained.model().kvType());
    decided.put("batch sequences", number(plan.batch().sequences()));
    decided.put("batch micro-batches", number(plan.batch().microBatches()));
    decided.put("batch prompt tokens", number(plan.batch().promptTokens()));
    decided.put("batch generated tokens", number(plan.batch().generateTokens()));
    decided.put("batch prefill chunk tokens", number(plan.batch().prefillChunk()));
    decided.put("schedule order", explained.schedule().order());
    decided.put("schedule stops loaded ahead", number(explained.schedule().prefetch()));
    decided.put("schedule lanes", String.join(", ", explained.schedule().lanes()));
    compiled
        .schedule()
        .writeBack()
        .forEach((drive, tokens) -> decided.put("schedule write-back " + drive, number(tokens)));
    compiled
        .schedule()
        .pageable()
        .forEach(purpose -> decided.put("schedule pageable " + purpose.word(), "yes"));
    for (var share : plan.shares()) {
      String name = "share of %s on %s".formatted(share.what(), share.device());
      decided.put(name + ", asked", share.asked());
      decided.put(name + ", planned", number(share.planned()));
      decided.put(name + ", realised", number(share.realised()));
      decided.put(name + ", bytes", number(share.bytes()));
    }
    for (var device : explained.devices()) {
      String name = "device " + device.name();
      decided.put(name + ", usable bytes", number(device.usableBytes()));
      decided.put(name + ", weights bytes", number(device.weightBytes()));
      decided.put(name + ", kv bytes", number(device.kvBytes()));
      decided.put(name + ", activations bytes", number(device.activationBytes()));
      decided.put(name + ", working bytes", number(device.workingBytes()));
    }
    for (var region : plan.weights()) {
      decided.put(
          "weights %s layers %s rows %s"
              .formatted(region.weight().word(), region.layers(), region.rows()),
          "%s as %s".formatted(region.home(), region.type()));
    }
    for (var region : plan.kv()) {
      decided.put(
          "kv layers %s sequences %s heads %s tokens %s"
              .formatted(region.layers(), region.sequences(), region.heads(), region.tokens()),
          "%s, attended at %s%s"
              .formatted(
                  region.device(),
                  region.attendAt(),
                  region.sparsity().map(sparsity -> ", " + sparsity).orElse("")));
    }
    var predicted = plan.predicted();
    decided.put("predicted prefill s", number(predicted.prefillSeconds()));
    decided.put("predicted decode s", number(predicted.decodeSeconds()));
    decided.put("predicted prefill tok/s", number(predicted.prefillTokensPerSecond()));
    decided.put("predicted decode tok/s", number(predicted.decodeTokensPerSecond()));
    decided.put("predicted throughput tok/s", number(predicted.throughputTokensPerSecond()));
    decided.put("predicted prefill bound", predicted.prefillBound());
    decided.put("predicted decode bound", predicted.decodeBound());
    return decided;
  }

  private static String number(long value) {
    return Long.toString(value);
  }

  /** Six digits: more than a cost model knows, fewer than two machines' arithmetic agrees on. */
  private static String number(double value) {
    var rounded = new BigDecimal(value).round(DIGITS).stripTrailingZeros();
    return rounded.signum() == 0 ? "0" : rounded.toPlainString();
  }

  /** What these decide otherwise than the others; their digests and versions are not compared. */
  public List<Difference> differencesFrom(Decisions locked) {
    var names = new TreeSet<>(decided.keySet());
    names.addAll(locked.decided.keySet());
    var differences = new ArrayList<Difference>();
    for (var name : names) {
      String was = locked.decided.getOrDefault(name, "");
      String wouldBe = decided.getOrDefault(name, "");
      if (!was.equals(wouldBe)) {
        differences.add(new Difference(name, asked(name), was, wouldBe));
      }
    }
    return differences;
  }

  /** What the author asks for of a share. */
  private String asked(String name) {
    int end = name.lastIndexOf(',');
    return name.startsWith("share ") && end > 0
        ? decided.getOrDefault(name.substring(0, end) + ", asked", "")
        : "";
  }

  /** Inputs, compiler and solver that are others than those. */
  public List<String> inputsThatChanged(Decisions locked) {
    var changed = new ArrayList<String>();
    changed.addAll(changed(inputs, locked.inputs));
    changed.addAll(changed(madeBy, locked.madeBy));
    return changed;
  }

  private static List<String> changed(
      SortedMap<String, String> now, SortedMap<String, String> locked) {
    var names = new TreeSet<>(now.keySet());
    names.addAll(locked.keySet());
    return names.stream()
        .filter(name -> !now.getOrDefault(name, "").equals(locked.getOrDefault(name, "")))
        .toList();
  }

  /**
   * A decision that would change.
   *
   * @param asked the author's statement, where the decision is a share
   * @param was what the lock file says; empty for nothing
   * @param wouldBe what compiling says now; empty for nothing
   */
  public record Difference(String name, String asked, String was, String wouldBe) {}
}
